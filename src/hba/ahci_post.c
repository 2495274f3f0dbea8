/* SPDX-License-Identifier: MIT */
/*
 * AHCI controllers and what hangs on their ports.  POST only.
 *
 * Each port is a small state machine that never waits; ahci_start() drives
 * it as far as it gets (under QEMU: IDENTIFY is answered), ahci_finish()
 * goes round until the slowest port is done or its time is over.
 */
#include "hba/ahci_post.h"

#include "core/alloc.h"
#include "hba/ahci.h"
#include "hba/ata.h"
#include "hba/ata_identify.h"
#include "lib/print.h"

#define NAME_LEN            16u
#define RESET_TIMEOUT_MS    1000u       /* AHCI 10.4.3 */
#define LINK_TIMEOUT_MS     20u         /* until a device shows itself */

enum state {
    PORT_LINK,          /* waits for the link */
    PORT_READY,         /* waits for the device to leave BSY */
    PORT_IDENTIFY,      /* waits for the answer to IDENTIFY */
    PORT_DONE,
};

/* A port under examination; temp zone. */
struct probe {
    struct probe *next;
    uint8_t *port;
    struct ahci_mem *mem;       /* high zone; NULL until the link is up */
    pci_bdf bdf;
    uint8_t number;
    uint8_t state;              /* enum state */
    bool packet;
    uint16_t id[ATA_IDENTIFY_LEN / 2];
};

static struct probe *probes;
static struct probe **probes_end = &probes;

static void fail(struct probe *p, const char *reason)
{
    print("AHCI/%u: %s, port ignored\n", p->number, reason);
    ahci_write(p->port, AHCI_PXCMD, AHCI_PXCMD_SUD | AHCI_PXCMD_POD);
    p->state = PORT_DONE;
}

/* The link is up: memory for the port, and let FISes come in. */
static void prepare_port(struct probe *p)
{
    p->mem = malloc_high(sizeof(*p->mem), AHCI_MEM_ALIGN);
    if (p->mem == NULL) {
        fail(p, "no memory");
        return;
    }
    ahci_write(p->port, AHCI_PXCLB, (uint32_t)(uintptr_t)p->mem);
    ahci_write(p->port, AHCI_PXCLBU, 0);
    ahci_write(p->port, AHCI_PXFB, (uint32_t)(uintptr_t)p->mem->received);
    ahci_write(p->port, AHCI_PXFBU, 0);
    ahci_write(p->port, AHCI_PXSERR, ~0u);
    ahci_write(p->port, AHCI_PXSCTL, AHCI_SCTL_NO_SLEEP);
    ahci_write(p->port, AHCI_PXCMD, AHCI_PXCMD_ACTIVE |
               AHCI_PXCMD_FRE | AHCI_PXCMD_SUD | AHCI_PXCMD_POD);
    p->state = PORT_READY;
}

static void send_identify(struct probe *p)
{
    uint32_t sig = ahci_read(p->port, AHCI_PXSIG);
    struct ahci_command c = { .buf = p->id, .len = sizeof(p->id) };

    if (sig != AHCI_SIG_ATA && sig != AHCI_SIG_ATAPI) {
        fail(p, "neither a disk nor a CD (port multiplier?)");
        return;
    }
    p->packet = sig == AHCI_SIG_ATAPI;
    c.command = p->packet ? ATA_CMD_IDENTIFY_PACKET : ATA_CMD_IDENTIFY;
    ahci_write(p->port, AHCI_PXCMD, AHCI_PXCMD_ST | AHCI_PXCMD_FRE |
               AHCI_PXCMD_SUD | AHCI_PXCMD_POD);
    ahci_issue(p->port, p->mem, &c);
    p->state = PORT_IDENTIFY;
}

static void register_device(struct probe *p)
{
    struct ata_info info;
    struct ahci_drive *a;
    char who[NAME_LEN];

    p->state = PORT_DONE;
    format(who, sizeof(who), "AHCI/%u", p->number);
    if (ata_identify_parse(p->id, p->packet, who, &info) < 0)
        return;
    a = malloc_high(sizeof(*a), 8);
    if (a == NULL) {
        fail(p, "no memory");
        return;
    }
    a->port = p->port;
    a->mem = p->mem;
    a->lba48 = info.lba48;
    a->d.ops = p->packet ? &ahci_cd_ops : &ahci_disk_ops;
    a->d.ata_channel = p->number;
    a->d.bdf = p->bdf;
    a->d.path = drive_text("drive@%x/disk@0", p->number);
    ata_describe(&a->d, &info, p->packet, who);
    drive_register(&a->d);
}

/* Go on as far as possible without waiting; registering is left to later,
 * so that the order of drives is that of the ports. */
static void advance(struct probe *p)
{
    if (p->state == PORT_LINK && AHCI_SSTS_DET(ahci_read(p->port,
            AHCI_PXSSTS)) == AHCI_DET_READY)
        prepare_port(p);
    if (p->state == PORT_READY && !(ahci_read(p->port, AHCI_PXTFD) &
                                    (ATA_STATUS_BSY | ATA_STATUS_DRQ)))
        send_identify(p);
}

static bool settled(const struct probe *p)
{
    return p->state == PORT_DONE ||
        (p->state == PORT_IDENTIFY && ahci_done(p->port));
}

static void start_port(struct pci_device *pci, uint8_t *base, unsigned n,
                       bool emulated)
{
    uint8_t *port = base + AHCI_PORT(n);
    struct probe *p;

    /* An emulated link is up or it is not; a real one may be coming. */
    if (emulated && AHCI_SSTS_DET(ahci_read(port, AHCI_PXSSTS)) ==
        AHCI_DET_NONE)
        return;
    p = malloc_temp(sizeof(*p), 8);
    if (p == NULL)
        return;                 /* the allocator has said it */
    p->port = port;
    p->bdf = pci->bdf;
    p->number = (uint8_t)n;
    pci_enable(pci, PCI_COMMAND_MASTER);
    *probes_end = p;
    probes_end = &p->next;
    advance(p);
}

/* QEMU's own has been reset with the machine. */
static int reset(const struct pci_device *pci, uint8_t *base)
{
    struct poll poll = poll_start(RESET_TIMEOUT_MS);

    ahci_write(base, AHCI_GHC, AHCI_GHC_AE);
    ahci_write(base, AHCI_GHC, AHCI_GHC_AE | AHCI_GHC_HR);
    while (ahci_read(base, AHCI_GHC) & AHCI_GHC_HR) {
        if (!poll_again(&poll)) {
            print("AHCI at %02x:%02x.%x: reset not done within %u s,"
                  " controller ignored\n", PCI_BUS(pci->bdf),
                  PCI_DEV(pci->bdf), PCI_FN(pci->bdf),
                  RESET_TIMEOUT_MS / 1000);
            return ERR_TIMEOUT;
        }
    }
    return 0;
}

void ahci_start(struct pci_device *pci)
{
    bool emulated = pci->known != NULL ||
        pci_read16(pci->bdf, PCI_SUBSYS_VENDOR) == PCI_VENDOR_VIRTIO;
    bool io;
    uint8_t *base = (uint8_t *)(uintptr_t)pci_bar(pci, 5, &io);
    uint32_t ports, spin_up;

    if (base == NULL || io) {
        print("AHCI at %02x:%02x.%x: registers not below 4 GiB, controller"
              " ignored\n", PCI_BUS(pci->bdf), PCI_DEV(pci->bdf),
              PCI_FN(pci->bdf));
        return;
    }
    pci_enable(pci, PCI_COMMAND_MEMORY);
    pci->have_driver = true;

    if (!emulated && reset(pci, base) < 0)
        return;
    ahci_write(base, AHCI_GHC, AHCI_GHC_AE);
    ports = ahci_read(base, AHCI_PI);
    spin_up = ahci_read(base, AHCI_CAP) & AHCI_CAP_SSS;
    for (unsigned n = 0; n < AHCI_PORTS; n++) {
        if (!(ports >> n & 1))
            continue;
        if (spin_up)
            ahci_write(base + AHCI_PORT(n), AHCI_PXCMD,
                       AHCI_PXCMD_SUD | AHCI_PXCMD_POD);
        start_port(pci, base, n, emulated);
    }
}

/* The time for the slowest is over: say so for each that is not done. */
static void give_up(struct probe *p)
{
    if (settled(p))
        return;
    if (p->state == PORT_IDENTIFY)
        fail(p, "no answer to IDENTIFY in time");
    else if (p->state == PORT_READY)
        fail(p, "device stays busy");
    else if (AHCI_SSTS_DET(ahci_read(p->port, AHCI_PXSSTS)) !=
             AHCI_DET_NONE)
        fail(p, "the link does not come up");
    else
        p->state = PORT_DONE;   /* nothing is connected */
}

/* Drive all ports for at most that long, or until all are settled, or (with
 * links_only) until no link is left to be waited for. */
static void drive_ports(uint32_t timeout_ms, bool links_only)
{
    struct poll poll = poll_start(timeout_ms);
    bool waiting;

    do {
        waiting = false;
        for (struct probe *p = probes; p != NULL; p = p->next) {
            advance(p);
            if (links_only ? p->state == PORT_LINK : !settled(p))
                waiting = true;
        }
    } while (waiting && poll_again(&poll));
}

void ahci_finish(void)
{
    drive_ports(LINK_TIMEOUT_MS, true);
    for (struct probe *p = probes; p != NULL; p = p->next)
        if (p->state == PORT_LINK && AHCI_SSTS_DET(ahci_read(p->port,
                AHCI_PXSSTS)) == AHCI_DET_NONE)
            p->state = PORT_DONE;
    drive_ports(AHCI_READY_TIMEOUT_MS, false);
    for (struct probe *p = probes; p != NULL; p = p->next) {
        give_up(p);
        if (p->state != PORT_IDENTIFY || drives_enough(true))
            continue;
        if (ahci_result(p->port, p->mem) == ATA_IDENTIFY_LEN)
            register_device(p);
        else
            fail(p, "IDENTIFY failed");
    }
}
