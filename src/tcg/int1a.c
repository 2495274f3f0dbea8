/* SPDX-License-Identifier: MIT */
/*
 * INT 1Ah AH=BBh, the TCG interface for boot loaders and option ROMs.  Every
 * address and length of a caller is checked before use; every call returns.
 * With a TPM 2.0 the same calls extend every active bank with that bank's own
 * digest.  Resident.
 *
 * TCG conventional BIOS 1.21, 13; docs/tcg.md says what is added for TPM 2.0.
 */
#include <string.h>

#include "tcg/internal.h"
#include "tcg/ppi_spec.h"
#include "tcg/tpm_spec.h"

#define SIGNATURE       0x41504354u     /* "TCPA" */
#define VERSION         0x0102u         /* as every caller knows it */
#define EVENT_HEADER    32u             /* a TCG_PCClientPCREvent's */
#define EVENT_DIGEST_AT 8u
#define HASH_LEN_MAX    0x10000000u     /* so that hashing ends in a minute */
#define PASS_HEADER_IN  8u
#define PASS_HEADER_OUT 4u

/* Results in EAX, and the driver errors in its upper half. */
#define PC_OK                   0u
#define PC_LOGOVERFLOW          2u
#define PC_UNSUPPORTED          3u
#define PC_TPMERROR(drv)        (1u | (drv) << 16)
#define DRV_RESPONSE_TIMEOUT    0x0cu
#define DRV_INVALID_RESPONSE    0x04u
#define DRV_OUTPUT_TOO_SHORT    0x17u
#define DRV_INVALID_PARAMETER   0x19u
#define DRV_COMMAND_ERROR       0x1au
#define DRV_INTERFACE_SHUTDOWN  0x21u
#define DRV_NOT_PRESENT         0x23u
#define DRV_DEACTIVATED         0x24u

#define BAD_PARAMETER           PC_TPMERROR(DRV_INVALID_PARAMETER)

typedef uint32_t (*call_fn)(struct tcg *t, struct tcg_regs *r);

/* ------------------------------------------------------- caller's memory */

static void *map(struct tcg *t, uint32_t addr, uint32_t len, bool write)
{
    const struct tcg_platform *p = t->dev.plat;

    if (!p->map || !len || len - 1 > 0xffffffffu - addr)
        return NULL;
    return p->map(p->ctx, addr, len, write);
}

/* A block that begins with its 16-bit length, which must be one of two. */
static struct rd input_block(struct tcg *t, uint32_t addr, uint16_t len,
                             uint16_t other)
{
    const void *p = map(t, addr, 2, false);
    struct rd r = rd_from(p, p ? 2 : 0);
    uint16_t is = rd_le16(&r);

    if (r.bad || (is != len && is != other))
        return (struct rd){ .bad = true };
    p = map(t, addr, is, false);
    r = rd_from(p, p ? is : 0);
    rd_skip(&r, 4);                     /* length, reserved */
    return r;
}

/* An output block that says nothing but its length, after an error. */
static void output_error(struct tcg *t, uint32_t addr, uint16_t len)
{
    uint8_t *p = map(t, addr, len, true);
    struct wr w = wr_to(p, p ? len : 0);

    wr_le16(&w, len);
    if (len > 2)
        wr_le16(&w, 0);
}

/* -------------------------------------------------------------- hashing */

/* What a caller wants hashed. */
struct data {
    const void *at;
    uint32_t len;
};

static bool map_data(struct tcg *t, uint32_t addr, uint32_t len,
                     struct data *d)
{
    *d = (struct data){ "", 0 };
    if (!len)
        return true;
    if (len > HASH_LEN_MAX)
        return false;
    *d = (struct data){ map(t, addr, len, false), len };
    return d->at != NULL;
}

static void sha1(const struct data *d, uint8_t digest[SHA1_SIZE])
{
    struct hash h;

    hash_init(&h, hash_find(TPM_ALG_SHA1));
    hash_update(&h, d->at, d->len);
    hash_final(&h, digest);
}

static void hash_data(struct tcg *t, const struct data *in,
                      struct tcg_digests *d)
{
    struct tcg_piece piece = { in->at, in->len };

    tcg_hash_pieces(t, &piece, 1, d);
}

/*
 * The banks' digests when the caller brings only a SHA-1 digest: the SHA-1
 * bank takes it, another bank takes its own digest of those 20 bytes.
 */
static void adopt_sha1(struct tcg *t, const uint8_t sha1_digest[SHA1_SIZE],
                       struct tcg_digests *d)
{
    struct data in = { sha1_digest, SHA1_SIZE };

    hash_data(t, &in, d);
    for (unsigned i = 0; i < t->bank_count; i++)
        if (t->bank[i].alg == TPM_ALG_SHA1)
            memcpy(d->value[i], sha1_digest, SHA1_SIZE);
}

/* --------------------------------------------------------------- events */

/* An event of a caller, checked. */
struct event {
    uint32_t pcr, type;
    uint8_t sha1[SHA1_SIZE];
    struct tcg_piece data;
};

static bool in_log(const struct tcg *t, const void *p, uint32_t len)
{
    uintptr_t at = (uintptr_t)p, log = (uintptr_t)t->log.area;

    return t->log.area && len && at < log + t->log.size && log < at + len;
}

/*
 * Types that would end or bend the log for its readers: the end mark, and
 * events that are never extended.
 */
static bool type_is_loggable(uint32_t type)
{
    return type != 0 && type != EV_NO_ACTION;
}

/* Read a caller's TCG_PCClientPCREvent at addr, len bytes long. */
static bool read_event(struct tcg *t, uint32_t addr, uint32_t len,
                       struct event *e)
{
    const uint8_t *p = map(t, addr, len, false), *digest;
    struct rd r = rd_from(p, p ? len : 0);

    e->pcr = rd_le32(&r);
    e->type = rd_le32(&r);
    digest = rd_bytes(&r, SHA1_SIZE);
    e->data.len = rd_le32(&r);
    e->data.at = rd_bytes(&r, e->data.len);
    if (!rd_end(&r) || e->pcr >= TCG_PCR_COUNT || !type_is_loggable(e->type) ||
        in_log(t, e->data.at, e->data.len))
        return false;
    memcpy(e->sha1, digest, SHA1_SIZE);
    return true;
}

/*
 * The digests of an event: from the data if there is an address, else from
 * the event.  The SHA-1 digest goes back into the caller's event at addr.
 */
static bool digest_event(struct tcg *t, struct event *e, uint32_t addr,
                         uint32_t hash_ptr, uint32_t hash_len,
                         struct tcg_digests *d)
{
    struct data in;
    uint8_t *back;

    if (!hash_ptr) {
        adopt_sha1(t, e->sha1, d);
        return true;
    }
    back = map(t, addr, EVENT_HEADER, true);
    if (!back || !map_data(t, hash_ptr, hash_len, &in))
        return false;
    hash_data(t, &in, d);
    if (t->bank[0].alg == TPM_ALG_SHA1)
        memcpy(e->sha1, d->value[0], SHA1_SIZE);
    else
        sha1(&in, e->sha1);
    memcpy(back + EVENT_DIGEST_AT, e->sha1, SHA1_SIZE);
    return true;
}

static uint32_t error_code(int rc)
{
    switch (rc) {
    case ERR_TIMEOUT:
        return PC_TPMERROR(DRV_RESPONSE_TIMEOUT);
    case ERR_TPM:
        return PC_TPMERROR(DRV_COMMAND_ERROR);
    case ERR_SPACE:
        return PC_TPMERROR(DRV_OUTPUT_TOO_SHORT);
    default:
        return PC_TPMERROR(DRV_INVALID_RESPONSE);
    }
}

/*
 * Extend if asked to, and log.  What the log has no room for is extended all
 * the same: callers go on, and nothing may run that is in no PCR.
 */
static uint32_t record(struct tcg *t, const struct event *e,
                       const struct tcg_digests *d, bool extend)
{
    int rc = 0;

    if (extend)
        rc = tpm_extend(t, e->pcr, d);
    if (rc == ERR_TPM)
        return error_code(rc);          /* refused: nothing has changed */
    if (rc < 0) {
        tcg_fail(t, "a boot loader's measurement was lost");
        return error_code(rc);
    }
    rc = tcglog_append(t, e->pcr, e->type, d, &e->data, 1);
    return rc < 0 ? PC_LOGOVERFLOW : PC_OK;
}

/* ---------------------------------------------------------------- calls */

static uint32_t status_check(struct tcg *t, struct tcg_regs *r)
{
    uint32_t log = (uint32_t)(uintptr_t)t->log.area;

    r->ebx = SIGNATURE;
    r->ecx = (r->ecx & 0xffff0000u) | VERSION;
    r->edx = 0;
    r->esi = log;
    r->edi = t->log.count ? log + t->log.last : 0;
    return PC_OK;
}

static uint32_t hash_log_extend(struct tcg *t, struct tcg_regs *r)
{
    struct rd in = input_block(t, r->es_di, 0x18, 0x1c);
    bool is_long = in.left == 0x18;
    uint32_t ptr, len, pcr, log, log_len, result;
    struct tcg_digests d;
    struct event e;
    uint8_t *out;
    struct wr w;

    ptr = rd_le32(&in);
    len = rd_le32(&in);
    pcr = rd_le32(&in);
    rd_skip(&in, is_long ? 4 : 0);
    log = rd_le32(&in);
    log_len = rd_le32(&in);
    out = map(t, r->ds_si, 0x1c, true);
    if (!rd_end(&in) || !out || !read_event(t, log, log_len, &e) ||
        e.pcr != pcr || !digest_event(t, &e, log, ptr, len, &d)) {
        output_error(t, r->ds_si, 4);
        return BAD_PARAMETER;
    }
    result = record(t, &e, &d, true);
    if (result != PC_OK) {
        output_error(t, r->ds_si, 4);
        return result;
    }
    w = wr_to(out, 0x1c);
    wr_le16(&w, 0x1c);
    wr_le16(&w, 0);
    wr_le32(&w, t->log.count);
    wr_bytes(&w, e.sha1, SHA1_SIZE);
    return PC_OK;
}

/* Commands that physical presence, which is ours, lets change something. */
static bool is_platform_work12(const struct tcg *t, uint32_t ordinal)
{
    static const uint32_t ordinals[] = {
        TPM12_ORD_SetCapability, TPM12_ORD_ForceClear,
        TPM12_ORD_PhysicalEnable, TPM12_ORD_PhysicalDisable,
        TPM12_ORD_SetOwnerInstall, TPM12_ORD_PhysicalSetDeactivated,
        TPM12_ORD_SetTempDeactivated, TPM12_ORD_SetOperatorAuth,
        TPM12_ORD_RevokeTrust, TPM12_ORD_FieldUpgrade,
        TPM12_ORD_NV_DefineSpace, TPM12_ORD_NV_WriteValue,
        TSC_ORD_PhysicalPresence, TSC_ORD_ResetEstablishmentBit,
    };

    if (t->flags & TCG_F_HANDED_OVER)
        return false;                   /* presence is locked: it refuses */
    for (unsigned i = 0; i < sizeof(ordinals) / sizeof(*ordinals); i++)
        if (ordinals[i] == ordinal)
            return true;
    return false;
}

/* No command's handle area holds more than three handles. */
static bool is_platform_work20(struct rd handles)
{
    for (unsigned i = 0; i < 3 && handles.left >= 4; i++)
        if (rd_be32(&handles) == TPM2_RH_PLATFORM)
            return true;
    return false;
}

static bool may_pass(const struct tcg *t, struct rd cmd)
{
    uint32_t len = (uint32_t)cmd.left;
    uint16_t tag = rd_be16(&cmd);
    uint32_t size = rd_be32(&cmd), code = rd_be32(&cmd);

    if (cmd.bad || size != len)
        return false;
    if (t->family == TCG_FAMILY_12) {
        return tag >= TPM12_TAG_RQU && tag <= TPM12_TAG_RQU_AUTH2 &&
               !is_platform_work12(t, code);
    }
    return (tag == TPM2_ST_NO_SESSIONS || tag == TPM2_ST_SESSIONS) &&
           !is_platform_work20(cmd);
}

static uint32_t pass_through(struct tcg *t, struct tcg_regs *r)
{
    const uint8_t *in = map(t, r->es_di, PASS_HEADER_IN, false);
    struct rd head = rd_from(in, in ? PASS_HEADER_IN : 0);
    uint32_t in_len = rd_le16(&head), out_len;
    uint8_t *out = NULL;
    struct wr w;
    int rc;

    rd_skip(&head, 2);
    out_len = rd_le16(&head);
    if (!head.bad && in_len >= PASS_HEADER_IN + TPM_HEADER_SIZE &&
        in_len <= PASS_HEADER_IN + TPM_BUFFER_MAX)
        in = map(t, r->es_di, in_len, false);
    else
        in = NULL;
    if (out_len >= PASS_HEADER_OUT + TPM_HEADER_SIZE)
        out = map(t, r->ds_si, out_len, true);
    if (!in || !out ||
        !may_pass(t, rd_from(in + PASS_HEADER_IN, in_len - PASS_HEADER_IN))) {
        output_error(t, r->ds_si, 4);
        return BAD_PARAMETER;
    }
    rc = tpm_pass(t, in + PASS_HEADER_IN, in_len - PASS_HEADER_IN,
                  out + PASS_HEADER_OUT, out_len - PASS_HEADER_OUT);
    if (rc < 0) {
        output_error(t, r->ds_si, 4);
        return error_code(rc);
    }
    w = wr_to(out, PASS_HEADER_OUT);
    wr_le16(&w, (uint16_t)(PASS_HEADER_OUT + (uint32_t)rc));
    wr_le16(&w, 0);
    return PC_OK;
}

static uint32_t shut_down(struct tcg *t, struct tcg_regs *r)
{
    (void)r;
    t->flags |= TCG_F_INT1A_CLOSED;
    return PC_OK;
}

static uint32_t hash_log(struct tcg *t, struct tcg_regs *r)
{
    struct rd in = input_block(t, r->es_di, 0x1c, 0x1c);
    uint32_t ptr = rd_le32(&in), len = rd_le32(&in), pcr = rd_le32(&in);
    uint32_t type = rd_le32(&in), log = rd_le32(&in), log_len = rd_le32(&in);
    uint8_t *out = map(t, r->ds_si, 8, true);
    struct tcg_digests d;
    struct event e;
    uint32_t result;
    struct wr w;

    if (!rd_end(&in) || !out || !read_event(t, log, log_len, &e) ||
        e.pcr != pcr || e.type != type ||
        !digest_event(t, &e, log, ptr, len, &d)) {
        output_error(t, r->ds_si, 2);
        return BAD_PARAMETER;
    }
    result = record(t, &e, &d, false);
    if (result != PC_OK) {
        output_error(t, r->ds_si, 2);
        return result;
    }
    w = wr_to(out, 8);
    wr_le16(&w, 8);
    wr_le16(&w, 0);
    wr_le32(&w, t->log.count);
    return PC_OK;
}

static uint32_t hash_all(struct tcg *t, struct tcg_regs *r)
{
    struct rd in = input_block(t, r->es_di, 0x10, 0x10);
    uint32_t ptr = rd_le32(&in), len = rd_le32(&in), alg = rd_le32(&in);
    uint8_t *out = map(t, r->ds_si, SHA1_SIZE, true);
    uint8_t digest[SHA1_SIZE];
    struct data data;

    if (!rd_end(&in) || !out || alg != TPM_ALG_SHA1 ||
        !map_data(t, ptr, len, &data))
        return BAD_PARAMETER;
    sha1(&data, digest);                /* data and result may overlap */
    memcpy(out, digest, SHA1_SIZE);
    return PC_OK;
}

static uint32_t tss(struct tcg *t, struct tcg_regs *r)
{
    (void)t;
    (void)r;
    return PC_UNSUPPORTED;
}

static uint32_t compact_hash(struct tcg *t, struct tcg_regs *r)
{
    struct event e = { .pcr = r->edx, .type = EV_COMPACT_HASH };
    uint8_t value[4];
    struct tcg_digests d;
    struct data in;
    uint32_t result;
    struct wr w = wr_to(value, sizeof(value));

    if (e.pcr >= TCG_PCR_COUNT || !map_data(t, r->es_di, r->ecx, &in))
        return BAD_PARAMETER;
    wr_le32(&w, r->esi);
    e.data = (struct tcg_piece){ value, sizeof(value) };
    hash_data(t, &in, &d);
    result = record(t, &e, &d, true);
    if (result == PC_OK)
        r->edx = t->log.count;
    return result;
}

/*
 * TCG_SetMemoryOverwriteRequestBit (Platform Reset Attack Mitigation 1.10):
 * the request that an OS makes through ACPI, for loaders.  Compilers make the
 * block of 5 bytes one of 6.
 */
static uint32_t set_overwrite(struct tcg *t, struct tcg_regs *r)
{
    struct rd in = input_block(t, r->es_di, 5, 6);
    uint8_t value = rd_u8(&in);
    uint32_t at = PPI_REGION_AT + PPI_REGION_MOVV, movv;

    if (in.bad || value > 1)
        return BAD_PARAMETER;
    if (!(t->flags & TCG_F_PPI))
        return PC_UNSUPPORTED;
    movv = tpm_dev_read(&t->dev, at, 1) & ~PPI_MOVV_CLEAR;
    tpm_dev_write(&t->dev, at, 1, movv | (value ? PPI_MOVV_CLEAR : 0));
    return PC_OK;
}

/* By AL. */
static const call_fn calls[] = {
    status_check, hash_log_extend, pass_through, shut_down,
    hash_log, hash_all, tss, compact_hash, set_overwrite,
};

void tcg_int1a(struct tcg *t, struct tcg_regs *r)
{
    uint32_t al = r->eax & 0xff;

    r->cf = al >= sizeof(calls) / sizeof(*calls);
    if (r->cf)
        return;
    tcg_look_again(t, 0);
    if (t->state != TCG_MEASURING) {
        r->eax = PC_TPMERROR(t->state == TCG_FAILED ? DRV_DEACTIVATED
                                                    : DRV_NOT_PRESENT);
    } else if (t->flags & TCG_F_INT1A_CLOSED && al) {
        r->eax = PC_TPMERROR(DRV_INTERFACE_SHUTDOWN);
    } else {
        r->eax = calls[al](t, r);
    }
}
