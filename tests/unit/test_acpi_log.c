/* SPDX-License-Identifier: MIT */
/*
 * The event log's place in ACPI tables of each revision and platform class;
 * nothing is read beyond a table.
 */
#include <stdlib.h>

#include "check.h"
#include "lib/err.h"
#include "tcg/acpi_log.h"

#define AT              0x1122334455667788ull

/* What this table, all of its bytes in a block of their own, says. */
static int says(const char *signature, uint8_t kind, uint32_t len,
                uint32_t laml_at, uint32_t lasa_at, struct tcg_acpi_log *log)
{
    uint64_t lasa = AT;
    uint8_t all[200] = { 0 }, *table = malloc(len);
    int rc;

    memcpy(all, signature, 4);
    all[signature[1] == 'P' ? 8 : 36] = kind;
    all[laml_at + 2] = 1;
    memcpy(all + lasa_at, &lasa, 8);
    memcpy(table, all, len);
    *log = (struct tcg_acpi_log){ 0 };
    rc = tcg_acpi_log(table, len, log);
    if (rc == 0)
        assert_int_equal(tcg_acpi_lasa_at(table, len), lasa_at);
    free(table);
    return rc;
}

static void test_known(void **state)
{
    static const struct {
        const char *signature;
        uint8_t kind;                   /* revision or platform class */
        uint32_t laml_at, lasa_at, len; /* len: that it needs */
    } c[] = {
        { "TPM2", 4, 64, 68, 76 },      /* TCG ACPI 1.2 and 1.3, QEMU */
        { "TPM2", 5, 68, 72, 80 },      /* 1.4: 16 bytes of parameters */
        { "TCPA", 0, 38, 42, 50 },      /* client, QEMU */
        { "TCPA", 1, 40, 48, 56 },      /* server */
    };
    struct tcg_acpi_log log;

    (void)state;
    for (unsigned i = 0; i < sizeof(c) / sizeof(*c); i++) {
        for (uint32_t len = 38; len < 120; len++) {
            int rc = says(c[i].signature, c[i].kind, len, c[i].laml_at,
                          c[i].lasa_at, &log);

            if (rc != (len < c[i].len ? ERR_SPACE : 0))
                fail_msg("%s %u, %u bytes: %d", c[i].signature, c[i].kind, len,
                         rc);
            assert_true(rc || (log.size == 0x10000 && log.address == AT));
        }
    }
}

static void test_unknown(void **state)
{
    struct tcg_acpi_log log;

    (void)state;
    for (unsigned kind = 0; kind < 256; kind++) {
        if (kind != 4 && kind != 5)
            assert_int_equal(says("TPM2", (uint8_t)kind, 120, 64, 68, &log),
                             ERR_FORMAT);
        if (kind > 1)
            assert_int_equal(says("TCPA", (uint8_t)kind, 120, 38, 42, &log),
                             ERR_FORMAT);
    }
    assert_int_equal(says("APIC", 4, 120, 64, 68, &log), ERR_FORMAT);
}

/* No address or no size is no log. */
static void test_nothing(void **state)
{
    uint8_t t[80] = "TPM2";
    struct tcg_acpi_log log;

    (void)state;
    t[8] = 5;
    assert_int_equal(tcg_acpi_log(t, 80, &log), ERR_ABSENT);
    t[68] = 1;
    assert_int_equal(tcg_acpi_log(t, 80, &log), ERR_ABSENT);
    t[79] = 1;
    assert_int_equal(tcg_acpi_log(t, 80, &log), 0);
    t[68] = 0;
    assert_int_equal(tcg_acpi_log(t, 80, &log), ERR_ABSENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
