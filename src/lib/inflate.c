/* SPDX-License-Identifier: MIT */
/*
 * DEFLATE (RFC 1951): stored, fixed and dynamic blocks.  Codes of up to
 * FAST_BITS bits, nearly all, are found by one look into a table; longer ones
 * bit by bit.
 */
#include "lib/inflate.h"

#include <string.h>

#include "lib/compiler.h"

#define CODE_MAX            15u     /* bits of a code */
#define FAST_BITS           9u
#define LITERALS            288u    /* symbols: literals and lengths */
#define DISTANCES           30u
#define LENGTHS             19u     /* of the code lengths' own code */
#define END_OF_BLOCK        256u
#define LONGEST             28u     /* length symbol without extra bits */
#define BAD_SYMBOL          0xffffu

struct stream {
    const uint8_t *in, *in_last;    /* beyond it too much was read */
    uint8_t *out, *out_start, *out_end;
    uint32_t bits, count;           /* read ahead, the next bit lowest */
    bool bad;                       /* ended too early, or is no DEFLATE */
};

#define AHEAD_MAX           3u      /* whole bytes that are read ahead */
_Static_assert(INFLATE_BEHIND >= AHEAD_MAX + 4, "two times refill()");

struct code {
    uint16_t count[CODE_MAX + 1];   /* codes of each length */
    uint16_t first, at;             /* code, place of those not in fast[] */
    uint16_t symbol[LITERALS];      /* in the order of their codes */
    uint16_t fast[1u << FAST_BITS]; /* symbol << 4 | length; 0: longer */
};

/* For the loop of compressed_block(), which keeps the stream in registers. */
#define INLINE  static inline __attribute__((always_inline))

/* There are at least 16 bits afterwards. */
INLINE void refill(struct stream *s)
{
    const struct { uint16_t bits; } PACKED *two = (const void *)s->in;

    if (s->count >= 16)
        return;
    s->in += 2;
    s->bits |= (uint32_t)two->bits << s->count;
    s->count += 16;
}

INLINE uint32_t drop(struct stream *s, uint32_t n)
{
    uint32_t v = s->bits & ((1u << n) - 1);

    s->bits >>= n;
    s->count -= n;
    return v;
}

/* The next n (0..15) bits. */
static uint32_t take(struct stream *s, uint32_t n)
{
    if (s->in > s->in_last) {
        s->bad = true;
        return 0;
    }
    refill(s);
    return drop(s, n);
}

/* Codes lie in the stream highest bit first, the table wants them lowest. */
static uint32_t reversed(uint32_t code, uint32_t len)
{
    uint32_t r = 0;

    while (len--) {
        r = r << 1 | (code & 1);
        code >>= 1;
    }
    return r;
}

static void fill_fast(struct code *c, uint32_t code, uint32_t len,
                      uint32_t symbol)
{
    for (uint32_t i = reversed(code, len); i < 1u << FAST_BITS;
         i += 1u << len)
        c->fast[i] = (uint16_t)(symbol << 4 | len);
}

/* Build a code from the lengths of n symbols.  RFC 1951, 3.2.2. */
static void make_code(struct stream *s, struct code *c, const uint8_t *len,
                      uint32_t n)
{
    uint16_t next[CODE_MAX + 2];    /* place in symbol[], by length */
    uint32_t code = 0, at = 0;

    memset(c, 0, sizeof(*c));
    for (uint32_t i = 0; i < n; i++)
        c->count[len[i]]++;
    c->count[0] = 0;
    next[1] = 0;
    for (uint32_t l = 1; l <= CODE_MAX; l++) {
        code = code << 1;
        code += c->count[l];
        if (code > 1u << l)
            s->bad = true;          /* more codes than there can be */
        next[l + 1] = (uint16_t)(next[l] + c->count[l]);
    }
    for (uint32_t i = 0; i < n; i++)
        if (len[i])
            c->symbol[next[len[i]]++] = (uint16_t)i;
    if (s->bad)
        return;
    code = 0;
    for (uint32_t l = 1; l <= FAST_BITS; l++, code <<= 1)
        for (uint32_t i = 0; i < c->count[l]; i++)
            fill_fast(c, code++, l, c->symbol[at++]);
    c->first = (uint16_t)code;
    c->at = (uint16_t)at;
}

/* Bit by bit: the codes of one length are consecutive numbers.  As an entry of
 * fast[]; 0: there is no such code. */
static NOINLINE uint32_t decode_long(const struct code *c, uint32_t bits)
{
    uint32_t code = reversed(bits, FAST_BITS), first = c->first, at = c->at;

    for (uint32_t l = FAST_BITS + 1; l <= CODE_MAX; l++) {
        code = code << 1 | (bits >> (l - 1) & 1);
        if (code - first < c->count[l])
            return (uint32_t)c->symbol[at + code - first] << 4 | l;
        at += c->count[l];
        first = (first + c->count[l]) << 1;
    }
    return 0;
}

INLINE uint32_t decode(struct stream *s, const struct code *c)
{
    uint32_t found;

    refill(s);
    found = c->fast[s->bits & ((1u << FAST_BITS) - 1)];
    if (found == 0)
        found = decode_long(c, s->bits);
    if (found == 0 || s->in > s->in_last) {
        s->bad = true;
        return BAD_SYMBOL;
    }
    (void)drop(s, found & 0xf);
    return found >> 4;
}

/*
 * Lengths and distances come in groups of symbols; those of a group have the
 * same number of extra bits.  RFC 1951, 3.2.5.  group: 1 << this symbols.
 */
INLINE uint32_t with_extra(struct stream *s, uint32_t symbol, uint32_t group)
{
    uint32_t extra = symbol >> group;

    if (extra-- < 2)
        return symbol;
    symbol = (1u << group) | (symbol & ((1u << group) - 1));
    refill(s);
    return (symbol << extra) + drop(s, extra);
}

/* Ranges may overlap and repeat. */
INLINE void copy_match(struct stream *s, uint32_t len, uint32_t back)
{
    const uint8_t *from = s->out - back;

    if (back > (uint32_t)(s->out - s->out_start) ||
        len > (uint32_t)(s->out_end - s->out)) {
        s->bad = true;
        return;
    }
    do
        *s->out++ = *from++;
    while (--len);
}

/* Not inlined: instructions reach a small frame by short addresses. */
static NOINLINE void compressed_block(struct stream *caller_s,
                                      const struct code *literals,
                                      const struct code *distances)
{
    struct stream s = *caller_s;

    while (!s.bad) {
        uint32_t symbol = decode(&s, literals), len;

        if (symbol < END_OF_BLOCK && s.out < s.out_end) {
            *s.out++ = (uint8_t)symbol;
            continue;
        }
        if (symbol == END_OF_BLOCK)
            break;
        len = symbol - (END_OF_BLOCK + 1);
        s.bad |= len > LONGEST;     /* also a literal without room */
        len = len >= LONGEST ? 255 : with_extra(&s, len, 2);
        symbol = decode(&s, distances);
        s.bad |= symbol >= DISTANCES;
        if (!s.bad)
            copy_match(&s, 3 + len, 1 + with_extra(&s, symbol, 1));
    }
    *caller_s = s;
}

static void stored_block(struct stream *s)
{
    uint32_t len;

    (void)drop(s, s->count & 7);
    len = take(s, 8);
    len |= take(s, 8) << 8;
    if ((take(s, 8) | take(s, 8) << 8) != (len ^ 0xffffu))
        s->bad = true;
    while (len-- && !s->bad)
        if (s->out == s->out_end)
            s->bad = true;
        else
            *s->out++ = (uint8_t)take(s, 8);
}

/* The code lengths of both codes, themselves compressed.  3.2.7. */
static void read_lengths(struct stream *s, struct code *c, uint8_t *len,
                         uint32_t n)
{
    uint32_t i = 0;

    while (i < n && !s->bad) {
        uint32_t symbol = decode(s, c), repeat = 1;
        uint8_t value = (uint8_t)symbol;

        if (symbol == 16 && i > 0) {
            value = len[i - 1];
            repeat = 3 + take(s, 2);
        } else if (symbol == 17) {
            value = 0;
            repeat = 3 + take(s, 3);
        } else if (symbol == 18) {
            value = 0;
            repeat = 11 + take(s, 7);
        } else if (symbol > 15) {
            s->bad = true;
        }
        if (repeat > n - i)
            s->bad = true;
        while (repeat-- && !s->bad)
            len[i++] = value;
    }
}

/* Not inlined, so that the caller's frame does not grow by the lengths. */
static NOINLINE void dynamic_codes(struct stream *s, struct code *literals,
                          struct code *distances)
{
    static const uint8_t order[LENGTHS] = {
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
    };
    uint8_t len[LITERALS + 32];
    uint32_t n_literals = 257 + take(s, 5), n_distances = 1 + take(s, 5);
    uint32_t n = 4 + take(s, 4);

    memset(len, 0, sizeof(len));
    for (uint32_t i = 0; i < n; i++)
        len[order[i]] = (uint8_t)take(s, 3);
    make_code(s, literals, len, LENGTHS);
    memset(len, 0, sizeof(len));
    if (n_literals > LITERALS)
        s->bad = true;
    else
        read_lengths(s, literals, len, n_literals + n_distances);
    if (s->bad)
        return;
    make_code(s, literals, len, n_literals);
    make_code(s, distances, len + n_literals, n_distances);
}

static NOINLINE void fixed_codes(struct stream *s, struct code *literals,
                        struct code *distances)
{
    uint8_t len[LITERALS];

    for (uint32_t i = 0; i < LITERALS; i++)
        len[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    make_code(s, literals, len, LITERALS);
    memset(len, 5, DISTANCES);
    make_code(s, distances, len, DISTANCES);
}

/* Both codes are on the stack: nothing else is known to be free at a resume. */
#pragma GCC diagnostic ignored "-Wframe-larger-than="

bool inflate_to(const uint8_t *in, uint32_t in_len, uint8_t *out,
                uint32_t out_len)
{
    struct stream s = {
        .in = in, .in_last = in + in_len + AHEAD_MAX,
        .out = out, .out_start = out, .out_end = out + out_len,
    };
    struct code literals, distances;
    uint32_t last = 0;
    int32_t ahead;

    while (!last && !s.bad) {
        uint32_t type;

        last = take(&s, 1);
        type = take(&s, 2);
        if (type == 0) {
            stored_block(&s);
            continue;
        }
        if (type == 1)
            fixed_codes(&s, &literals, &distances);
        else if (type == 2)
            dynamic_codes(&s, &literals, &distances);
        else
            s.bad = true;
        if (!s.bad)
            compressed_block(&s, &literals, &distances);
    }
    /* What is read ahead and not used is all that may be behind the end. */
    ahead = (int32_t)(s.in - (in + in_len)) * 8;
    return !s.bad && s.out == s.out_end && ahead <= (int32_t)s.count;
}
