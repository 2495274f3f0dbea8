/* SPDX-License-Identifier: MIT */
/*
 * IDE channels and the devices on them.  POST only.
 *
 * A device is there when it answers IDENTIFY: signatures that a reset leaves
 * are not relied on, and no reset is made (it costs milliseconds) unless the
 * channel is found busy, which is what an interrupted operating system leaves.
 */
#include "hba/ata_post.h"

#include <string.h>

#include "core/alloc.h"
#include "hba/ata.h"
#include "hba/ata_identify.h"
#include "lib/io.h"
#include "lib/print.h"

#define MAX_CHANNELS        8u
#define PROG_IF_NATIVE(n)   (1u << (2 * (n)))
#define PROG_IF_BUS_MASTER  (1u << 7)
#define LEGACY_IRQ          14u
#define RESET_HOLD_US       5u
#define STATUS_FLOATING     0x7fu       /* bit 7 may be pulled down */
#define NAME_LEN            16u

struct probe {
    struct pci_device *pci;
    struct ata_channel ch;
    struct ata_channel *shared; /* its copy in the high zone, once needed */
    bool sent;                  /* IDENTIFY is out to device 0 */
    bool emulated;              /* the chipset's own channel */
    bool empty;                 /* there is no device 1 either */
    bool reset;                 /* a soft reset is under way */
};

static struct probe probes[MAX_CHANNELS];
static unsigned probe_count;

/* The status of the selected device, or 0 when nothing is there. */
static uint8_t status_of(const struct ata_channel *ch)
{
    uint8_t status = inb(ch->ctl);

    return (status & STATUS_FLOATING) == STATUS_FLOATING ? 0 : status;
}

/* Select a device; status_of() it.  A device's status can be believed 400 ns
 * after that or a command; to leave the guest for QEMU takes longer. */
static uint8_t select_device(const struct ata_channel *ch, unsigned unit)
{
    outb(ch->cmd + ATA_DEVICE,
         ATA_DEVICE_BASE | (unit ? ATA_DEVICE_ONE : 0));
    return status_of(ch);
}

/* To the device that is selected.  The command has no parameters. */
static int send_identify(const struct ata_channel *ch, uint8_t command)
{
    int status = ata_wait(ch, ATA_STATUS_BSY | ATA_STATUS_DRQ, 0,
                          ATA_READY_TIMEOUT_MS);

    if (status < 0)
        return status;
    outb(ch->cmd + ATA_COMMAND, command);
    return 0;
}

/* First step for a channel: never waits. */
static void start_channel(struct probe *p)
{
    uint8_t status;

    /* A reset has selected device 0 of QEMU's. */
    status = p->emulated ? status_of(&p->ch) : select_device(&p->ch, 0);
    /* QEMU's channel is not 0 if there is a device 1; others' is. */
    p->empty = status == 0 && p->emulated;
    if (p->empty)
        return;
    outb(p->ch.ctl, ATA_CTL_NIEN);
    if (status == 0)
        return;
    if (status & (ATA_STATUS_BSY | ATA_STATUS_DRQ)) {
        debug("ATA %u: busy (status %02x), resetting the channel\n",
              p->ch.number, status);
        outb(p->ch.ctl, ATA_CTL_SRST | ATA_CTL_NIEN);
        timer_delay_us(RESET_HOLD_US);
        outb(p->ch.ctl, ATA_CTL_NIEN);
        p->reset = true;
        return;
    }
    p->sent = send_identify(&p->ch, ATA_CMD_IDENTIFY) == 0;
}

static void start_ports(struct pci_device *pci, unsigned n, uint16_t cmd,
                        uint16_t ctl, uint32_t bm, uint8_t irq)
{
    struct probe *p = &probes[probe_count];

    if (probe_count == MAX_CHANNELS) {
        print("ATA: more than %u channels, the rest is not used\n",
              MAX_CHANNELS);
        return;
    }
    p->ch = (struct ata_channel){
        .cmd = cmd, .ctl = ctl, .bm = (uint16_t)(bm ? bm + 8 * n : 0),
        .irq = irq,
        .bdf = pci->bdf, .number = (uint8_t)probe_count,
        .channel = (uint8_t)n,
    };
    p->pci = pci;
    p->emulated = pci->known != NULL;
    probe_count++;
    start_channel(p);
}

void ata_start(struct pci_device *pci)
{
    static const uint16_t legacy_ports[2][2] = {
        { 0x1f0, 0x3f6 }, { 0x170, 0x376 },
    };
    static bool legacy_taken[2];
    uint32_t bm = 0;
    bool io;

    if (pci->prog_if & PROG_IF_BUS_MASTER) {
        bm = pci_bar(pci, 4, &io);
        if (!io)
            bm = 0;
    }
    pci_enable(pci, PCI_COMMAND_IO);
    pci->have_driver = true;
    for (unsigned n = 0; n < 2; n++) {
        if (pci->prog_if & PROG_IF_NATIVE(n)) {
            bool cmd_io, ctl_io;
            uint32_t cmd = pci_bar(pci, 2 * n, &cmd_io);
            uint32_t ctl = pci_bar(pci, 2 * n + 1, &ctl_io);

            if (cmd != 0 && ctl != 0 && cmd_io && ctl_io)
                start_ports(pci, n, (uint16_t)cmd, (uint16_t)(ctl + 2),
                            bm, pci->irq_line);
        } else if (!legacy_taken[n]) {
            legacy_taken[n] = true;
            start_ports(pci, n, legacy_ports[n][0], legacy_ports[n][1],
                        bm, (uint8_t)(LEGACY_IRQ + n));
        }
    }
}

/*
 * Wait for the answer to IDENTIFY and read it.
 * Returns 0, ERR_ABSENT when the command was aborted, or another error.
 */
static int collect(const struct ata_channel *ch, uint16_t *id)
{
    int status = ata_wait(ch, ATA_STATUS_BSY, 0, ATA_READY_TIMEOUT_MS);

    if (status < 0)
        return status;
    if (status == 0 || status & (ATA_STATUS_ERR | ATA_STATUS_DF) ||
        !(status & ATA_STATUS_DRQ))
        return ERR_ABSENT;
    return ata_pio(ch, id, ATA_IDENTIFY_LEN, false);
}

/* IDENTIFY was sent: read it, ask for the packet kind when it is a CD. */
static int identify(const struct ata_channel *ch, uint16_t *id, bool *packet)
{
    int rc = collect(ch, id);

    *packet = false;
    if (rc == ERR_ABSENT) {
        uint16_t signature = (uint16_t)(inb(ch->cmd + ATA_LBA_MID) |
                                        inb(ch->cmd + ATA_LBA_HIGH) << 8);

        if (signature != ATA_SIGNATURE_ATAPI)
            return ERR_ABSENT;
        *packet = true;
        rc = send_identify(ch, ATA_CMD_IDENTIFY_PACKET);
        if (rc == 0)
            rc = collect(ch, id);
    }
    return rc;
}

static void register_device(struct probe *p, unsigned unit,
                            const struct ata_info *info, bool packet,
                            const char *who)
{
    struct ata_drive *a = malloc_high(sizeof(*a), 8);

    if (p->shared == NULL) {
        p->shared = malloc_high(sizeof(*p->shared), 16);
        if (p->shared != NULL)
            *p->shared = p->ch;
    }
    if (a == NULL || p->shared == NULL) {
        print("%s: no memory, drive ignored\n", who);
        return;
    }
    a->channel = p->shared;
    a->lba48 = info->lba48;
    a->dma = info->dma && p->ch.bm != 0;
    if (a->dma)
        pci_enable(p->pci, PCI_COMMAND_MASTER);
    a->d.ops = packet ? &ata_cd_ops : &ata_disk_ops;
    a->d.ata_channel = p->ch.channel;
    a->d.ata_unit = (uint8_t)unit;
    a->d.bdf = p->ch.bdf;
    a->d.path = drive_text("drive@%x/disk@%x", p->ch.channel, unit);
    ata_describe(&a->d, info, packet, who);
    drive_register(&a->d);
}

static void finish_device(struct probe *p, unsigned unit)
{
    uint16_t id[ATA_IDENTIFY_LEN / 2];
    struct ata_info info;
    char who[NAME_LEN];
    bool packet;
    int rc;

    format(who, sizeof(who), "ata%u-%u", p->ch.number, unit);
    rc = identify(&p->ch, id, &packet);
    if (rc == ERR_ABSENT)
        return;
    if (rc == ERR_TIMEOUT) {
        print("%s: no answer to IDENTIFY within %u s, drive ignored\n", who,
              ATA_READY_TIMEOUT_MS / 1000);
        return;
    }
    if (rc < 0) {
        print("%s: IDENTIFY failed, drive ignored\n", who);
        return;
    }
    if (ata_identify_parse(id, packet, who, &info) == 0)
        register_device(p, unit, &info, packet, who);
}

void ata_finish(void)
{
    for (unsigned i = 0; i < probe_count; i++) {
        struct probe *p = &probes[i];

        if (drives_enough(false))
            return;
        if (p->reset) {
            if (ata_wait(&p->ch, ATA_STATUS_BSY, 0,
                         ATA_READY_TIMEOUT_MS) < 0) {
                print("ata%u: still busy %u s after a reset,"
                      " channel ignored\n", p->ch.number,
                      ATA_READY_TIMEOUT_MS / 1000);
                continue;
            }
            p->sent = select_device(&p->ch, 0) != 0 &&
                send_identify(&p->ch, ATA_CMD_IDENTIFY) == 0;
        }
        if (p->sent)
            finish_device(p, 0);
        if (!p->empty && select_device(&p->ch, 1) != 0 &&
            send_identify(&p->ch, ATA_CMD_IDENTIFY) == 0)
            finish_device(p, 1);
    }
}
