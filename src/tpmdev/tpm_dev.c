/* SPDX-License-Identifier: MIT */
/*
 * What the two TPM interfaces have in common: register access, bounded waits,
 * and the order send, wait, receive, end.  Resident.
 */
#include "tpmdev/tpm_dev.h"

#include "lib/err.h"
#include "tpmdev/tpm_crb.h"
#include "tpmdev/tpm_tis.h"

struct tpm_driver {
    int (*send)(struct tpm_dev *dev, const uint8_t *cmd, uint32_t len);
    int (*wait)(const struct tpm_dev *dev, uint32_t timeout_us);
    int (*cancel)(const struct tpm_dev *dev);
    int (*receive)(struct tpm_dev *dev, uint32_t status, uint8_t *rsp,
                   uint32_t cap);
    void (*end)(const struct tpm_dev *dev);
    void (*release)(const struct tpm_dev *dev);
};

static const struct tpm_driver drivers[] = {
    [TPM_IF_TIS] = { tis_send, tis_wait, tis_cancel, tis_receive, tis_end,
                     tis_release },
    [TPM_IF_CRB] = { crb_send, crb_wait, crb_cancel, crb_receive, crb_end,
                     crb_release },
};

uint32_t tpm_dev_read(const struct tpm_dev *dev, uint32_t at, unsigned bytes)
{
    return dev->plat->mmio_read(dev->plat->ctx, TPM_BASE + at, bytes);
}

void tpm_dev_write(const struct tpm_dev *dev, uint32_t at, unsigned bytes,
                   uint32_t v)
{
    dev->plat->mmio_write(dev->plat->ctx, TPM_BASE + at, bytes, v);
}

int tpm_dev_wait(const struct tpm_dev *dev, uint32_t at, unsigned bytes,
                 uint32_t mask, uint32_t want, uint32_t timeout_us)
{
    const struct tcg_platform *p = dev->plat;
    uint32_t v = tpm_dev_read(dev, at, bytes);
    uint64_t start;
    bool late = false;

    if ((v & mask) == want)
        return (int)(v & 0x7fffffffu);
    if (!timeout_us)
        return ERR_TIMEOUT;
    start = p->now_us(p->ctx);
    while (!late) {
        p->delay_us(p->ctx, 10);
        late = p->now_us(p->ctx) - start > timeout_us;
        v = tpm_dev_read(dev, at, bytes);
        if ((v & mask) == want)
            return (int)(v & 0x7fffffffu);
    }
    return ERR_TIMEOUT;
}

/*
 * Wait for the end of the command that was sent last.  The clock is asked only
 * if that has not come yet: its time counts from here, not from its sending.
 * Returns what receive() wants to know, or an error.
 */
static int finish(const struct tpm_dev *dev)
{
    return drivers[dev->interface].wait(dev, dev->wait_us);
}

bool tpm_dev_recovered(const struct tpm_dev *dev, uint32_t wait_us)
{
    return dev->late && drivers[dev->interface].wait(dev, wait_us) >= 0;
}

void tpm_dev_wipe(const struct tpm_dev *dev)
{
    if (dev->interface == TPM_IF_CRB)
        crb_wipe(dev);
}

/* The last command is over, one way or the other. */
static void end(struct tpm_dev *dev)
{
    const struct tpm_driver *drv = &drivers[dev->interface];

    dev->busy = dev->late = false;
    drv->end(dev);
    if (!dev->keep)
        drv->release(dev);
}

void tpm_dev_release(struct tpm_dev *dev)
{
    bool kept = dev->keep && !dev->busy && dev->interface != TPM_IF_NONE;

    dev->keep = false;
    if (kept)
        drivers[dev->interface].release(dev);
}

int tpm_dev_send(struct tpm_dev *dev, const uint8_t *cmd, uint32_t len,
                 uint32_t duration_us)
{
    const struct tpm_driver *drv = &drivers[dev->interface];
    int rc;

    if (len < TPM_HEADER_SIZE || len > TPM_BUFFER_MAX)
        return ERR_SPACE;
    if (dev->busy) {
        rc = dev->late ? drv->cancel(dev) : finish(dev);
        if (rc < 0) {
            dev->late = true;
            return rc;
        }
        end(dev);
    }
    if (len > dev->used)
        dev->used = len;
    rc = drv->send(dev, cmd, len);
    if (rc < 0) {
        end(dev);
        return rc;
    }
    dev->busy = true;
    dev->wait_us = duration_us;
    return 0;
}

int tpm_dev_receive(struct tpm_dev *dev, uint8_t *rsp, uint32_t cap)
{
    const struct tpm_driver *drv = &drivers[dev->interface];
    int rc;

    if (!dev->busy)
        return ERR_PARAM;
    rc = finish(dev);
    if (rc < 0) {
        dev->late = true;
        return rc;
    }
    rc = drv->receive(dev, (uint32_t)rc, rsp, cap);
    if (rc > 0 && (uint32_t)rc > dev->used)
        dev->used = (uint32_t)rc;
    end(dev);
    return rc;
}
