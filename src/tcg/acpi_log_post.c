/* SPDX-License-Identifier: MIT */
/*
 * The place of the event log in the ACPI tables TPM2 and TCPA.  It depends on
 * the revision of the one and the platform class of the other.  POST only.
 *
 * TCG ACPI Specification 1.4, 7 and 8: from revision 5 on the start method has
 * 16 bytes of parameters, not 12.  Revision 3 (1.0, 1.1) knows no log.
 */
#include "tcg/acpi_log.h"

#include <string.h>

#include "lib/compiler.h"
#include "lib/cursor.h"
#include "lib/err.h"

#define REVISION        8u      /* 8 bits, of every table's header */
#define CLASS           36u     /* 16 bits, of TCPA */

static const struct form {
    char signature[4] NONSTRING;
    uint8_t at, bytes, kind;    /* what tells it from the others */
    uint8_t laml_at, laml_bytes, lasa_at;
} forms[] = {
    { "TPM2", REVISION, 1, 4, 64, 4, 68 },
    { "TPM2", REVISION, 1, 5, 68, 4, 72 },
    { "TCPA", CLASS, 2, 0, 38, 4, 42 },     /* client */
    { "TCPA", CLASS, 2, 1, 40, 8, 48 },     /* server */
};

static uint64_t number(const uint8_t *table, uint32_t len, uint32_t at,
                       uint32_t bytes)
{
    struct rd r = rd_from(table, len);
    uint64_t v = 0;

    rd_skip(&r, at);
    for (uint32_t i = 0; i < bytes; i++)
        v |= (uint64_t)rd_u8(&r) << (8 * i);
    return v;
}

static const struct form *form_of(const uint8_t *table, uint32_t len)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        const struct form *f = &forms[i];

        if (len >= f->at + f->bytes && !memcmp(table, f->signature, 4) &&
            number(table, len, f->at, f->bytes) == f->kind)
            return f;
    }
    return NULL;
}

uint32_t tcg_acpi_lasa_at(const uint8_t *table, uint32_t len)
{
    const struct form *f = form_of(table, len);

    return f && len >= f->lasa_at + sizeof(uint64_t) ? f->lasa_at : 0;
}

int tcg_acpi_log(const uint8_t *table, uint32_t len, struct tcg_acpi_log *log)
{
    const struct form *f = form_of(table, len);

    if (!f)
        return ERR_FORMAT;
    if (!tcg_acpi_lasa_at(table, len))
        return ERR_SPACE;
    log->size = number(table, len, f->laml_at, f->laml_bytes);
    log->address = number(table, len, f->lasa_at, sizeof(uint64_t));
    return log->size && log->address ? 0 : ERR_ABSENT;
}
