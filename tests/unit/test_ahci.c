/* SPDX-License-Identifier: MIT */
/*
 * An AHCI port whose commands fail, whose link sleeps, whose device is stuck
 * or gone.  The driver's accesses to the port's registers are calls (unit.mk);
 * time passes while it polls.
 */
#include "check.h"

#include "hba/ahci.h"
#include "hba/ata.h"
#include "host.h"
#include "mmio_calls.h"

#define REGISTERS       0x80u
#define POLLS_MAX       50u             /* a poll is a moment: milliseconds */
#define SLUMBER         (6u << 8)
#define TFES            (1u << 30)
#define STATUS_GOOD     0x50u
#define STATUS_ERROR    0x51u
#define STATUS_BUSY     0x80u

static uint8_t port[REGISTERS];
static struct ahci_mem memory ALIGNED(0x400);
static struct ahci_drive drive;
static uint8_t data[SECTOR_SIZE];

static struct {
    bool fails;                 /* commands end with an error */
    bool keeps_ci;              /* PxCI stays set then: AHCI 1.3.1, 3.3.14 */
    bool sleeps;                /* until the link is told to be active */
    bool gone;
    bool stuck;                 /* busy until the link is reset */
    unsigned polls, commands, resets, wakes;
} fake;

static uint32_t *at(uint32_t reg)
{
    return (uint32_t *)(port + reg);
}

uint32_t mmio_call_read32(const volatile void *reg)
{
    uint32_t r = (uint32_t)((const volatile uint8_t *)reg - port);

    switch (r) {
    case AHCI_PXSSTS:
        return fake.gone ? 0
            : AHCI_DET_READY | (fake.sleeps ? SLUMBER : AHCI_IPM_ACTIVE);
    case AHCI_PXTFD:
        return fake.stuck ? STATUS_BUSY : *at(r);
    default:
        return *at(r);
    }
}

void mmio_call_write32(volatile void *reg, uint32_t v)
{
    uint32_t r = (uint32_t)((volatile uint8_t *)reg - port);

    switch (r) {
    case AHCI_PXIS:
    case AHCI_PXSERR:
        *at(r) &= ~v;           /* written ones clear */
        return;
    case AHCI_PXCI:
        assert_true(*at(AHCI_PXCMD) & AHCI_PXCMD_ST);
        assert_false(fake.sleeps || fake.stuck);
        assert_int_equal(*at(AHCI_PXIS), 0);
        fake.commands++;
        break;
    case AHCI_PXCMD:
        if (v & AHCI_PXCMD_ACTIVE) {
            fake.sleeps = false;
            fake.wakes++;
            v &= ~AHCI_PXCMD_ACTIVE;
        }
        if (!(v & AHCI_PXCMD_ST))
            *at(AHCI_PXCI) = 0;
        break;
    case AHCI_PXSCTL:
        if ((v & 0xf) == AHCI_SCTL_COMRESET) {
            fake.stuck = false;
            fake.resets++;
        }
        break;
    }
    *at(r) = v;
}

/* The device answers at the second look. */
bool poll_again(struct poll *p)
{
    fake.polls++;
    if (++p->spins > POLLS_MAX)
        return false;
    if (p->spins < 2 || !(*at(AHCI_PXCI) & 1) || fake.gone)
        return true;
    if (fake.fails) {
        *at(AHCI_PXTFD) = STATUS_ERROR;
        *at(AHCI_PXIS) |= TFES;
        if (!fake.keeps_ci)
            *at(AHCI_PXCI) = 0;
    } else {
        *at(AHCI_PXTFD) = STATUS_GOOD;
        memory.slot0.transferred = SECTOR_SIZE;
        *at(AHCI_PXCI) = 0;
    }
    return true;
}

int poll_bits(const uint8_t *reg, uint32_t mask, uint32_t want,
              uint32_t timeout_ms)
{
    struct poll p = poll_start(timeout_ms);

    while ((mmio_call_read32(reg) & mask) != want)
        if (!poll_again(&p))
            return ERR_TIMEOUT;
    return 0;
}

void timer_delay_us(uint32_t us)
{
    (void)us;
}

static int setup(void **state)
{
    (void)state;
    memset(port, 0, sizeof(port));
    memset(&fake, 0, sizeof(fake));
    *at(AHCI_PXCMD) = AHCI_PXCMD_ST | AHCI_PXCMD_FRE;
    *at(AHCI_PXTFD) = STATUS_GOOD;
    drive = (struct ahci_drive){
        .d = { .ops = &ahci_disk_ops, .description = "disk" },
        .port = port, .mem = &memory, .lba48 = true,
    };
    return 0;
}

static int read_sector(void)
{
    fake.polls = 0;
    return ahci_disk_ops.rw(&drive.d, 0, 1, data, false);
}

static void test_good(void **state)
{
    (void)state;
    assert_int_equal(read_sector(), 0);
    assert_int_equal(fake.wakes + fake.resets, 0);
}

/* Over when the device says so, and the next command is a good one. */
static void test_failing_command(void **state)
{
    (void)state;
    fake.fails = true;
    for (unsigned n = 0; n < 4; n++) {
        fake.keeps_ci = n & 1;
        assert_int_equal(read_sector(), ERR_DEVICE);
        assert_between(fake.polls, 1, 3);
        assert_int_equal(fake.commands, n + 1);
    }
    fake.fails = false;
    assert_int_equal(read_sector(), 0);
    assert_int_equal(fake.resets, 0);
}

static void test_sleeping_link(void **state)
{
    (void)state;
    fake.sleeps = true;
    assert_int_equal(read_sector(), 0);
    assert_int_equal(fake.wakes, 1);
    assert_int_equal(read_sector(), 0);
    assert_int_equal(fake.wakes, 1);
}

/* Found stuck, or stopped: recovered before there is a command. */
static void test_device_in_a_bad_state(void **state)
{
    (void)state;
    fake.stuck = true;
    assert_int_equal(read_sector(), 0);
    assert_int_equal(fake.resets, 1);
    *at(AHCI_PXCMD) &= ~AHCI_PXCMD_ST;
    assert_int_equal(read_sector(), 0);
    *at(AHCI_PXTFD) = STATUS_ERROR;
    assert_int_equal(read_sector(), 0);
    assert_int_equal(fake.resets, 1);
    assert_int_equal(fake.commands, 3);
}

static void test_device_is_gone(void **state)
{
    (void)state;
    fake.gone = true;
    assert_true(read_sector() < 0);
    assert_true(fake.polls <= 3);
    fake.gone = false;
    assert_int_equal(read_sector(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_good, setup),
        cmocka_unit_test_setup(test_failing_command, setup),
        cmocka_unit_test_setup(test_sleeping_link, setup),
        cmocka_unit_test_setup(test_device_in_a_bad_state, setup),
        cmocka_unit_test_setup(test_device_is_gone, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
