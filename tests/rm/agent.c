/* SPDX-License-Identifier: MIT */
/*
 * The test agent: what a small operating system would do for a test, by the
 * serial port, a third of a second after the machine's start.  Started by
 * agent.S in 32-bit flat mode; tests/boot/agent.py builds it and talks to it.
 *
 * It says "AGENT" and then answers one line after another; numbers and bytes
 * are in hexadecimal, the answer ends with "." on a line of its own:
 *
 *     r ADDRESS LENGTH    bytes of memory
 *     w ADDRESS BYTES     write memory, byte by byte
 *     W ADDRESS VALUE     write 32 bits at once: a device's register
 *     t BYTES             a TPM command; the response, or nothing
 *     i PORT              a byte from a port
 *     o PORT BYTE         a byte to a port; 501 is QEMU's end
 *     p PORT WORD         16 bits to a port
 *     c ADDRESS           256 bytes of PCI configuration space; the address is
 *                         port CF8h's, of register 0
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COM1            0x3f8u
#define BUFFER_SIZE     4096u
#define TPM             0xfed40000u
#define TURNS           200000000u

/* TIS */
#define ACCESS          (TPM + 0x00)
#define STS             (TPM + 0x18)
#define FIFO            (TPM + 0x24)
#define STS_VALID       0x80u
#define STS_READY       0x40u
#define STS_GO          0x20u
#define STS_DATA        0x10u
#define INTF_ID         (TPM + 0x30)

/* CRB */
#define LOC_CTRL        (TPM + 0x08)
#define LOC_STS         (TPM + 0x0c)
#define CTRL_REQ        (TPM + 0x40)
#define CTRL_STS        (TPM + 0x44)
#define CTRL_START      (TPM + 0x4c)
#define CRB_BUFFER      (TPM + 0x80)
#define STS_IDLE        0x02u

void agent_main(void);

static uint8_t buffer[BUFFER_SIZE];
static uint32_t used;

static uint8_t in8(uint16_t port)
{
    uint8_t v;

    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static void out8(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static void out16(uint16_t port, uint16_t v)
{
    __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static uint32_t in32(uint16_t port)
{
    uint32_t v;

    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static void out32(uint16_t port, uint32_t v)
{
    __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static volatile uint8_t *mem8(uint32_t at)
{
    return (volatile uint8_t *)at;
}

static volatile uint32_t *mem32(uint32_t at)
{
    return (volatile uint32_t *)at;
}

/* ------------------------------------------------------------ serial port */

static void put(char c)
{
    while (!(in8(COM1 + 5) & 0x20)) {
    }
    out8(COM1, (uint8_t)c);
}

static void say(const char *text)
{
    while (*text)
        put(*text++);
}

static void put_byte(uint8_t v)
{
    put("0123456789abcdef"[v >> 4]);
    put("0123456789abcdef"[v & 15]);
}

static int last;        /* character of the line */

static int next(void)
{
    while (!(in8(COM1 + 5) & 1)) {
    }
    last = in8(COM1);
    return last;
}

static int digit(int c)
{
    return c >= '0' && c <= '9' ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint32_t number(void)
{
    uint32_t v = 0;

    while (digit(next()) >= 0)
        v = v << 4 | (uint32_t)digit(last);
    return v;
}

static void bytes(void)
{
    used = 0;
    while (digit(next()) >= 0) {
        uint8_t high = (uint8_t)digit(last);

        (void)next();
        if (used < BUFFER_SIZE)
            buffer[used++] = (uint8_t)(high << 4 | digit(last));
    }
}

/* -------------------------------------------------------------------- TPM */

static bool wait(uint32_t at, uint32_t mask, uint32_t want)
{
    for (uint32_t i = 0; i < TURNS; i++) {
        if ((*mem32(at) & mask) == want)
            return true;
        __asm__ volatile("pause");
    }
    return false;
}

static uint32_t size_of_response(void)
{
    uint32_t n = (uint32_t)buffer[2] << 24 | (uint32_t)buffer[3] << 16 |
                 (uint32_t)buffer[4] << 8 | buffer[5];

    return n < 10 || n > BUFFER_SIZE ? 0 : n;
}

static void crb(void)
{
    /* What the firmware gave up may still be on its way: CTRL_START stays,
     * and the buffer is not ours before that. */
    bool done = wait(CTRL_START, 1, 0);

    *mem32(LOC_CTRL) = 1;
    done = done && wait(LOC_STS, 1, 1);
    *mem32(CTRL_REQ) = 1;
    done = done && wait(CTRL_REQ, 1, 0) && wait(CTRL_STS, STS_IDLE, 0);
    for (uint32_t i = 0; i < used; i++)
        *mem8(CRB_BUFFER + i) = buffer[i];
    *mem32(CTRL_START) = 1;
    done = done && wait(CTRL_START, 1, 0);
    for (uint32_t i = 0; i < 10; i++)
        buffer[i] = *mem8(CRB_BUFFER + i);
    used = done ? size_of_response() : 0;
    for (uint32_t i = 10; i < used; i++)
        buffer[i] = *mem8(CRB_BUFFER + i);
    *mem32(CTRL_REQ) = 2;
    (void)wait(CTRL_REQ, 2, 0);
    *mem32(LOC_CTRL) = 2;
}

static void tis(void)
{
    uint32_t n = 0;

    *mem8(ACCESS) = 2;
    if (!wait(ACCESS, 0xa0, 0xa0)) {
        used = 0;
        return;
    }
    *mem32(STS) = STS_READY;
    (void)wait(STS, STS_READY, STS_READY);
    for (uint32_t i = 0; i < used; i++)
        *mem8(FIFO) = buffer[i];
    *mem32(STS) = STS_GO;
    if (wait(STS, STS_VALID | STS_DATA, STS_VALID | STS_DATA))
        while (n < BUFFER_SIZE && (*mem32(STS) & STS_DATA))
            buffer[n++] = *mem8(FIFO);
    *mem32(STS) = STS_READY;
    *mem8(ACCESS) = 0x20;
    used = n >= 10 && size_of_response() == n ? n : 0;
}

/* --------------------------------------------------------------- commands */

static void command(int c)
{
    uint32_t at, n;

    switch (c) {
    case 'r':
        at = number();
        n = number();
        for (uint32_t i = 0; i < n; i++)
            put_byte(*mem8(at + i));
        break;
    case 'w':
        at = number();
        bytes();
        for (uint32_t i = 0; i < used; i++)
            *mem8(at + i) = buffer[i];
        break;
    case 'W':
        at = number();
        *mem32(at) = number();
        break;
    case 't':
        bytes();
        if ((*mem32(INTF_ID) & 15) == 1)
            crb();
        else
            tis();
        for (uint32_t i = 0; i < used; i++)
            put_byte(buffer[i]);
        break;
    case 'i':
        put_byte(in8((uint16_t)number()));
        break;
    case 'c':
        at = number();
        for (uint32_t i = 0; i < 256; i++) {
            out32(0xcf8, at + (i & 0xfc));
            put_byte((uint8_t)(in32(0xcfc) >> 8 * (i & 3)));
        }
        break;
    case 'o':
        at = number();
        out8((uint16_t)at, (uint8_t)number());
        break;
    case 'p':
        at = number();
        out16((uint16_t)at, (uint16_t)number());
        break;
    }
    while (last != '\n')
        (void)next();
    say("\n.\n");
}

void agent_main(void)
{
    out8(COM1 + 1, 0);
    out8(COM1 + 3, 0x80);
    out8(COM1 + 0, 1);                  /* 115200 */
    out8(COM1 + 1, 0);
    out8(COM1 + 3, 3);
    out8(COM1 + 2, 7);                  /* FIFO, emptied */
    out8(COM1 + 4, 3);
    say("\nAGENT\n");
    for (;;) {
        int c = next();

        if (c == 'r' || c == 'w' || c == 't' || c == 'i' || c == 'o' ||
            c == 'c' || c == 'W' || c == 'p') {
            (void)next();               /* the space */
            command(c);
        }
    }
}
