/* SPDX-License-Identifier: MIT */
/*
 * For the SHA block functions: say which value is in a register when.  They
 * need every register of a 32-bit machine; left alone, the compiler keeps what
 * it has just stored in a register too, and then has none for the rest.
 * None of the macros is an instruction.
 */
#ifndef TCG_SHA_TUNE_H
#define TCG_SHA_TUNE_H

/* v is in a register now, and nobody knows how it came to its value. */
#define SHA_KEEP(v)     __asm__ volatile("" : "+r"(v))
/* The same for a vector. */
#define SHA_KEEP_XMM(v) __asm__ volatile("" : "+x"(v))
/* What is needed from memory again is read again. */
#define SHA_FORGET()    __asm__ volatile("" : : : "memory")

#endif
