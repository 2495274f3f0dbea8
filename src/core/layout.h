/* SPDX-License-Identifier: MIT */
/*
 * Where the image and its parts lie in memory.  Used by C, by entry.S and by
 * the linker script, so: numbers only.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

/* What is added to a resident address to get its place in the ROM window. */
#define ROM_OFFSET          0xfff00000

/* Resident data: 32 KiB that stay writable when the BIOS area is locked. */
#define DATA_START          0xe0000
#define DATA_END            0xe8000
#define STACK_SIZE          0x4000      /* grows down from DATA_START + this */
#define STACK_TOP           (DATA_START + STACK_SIZE)
/*
 * Its parts.  The build computes what is used and fails when a limit does not
 * hold: scripts/stackuse, `make stack`.
 */
#define STACK_RESERVE       0x1400      /* for one entry; with less, refused */
#define STACK_CALLEE        0x800       /* left to what call16() calls */
#define STACK_RESUME        (STACK_SIZE / 2)    /* resume.c uses the rest */

/*
 * The lowest bytes of the stack's room, which the stack does not get to before
 * the boot is over: where other processors begin, and their stacks (smp.h).
 * Those are in another page: QEMU's TCG is slow to write where code is.
 */
#define SMP_START           DATA_START
#define SMP_STACKS          (DATA_START + 0x1000)
#define SMP_STACK           0x600
#define SMP_JOBS            4
#define STACK_BOOT          (STACK_SIZE - 0x1000 - SMP_JOBS * SMP_STACK)

/* The least memory that the firmware runs in: POST lies in the third and fourth
 * MiB. */
#define RAM_LEAST           0x400000

/* Where POST-only code and data run; free RAM again after POST. */
#define INIT_START          0x200000
#define TEMP_START          0x300000    /* the temp zone begins here */

/* Global descriptor table */
#define SEL_CODE32          0x08
#define SEL_DATA32          0x10
#define SEL_CODE16          0x18        /* base F0000 */
#define SEL_DATA16          0x20        /* base 0, limit 4 GiB, 16-bit stack */
#define SEL_DATA64K         0x28        /* with 64 KiB, as after reset */
#define SEL_CODE16_LARGE    0x30        /* SEL_CODE16 with 4 GiB */

/* struct bregs: offsets asserted in real.c */
#define BREG_DS             0
#define BREG_ES             2
#define BREG_EDI            4
#define BREG_ESI            8
#define BREG_EBP            12
#define BREG_EBX            16
#define BREG_EDX            20
#define BREG_ECX            24
#define BREG_EAX            28
#define BREG_IP             32
#define BREG_CS             34
#define BREG_FLAGS          36
#define BREG_SIZE           40

#define ENTRY_TAKEN         18      /* bytes of the caller's stack in use */

/* On the resident stack above a struct bregs: who called, and the CPU's state
 * that comes back with the caller. */
#define ENTRY_SS            BREG_SIZE           /* 2 bytes */
#define ENTRY_VECTOR        (BREG_SIZE + 2)     /* 2 bytes */
#define ENTRY_ESP           (BREG_SIZE + 4)     /* 4 bytes */
#define ENTRY_A20           (BREG_SIZE + 8)     /* 4 bytes: 1 = was closed */
#define ENTRY_DR7           (BREG_SIZE + 12)    /* 4 bytes */
#define ENTRY_OUTER         (BREG_SIZE + 16)    /* 4 bytes: rt_entry before */
#define ENTRY_SEL_DS        (BREG_SIZE + 20)    /* 2 bytes each: a descriptor */
#define ENTRY_SEL_ES        (BREG_SIZE + 22)    /* with the segment's limit */
#define ENTRY_SEL_SS        (BREG_SIZE + 24)
#define ENTRY_SEL_CS        (BREG_SIZE + 26)
#define ENTRY_GDTR          (BREG_SIZE + 28)    /* 6 bytes */
#define ENTRY_IDTR          (BREG_SIZE + 34)    /* 6 bytes */
#define ENTRY_SIZE          (BREG_SIZE + 40)

/* Virtual-8086 callers (v86.h): struct v86_call begins like the above. */
#define V86_SLOTS           4           /* calls that wait at a time */
#define V86_SLOT            (BREG_SIZE + 24)    /* 4 bytes */
#define V86_SIZE            (BREG_SIZE + 28)
#define V86_STACK           (STACK_RESERVE + 0x400)     /* of each */

/* System management mode: SMRAM as v86_entry.S, smi.S and hw/smm.c share it. */
#define SMI_PORT            0xb2
#define SMI_COMMAND         0x4b        /* none that QEMU takes for ACPI's */
#define SMI_COMES           4           /* bytes behind an OUT of v86_entry.S */
#define SMBASE_RESET        0x30000     /* where a reset leaves it */
#define SMBASE              0xa0000
#define SMM_CODE            (SMBASE + 0x8000)   /* smi.S */
#define SMM_SLOTS           (SMBASE + 0x9000)   /* struct smm_slot[V86_SLOTS] */
#define SMM_REFUSED         (SMBASE + 0x9100)   /* calls in a row, smi.S */
#define SMM_FLAT            (SMBASE + 0x9200)   /* state of the firmware's C; */
#define SMM_FLAT_KNOWN      (SMM_FLAT + 0xfc)   /* 0: not kept yet (revision) */
#define SMM_STATES          (SMBASE + 0x9400)   /* the callers' */
#define SMM_SAVED           (SMBASE + 0xfe00)   /* where the CPU saves */
#define SMM_SAVED_SIZE      0x200
#define SMM_SLOT_SIZE       16

/* What the firmware's C asks of the handler, in ECX */
#define SMI_CAME_BACK_CLOSED 2          /* an answer of SMI_CALL_OUT */
#define SMI_KEEP_STATE      1           /* this is the state for C */
#define SMI_CALL_OUT        2           /* to slot EBX' caller, and come back */
#define SMI_RETURN          3           /* to slot EBX' caller for good */

/* Numbers beyond interrupt vectors for entries that are called far. */
#define ENTRY_FAR           0x100
#define ENTRY_PMM           0x100
#define ENTRY_PNP           0x101
/* And what v86_entry.S leaves to C of the IRQs 1, 12 and 8: the byte in AL. */
#define ENTRY_KEY           0x200
#define ENTRY_MOUSE         0x201
#define ENTRY_CLOCK         0x202

#define FSEG_ZONE_SIZE      0x800      /* tables in F0000-FFFFF */

#endif
