/* SPDX-License-Identifier: MIT */
/*
 * EDD drive parameters, device parameter table extension, and the older fixed
 * disk parameter tables.
 */
#include "disk/disk_edd.h"

#include <string.h>

#include "core/bda.h"

#define EDD_V1_LEN          0x1au
#define EDD_V2_LEN          0x1eu
#define EDD_V3_LEN          0x42u
#define EDD_GEOMETRY_VALID  (1u << 1)
#define EDD_REMOVABLE       (1u << 2)
#define EDD_CHANGE_LINE     (1u << 4)
#define EDD_LOCKABLE        (1u << 5)
#define EDD_MAXIMUM         (1u << 6)   /* geometry is not of a medium */
#define EDD_PATH_KEY        0xbeddu
#define EDD_PATH_LEN        0x24u       /* from the key on */
#define EDD_NO_CHANNEL      0xffu
#define EDD_MAX_CYLINDERS   0x3fffu     /* shown for what has more */

struct edd_parameters {
    uint16_t size, flags;
    uint32_t cylinders, heads, sectors_per_track;
    uint64_t sectors;
    uint16_t sector_size;
    struct farptr extension;            /* 1Ah: FFFF:FFFF is none */
    uint16_t path_key;                  /* 1Eh */
    uint8_t path_len;
    uint8_t reserved21[3];
    char host_bus[4];                   /* 24h */
    char interface[8];                  /* 28h */
    uint8_t bus, device, function, channel, reserved34[4];
    uint8_t device_path[8];             /* 38h */
    uint8_t reserved40;
    uint8_t checksum;                   /* 41h: 1Eh..41h add up to 0 */
} PACKED;
_Static_assert(sizeof(struct edd_parameters) == EDD_V3_LEN, "EDD 3.0");
_Static_assert(offsetof(struct edd_parameters, extension) == EDD_V1_LEN, "");
_Static_assert(offsetof(struct edd_parameters, path_key) == EDD_V2_LEN, "");
_Static_assert(offsetof(struct edd_parameters, device_path) == 0x38, "");

/* Device parameter table extension: how to reach an IDE drive by its ports */
struct edd_extension {
    uint16_t cmd_port, ctl_port;
    uint8_t device;
    uint8_t reserved5;
    uint8_t irq;
    uint8_t multiple;
    uint8_t dma, pio;
    uint16_t options;
    uint16_t reserved12;
    uint8_t revision;
    uint8_t checksum;                   /* all 16 bytes add up to 0 */
} PACKED;
_Static_assert(sizeof(struct edd_extension) == 16, "EDD 1.1");
#define EDD_OPT_CHS         (1u << 3)   /* geometry is translated */
#define EDD_OPT_LBA         (1u << 4)
#define EDD_OPT_REMOVABLE   (1u << 5)
#define EDD_OPT_ATAPI       (1u << 6)
#define EDD_OPT_PIO32       (1u << 7)
#define EDD_EXTENSION_REV   0x11u
/* The device register's bits in edd_extension.device, ATA-7 */
#define EDD_DEVICE_BASE     0xa0u
#define EDD_DEVICE_LBA      (1u << 6)
#define EDD_DEVICE_ONE      (1u << 4)

/* Fixed disk parameter table, "translated" form when signature is A0h */
struct disk_table {
    uint16_t cylinders;
    uint8_t heads;
    uint8_t signature;
    uint8_t physical_sectors;
    uint16_t precompensation;
    uint8_t reserved7;
    uint8_t control;
    uint16_t physical_cylinders;
    uint8_t physical_heads;
    uint16_t landing_zone;
    uint8_t sectors;
    uint8_t checksum;                   /* of the translated form only */
} PACKED;
_Static_assert(sizeof(struct disk_table) == 16, "INT 41h");
#define TABLE_TRANSLATED    0xa0u
#define TABLE_NO_RETRIES    0xc0u
#define TABLE_MANY_HEADS    (1u << 3)

/* In segment E000, so that real-mode pointers reach them. */
static struct edd_extension extension;
static struct disk_table tables[2];

/* The byte that makes the sum of len bytes (it being 0 so far) zero. */
static uint8_t checksum(const void *p, size_t len)
{
    const uint8_t *at = p;
    uint8_t sum = 0;

    while (len-- != 0)
        sum += *at++;
    return (uint8_t)-sum;
}

static struct farptr far_to(const void *p)
{
    uint32_t at = (uint32_t)(uintptr_t)p;

    return (struct farptr){
        .seg = (uint16_t)((at & 0xf0000u) >> 4), .off = (uint16_t)at,
    };
}

static bool is_ide(const struct drive *d)
{
    return d->ops->ide_place != NULL;
}

static void fill_extension(const struct drive *d)
{
    bool cd = d->type == DRIVE_CD;
    struct ide_place ide;

    d->ops->ide_place(d, &ide);
    extension = (struct edd_extension){
        .cmd_port = ide.cmd,
        .ctl_port = ide.ctl,
        .device = EDD_DEVICE_BASE | EDD_DEVICE_LBA |
                  (d->ata_unit ? EDD_DEVICE_ONE : 0),
        .irq = ide.irq,
        .multiple = 1,
        .options = EDD_OPT_LBA | EDD_OPT_PIO32 |
                   (cd ? EDD_OPT_REMOVABLE | EDD_OPT_ATAPI : EDD_OPT_CHS),
        .revision = EDD_EXTENSION_REV,
    };
    extension.checksum = checksum(&extension, sizeof(extension));
}

static void fill_basic(const struct drive *d, struct edd_parameters *p)
{
    p->sector_size = d->sector_size;
    p->sectors = d->sectors;
    if (d->type == DRIVE_CD) {
        p->flags = EDD_REMOVABLE | EDD_CHANGE_LINE | EDD_LOCKABLE |
                   EDD_MAXIMUM;
        p->cylinders = p->heads = p->sectors_per_track = ~0u;
        if (!d->ready)
            p->sectors = ~0ull;
        return;
    }
    p->cylinders = d->physical.cylinders;
    p->heads = d->physical.heads;
    p->sectors_per_track = d->physical.sectors;
    if (d->sectors > (uint64_t)EDD_MAX_CYLINDERS * p->heads *
        p->sectors_per_track)           /* so also when it says nothing */
        p->cylinders = EDD_MAX_CYLINDERS;
    else
        p->flags = EDD_GEOMETRY_VALID;
}

static void fill_path(const struct drive *d, struct edd_parameters *p)
{
    p->path_key = EDD_PATH_KEY;
    p->path_len = EDD_PATH_LEN;
    memcpy(p->host_bus, "PCI ", sizeof(p->host_bus));
    memcpy(p->interface, d->ops->edd_interface, sizeof(p->interface));
    p->bus = PCI_BUS(d->bdf);
    p->device = PCI_DEV(d->bdf);
    p->function = PCI_FN(d->bdf);
    p->channel = is_ide(d) ? d->ata_channel : EDD_NO_CHANNEL;
    p->device_path[0] = is_ide(d) ? d->ata_unit : d->ata_channel;
    p->checksum = checksum(&p->path_key,
                           EDD_V3_LEN - EDD_V2_LEN);
}

int edd_parameters(const struct drive *d, uint8_t *buf)
{
    uint16_t room = (uint16_t)(buf[0] | buf[1] << 8);
    struct edd_parameters p;

    if (room < EDD_V1_LEN)
        return ERR_PARAM;
    memset(&p, 0, sizeof(p));
    p.size = room >= EDD_V3_LEN ? EDD_V3_LEN
           : room >= EDD_V2_LEN ? EDD_V2_LEN : EDD_V1_LEN;
    fill_basic(d, &p);
    p.extension = (struct farptr){ 0xffff, 0xffff };
    if (p.size >= EDD_V2_LEN && is_ide(d)) {
        fill_extension(d);
        p.extension = far_to(&extension);
    }
    if (p.size >= EDD_V3_LEN)
        fill_path(d, &p);
    memcpy(buf, &p, p.size);
    return 0;
}

void edd_parameter_table(const struct drive *d, unsigned index)
{
    struct disk_table *t = &tables[index];
    struct farptr at = far_to(t);
    const struct chs *l = &d->logical, *p = &d->physical;

    *t = (struct disk_table){
        .cylinders = l->cylinders,
        .heads = (uint8_t)l->heads,
        .sectors = (uint8_t)l->sectors,
        .precompensation = 0xffff,
        .control = TABLE_NO_RETRIES | (p->heads > 8 ? TABLE_MANY_HEADS : 0),
        .landing_zone = p->cylinders,
    };
    if (p->heads != 0 && (l->cylinders != p->cylinders ||
                          l->heads != p->heads || l->sectors != p->sectors)) {
        t->signature = TABLE_TRANSLATED;
        t->physical_cylinders = p->cylinders;
        t->physical_heads = (uint8_t)p->heads;
        t->physical_sectors = (uint8_t)p->sectors;
        t->checksum = checksum(t, sizeof(*t));
    }
    ivt[index == 0 ? 0x41 : 0x46].off = at.off;
    ivt[index == 0 ? 0x41 : 0x46].seg = at.seg;
}
