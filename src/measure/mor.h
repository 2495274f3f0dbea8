/* SPDX-License-Identifier: MIT */
/*
 * The memory overwrite request: an operating system with secrets in RAM asks
 * that they are gone before anything else runs.  POST only.
 */
#ifndef MOR_H
#define MOR_H

/*
 * If the request is there, clear RAM and then the request.  Once fw_cfg and
 * the memory map are known, before anything is allocated or kept in low
 * memory, and before anything else reads the PPI memory; not on a resume.
 */
void memory_overwrite(void);

#endif
