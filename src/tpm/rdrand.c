/* SPDX-License-Identifier: MIT */
/*
 * RDRAND, for a secret when the TPM itself gives no random numbers.  Resident.
 *
 * What it gives is the host's word, as all of the machine is: QEMU's own
 * generator, or the processor's.  Only what is known to go wrong is looked for.
 * CF clear means "not now", and 10 tries are what Intel's guide asks for.
 * Processors of AMD (families 15h to 17h) were seen to answer FFFFFFFFh with CF
 * set for ever, some of them after S3.  So words of 0 and of all ones, and a
 * word like the one before, count as failures.  For a good source that throws
 * away one word in a thousand million.
 *
 * Intel 64 and IA-32 Software Developer's Manual 1, 7.3.17.
 */
#include "tpm/rdrand.h"

#include "lib/err.h"
#include "lib/io.h"

#define CPUID_1_ECX_RDRAND  (1u << 30)
#define TRIES               10u

int rdrand_fill(bool (*next)(uint32_t *word), uint8_t *to, size_t len)
{
    uint32_t word = 0, last;
    unsigned tries = 0;

    for (size_t i = 0; i < len; ) {
        last = word;
        if (!next(&word) || !word || word == UINT32_MAX || word == last) {
            if (++tries == TRIES)
                return ERR_ABSENT;
            word = last;
            cpu_pause();
            continue;
        }
        tries = 0;
        for (unsigned k = 0; k < 4; k++, i++)
            to[i] = (uint8_t)(word >> (8 * k));
    }
    return 0;
}

static bool rdrand(uint32_t *word)
{
    bool carry;

    __asm__ volatile("rdrand %0; setc %1" : "=r"(*word), "=qm"(carry)
                     : : "cc");
    return carry;
}

int rdrand_bytes(void *ctx, void *to, size_t len)
{
    uint32_t r[4];

    (void)ctx;
    cpuid(1, 0, r);
    return r[2] & CPUID_1_ECX_RDRAND ? rdrand_fill(rdrand, to, len)
                                     : ERR_ABSENT;
}
