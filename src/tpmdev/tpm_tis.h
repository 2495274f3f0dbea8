/* SPDX-License-Identifier: MIT */
/*
 * The FIFO interface of a TPM (TIS), locality 0.  Called through tpm_dev.c
 * only; see tpm_dev.h for what each function returns.
 *
 * TCG PC Client TPM Interface Specification 1.3; PC Client Platform TPM
 * Profile 1.05, 6.5.2.
 */
#ifndef HW_TPM_TIS_H
#define HW_TPM_TIS_H

#include "tpmdev/tpm_dev.h"

/* Offsets in a locality's page; widths in bits where not 32 */
#define TIS_ACCESS          0x00u       /* 8 */
#define TIS_INTF_CAP        0x14u
#define TIS_STS             0x18u
#define TIS_DATA_FIFO       0x24u       /* 8, 16 or 32 */
#define TIS_INTF_ID         0x30u
#define TIS_DID_VID         0xf00u

#define TIS_ACCESS_ACTIVE   (1u << 5)   /* write 1: give the locality up */
#define TIS_ACCESS_REQUEST  (1u << 1)

#define TIS_STS_VALID       (1u << 7)
#define TIS_STS_READY       (1u << 6)
#define TIS_STS_GO          (1u << 5)
#define TIS_STS_DATA        (1u << 4)
#define TIS_STS_EXPECT      (1u << 3)
#define TIS_STS_RETRY       (1u << 1)
#define TIS_STS_RESERVED    (1u << 0)   /* reads 0 */
#define TIS_STS_BURST(v)    (((v) >> 8) & 0xffffu)

#define TIS_INTF_CAP_WIDE(v)    ((v) & (3u << 9))   /* not legacy size */
#define TIS_INTF_CAP_VERSION(v) (((v) >> 28) & 7u)  /* 3: TPM 2.0 */

int tis_send(struct tpm_dev *dev, const uint8_t *cmd, uint32_t len);
/* Returns the status. */
int tis_wait(const struct tpm_dev *dev, uint32_t timeout_us);
/* Stop the command in progress; 0 when it has ended. */
int tis_cancel(const struct tpm_dev *dev);
int tis_receive(struct tpm_dev *dev, uint32_t status, uint8_t *rsp,
                uint32_t cap);
/* After a command: the FIFO is emptied. */
void tis_end(const struct tpm_dev *dev);
/* The locality becomes free. */
void tis_release(const struct tpm_dev *dev);

#endif
