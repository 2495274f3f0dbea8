/* SPDX-License-Identifier: MIT */
/*
 * The monitor of the virtual-8086 tests: v86_monitor.c has the processor's
 * side, v86_monitor_memory.c page tables and what must not change,
 * v86_monitor_devices.c ports and IRQs.  32-bit code in ring 0.
 */
#ifndef RM_V86_MONITOR_H
#define RM_V86_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report.h"
#include "v86.h"

#define FLAG_TF         0x100u
#define FLAG_IF         0x200u
#define FLAGS_IOPL      0x3000u
#define FLAG_VM         0x20000u

/* What handlers find on the stack; v86_monitor_entry.S */
struct frame {
    uint32_t edi, esi, ebp, none, ebx, edx, ecx, eax;
    uint32_t vector, error;
    uint32_t eip, cs, eflags, esp, ss, es, ds, fs, gs;
};

/* A guest.  The one that does not run keeps its frame here. */
struct task {
    struct frame f;
    uint32_t cr3;
    uint32_t pending;           /* IRQs: a bit each */
    bool interrupts;            /* IOPL 0: its virtual IF */
    bool halted, there;
    uint32_t guard_ip, guard_sp, guard_ticks;
};

extern struct task *task, tasks[2];
extern uint32_t mode;

/* v86_monitor.c */
/* Say what the firmware did wrong; the guest goes on behind its call, if it is
 * in one, or else the machine ends. */
void fatal(struct frame *f, const char *what);
/* As the processor does it in real mode. */
void reflect(struct frame *f, uint8_t vector);
bool interrupts_on(const struct frame *f);

/* v86_monitor_memory.c */
void memory_setup(void);
void memory_second(void);
void memory_off(void);
void page_set(uint32_t page, uint32_t kind);
void a20_set(bool open);
bool a20_get(void);
void page_fault(struct frame *f);
void stepped(struct frame *f);
/* What of the processor and of memory is not what it was: CHANGED_... */
void keep_state(void);
uint32_t changed(void);
uint32_t physical_read(uint32_t at);
void physical_write(uint32_t at, uint32_t v);
extern uint32_t count_lazy, count_denied;

/* v86_monitor_devices.c */
void devices_setup(uint8_t *io_map);
void devices_off(void);
void irq(struct frame *f, uint8_t line);
/* Emulate an instruction for a port that is not free; false: it is none. */
bool port_instruction(struct frame *f, const uint8_t *code, uint32_t prefixes,
                      bool wide);
void deliver(struct frame *f);
extern uint32_t count_ports;
extern uint8_t focus;

#endif
