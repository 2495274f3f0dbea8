/* SPDX-License-Identifier: MIT */
/*
 * The machine of ppi_host.h.
 */
#include "ppi_host.h"

#include "check.h"

#define REGION  (TPM_BASE + PPI_REGION_AT)

struct fakehw hw;
struct tcg t;
struct tcg_ppi ppi;
int version;
struct told told;
uint8_t region[0x400];
unsigned commands_before;

const int f10[] = { 'x', TCG_KEY_F10, 0 };
const int f12[] = { TCG_KEY_F10, TCG_KEY_F12, 0 };
const int esc[] = { TCG_KEY_ESC, TCG_KEY_F12, 0 };
const int word[] = { 'a', 'c', 'a', 'c', 'c', 'e', 'p', 't', 0 };

static unsigned outside;            /* accesses beside TPM and region */
static struct tcg_platform inner;

uint8_t func(unsigned operation)
{
    return region[PPI_REGION_FUNC + operation];
}

uint32_t region32(uint32_t at)
{
    uint32_t v;

    memcpy(&v, region + at, sizeof(v));
    return v;
}

void set_region32(uint32_t at, uint32_t v)
{
    memcpy(region + at, &v, sizeof(v));
}

static uint32_t mmio_read(void *ctx, uint32_t addr, unsigned bytes)
{
    uint32_t v = 0;

    if (addr - REGION < sizeof(region)) {
        memcpy(&v, region + (addr - REGION), bytes);
        return v;
    }
    outside += addr - TPM_BASE >= 0x1000;
    return inner.mmio_read(ctx, addr, bytes);
}

static void mmio_write(void *ctx, uint32_t addr, unsigned bytes, uint32_t v)
{
    if (addr - REGION < sizeof(region)) {
        memcpy(region + (addr - REGION), &v, bytes);
        return;
    }
    outside += addr - TPM_BASE >= 0x1000;
    inner.mmio_write(ctx, addr, bytes, v);
}

static int read_file(void *ctx, const char *name, void *buf, size_t cap)
{
    const void *p = NULL;
    size_t n = 0;

    (void)ctx;
    if (!strcmp(name, "etc/tpm/config")) {
        p = told.config;
        n = sizeof(told.config);
    } else if (!strcmp(name, "opt/org.keelbios/ppi-policy") && told.policy) {
        p = told.policy;
        n = strlen(told.policy);
    } else if (!strcmp(name, "opt/org.keelbios/ppi-timeout") && told.timeout) {
        p = told.timeout;
        n = strlen(told.timeout);
    }
    if (!p)
        return ERR_ABSENT;
    memcpy(buf, p, n < cap ? n : cap);
    return (int)n;
}

static int read_key(void *ctx, uint32_t wait_ms)
{
    struct fakehw *h = ctx;

    if (!wait_ms && told.ahead)
        return told.ahead--, TCG_KEY_F12;
    if (wait_ms && told.keys && *told.keys)
        return *told.keys++;
    h->now += (uint64_t)wait_ms * 1000;
    return ERR_TIMEOUT;
}

void power_on(fake_exec exec)
{
    fakehw_init(&hw, version == 1 ? FAKE_TIS12 : FAKE_CRB, exec, NULL);
    inner = hw.plat;
    hw.plat.mmio_read = mmio_read;
    hw.plat.mmio_write = mmio_write;
    hw.plat.read_file = read_file;
    hw.plat.read_key = read_key;
    outside = 0;
}

bool boot(void)
{
    bool reset;

    power_on(realtpm_exec);
    memcpy(told.config, "\0\120\324\376\0\1", 6);
    told.config[4] = (uint8_t)version;
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(tcg_attach_log(&t, NULL, 0), 0);
    tcg_ppi_capture(&t, &ppi);
    assert_memory_equal(region + PPI_REGION_PPRQ, "\0\0\0\0", 4);
    assert_int_equal(tcg_before_third_party(&t), 0);
    commands_before = hw.commands;
    reset = tcg_ppi_run(&t, &ppi);
    assert_int_equal(reset, hw.resets);
    assert_int_equal(outside, 0);
    if (!reset)
        assert_int_equal(tcg_handover(&t), 0);
    return reset;
}

bool request(uint32_t code, uint32_t parameter)
{
    set_region32(PPI_REGION_PPRQ, code);
    set_region32(PPI_REGION_PPRM, parameter);
    return boot();
}

bool reboot(void)
{
    realtpm_reset();
    return boot();
}

bool reboot_with(uint32_t code, uint32_t parameter)
{
    realtpm_reset();
    return request(code, parameter);
}

void begin(int v)
{
    version = v;
    memset(region, 0, sizeof(region));
    told = (struct told){ 0 };
    realtpm_new(v);
}

void check_response(uint32_t code, uint32_t response)
{
    uint32_t v = region32(PPI_REGION_PPRP);

    assert_int_equal(region32(PPI_REGION_LPPR), code);
    if (v != response)
        fail_msg("response %x, not %x\n%s", v, response, hw.out);
}

void own(void)
{
    assert_int_equal(realtpm_hex("8002 00000000 00000129 40000001 00000009"
                                 "40000009 0000 00 0000 0003 616263"), 0);
    assert_int_equal(realtpm_property(TPM2_PT_PERMANENT) & 1, 1);
}

bool owned(void)
{
    return realtpm_property(TPM2_PT_PERMANENT) & 1;
}

uint32_t flags12(void)
{
    uint8_t cmd[22] = { 0, 0xc1, 0, 0, 0, 22, 0, 0, 0, 0x65, 0, 0, 0, 4,
                        0, 0, 0, 4, 0, 0, 1, 8 };
    uint8_t rsp[100];

    assert_true(realtpm_exec(NULL, cmd, 22, rsp, sizeof(rsp)) > 20);
    /* disable, ownership, deactivated */
    return (uint32_t)rsp[16] << 2 | (uint32_t)rsp[17] << 1 | rsp[18];
}
