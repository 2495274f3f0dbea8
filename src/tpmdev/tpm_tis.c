/* SPDX-License-Identifier: MIT */
/*
 * The FIFO interface of a TPM (TIS), locality 0.  One look at the status serves
 * for all that it tells; each access leaves the guest.  Resident.
 *
 * TCG PC Client TPM Interface Specification 1.3; PC Client Platform TPM
 * Profile 1.05, 6.5.2.
 */
#include "tpmdev/tpm_tis.h"

#include "lib/err.h"

#define SEND_TRIES      2
#define RECEIVE_TRIES   3
#define SIZE_KNOWN      8u      /* of an answer: its size is there */

static int wait_status(const struct tpm_dev *dev, uint32_t bits,
                       enum tpm_timeout limit)
{
    return tpm_dev_wait(dev, TIS_STS, 4, bits, bits, dev->timeout_us[limit]);
}

/*
 * Take the locality and have the FIFO empty; most often both are so already.
 * Returns the status, or an error.
 *
 * A locality's status reads as all ones until it is the active one.  ACCESS
 * says so, too, but QEMU asks swtpm for a part of what is read there, and
 * stops the machine until it answers.
 */
static int get_ready(const struct tpm_dev *dev)
{
    uint32_t status = dev->keep ? tpm_dev_read(dev, TIS_STS, 4)
                                : TIS_STS_RESERVED;

    if (status & TIS_STS_RESERVED) {
        int rc;

        tpm_dev_write(dev, TIS_ACCESS, 1, TIS_ACCESS_REQUEST);
        rc = tpm_dev_wait(dev, TIS_STS, 4, TIS_STS_RESERVED, 0,
                          dev->timeout_us[TIMEOUT_A]);
        if (rc < 0)
            return rc;
        status = (uint32_t)rc;
    }
    if (status & TIS_STS_READY)
        return (int)status;
    tpm_dev_write(dev, TIS_STS, 4, TIS_STS_READY);
    return wait_status(dev, TIS_STS_READY, TIMEOUT_B);
}

/*
 * Wait until at least one byte can be moved.  Returns the burst count,
 * ERR_TIMEOUT, or ERR_FORMAT when reading and there is nothing more to read.
 * PTP 6.5.2.5.1, TPM_STS_x.burstCount.
 */
static int wait_burst(const struct tpm_dev *dev, bool reading)
{
    uint64_t start = 0;
    bool late = false;

    for (;;) {
        uint32_t status = tpm_dev_read(dev, TIS_STS, 4);

        if (reading && (status & TIS_STS_VALID) && !(status & TIS_STS_DATA))
            return ERR_FORMAT;
        if (TIS_STS_BURST(status))
            return (int)TIS_STS_BURST(status);
        if (late)
            return ERR_TIMEOUT;
        if (!start)
            start = dev->plat->now_us(dev->plat->ctx);
        dev->plat->delay_us(dev->plat->ctx, 10);
        late = dev->plat->now_us(dev->plat->ctx) - start >
               dev->timeout_us[TIMEOUT_D];
    }
}

/* How many bytes, of n that may be moved, one FIFO access can. */
static uint32_t width(const struct tpm_dev *dev, uint32_t n)
{
    if (n > dev->fifo_bytes)
        n = dev->fifo_bytes;
    return n == 3 ? 2 : n;
}

/* One FIFO access of n bytes: 1, 2 or 4. */
static void put(const struct tpm_dev *dev, const uint8_t *p, unsigned n)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < n; i++)
        v |= (uint32_t)p[i] << (8 * i);
    tpm_dev_write(dev, TIS_DATA_FIFO, n, v);
}

static void get(const struct tpm_dev *dev, uint8_t *p, unsigned n)
{
    uint32_t v = tpm_dev_read(dev, TIS_DATA_FIFO, n);

    for (unsigned i = 0; i < n; i++, v >>= 8)
        p[i] = (uint8_t)v;
}

/*
 * Move len bytes through the FIFO, as fast as the burst count allows.  *burst
 * is what is left of the one that was read last.
 */
static int transfer(const struct tpm_dev *dev, uint32_t *burst,
                    const uint8_t *out, uint8_t *in, uint32_t len)
{
    uint32_t step;

    for (uint32_t done = 0; done < len; done += step, *burst -= step) {
        if (!*burst) {
            int rc = wait_burst(dev, in != NULL);

            if (rc < 0)
                return rc;
            *burst = (uint32_t)rc;
        }
        step = width(dev, *burst < len - done ? *burst : len - done);
        if (out)
            put(dev, out + done, step);
        else
            get(dev, in + done, step);
    }
    return 0;
}

static int send_once(struct tpm_dev *dev, const uint8_t *cmd, uint32_t len)
{
    int rc = get_ready(dev);
    uint32_t burst;

    if (rc < 0)
        return rc;
    burst = TIS_STS_BURST((uint32_t)rc);
    rc = transfer(dev, &burst, cmd, NULL, len);
    if (rc < 0)
        return rc;
    rc = wait_status(dev, TIS_STS_VALID, TIMEOUT_C);
    if (rc < 0)
        return rc;
    if (rc & TIS_STS_EXPECT)
        return ERR_DEVICE;              /* a byte was lost */
    tpm_dev_write(dev, TIS_STS, 4, TIS_STS_GO);
    return 0;
}

int tis_send(struct tpm_dev *dev, const uint8_t *cmd, uint32_t len)
{
    int rc = ERR_DEVICE;

    for (unsigned i = 0; i < SEND_TRIES && rc == ERR_DEVICE; i++)
        rc = send_once(dev, cmd, len);
    return rc;
}

int tis_wait(const struct tpm_dev *dev, uint32_t timeout_us)
{
    uint32_t bits = TIS_STS_VALID | TIS_STS_DATA;

    return tpm_dev_wait(dev, TIS_STS, 4, bits, bits, timeout_us);
}

int tis_cancel(const struct tpm_dev *dev)
{
    int rc;

    tpm_dev_write(dev, TIS_STS, 4, TIS_STS_READY);
    rc = wait_status(dev, TIS_STS_READY, TIMEOUT_B);
    return rc < 0 ? rc : 0;
}

static int receive_once(struct tpm_dev *dev, uint32_t status, uint8_t *rsp,
                        uint32_t cap)
{
    uint32_t burst = TIS_STS_BURST(status), size;
    int rc;

    if (cap < TPM_HEADER_SIZE)
        return ERR_SPACE;
    rc = transfer(dev, &burst, NULL, rsp, SIZE_KNOWN);
    if (rc < 0)
        return rc;
    size = (uint32_t)rsp[2] << 24 | (uint32_t)rsp[3] << 16 |
           (uint32_t)rsp[4] << 8 | rsp[5];
    if (size < TPM_HEADER_SIZE || size > TPM_BUFFER_MAX)
        return ERR_FORMAT;
    if (size > cap)
        return ERR_SPACE;
    rc = transfer(dev, &burst, NULL, rsp + SIZE_KNOWN, size - SIZE_KNOWN);
    if (rc < 0)
        return rc;
    rc = wait_status(dev, TIS_STS_VALID, TIMEOUT_C);
    if (rc < 0)
        return rc;
    return rc & TIS_STS_DATA ? ERR_FORMAT : (int)size;  /* longer */
}

int tis_receive(struct tpm_dev *dev, uint32_t status, uint8_t *rsp,
                uint32_t cap)
{
    int rc = ERR_FORMAT;

    for (unsigned i = 0; i < RECEIVE_TRIES && rc == ERR_FORMAT; i++) {
        if (i) {
            tpm_dev_write(dev, TIS_STS, 4, TIS_STS_RETRY);
            rc = tis_wait(dev, dev->timeout_us[TIMEOUT_C]);
            if (rc < 0)
                break;
            status = (uint32_t)rc;
        }
        rc = receive_once(dev, status, rsp, cap);
    }
    return rc;
}

void tis_end(const struct tpm_dev *dev)
{
    tpm_dev_write(dev, TIS_STS, 4, TIS_STS_READY);
}

void tis_release(const struct tpm_dev *dev)
{
    tpm_dev_write(dev, TIS_ACCESS, 1, TIS_ACCESS_ACTIVE);
}
