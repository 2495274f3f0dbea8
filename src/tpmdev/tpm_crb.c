/* SPDX-License-Identifier: MIT */
/*
 * The command response buffer interface of a TPM 2.0 (CRB), locality 0.  Each
 * access leaves the guest, so none says again what another has said.  Resident.
 *
 * PC Client Platform TPM Profile 1.05, 6.5.3.
 */
#include "tpmdev/tpm_crb.h"

#include "lib/err.h"

/* A buffer's place as an offset from TPM_BASE; 0 if it is no good. */
static uint32_t buffer_at(uint32_t low, uint32_t high, uint32_t size)
{
    uint32_t at = low - TPM_BASE;

    if (high || low < TPM_BASE || at < CRB_DATA || at >= CRB_PAGE || at % 4 ||
        size < TPM_HEADER_SIZE || size > CRB_PAGE - at)
        return 0;
    return at;
}

int crb_probe(struct tpm_dev *dev)
{
    dev->cmd_cap = tpm_dev_read(dev, CRB_CMD_SIZE, 4);
    dev->cmd_at = buffer_at(tpm_dev_read(dev, CRB_CMD_LOW, 4),
                            tpm_dev_read(dev, CRB_CMD_HIGH, 4),
                            dev->cmd_cap);
    dev->rsp_cap = tpm_dev_read(dev, CRB_RSP_SIZE, 4);
    dev->rsp_at = buffer_at(tpm_dev_read(dev, CRB_RSP_LOW, 4),
                            tpm_dev_read(dev, CRB_RSP_HIGH, 4),
                            dev->rsp_cap);
    return dev->cmd_at && dev->rsp_at ? 0 : ERR_DEVICE;
}

/*
 * By LOC_STS, which says all that is needed: QEMU asks swtpm for what LOC_STATE
 * holds, and stops the machine until it answers.
 */
static int request_locality(const struct tpm_dev *dev)
{
    const uint32_t bits = CRB_LOC_STS_GRANTED | CRB_LOC_STS_SEIZED;
    int rc;

    if (dev->keep && (tpm_dev_read(dev, CRB_LOC_STS, 4) & bits) ==
                     CRB_LOC_STS_GRANTED)
        return 0;
    tpm_dev_write(dev, CRB_LOC_CTRL, 4, CRB_LOC_CTRL_REQUEST);
    /* "Seized" is never set at locality 0 here; registers that are gone are
     * all ones. */
    rc = tpm_dev_wait(dev, CRB_LOC_STS, 4, bits, CRB_LOC_STS_GRANTED,
                      dev->timeout_us[TIMEOUT_A]);
    return rc < 0 ? rc : 0;
}

static void copy_out(const struct tpm_dev *dev, const uint8_t *p,
                     uint32_t len)
{
    for (uint32_t i = 0; i < len; i += 4) {
        uint32_t v = 0;

        for (uint32_t j = 0; j < 4 && i + j < len; j++)
            v |= (uint32_t)p[i + j] << (8 * j);
        tpm_dev_write(dev, dev->cmd_at + i, 4, v);
    }
}

static void copy_in(const struct tpm_dev *dev, uint8_t *p, uint32_t from,
                    uint32_t to)
{
    for (uint32_t i = from & ~3u; i < to; i += 4) {
        uint32_t v = tpm_dev_read(dev, dev->rsp_at + i, 4);

        for (uint32_t j = i; j < i + 4 && j < to; j++, v >>= 8)
            if (j >= from)
                p[j] = (uint8_t)v;
    }
}

int crb_send(struct tpm_dev *dev, const uint8_t *cmd, uint32_t len)
{
    int rc;

    if (len > ((dev->cmd_cap) & ~3u))
        return ERR_SPACE;
    rc = request_locality(dev);
    if (rc < 0)
        return rc;
    tpm_dev_write(dev, CRB_CTRL_REQ, 4, CRB_REQ_READY);
    /* With this bit the TPM clears "idle", too. */
    rc = tpm_dev_wait(dev, CRB_CTRL_REQ, 4, CRB_REQ_READY, 0,
                      dev->timeout_us[TIMEOUT_C]);
    if (rc < 0)
        return rc;
    copy_out(dev, cmd, len);
    tpm_dev_write(dev, CRB_CTRL_START, 4, CRB_START);
    return 0;
}

int crb_wait(const struct tpm_dev *dev, uint32_t timeout_us)
{
    int rc = tpm_dev_wait(dev, CRB_CTRL_START, 4, CRB_START, 0, timeout_us);

    return rc < 0 ? rc : 0;
}

int crb_cancel(const struct tpm_dev *dev)
{
    int rc;

    tpm_dev_write(dev, CRB_CTRL_CANCEL, 4, CRB_CANCEL);
    rc = crb_wait(dev, dev->timeout_us[TIMEOUT_B]);
    if (rc == 0)
        tpm_dev_write(dev, CRB_CTRL_CANCEL, 4, 0);
    return rc;
}

static int get_response(const struct tpm_dev *dev, uint8_t *rsp, uint32_t cap)
{
    uint32_t size;

    if (cap < TPM_HEADER_SIZE)
        return ERR_SPACE;
    copy_in(dev, rsp, 0, TPM_HEADER_SIZE);
    size = (uint32_t)rsp[2] << 24 | (uint32_t)rsp[3] << 16 |
           (uint32_t)rsp[4] << 8 | rsp[5];
    if (size < TPM_HEADER_SIZE || size > dev->rsp_cap)
        return ERR_FORMAT;
    if (size > cap)
        return ERR_SPACE;
    copy_in(dev, rsp, TPM_HEADER_SIZE, size);
    return (int)size;
}

int crb_receive(struct tpm_dev *dev, uint32_t status, uint8_t *rsp,
                uint32_t cap)
{
    int rc = get_response(dev, rsp, cap);

    (void)status;
    /* Not before: registers that are gone by now read as all ones. */
    return tpm_dev_read(dev, CRB_CTRL_STS, 4) & CRB_STS_ERROR ? ERR_DEVICE
                                                              : rc;
}

void crb_end(const struct tpm_dev *dev)
{
    tpm_dev_write(dev, CRB_CTRL_REQ, 4, CRB_REQ_IDLE);
    /* A TPM that does not get idle fails at the next command's request. */
    (void)tpm_dev_wait(dev, CRB_CTRL_REQ, 4, CRB_REQ_IDLE, 0,
                       dev->timeout_us[TIMEOUT_C]);
}

void crb_release(const struct tpm_dev *dev)
{
    tpm_dev_write(dev, CRB_LOC_CTRL, 4, CRB_LOC_CTRL_RELINQUISH);
}

void crb_wipe(const struct tpm_dev *dev)
{
    for (uint32_t i = 0; i < dev->used; i += 4) {
        if (i + 4 <= dev->cmd_cap)
            tpm_dev_write(dev, dev->cmd_at + i, 4, 0);
        if (dev->rsp_at != dev->cmd_at && i + 4 <= dev->rsp_cap)
            tpm_dev_write(dev, dev->rsp_at + i, 4, 0);
    }
}
