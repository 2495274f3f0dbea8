/* SPDX-License-Identifier: MIT */
/*
 * What INT 09h (keyboard.c) and INT 16h (int16.c) share: the keyboard's states
 * at 40:17, and the buffer of keys (key_buffer.c).
 */
#ifndef KEYS_H
#define KEYS_H

#include "lib/compiler.h"

/* BDA 17h, low byte: shift states as INT 16h AH=02h reports them */
#define SHIFT_RIGHT         (1u << 0)
#define SHIFT_LEFT          (1u << 1)
#define SHIFT_CTRL          (1u << 2)
#define SHIFT_ALT           (1u << 3)
#define LOCK_SCROLL         (1u << 4)
#define LOCK_NUM            (1u << 5)
#define LOCK_CAPS           (1u << 6)
#define LOCK_INSERT         (1u << 7)
/* high byte: keys that are down */
#define DOWN_LEFT_CTRL      (1u << 8)
#define DOWN_LEFT_ALT       (1u << 9)
#define DOWN_SYSREQ         (1u << 10)
#define DOWN_SCROLL         (1u << 12)
#define DOWN_NUM            (1u << 13)
#define DOWN_CAPS           (1u << 14)
#define DOWN_INSERT         (1u << 15)

/* Keys that wait.  The other two only when key_waits(). */
bool key_waits(void);
uint16_t key_first(void);
void key_drop(void);

#endif
