/* SPDX-License-Identifier: MIT */
/*
 * The results that functions return: 0 or a useful value >= 0 for success,
 * one of these for failure.
 */
#ifndef ERR_H
#define ERR_H

enum err {
    ERR_TIMEOUT = -1,       /* the device did not answer in time */
    ERR_FORMAT  = -2,       /* the bytes break the rules of their format */
    ERR_SPACE   = -3,       /* no room: memory, table or buffer */
    ERR_TPM     = -4,       /* the TPM answered with an error code */
    ERR_DEVICE  = -5,       /* the device reported a failure */
    ERR_ABSENT  = -6,       /* there is no such file, device or medium */
    ERR_PARAM   = -7,       /* the caller asked for something impossible */
    ERR_BUSY    = -8,       /* not now: another request is in the middle */
};

#endif
