/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The TPM of a PC with a BIOS, for GRUB's module "tpm": that module measures
 * commands, command lines and files (GRUB's commands/tpm.c); this file is the
 * platform's part that there was none for on i386-pc.  It asks the BIOS, INT
 * 1Ah AH=BBh.  build puts it into GRUB's source as commands/i386/pc/tpm.c.
 *
 * PCRs, event type, texts (with their NUL) and digests are those of GRUB under
 * UEFI.  A BIOS that cannot measure never stops a boot: one message, and GRUB
 * goes on.  Who wants a boot to end then says "set tpm_fail_fatal=1".
 *
 * TCG PC Client Specific Implementation Specification for Conventional BIOS
 * 1.21, 13.
 */
#include <grub/dl.h>
#include <grub/env.h>
#include <grub/err.h>
#include <grub/i386/pc/int.h>
#include <grub/machine/memory.h>
#include <grub/misc.h>
#include <grub/tpm.h>
#include <grub/types.h>

#define TCG_INT             0x1a
#define TCG_STATUS_CHECK    0xbb00u
#define TCG_EXTEND          0xbb01u     /* TCG_HashLogExtendEvent */
#define TCG_SIGNATURE       0x41504354u /* "TCPA" */
#define TCG_OK              0u
#define TCG_LOG_OVERFLOW    2u
/* Not the BIOS's: it knows no such call. */
#define NO_INTERFACE        0xffffffffu

struct extend_in {
    grub_uint16_t length, reserved;
    grub_uint32_t data, data_len, pcr, event, event_len;
} GRUB_PACKED;

struct extend_out {
    grub_uint16_t length, reserved;
    grub_uint32_t number;
    grub_uint8_t digest[20];
} GRUB_PACKED;

struct event {
    grub_uint32_t pcr, type;
    grub_uint8_t digest[20];
    grub_uint32_t size;
    char text[];
} GRUB_PACKED;

/*
 * What a call needs, in memory that real mode reaches.  Disk drivers use the
 * same place, but nothing stays there between two calls.
 */
struct blocks {
    struct extend_in in;
    struct extend_out out;
    struct event event;
} GRUB_PACKED;

#define BLOCKS ((struct blocks *)GRUB_MEMORY_MACHINE_SCRATCH_ADDR)
/* Longer than any event that a log has room for. */
#define TEXT_MAX (GRUB_MEMORY_MACHINE_SCRATCH_SIZE - sizeof(struct blocks))

static enum { UNKNOWN, PRESENT, UNUSABLE } state;
static int has_complained;

/* GRUB's header has it from 2.12 on. */
int grub_tpm_present(void);

/* ---------------------------------------------------------------- messages */

static void complain(const char *what, grub_uint32_t answer)
{
    if (has_complained)
        return;
    has_complained = 1;
    if (answer == NO_INTERFACE)
        grub_printf("tpm: the BIOS has no TPM interface; %s.\n", what);
    else
        grub_printf("tpm: the BIOS answers %xh; %s.\n", answer, what);
}

/* Does the user want a failure to end the boot?  As GRUB 2.12 reads it. */
static int failure_is_fatal(void)
{
    const char *value = grub_env_get("tpm_fail_fatal");

    return value && *value && !grub_strchr("0fdn", *value);
}

/* ------------------------------------------------------------------- calls */

static grub_uint32_t call(struct grub_bios_int_registers *r)
{
    r->flags = GRUB_CPU_INT_FLAGS_DEFAULT;
    grub_bios_interrupt(TCG_INT, r);
    return r->flags & GRUB_CPU_INT_FLAGS_CARRY ? NO_INTERFACE : r->eax;
}

int grub_tpm_present(void)
{
    struct grub_bios_int_registers r = { .eax = TCG_STATUS_CHECK };
    grub_uint32_t answer;

    if (state != UNKNOWN)
        return state == PRESENT;
    answer = call(&r);
    if (answer == TCG_OK && r.ebx != TCG_SIGNATURE)
        answer = NO_INTERFACE;
    state = answer == TCG_OK ? PRESENT : UNUSABLE;
    if (state == UNUSABLE)
        complain("nothing is measured", answer);
    return state == PRESENT;
}

/* Hash, extend and log; what the BIOS answers. */
static grub_uint32_t extend(const void *data, grub_size_t len,
                            grub_uint8_t pcr, const char *text)
{
    struct blocks *b = BLOCKS;
    grub_size_t text_len = grub_strlen(text) + 1;
    struct grub_bios_int_registers r = {
        .eax = TCG_EXTEND,
        .ebx = TCG_SIGNATURE,
        .es = GRUB_MEMORY_MACHINE_SCRATCH_SEG,
        .edi = 0,
        .ds = GRUB_MEMORY_MACHINE_SCRATCH_SEG,
        .esi = sizeof(struct extend_in),
    };

    if (text_len > TEXT_MAX)
        text_len = TEXT_MAX;
    grub_memset(b, 0, sizeof(*b));
    b->in.length = sizeof(b->in);
    /* An address of 0 would say that there is a digest already. */
    b->in.data = (grub_addr_t)(len ? data : text);
    b->in.data_len = len;
    b->in.pcr = pcr;
    b->in.event = (grub_addr_t)&b->event;
    b->in.event_len = sizeof(b->event) + text_len;
    b->event.pcr = pcr;
    b->event.type = EV_IPL;
    b->event.size = text_len;
    grub_memcpy(b->event.text, text, text_len);
    return call(&r);
}

grub_err_t grub_tpm_measure(unsigned char *buf, grub_size_t size,
                            grub_uint8_t pcr, const char *description)
{
    static const char mark[] = "not measured";
    grub_uint32_t answer;

    if (!grub_tpm_present())
        return GRUB_ERR_NONE;
    answer = extend(buf, size, pcr, description);
    if (answer == TCG_OK)
        return GRUB_ERR_NONE;
    if (answer == TCG_LOG_OVERFLOW) {
        complain("the TPM's event log has no room for what follows", answer);
        return GRUB_ERR_NONE;
    }
    /*
     * Something is used that is in no PCR.  So that what runs later cannot
     * pretend that another thing was there, the PCR gets a mark for it.
     */
    complain("not everything is measured", answer);
    answer = extend(mark, sizeof(mark) - 1, pcr, mark);
    if (failure_is_fatal())
        return grub_error(GRUB_ERR_IO, "the BIOS cannot measure");
    if (answer != TCG_OK)
        state = UNUSABLE;
    return GRUB_ERR_NONE;
}
