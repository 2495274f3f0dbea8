/* SPDX-License-Identifier: MIT */
/*
 * How fast the firmware's hashes are on this processor, a host's or that of a
 * guest: the very objects of the firmware, which are 32-bit code, called from
 * this 64-bit program through the system's 32-bit code segment (the kernel
 * need not run 32-bit programs).  tests/bench/hashes.py builds and runs it.
 *
 *     hashes SECONDS [MIB [WHO ALGORITHM]]
 *
 * Lines "WHO ALGORITHM MB/s DIGEST": the best of three runs of SECONDS each in
 * processor time, and the digest of MIB MiB (default 16) whose bytes i are
 * (i * 2654435761 mod 2^32) >> 13 mod 256.  WHO and ALGORITHM: only this.
 *
 * Some systems have no 32-bit code segment: exit status 3.  For them there is
 * POINTERS32: IMAGE is then 64-bit code with 32-bit pointers.
 *
 * Linux x86-64; linked static at an address below 4 GiB.  IMAGE is the file
 * with hashes32.c and the firmware's objects, for address BASE; ENTRY is
 * hashes32().
 */
#define _GNU_SOURCE
#include "hashes.h"

#include <cpuid.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define STACK       0x58000000u
#define STACK_LEN   0x10000u
#define DATA        0x60000000u
#define BEST_OF     3

/* User-mode selectors of every x86-64 Linux. */
#define CODE32      "0x23"
#define CODE64      "0x33"
#define DATA32      "0x2b"

extern const uint8_t image[], image_end[];
__asm__(".section .rodata\n"
        "image: .incbin \"" IMAGE "\"\n"
        "image_end:\n"
        ".text\n");

#ifdef POINTERS32
#define CALL                                                            \
        "mov %esi, %edi\n"                                              \
        "call *%rcx\n"
#else
#define CALL                                                            \
        "mov $" DATA32 ", %edx\n"                                       \
        "mov %edx, %ds; mov %edx, %es\n"                                \
        "pushq $" CODE32 "\n"                                           \
        "pushq $1f\n"                                                   \
        "lretq\n"                                                       \
        ".code32\n"                                                     \
        "1: mov %esi, %eax\n"                                           \
        "cld\n"                                                         \
        "call *%ecx\n"                                                  \
        "pushl $" CODE64 "\n"                                           \
        "pushl $2f\n"                                                   \
        "lret\n"                                                        \
        ".code64\n"                                                     \
        "2: xor %edx, %edx\n"                                           \
        "mov %edx, %ds; mov %edx, %es\n"
#endif

/*
 * Call 32-bit code: EDI = function, ESI = its argument, EDX = end of a stack
 * below 4 GiB.  A function with regparm takes its argument in EAX.
 */
void call32(uint32_t function, uint32_t argument, uint32_t stack);
__asm__("call32:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "mov %rsp, saved_rsp\n"
        "mov %edx, %esp\n"
        "mov %edi, %ecx\n"
        CALL
        "mov saved_rsp, %rsp\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "ret\n"
        ".local saved_rsp; .comm saved_rsp, 8, 8\n");

static void *map(uint32_t at, size_t len, int more)
{
    void *p = mmap((void *)(uintptr_t)at, len, PROT_READ | PROT_WRITE | more,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (p != (void *)(uintptr_t)at) {
        perror("hashes: memory at a fixed address");
        exit(2);
    }
    return p;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static const char *const names[] = {
    [FIRMWARE] = "firmware", [FIRMWARE_SSE2] = "firmware-sse2",
    [FIRMWARE_AVX2] = "firmware-avx2",
    [FIRMWARE_SHA] = "firmware-sha",
    [OPENSSL32] = "openssl32",
};

static void measure(enum who who, const char *name, uint32_t alg,
                    double seconds, uint32_t len)
{
    struct request *r = (struct request *)(uintptr_t)STACK;
    double best = 0;

    *r = (struct request){ .who = who, .alg = alg, .data = DATA, .len = len };
    for (unsigned turn = 0; turn < BEST_OF; turn++) {
        double start = now(), spent;
        double done = 0;

        do {
            call32(ENTRY, STACK, STACK + STACK_LEN);
            if (r->size == 0)
                return;
            done += len;
            spent = now() - start;
        } while (spent < seconds);
        if (done / spent > best)
            best = done / spent;
    }
    printf("%s %s %.1f ", names[who], name, best / 1e6);
    for (uint32_t i = 0; i < r->size; i++)
        printf("%02x", r->digest[i]);
    putchar('\n');
    fflush(stdout);
}

/* The processor lets this program load the selector of 32-bit code. */
__attribute__((unused)) static bool have_code32(void)
{
    bool ok;

    __asm__("lar %1, %%eax" : "=@ccz"(ok) : "r"(0x23) : "eax");
    return ok;
}

static bool have_sha(void)
{
    unsigned a, b, c, d;

    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & 1u << 29;
}

static bool can_run(enum who who)
{
    return (who != FIRMWARE_SHA || have_sha()) &&
           (who != FIRMWARE_AVX2 || __builtin_cpu_supports("avx2"));
}

int main(int argc, char **argv)
{
    static const struct { const char *name; uint32_t alg; } algs[] = {
        { "sha1", 0x04 }, { "sha256", 0x0b }, { "sha384", 0x0c },
        { "sha512", 0x0d }, { "sm3_256", 0x12 }, { "sha3_256", 0x27 },
        { "sha3_384", 0x28 }, { "sha3_512", 0x29 }, { "banks", ALL_BANKS },
        { "long", LONG_BANKS },
    };
    double seconds = argc > 1 ? atof(argv[1]) : 0;
    uint32_t len = (argc > 2 ? (uint32_t)atoi(argv[2]) : 16) << 20;
    uint8_t *data;

    if (seconds <= 0 || len == 0) {
        fprintf(stderr, "usage: hashes SECONDS [MIB [WHO ALGORITHM]]\n");
        return 2;
    }
#ifndef POINTERS32
    if (!have_code32()) {
        fprintf(stderr, "hashes: this system has no 32-bit code segment\n");
        return 3;
    }
#endif
    data = map(DATA, len, 0);
    for (uint32_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    memcpy(map(BASE, (size_t)(image_end - image), PROT_EXEC), image,
           (size_t)(image_end - image));
    map(STACK, STACK_LEN, 0);
    for (enum who who = FIRMWARE; who <= OPENSSL32; who++) {
        if (!can_run(who))
            continue;
        for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
            bool wanted = argc < 5 || (strcmp(argv[3], names[who]) == 0 &&
                                       strcmp(argv[4], algs[i].name) == 0);

            if (wanted && (who != OPENSSL32 || algs[i].alg < LONG_BANKS))
                measure(who, algs[i].name, algs[i].alg, seconds, len);
        }
    }
    return 0;
}
