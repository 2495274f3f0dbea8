/* SPDX-License-Identifier: MIT */
/*
 * The FIFO interface of a TPM (TIS), locality 0: requests the locality for
 * each command and releases it afterwards, so that an OS finds it free.
 * Resident.
 *
 * TCG PC Client TPM Interface Specification 1.3; PC Client Platform TPM
 * Profile 1.05, 6.5.2.
 */
#include "tpmdev/tpm_tis.h"

#include "lib/err.h"

#define SEND_TRIES      2
#define RECEIVE_TRIES   3

static int wait_status(const struct tpm_dev *dev, uint32_t bits,
                       enum tpm_timeout limit)
{
    return tpm_dev_wait(dev, TIS_STS, 4, bits, bits, dev->timeout_us[limit]);
}

/*
 * A locality's status reads as all ones until it is the active one.  ACCESS
 * says so, too, but QEMU asks swtpm for a part of what is read there, and
 * stops the machine until it answers.
 */
static int request_locality(const struct tpm_dev *dev)
{
    int rc;

    tpm_dev_write(dev, TIS_ACCESS, 1, TIS_ACCESS_REQUEST);
    rc = tpm_dev_wait(dev, TIS_STS, 4, TIS_STS_RESERVED, 0,
                      dev->timeout_us[TIMEOUT_A]);
    return rc < 0 ? rc : 0;
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

/* One FIFO access of n bytes, 1 or fifo_bytes. */
static void put(const struct tpm_dev *dev, const uint8_t *p, unsigned n)
{
    uint32_t v = p[0];

    if (n == 4)
        v |= (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    tpm_dev_write(dev, TIS_DATA_FIFO, n, v);
}

static void get(const struct tpm_dev *dev, uint8_t *p, unsigned n)
{
    uint32_t v = tpm_dev_read(dev, TIS_DATA_FIFO, n);

    for (unsigned i = 0; i < n; i++, v >>= 8)
        p[i] = (uint8_t)v;
}

/* Move len bytes through the FIFO, as fast as the burst count allows. */
static int transfer(const struct tpm_dev *dev, const uint8_t *out,
                    uint8_t *in, uint32_t len)
{
    uint32_t done = 0;

    while (done < len) {
        int burst = wait_burst(dev, in != NULL);
        uint32_t n, step;

        if (burst < 0)
            return burst;
        n = (uint32_t)burst < len - done ? (uint32_t)burst : len - done;
        for (; n; n -= step, done += step) {
            step = n >= dev->fifo_bytes ? dev->fifo_bytes : 1;
            if (out)
                put(dev, out + done, step);
            else
                get(dev, in + done, step);
        }
    }
    return 0;
}

static int send_once(struct tpm_dev *dev, const uint8_t *cmd, uint32_t len)
{
    int rc;

    tpm_dev_write(dev, TIS_STS, 4, TIS_STS_READY);
    rc = wait_status(dev, TIS_STS_READY, TIMEOUT_B);
    if (rc < 0)
        return rc;
    rc = transfer(dev, cmd, NULL, len - 1);
    if (rc < 0)
        return rc;
    rc = wait_status(dev, TIS_STS_VALID, TIMEOUT_C);
    if (rc < 0)
        return rc;
    if (!(rc & TIS_STS_EXPECT))
        return ERR_DEVICE;              /* it believes it has everything */
    rc = transfer(dev, cmd + len - 1, NULL, 1);
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
    int rc = request_locality(dev);

    for (unsigned i = 0; rc == 0 && i < SEND_TRIES; i++) {
        rc = send_once(dev, cmd, len);
        if (rc != ERR_DEVICE)
            return rc;
        rc = i + 1 < SEND_TRIES ? 0 : rc;
    }
    return rc;
}

int tis_wait(const struct tpm_dev *dev, uint32_t timeout_us)
{
    uint32_t bits = TIS_STS_VALID | TIS_STS_DATA;
    int rc = tpm_dev_wait(dev, TIS_STS, 4, bits, bits, timeout_us);

    return rc < 0 ? rc : 0;
}

int tis_cancel(const struct tpm_dev *dev)
{
    int rc;

    tpm_dev_write(dev, TIS_STS, 4, TIS_STS_READY);
    rc = wait_status(dev, TIS_STS_READY, TIMEOUT_B);
    return rc < 0 ? rc : 0;
}

static int receive_once(struct tpm_dev *dev, uint8_t *rsp, uint32_t cap)
{
    uint32_t size;
    int rc;

    if (cap < TPM_HEADER_SIZE)
        return ERR_SPACE;
    rc = transfer(dev, NULL, rsp, TPM_HEADER_SIZE);
    if (rc < 0)
        return rc;
    size = (uint32_t)rsp[2] << 24 | (uint32_t)rsp[3] << 16 |
           (uint32_t)rsp[4] << 8 | rsp[5];
    if (size < TPM_HEADER_SIZE || size > TPM_BUFFER_MAX)
        return ERR_FORMAT;
    if (size > cap)
        return ERR_SPACE;
    rc = transfer(dev, NULL, rsp + TPM_HEADER_SIZE, size - TPM_HEADER_SIZE);
    if (rc < 0)
        return rc;
    rc = wait_status(dev, TIS_STS_VALID, TIMEOUT_C);
    if (rc < 0)
        return rc;
    return rc & TIS_STS_DATA ? ERR_FORMAT : (int)size;  /* longer */
}

int tis_receive(struct tpm_dev *dev, uint8_t *rsp, uint32_t cap)
{
    int rc = ERR_FORMAT;

    for (unsigned i = 0; i < RECEIVE_TRIES && rc == ERR_FORMAT; i++) {
        if (i) {
            tpm_dev_write(dev, TIS_STS, 4, TIS_STS_RETRY);
            rc = tis_wait(dev, dev->timeout_us[TIMEOUT_C]);
            if (rc < 0)
                break;
        }
        rc = receive_once(dev, rsp, cap);
    }
    return rc;
}

void tis_end(struct tpm_dev *dev)
{
    tpm_dev_write(dev, TIS_STS, 4, TIS_STS_READY);
    tpm_dev_write(dev, TIS_ACCESS, 1, TIS_ACCESS_ACTIVE);
}
