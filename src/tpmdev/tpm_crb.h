/* SPDX-License-Identifier: MIT */
/*
 * The command response buffer interface of a TPM 2.0 (CRB), locality 0.
 * Called through tpm_dev.c only; see tpm_dev.h for what each function returns.
 *
 * PC Client Platform TPM Profile 1.05, 6.5.3.
 */
#ifndef HW_TPM_CRB_H
#define HW_TPM_CRB_H

#include "tpmdev/tpm_dev.h"

/* Offsets in a locality's page, all 32 bits */
#define CRB_LOC_CTRL        0x08u
#define CRB_LOC_STS         0x0cu
#define CRB_INTF_ID         0x30u
#define CRB_CTRL_REQ        0x40u
#define CRB_CTRL_STS        0x44u
#define CRB_CTRL_CANCEL     0x48u
#define CRB_CTRL_START      0x4cu
#define CRB_CMD_SIZE        0x58u
#define CRB_CMD_LOW         0x5cu
#define CRB_CMD_HIGH        0x60u
#define CRB_RSP_SIZE        0x64u
#define CRB_RSP_LOW         0x68u
#define CRB_RSP_HIGH        0x6cu
#define CRB_DATA            0x80u
#define CRB_PAGE            0x1000u

#define CRB_LOC_CTRL_REQUEST    (1u << 0)
#define CRB_LOC_CTRL_RELINQUISH (1u << 1)
#define CRB_LOC_STS_GRANTED     (1u << 0)
#define CRB_LOC_STS_SEIZED      (1u << 1)
#define CRB_REQ_READY           (1u << 0)
#define CRB_REQ_IDLE            (1u << 1)
#define CRB_STS_ERROR           (1u << 0)
#define CRB_STS_IDLE            (1u << 1)
#define CRB_CANCEL              (1u << 0)
#define CRB_START               (1u << 0)

/*
 * Learn where the buffers are.  They must lie in the locality's own page,
 * after the registers.  Returns 0 or ERR_DEVICE.
 */
int crb_probe(struct tpm_dev *dev);
int crb_send(struct tpm_dev *dev, const uint8_t *cmd, uint32_t len);
/* Returns 0 when the command has ended. */
int crb_wait(const struct tpm_dev *dev, uint32_t timeout_us);
/* Stop the command in progress; 0 when it has ended. */
int crb_cancel(const struct tpm_dev *dev);
int crb_receive(struct tpm_dev *dev, uint32_t status, uint8_t *rsp,
                uint32_t cap);
/* After a command: the TPM becomes idle. */
void crb_end(const struct tpm_dev *dev);
/* The locality becomes free. */
void crb_release(const struct tpm_dev *dev);
/* Zeros over the buffers, as far as they have been used. */
void crb_wipe(const struct tpm_dev *dev);

#endif
