/* SPDX-License-Identifier: MIT */
/*
 * Looking for drives on all controllers.  POST only.
 *
 * Order of calls: drives_start() once PCI resources are set; it sends every
 * controller its first command and does not wait.  drives_finish() waits for
 * the slowest and completes the list of drives (disk/block.h).
 */
#ifndef DRIVES_H
#define DRIVES_H

void drives_start(void);
void drives_finish(void);

/* USB first, as soon as there is a console: its keyboards may be the only
 * ones, and questions follow. */
void drives_finish_usb(void);

#endif
