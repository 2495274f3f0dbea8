/* SPDX-License-Identifier: MIT */
/*
 * One TPM behind its register interface: what both drivers, TIS and CRB, have
 * in common.  A command is sent and its response is received separately, so
 * that POST can go on while the TPM works.
 *
 * Leaves to the caller: what the bytes mean, retries of commands, and how long
 * a command may take.
 */
#ifndef HW_TPM_DEV_H
#define HW_TPM_DEV_H

#include "tpmdev/platform.h"

#define TPM_BASE            0xfed40000u
#define TPM_HEADER_SIZE     10u         /* of every command and response */
#define TPM_BUFFER_MAX      4096u       /* the longest either may be */

enum tpm_interface { TPM_IF_NONE, TPM_IF_TIS, TPM_IF_CRB };
enum tpm_timeout { TIMEOUT_A, TIMEOUT_B, TIMEOUT_C, TIMEOUT_D };

struct tpm_dev {
    const struct tcg_platform *plat;
    uint8_t interface;              /* enum tpm_interface */
    uint8_t fifo_bytes;             /* TIS: most bytes per access, 1 or 4 */
    bool keep;                      /* the locality, between commands */
    bool busy;                      /* a command was sent, not yet received */
    bool late;                      /* ... and was reported as timed out */
    uint32_t timeout_us[4];         /* by enum tpm_timeout */
    uint32_t wait_us;               /* and may take so long yet */
    uint32_t cmd_at, cmd_cap;       /* CRB: the buffers' place and size */
    uint32_t rsp_at, rsp_cap;
    uint32_t used;                  /* longest command or response so far */
};

/*
 * Wait for (register & mask) == want.  at is an offset from TPM_BASE, bytes
 * the width.  Looks once before the clock is asked, and once after the time
 * is over; only once if timeout_us is 0.  Returns the register's value's low
 * 31 bits, or ERR_TIMEOUT.
 */
int tpm_dev_wait(const struct tpm_dev *dev, uint32_t at, unsigned bytes,
                 uint32_t mask, uint32_t want, uint32_t timeout_us);

uint32_t tpm_dev_read(const struct tpm_dev *dev, uint32_t at, unsigned bytes);
void tpm_dev_write(const struct tpm_dev *dev, uint32_t at, unsigned bytes,
                   uint32_t v);

/*
 * Send a command and let the TPM run it; it may take duration_us.  A command
 * whose response was not fetched is waited for first, and its response is
 * dropped; one that is late already is cancelled.  Returns 0, ERR_TIMEOUT,
 * ERR_DEVICE (the interface misbehaved), ERR_SPACE (too long for the buffer).
 */
int tpm_dev_send(struct tpm_dev *dev, const uint8_t *cmd, uint32_t len,
                 uint32_t duration_us);

/*
 * Fetch the response.  Returns its length (at least TPM_HEADER_SIZE; equal to
 * the size in its header), or an error: ERR_TIMEOUT, ERR_FORMAT (the size
 * makes no sense), ERR_SPACE (longer than cap), ERR_DEVICE.
 *
 * After a time-out the command goes on and the interface is left alone until
 * the next command: QEMU stops the whole machine over a cancellation until
 * swtpm has confirmed it, which a dead one never does.  What is wrong can be
 * said before that, and a POST that sends nothing more goes on.
 */
int tpm_dev_receive(struct tpm_dev *dev, uint8_t *rsp, uint32_t cap);

/*
 * Give up the locality, which has been ours since the first command: an OS
 * finds it free.  From here on it is taken for each command alone.  That of a
 * command that goes on is given up after it.
 */
void tpm_dev_release(struct tpm_dev *dev);

/*
 * Has the command that was late ended by now?  Looks once, and then for as long
 * as wait_us.  False as well when no command is late.
 */
bool tpm_dev_recovered(const struct tpm_dev *dev, uint32_t wait_us);

/*
 * Overwrite what the interface's memory holds of commands and responses.  A
 * FIFO has none that can be read again.
 */
void tpm_dev_wipe(const struct tpm_dev *dev);

/*
 * Is nothing decoded at TPM_BASE?  By what TIS_INTF_ID and TIS_DID_VID read.
 * A CRB interface has the former, too.
 */
static inline bool tpm_dev_absent(uint32_t intf_id, uint32_t did_vid)
{
    return (intf_id == 0 || intf_id == 0xffffffffu) &&
           (did_vid == 0 || did_vid == 0xffffffffu);
}

#endif
