/* SPDX-License-Identifier: MIT */
/*
 * What the files of the menu share.  POST only.
 */
#ifndef TCG_MENU_PAGES_H
#define TCG_MENU_PAGES_H

#include "tcg/ppi.h"

#define LINE_MAX        80u

/* Text to the console. */
void menu_put(struct tcg *t, const char *text);
/* The next key, however long it takes. */
int menu_key(struct tcg *t);

/* The page about the event log.  Returns false: nothing is to be reset. */
bool menu_log(struct tcg *t, struct tcg_ppi *ppi);

#endif
