/* SPDX-License-Identifier: MIT */
/*
 * QEMU's fw_cfg: directory, reading, numbers.  POST only; the transfer itself
 * is in fwcfg_io.c.
 */
#include "fw/fwcfg.h"

#include <string.h>

#include "core/alloc.h"
#include "fw/fwcfg_io.h"
#include "lib/err.h"
#include "lib/print.h"

#define FWCFG_FILES_MAX     512u
#define FILES_AT_ONCE       32u             /* as many as there are mostly */
#define SIGNATURE           0x554d4551u     /* "QEMU" */

/* The entries are read as the device delivers them, big-endian and perhaps
 * without an end of the name, and made ours in place. */
_Static_assert(sizeof(struct fwcfg_file) == 64 &&
               offsetof(struct fwcfg_file, name) == 8, "fw_cfg specification");

static NOT_ZEROED struct {
    uint32_t count_be;
    struct fwcfg_file files[FWCFG_FILES_MAX];
} directory;
static struct fwcfg_file *const files = directory.files;
static unsigned file_count;
static bool has_dma;

void fwcfg_read_directory(void)
{
    /* Behind its end an item reads as zeros. */
    fwcfg_read(FWCFG_FILE_DIR, &directory, sizeof(directory.count_be) +
               FILES_AT_ONCE * sizeof(files[0]));
    file_count = __builtin_bswap32(directory.count_be);
    if (file_count > FWCFG_FILES_MAX) {
        print("fw_cfg: the directory claims %u files, more than %u: the rest "
              "is ignored\n", file_count, FWCFG_FILES_MAX);
        file_count = FWCFG_FILES_MAX;
    }
    if (file_count > FILES_AT_ONCE)
        fwcfg_read_more(&files[FILES_AT_ONCE],
                        (file_count - FILES_AT_ONCE) * sizeof(files[0]));
    for (unsigned i = 0; i < file_count; i++) {
        struct fwcfg_file *f = &files[i];

        f->size = __builtin_bswap32(f->size);
        f->key = __builtin_bswap16(f->key);
        f->name[sizeof(f->name) - 1] = '\0';
        f->name_len = (uint16_t)strlen(f->name);
    }
}

bool fwcfg_init(void)
{
    has_dma = fwcfg_io_init();
    if (!has_dma && fwcfg_read32(FWCFG_SIGNATURE) != SIGNATURE)
        return false;
    fwcfg_read_directory();
    return true;
}

void fwcfg_read(uint16_t key, void *buf, uint32_t len)
{
    fwcfg_io_read(key, buf, len);
}

void fwcfg_read_more(void *buf, uint32_t len)
{
    fwcfg_io_read_more(buf, len);
}

uint16_t fwcfg_read16(uint16_t key)
{
    uint16_t v;

    fwcfg_read(key, &v, sizeof(v));
    return v;
}

uint32_t fwcfg_read32(uint16_t key)
{
    uint32_t v;

    fwcfg_read(key, &v, sizeof(v));
    return v;
}

uint64_t fwcfg_read64(uint16_t key)
{
    uint64_t v;

    fwcfg_read(key, &v, sizeof(v));
    return v;
}

const struct fwcfg_file *fwcfg_find(const char *name)
{
    size_t len = strlen(name);

    for (unsigned i = 0; i < file_count; i++)
        if (files[i].name_len == len && memcmp(files[i].name, name, len) == 0)
            return &files[i];
    return NULL;
}

const struct fwcfg_file *fwcfg_next(const struct fwcfg_file *after,
                                    const char *prefix)
{
    const struct fwcfg_file *f = after ? after + 1 : files;
    size_t len = strlen(prefix);

    for (; f < files + file_count; f++)
        if (f->name_len >= len && memcmp(f->name, prefix, len) == 0)
            return f;
    return NULL;
}

void *fwcfg_load(const char *name, uint32_t max, uint32_t *size)
{
    const struct fwcfg_file *f = fwcfg_find(name);
    uint8_t *buf;

    if (!f)
        return NULL;
    if (f->size > max) {
        print("fw_cfg: file %s has %u bytes, more than the %u allowed: "
              "ignored\n", name, f->size, max);
        return NULL;
    }
    buf = malloc_temp_raw(f->size + 1, 16);
    if (!buf)
        return NULL;
    if (f->size)
        fwcfg_read(f->key, buf, f->size);
    buf[f->size] = '\0';
    *size = f->size;
    return buf;
}

int fwcfg_read_file(const char *name, void *buf, uint32_t cap)
{
    const struct fwcfg_file *f = fwcfg_find(name);

    if (!f)
        return ERR_ABSENT;
    fwcfg_read(f->key, buf, f->size < cap ? f->size : cap);
    return f->size > INT32_MAX ? INT32_MAX : (int)f->size;
}

uint64_t fwcfg_number(const char *name, uint64_t fallback)
{
    uint64_t v = 0;
    int size = fwcfg_read_file(name, &v, sizeof(v));

    if (size < 0)
        return fallback;
    if (size != 1 && size != 2 && size != 4 && size != 8) {
        print("fw_cfg: file %s has %d bytes, not a number's 1, 2, 4 or 8: "
              "ignored\n", name, size);
        return fallback;
    }
    return v;
}

bool fwcfg_switch(const char *name, bool fallback)
{
    char text[4] = "";
    int len = fwcfg_read_file(name, text, sizeof(text));

    if (len < 0)
        return fallback;
    return !(text[0] == 0 || text[0] == '0' || text[0] == 'n' ||
             (text[0] == 'o' && text[1] == 'f'));
}

void fwcfg_clear(void *at, uint32_t len)
{
    volatile uint8_t *bytes = at;

    if (has_dma && len != 0) {
        bytes[0] = bytes[len - 1] = 1;
        fwcfg_io_read(FWCFG_NO_ITEM, at, len);
    }
    if (!has_dma || (len != 0 && (bytes[0] || bytes[len - 1])))
        memset(at, 0, len);
}

int fwcfg_write(const struct fwcfg_file *f, uint32_t offset, const void *buf,
                uint32_t len)
{
    return fwcfg_io_write(f->key, offset, buf, len);
}
