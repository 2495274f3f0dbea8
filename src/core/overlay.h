/* SPDX-License-Identifier: MIT */
/*
 * Overlays: code for hardware that not every machine has, compressed in the
 * image and unpacked when that hardware is found.  Each has a resident part,
 * which goes to its own place in the BIOS area, and a POST-only part, which
 * goes behind .init.  Whole folders belong to one: the Makefile's
 * folders_<name>.
 *
 * POST-only code may call into an overlay, after overlay_load() and only then.
 * Other resident code reaches it through pointers that are set meanwhile; the
 * link fails when it names anything in an overlay.  Resident variables of an
 * overlay lie among all others.
 */
#ifndef OVERLAY_H
#define OVERLAY_H

enum overlay { OVERLAY_TPM, OVERLAY_USB };

/*
 * Unpack both parts, before the BIOS area is locked.  Later calls cost
 * nothing.  A damaged image stops the machine with a message.  Resident, but
 * for POST only.
 */
void overlay_load(enum overlay which);

/* The same for the resident part alone: a resume from S3. */
void overlay_load_resident(enum overlay which);

/*
 * Where the used part of the ROM image begins; it goes on to 4 GiB.  What lies
 * below is never looked at.  After overlay_load().
 */
const void *overlay_image_start(void);

#endif
