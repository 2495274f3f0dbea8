/* SPDX-License-Identifier: MIT */
/*
 * SMBIOS and ACPI tables as they are measured: what counts and what does not,
 * and that any bytes are safe.
 */
#include "check.h"
#include "fakehw.h"

static struct tcg t;
static struct fakehw hw;

static int no_tpm(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
                  uint32_t cap)
{
    (void)arg, (void)cmd, (void)len, (void)rsp, (void)cap;
    return FAKE_NO_ANSWER;
}

/* The last event's SHA-1 digest of what was hashed. */
static uint8_t last[20];

static int answer(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
                  uint32_t cap)
{
    (void)arg, (void)cap;
    if (len == 34)
        memcpy(last, cmd + 14, 20);
    memcpy(rsp, "\0\304\0\0\0\036\0\0\0\0", 10);
    return 30;
}

static int setup(void **state)
{
    (void)state;
    fakehw_init(&hw, FAKE_TIS12, answer, NULL);
    memset(&t, 0, sizeof(t));
    t.dev.plat = &hw.plat;
    t.dev.interface = TPM_IF_TIS;
    t.dev.fifo_bytes = 4;
    for (int i = 0; i < 4; i++) {
        t.dev.timeout_us[i] = 1000000;
        t.duration_us[i % 3] = 1000000;
    }
    t.family = TCG_FAMILY_12;
    t.state = TCG_MEASURING;
    t.bank_count = 1;
    t.bank[0] = (struct tcg_bank){ 4, 20 };
    return 0;
}

static void smbios(const void *p, uint32_t n, uint8_t digest[20])
{
    uint8_t *copy = malloc(n ? n : 1);      /* the sanitizer watches */

    memcpy(copy, p, n);
    assert_int_equal(tcg_measure_smbios(&t, copy, n), 0);
    free(copy);
    memcpy(digest, last, 20);
}

static void acpi(const void *p, uint32_t n, uint8_t digest[20])
{
    uint8_t *copy = malloc(n ? n : 1);
    struct tcg_piece piece = { copy, n };

    memcpy(copy, p, n);
    assert_int_equal(tcg_measure_acpi(&t, &piece, 1), 0);
    free(copy);
    memcpy(digest, last, 20);
}

static size_t type1(uint8_t *p, const char *serial, uint8_t uuid,
                    const char *product)
{
    size_t n = 27;

    memset(p, 0, n);
    p[0] = 1;
    p[1] = 27;
    p[4] = 1;                       /* manufacturer */
    p[5] = 3;                       /* product */
    p[7] = 2;                       /* serial */
    memset(p + 8, uuid, 16);
    n += (size_t)sprintf((char *)p + n, "QEMU") + 1;
    n += (size_t)sprintf((char *)p + n, "%s", serial) + 1;
    n += (size_t)sprintf((char *)p + n, "%s", product) + 1;
    p[n++] = 0;
    memcpy(p + n, "\177\4\0\177\0\0", 6);
    return n + 6;
}

static void test_smbios_identity(void **state)
{
    uint8_t a[200], b[200], da[20], db[20];

    (void)state;
    smbios(a, (uint32_t)type1(a, "1234", 1, "PC"), da);
    smbios(b, (uint32_t)type1(b, "another one", 2, "PC"), db);
    assert_memory_equal(da, db, 20);
    smbios(b, (uint32_t)type1(b, "1234", 1, "PD"), db);
    assert_memory_not_equal(da, db, 20);
}

static void test_smbios_no_texts(void **state)
{
    /* Two structures without texts, then one with a serial number. */
    uint8_t a[] = { 32, 4, 0, 1, 0, 0, 32, 4, 1, 1, 0, 0,
                    2, 9, 0, 0, 0, 0, 0, 1, 2, 's', 0, 't', 0, 0 };
    uint8_t da[20], db[20];

    (void)state;
    smbios(a, sizeof(a), da);
    a[21] = 'x';
    a[23] = 'y';
    smbios(a, sizeof(a), db);
    assert_memory_equal(da, db, 20);
    a[7] = 5;                           /* changes what follows */
    smbios(a, sizeof(a), db);
    assert_memory_not_equal(da, db, 20);
}

/* One NUL and something else where two NULs belong (found by fuzzing). */
static void test_smbios_no_end(void **state)
{
    uint8_t a[] = { 32, 4, 0, 1, 0, 7, 7, 7 }, da[20], db[20];

    (void)state;
    smbios(a, sizeof(a), da);
    a[7] = 8;
    smbios(a, sizeof(a), db);
    assert_memory_not_equal(da, db, 20);
}

static void test_smbios_truncated(void **state)
{
    uint8_t a[200], d[20];
    size_t n = type1(a, "serial", 1, "product");

    (void)state;
    for (uint32_t i = 0; i <= n; i++)
        smbios(a, i, d);
    for (unsigned r = 0; r < 3000; r++) {
        a[(unsigned)rand() % n] = (uint8_t)rand();
        smbios(a, (uint32_t)n, d);
    }
}

static void table(uint8_t *p, const char *signature, uint32_t len)
{
    memset(p, 0x11, len);
    memcpy(p, signature, 4);
    p[4] = (uint8_t)len;
    p[5] = (uint8_t)(len >> 8);
    p[6] = p[7] = 0;
}

static void test_acpi_left_out(void **state)
{
    static const struct { const char *sig; unsigned at; bool counts; } c[] = {
        { "FACS", 8, false }, { "FACS", 12, false }, { "FACS", 40, true },
        { "DSDT", 9, false }, { "DSDT", 8, true }, { "DSDT", 40, true },
        { "FACP", 36, false }, { "FACP", 43, false }, { "FACP", 44, true },
        { "FACP", 139, false }, { "FACP", 147, false }, { "FACP", 148, true },
        { "RSDT", 35, true }, { "RSDT", 36, false }, { "RSDT", 199, false },
        { "APIC", 60, true },
    };
    uint8_t a[400] = { 0 }, da[20], db[20];

    (void)state;
    for (unsigned i = 0; i < sizeof(c) / sizeof(*c); i++) {
        table(a, c[i].sig, 200);
        table(a + 200, "XSDT", 60);
        acpi(a, sizeof(a), da);
        a[c[i].at] ^= 0x40;
        acpi(a, sizeof(a), db);
        if (c[i].counts != !!memcmp(da, db, 20))
            fail_msg("%s offset %u", c[i].sig, c[i].at);
    }
}

/* Zeros between tables do not count, however many and wherever they end;
 * another byte among them does. */
static void test_acpi_zeros(void **state)
{
    uint8_t a[2 * 64 + 3 * 12], first[20], d[20];

    (void)state;
    for (size_t before = 0; before < 12; before++)
        for (size_t between = 0; between < 12; between++) {
            size_t behind = (before + 5 * between) % 12;
            size_t second = before + 61 + between;

            memset(a, 0, sizeof(a));
            table(a + before, "ABCD", 61);
            table(a + second, "EFGH", 59);
            acpi(a, (uint32_t)(second + 59 + behind), d);
            if (before == 0 && between == 0)
                memcpy(first, d, 20);
            assert_memory_equal(first, d, 20);
            if (between == 0)
                continue;
            a[second - 1] = 1;
            acpi(a, (uint32_t)(second + 59 + behind), d);
            assert_memory_not_equal(first, d, 20);
        }
}

/* The log's address, wherever this revision or platform class has it. */
static void test_acpi_log_address(void **state)
{
    static const struct { const char *sig; int at, kind, from; } c[] = {
        { "TPM2", 8, 4, 68 }, { "TPM2", 8, 5, 72 }, { "TPM2", 8, 6, 1000 },
        { "TCPA", 36, 0, 42 }, { "TCPA", 36, 1, 48 }, { "TCPA", 36, 2, 1000 },
    };
    uint8_t a[100] = { 0 }, da[20], db[20];

    (void)state;
    for (unsigned i = 0; i < sizeof(c) / sizeof(*c); i++) {
        table(a, c[i].sig, sizeof(a));
        a[c[i].at] = (uint8_t)c[i].kind;
        a[37] = 0;
        acpi(a, sizeof(a), da);
        for (int at = 38; at < 100; at++) {
            bool counts = at < c[i].from || at >= c[i].from + 8;

            a[at] ^= 0x40;
            acpi(a, sizeof(a), db);
            a[at] ^= 0x40;
            if (counts != !!memcmp(da, db, 20))
                fail_msg("%s %d offset %d", c[i].sig, c[i].kind, at);
        }
    }
}

static void test_acpi_windows(void **state)
{
    uint8_t a[200], da[20], db[20];

    (void)state;
    table(a, "DSDT", 200);
    memcpy(a + 60, "\x87\x17\0\0", 4);
    memcpy(a + 100, "\x8a\x2b\0\0", 4);
    acpi(a, 200, da);
    for (unsigned i = 60; i < 146; i++) {
        bool counts = !((i >= 70 && i < 78) || (i >= 82 && i < 86) ||
                        (i >= 114 && i < 130) || (i >= 138 && i < 146));

        a[i] ^= 0x40;
        acpi(a, 200, db);
        a[i] ^= 0x40;
        if (counts != !!memcmp(da, db, 20))
            fail_msg("offset %u", i);
    }
}

static void test_acpi_srat(void **state)
{
    uint8_t a[200], da[20], db[20];

    (void)state;
    table(a, "SRAT", 200);
    memcpy(a + 48, "\0\20", 2);
    memcpy(a + 64, "\1\50", 2);
    memcpy(a + 104, "\1\50", 2);
    acpi(a, 200, da);
    a[72]++;
    a[127]++;
    acpi(a, 200, db);
    assert_memory_equal(da, db, 20);
    a[71]++;
    acpi(a, 200, db);
    assert_memory_not_equal(da, db, 20);
}

static void test_acpi_root_pointer(void **state)
{
    uint8_t a[36] = "RSD PTR \1BOCHS \2", da[20], db[20];

    (void)state;
    for (unsigned size = 20; size <= 36; size += 16) {
        acpi(a, size, da);
        for (unsigned i = 8; i < size; i++) {
            bool counts = !(i == 8 || (i >= 16 && i < 20) ||
                            (i >= 24 && i < 33));

            a[i] ^= 0x40;
            acpi(a, size, db);
            a[i] ^= 0x40;
            if (counts != !!memcmp(da, db, 20))
                fail_msg("offset %u", i);
        }
    }
}

static void test_acpi_any_bytes(void **state)
{
    uint8_t a[600], d[20];

    (void)state;
    for (unsigned r = 0; r < 3000; r++) {
        static const char *const sig[] = {
            "FACS", "DSDT", "SRAT", "FACP", "RSDT",
        };

        table(a, sig[r % 5], 36 + (unsigned)rand() % 200);
        table(a + 300, sig[(r + 1) % 5], 300);
        for (unsigned i = 0; i < r % 50; i++) {
            a[(unsigned)rand() % 600] = (uint8_t)((unsigned)rand() % 7
                                                  ? 0x87 : rand());
        }
        acpi(a, (uint32_t)rand() % 601, d);
    }
}

static void test_not_usable(void **state)
{
    struct tcg_piece piece = { "x", 1 };
    struct tcg_digests d;

    (void)state;
    fakehw_init(&hw, FAKE_NONE, no_tpm, NULL);
    t.state = TCG_ABSENT;
    assert_int_equal(tcg_measure_smbios(&t, "x", 1), ERR_ABSENT);
    assert_int_equal(tcg_measure_acpi(&t, &piece, 1), ERR_ABSENT);
    assert_int_equal(tcg_hash_acpi(&t, &piece, 1, &d), ERR_ABSENT);
    assert_int_equal(tcg_hash(&t, &piece, 1, &d), ERR_ABSENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_smbios_identity, setup),
        cmocka_unit_test_setup(test_smbios_no_texts, setup),
        cmocka_unit_test_setup(test_smbios_no_end, setup),
        cmocka_unit_test_setup(test_smbios_truncated, setup),
        cmocka_unit_test_setup(test_acpi_left_out, setup),
        cmocka_unit_test_setup(test_acpi_zeros, setup),
        cmocka_unit_test_setup(test_acpi_log_address, setup),
        cmocka_unit_test_setup(test_acpi_windows, setup),
        cmocka_unit_test_setup(test_acpi_srat, setup),
        cmocka_unit_test_setup(test_acpi_root_pointer, setup),
        cmocka_unit_test_setup(test_acpi_any_bytes, setup),
        cmocka_unit_test_setup(test_not_usable, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
