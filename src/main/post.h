/* SPDX-License-Identifier: MIT */
/*
 * POST, entered once by start().
 */
#ifndef POST_H
#define POST_H

void post(void);

#endif
