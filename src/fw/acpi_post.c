/* SPDX-License-Identifier: MIT */
/*
 * QEMU's table loader: a script of fixed-size commands that allocate files,
 * patch addresses of one into another, and correct checksums.  Each command
 * is checked against the files it names.  There are no jumps, so a script
 * ends; its size is bounded.
 *
 * QEMU hw/acpi/bios-linker-loader.c and docs/specs/fw_cfg.
 */
#include "fw/acpi.h"

#include <string.h>

#include "core/alloc.h"
#include "fw/acpi_table.h"
#include "fw/fwcfg.h"
#include "lib/checksum.h"
#include "lib/cursor.h"
#include "lib/err.h"
#include "lib/print.h"

#define SCRIPT_MAX          0x20000u
#define COMMAND_LEN         128u
#define NAME_LEN            56u         /* with at least one NUL */
#define FILES_MAX           ACPI_FILES_MAX
#define FILE_SIZE_MAX       0x1000000u
#define SUMMED_MAX          0x1000000u  /* bytes, by all checksum commands */

enum command {
    CMD_ALLOCATE = 1, CMD_ADD_POINTER = 2, CMD_ADD_CHECKSUM = 3,
    CMD_WRITE_POINTER = 4,
};
enum zone { ZONE_HIGH = 1, ZONE_FSEG = 2 };

struct file {
    const struct fwcfg_file *source;
    uint8_t *data;
    uint32_t size;
    uint8_t zone;
};

bool acpi_keep_blobs;

static struct file files[FILES_MAX];
static struct acpi_blob blobs[FILES_MAX];
static unsigned file_count, blob_count;
static uint32_t summed;                 /* bytes of checksum commands */

const struct acpi_blob *acpi_blobs(unsigned *count)
{
    *count = blob_count;
    return blobs;
}

/* A file name in a command; NULL when it does not end. */
static const char *read_name(struct rd *r)
{
    const char *name = (const char *)rd_bytes(r, NAME_LEN);

    return name && name[NAME_LEN - 1] == '\0' ? name : NULL;
}

/* A file that an earlier command allocated, or NULL. */
static struct file *read_file_name(struct rd *r)
{
    const char *name = read_name(r);

    for (unsigned i = 0; name && i < file_count; i++)
        if (memcmp(files[i].source->name, name,
                   files[i].source->name_len + 1u) == 0)
            return &files[i];
    return NULL;
}

/* Each of the following runs one command; what it returns is what is wrong
 * with it, or NULL. */

static const char *allocate(struct rd *r)
{
    const char *name = read_name(r);
    uint32_t align = rd_le32(r);
    uint8_t zone = rd_u8(r);
    struct file *f = &files[file_count];
    uint8_t *copy;

    if (!name)
        return "a file name without end";
    if (file_count == FILES_MAX)
        return "too many files";
    f->source = fwcfg_find(name);
    if (!f->source)
        return "a file that the host does not have";
    for (unsigned i = 0; i < file_count; i++)
        if (files[i].source == f->source)
            return "a file that is there already";
    if (align == 0 || (align & (align - 1)))
        return "an alignment that is no power of two";
    if (zone != ZONE_HIGH && zone != ZONE_FSEG)
        return "an unknown memory zone";
    f->size = f->source->size;
    f->zone = zone;
    if (f->size > FILE_SIZE_MAX)
        return "a file of more than 16 MiB";
    f->data = zone == ZONE_HIGH ? malloc_high_raw(f->size, align)
                                : malloc_fseg(f->size, align);
    if (!f->data)
        return "no memory for a file";
    file_count++;
    fwcfg_read(f->source->key, f->data, f->size);
    if (!acpi_keep_blobs)
        return NULL;
    copy = malloc_temp_raw(f->size, 16);
    if (!copy)
        return "no memory to measure a file";
    memcpy(copy, f->data, f->size);
    blobs[blob_count++] = (struct acpi_blob){
        .name = f->source->name, .data = copy, .size = f->size,
    };
    return NULL;
}

/* Do size bytes at offset lie within a file of len bytes?  1, 2, 4, 8 only. */
static bool field_fits(uint32_t offset, uint8_t size, uint32_t len)
{
    return (size == 1 || size == 2 || size == 4 || size == 8) &&
           size <= len && offset <= len - size;
}

static const char *add_pointer(struct rd *r)
{
    struct file *dest = read_file_name(r), *src = read_file_name(r);
    uint32_t offset = rd_le32(r);
    uint8_t size = rd_u8(r);
    uint64_t value = 0;

    if (!dest || !src)
        return "a file that was not loaded";
    if (!field_fits(offset, size, dest->size))
        return "a pointer outside its file";
    memcpy(&value, dest->data + offset, size);
    if (value >= src->size)
        return "a pointer past the end of a file";
    value += (uint32_t)src->data;
    if (size < 4 && value >> (size * 8))
        return "a pointer too small for the address";
    memcpy(dest->data + offset, &value, size);
    return NULL;
}

static const char *add_checksum(struct rd *r)
{
    struct file *f = read_file_name(r);
    uint32_t offset = rd_le32(r), start = rd_le32(r), len = rd_le32(r);

    if (!f)
        return "a file that was not loaded";
    if (offset >= f->size || start > f->size || len > f->size - start)
        return "a checksum outside its file";
    if (len > SUMMED_MAX - summed)
        return "checksums over more than 16 MiB in all";
    summed += len;
    checksum_set(f->data + offset, f->data + start, len);
    return NULL;
}

static const char *write_pointer(struct rd *r)
{
    const char *name = read_name(r);
    const struct fwcfg_file *dest = name ? fwcfg_find(name) : NULL;
    struct file *src = read_file_name(r);
    uint32_t dest_offset = rd_le32(r), src_offset = rd_le32(r);
    uint8_t size = rd_u8(r);
    uint32_t value;

    if (!dest || !src)
        return "a file that is not there";
    if (!field_fits(dest_offset, size, dest->size) || src_offset >= src->size)
        return "a pointer outside its file";
    value = (uint32_t)src->data + src_offset;
    if (size < 4 && value >> (size * 8))
        return "a pointer too small for the address";
    if (acpi_state.count == ACPI_POINTERS_MAX)
        return "too many pointers for the host";
    acpi_state.pointer[acpi_state.count++] = (struct acpi_pointer){
        .value = value, .offset = dest_offset, .key = dest->key, .size = size,
    };
    return NULL;
}

static const char *run_command(struct rd *r)
{
    switch (rd_le32(r)) {
    case CMD_ALLOCATE:      return allocate(r);
    case CMD_ADD_POINTER:   return add_pointer(r);
    case CMD_ADD_CHECKSUM:  return add_checksum(r);
    case CMD_WRITE_POINTER: return write_pointer(r);
    default:                return NULL;    /* for firmware of the future */
    }
}

/* Take the tables back, so that nobody finds half of them. */
static void drop_all(void)
{
    for (unsigned i = 0; i < file_count; i++) {
        memset(files[i].data, 0, files[i].size);
        free_zone(files[i].data);
    }
    file_count = 0;
    blob_count = 0;
    acpi_state.count = 0;
    acpi_state.facs = 0;
}

static bool take_rsdp(void)
{
    for (unsigned i = 0; i < file_count; i++)
        if (files[i].zone == ZONE_FSEG &&
            acpi_take_rsdp(files[i].data, files[i].size))
            return true;
    return false;
}

/*
 * The script, or NULL.  The host makes the tables when one of their files is
 * selected for the first time, and only then it is known how large they became:
 * larger than at power-on, perhaps, since now the PCI buses have numbers.
 */
static uint8_t *load_script(uint32_t *size)
{
    static const char name[] = "etc/table-loader";
    uint8_t *script = fwcfg_load(name, SCRIPT_MAX, size);
    const struct fwcfg_file *f;

    if (!script)
        return NULL;
    fwcfg_read_directory();
    f = fwcfg_find(name);
    if (f && f->size == *size)
        return script;
    free_zone(script);
    return fwcfg_load(name, SCRIPT_MAX, size);
}

void acpi_load(void)
{
    uint8_t *script;
    const char *wrong = NULL;
    uint32_t size = 0, at;

    script = load_script(&size);
    if (!script)
        return;
    for (at = 0; at + COMMAND_LEN <= size && !wrong; at += COMMAND_LEN) {
        struct rd r = rd_from(script + at, COMMAND_LEN);

        wrong = run_command(&r);
    }
    if (!wrong && at != size) {
        at += COMMAND_LEN;
        wrong = "no end";
    }
    if (wrong) {
        print("ACPI: the table loader script is wrong: command %u has %s; "
              "going on without ACPI tables\n", at / COMMAND_LEN, wrong);
        drop_all();
    } else if (!take_rsdp()) {
        print("ACPI: the host's tables have no root pointer (RSDP): the "
              "operating system will not find them\n");
    }
    if (acpi_write_pointers() != 0)
        print("ACPI: the host does not take addresses it asked for: it may "
              "not be able to notify the system\n");
    free_zone(script);
}
