/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE          /* RTLD_NEXT */
#include "realtpm.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libtpms/tpm_library.h>
#include <libtpms/tpm_error.h>
#include <libtpms/tpm_memory.h>

static struct { char name[32]; unsigned char *data; uint32_t len; } nv[8];
static int version;
static bool running;

static int find(const char *name)
{
    for (int i = 0; i < 8; i++)
        if (nv[i].data && !strcmp(nv[i].name, name))
            return i;
    return -1;
}

static TPM_RESULT nv_init(void)
{
    return 0;
}

static TPM_RESULT nv_load(unsigned char **data, uint32_t *len, uint32_t n,
                          const char *name)
{
    int i = find(name);

    (void)n;
    if (i < 0)
        return TPM_RETRY;
    *len = nv[i].len;
    if (TPM_Malloc(data, nv[i].len))
        return TPM_FAIL;
    memcpy(*data, nv[i].data, nv[i].len);
    return 0;
}

static TPM_RESULT nv_store(const unsigned char *data, uint32_t len,
                           uint32_t n, const char *name)
{
    int i = find(name);

    (void)n;
    for (int j = 0; i < 0 && j < 8; j++)
        if (!nv[j].data)
            i = j;
    if (i < 0)
        return TPM_FAIL;
    free(nv[i].data);
    snprintf(nv[i].name, sizeof(nv[i].name), "%s", name);
    nv[i].data = malloc(len);
    nv[i].len = len;
    memcpy(nv[i].data, data, len);
    return 0;
}

static TPM_RESULT nv_delete(uint32_t n, const char *name, TPM_BOOL must)
{
    int i = find(name);

    (void)n;
    if (i < 0)
        return must ? TPM_FAIL : 0;
    free(nv[i].data);
    nv[i].data = NULL;
    return 0;
}

static TPM_RESULT io_init(void)
{
    return 0;
}

static TPM_RESULT locality(TPM_MODIFIER_INDICATOR *l, uint32_t n)
{
    (void)n;
    *l = 0;
    return 0;
}

static TPM_RESULT presence(TPM_BOOL *pp, uint32_t n)
{
    (void)n;
    *pp = 0;
    return 0;
}

/* libcrypto's, without its headers: a function of that name. */
#define CRYPTO(type, name)  ((type)(uintptr_t)dlsym(RTLD_NEXT, name))

typedef int (*generate_fn)(void *rsa, int bits, void *e, void *callback);
typedef int (*up_ref_fn)(void *rsa);
typedef void (*get_key_fn)(void *rsa, void **n, void **e, void **d);
typedef void (*get_factors_fn)(void *rsa, void **p, void **q);
typedef int (*set_key_fn)(void *rsa, void *n, void *e, void *d);
typedef int (*set_factors_fn)(void *rsa, void *p, void *q);
typedef void *(*dup_fn)(void *number);

/*
 * In place of libcrypto's: a TPM 1.2 makes a key to test itself whenever it is
 * switched on, which takes longer than all else that tests do.  It gets the
 * first one of that size again.
 */
int RSA_generate_key_ex(void *rsa, int bits, void *e, void *callback);

int RSA_generate_key_ex(void *rsa, int bits, void *e, void *callback)
{
    static struct { int bits; void *rsa; } made[4];
    dup_fn dup = CRYPTO(dup_fn, "BN_dup");
    void *n, *d, *p, *q;
    int i, rc;

    for (i = 0; i < 4 && made[i].rsa && made[i].bits != bits; i++) {
    }
    if (i < 4 && made[i].rsa) {
        CRYPTO(get_key_fn, "RSA_get0_key")(made[i].rsa, &n, &e, &d);
        CRYPTO(get_factors_fn, "RSA_get0_factors")(made[i].rsa, &p, &q);
        return CRYPTO(set_key_fn, "RSA_set0_key")(rsa, dup(n), dup(e),
                                                  dup(d)) &&
               CRYPTO(set_factors_fn, "RSA_set0_factors")(rsa, dup(p), dup(q));
    }
    rc = CRYPTO(generate_fn, "RSA_generate_key_ex")(rsa, bits, e, callback);
    if (rc == 1 && i < 4 && CRYPTO(up_ref_fn, "RSA_up_ref")(rsa)) {
        made[i].bits = bits;
        made[i].rsa = rsa;
    }
    return rc;
}

static void start(void)
{
    static struct libtpms_callbacks cb = {
        sizeof(cb), nv_init, nv_load, nv_store, nv_delete, io_init,
        locality, presence,
    };

    if (TPMLIB_ChooseTPMVersion(version == 1 ? TPMLIB_TPM_VERSION_1_2
                                             : TPMLIB_TPM_VERSION_2) ||
        TPMLIB_RegisterCallbacks(&cb) || TPMLIB_MainInit()) {
        fprintf(stderr, "libtpms does not start\n");
        exit(1);
    }
    running = true;
}

void realtpm_end(void)
{
    if (running) {
        TPMLIB_Terminate();
        running = false;
    }
    for (int i = 0; i < 8; i++) {
        free(nv[i].data);
        nv[i].data = NULL;
    }
}

void realtpm_new(int v)
{
    realtpm_end();
    version = v;
    start();
}

void realtpm_reset(void)
{
    TPMLIB_Terminate();
    start();
}

int realtpm_exec(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
                 uint32_t cap)
{
    unsigned char *out = NULL, *in = malloc(len);
    uint32_t n = 0, total = 0;

    (void)arg;
    memcpy(in, cmd, len);
    if (TPMLIB_Process(&out, &n, &total, in, len) || n > cap) {
        fprintf(stderr, "libtpms failed\n");
        exit(1);
    }
    free(in);
    memcpy(rsp, out, n);
    TPM_Free(out);
    return (int)n;
}

int realtpm_garble(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
                   uint32_t cap)
{
    int n = realtpm_exec(arg, cmd, len, rsp, cap);

    rsp[0] = 0x5a;
    memset(rsp + 6, 0x5a, (size_t)n - 6);
    return n;
}

int realtpm_other(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
                  uint32_t cap)
{
    int n = realtpm_exec(arg, cmd, len, rsp, cap);

    for (int i = 10; i + 4 <= n; i++)
        if (!memcmp(rsp + i, "IBM", 4))
            memcpy(rsp + i, "IFX", 4);
    return n;
}

uint32_t realtpm_hex(const char *hex)
{
    uint8_t cmd[1024], rsp[4096];
    uint32_t n = 0;
    unsigned v;
    int used;

    while (sscanf(hex, " %2x%n", &v, &used) == 1) {
        cmd[n++] = (uint8_t)v;
        hex += used;
    }
    cmd[2] = cmd[3] = 0;
    cmd[4] = (uint8_t)(n >> 8);
    cmd[5] = (uint8_t)n;
    if (realtpm_exec(NULL, cmd, n, rsp, sizeof(rsp)) < 10)
        return 0xffffffffu;
    return (uint32_t)rsp[6] << 24 | (uint32_t)rsp[7] << 16 |
           (uint32_t)rsp[8] << 8 | rsp[9];
}

unsigned realtpm_pcr(uint16_t alg, uint32_t pcr, uint8_t *value)
{
    uint8_t cmd[20] = { 0x80, 1, 0, 0, 0, 20, 0, 0, 1, 0x7e, 0, 0, 0, 1 };
    uint8_t cmd12[14] = { 0, 0xc1, 0, 0, 0, 14, 0, 0, 0, 0x15 };
    uint8_t rsp[4096];
    unsigned size;

    if (version == 1) {
        cmd12[13] = (uint8_t)pcr;
        if (realtpm_exec(NULL, cmd12, 14, rsp, sizeof(rsp)) != 30)
            return 0;
        memcpy(value, rsp + 10, 20);
        return 20;
    }
    cmd[14] = (uint8_t)(alg >> 8);
    cmd[15] = (uint8_t)alg;
    cmd[16] = 3;
    cmd[17 + pcr / 8] = (uint8_t)(1 << pcr % 8);
    if (realtpm_exec(NULL, cmd, 20, rsp, sizeof(rsp)) < 34 ||
        memcmp(rsp + 6, "\0\0\0\0", 4))
        return 0;
    /* header, counter, one selection, one digest */
    if (memcmp(rsp + 24, "\0\0\0\1", 4))
        return 0;
    size = (unsigned)(rsp[28] << 8 | rsp[29]);
    memcpy(value, rsp + 30, size);
    return size;
}

uint32_t realtpm_property(uint32_t property)
{
    uint8_t cmd[22] = { 0x80, 1, 0, 0, 0, 22, 0, 0, 1, 0x7a, 0, 0, 0, 6,
                        0, 0, (uint8_t)(property >> 8), (uint8_t)property,
                        0, 0, 0, 1 };
    uint8_t rsp[4096];

    if (realtpm_exec(NULL, cmd, 22, rsp, sizeof(rsp)) != 27)
        return 0xffffffffu;
    return (uint32_t)rsp[23] << 24 | (uint32_t)rsp[24] << 16 |
           (uint32_t)rsp[25] << 8 | rsp[26];
}
