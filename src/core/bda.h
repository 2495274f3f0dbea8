/* SPDX-License-Identifier: MIT */
/*
 * The BIOS data area at 400h, the interrupt vectors at 0, and the extended
 * BIOS data area whose segment stands at 40:0E.
 */
#ifndef BDA_H
#define BDA_H

#include "lib/compiler.h"

struct farptr { uint16_t off, seg; } PACKED;

struct bda {
    uint16_t com_port[4];           /* 00 */
    uint16_t lpt_port[3];           /* 08 */
    uint16_t ebda_seg;              /* 0E */
    uint16_t equipment;             /* 10 */
    uint8_t  reserved12;            /* 12 */
    uint16_t mem_kib;               /* 13: base memory */
    uint8_t  reserved15, ps2_ctrl;  /* 15 */
    uint16_t kbd_flags;             /* 17: AH=02/12h status */
    uint8_t  alt_keypad;            /* 19 */
    uint16_t kbd_head, kbd_tail;    /* 1A, 1C: offsets in segment 40 */
    uint16_t kbd_buf[16];           /* 1E */
    uint8_t  floppy_recalibrate;    /* 3E */
    uint8_t  floppy_motor;          /* 3F */
    uint8_t  floppy_motor_count;    /* 40 */
    uint8_t  floppy_status;         /* 41 */
    uint8_t  floppy_result[7];      /* 42 */
    uint8_t  video_mode;            /* 49 */
    uint16_t video_cols;            /* 4A */
    uint16_t video_page_size;       /* 4C */
    uint16_t video_page_start;      /* 4E */
    uint16_t cursor_pos[8];         /* 50: low byte column, high byte row */
    uint16_t cursor_type;           /* 60 */
    uint8_t  video_page;            /* 62 */
    uint16_t crtc_port;             /* 63 */
    uint8_t  video_msr, video_pal;  /* 65 */
    struct farptr jump;             /* 67: shutdown codes 05, 0A */
    uint8_t  last_irq;              /* 6B */
    uint32_t ticks;                 /* 6C */
    uint8_t  midnight;              /* 70 */
    uint8_t  break_flag;            /* 71 */
    uint16_t soft_reset;            /* 72 */
    uint8_t  disk_status;           /* 74 */
    uint8_t  disk_count;            /* 75 */
    uint8_t  disk_control;          /* 76 */
    uint8_t  disk_port_offset;      /* 77 */
    uint8_t  lpt_timeout[4];        /* 78 */
    uint8_t  com_timeout[4];        /* 7C */
    uint16_t kbd_buf_start;         /* 80 */
    uint16_t kbd_buf_end;           /* 82 */
    uint8_t  video_rows;            /* 84: last row */
    uint16_t char_height;           /* 85 */
    uint8_t  video_ctl, video_switches, modeset_ctl, dcc_index; /* 87 */
    uint8_t  floppy_rate;           /* 8B */
    uint8_t  disk_ctl_status, disk_ctl_error, disk_irq; /* 8C */
    uint8_t  floppy_info;           /* 8F */
    uint8_t  floppy_media[4];       /* 90 */
    uint8_t  floppy_track[2];       /* 94 */
    uint8_t  kbd_mode;              /* 96: AH=12h state, E0/E1 seen */
    uint8_t  kbd_leds;              /* 97 */
    struct farptr wait_flag;        /* 98 */
    uint32_t wait_us;               /* 9C */
    uint8_t  wait_active;           /* A0 */
    uint8_t  reserveda1[7];         /* A1 */
    struct farptr video_save;       /* A8 */
    uint8_t  reservedac[0x100 - 0xac];
} PACKED;
_Static_assert(sizeof(struct bda) == 0x100, "BDA is 256 bytes");
_Static_assert(offsetof(struct bda, ticks) == 0x6c, "BDA ticks");
_Static_assert(offsetof(struct bda, kbd_buf_start) == 0x80, "BDA keyboard");
_Static_assert(offsetof(struct bda, wait_flag) == 0x98, "BDA wait flag");

/* Where the caller's first page is: 0, but for a virtual-8086 caller whose
 * page tables say otherwise (Windows gives each DOS box its own).  v86.c. */
extern uint32_t low_page;

/* Through a volatile pointer: interrupt handlers change it under us. */
#define bda         ((volatile struct bda *)(uintptr_t)(low_page + 0x400))
#define ivt         ((volatile struct farptr *)(uintptr_t)low_page)

#define EBDA_SEG            0x9fc0u     /* 1 KiB below 640 KiB */
#define EBDA_SIZE_KIB       1u

#endif
