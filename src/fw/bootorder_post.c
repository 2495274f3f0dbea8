/* SPDX-License-Identifier: MIT */
/*
 * The user's boot order, and the paths by which QEMU names devices: in the
 * fw_cfg file bootorder, and in others.  POST only.
 *
 * QEMU docs/system/bootindex.
 */
#include "fw/bootorder.h"

#include <string.h>

#include "fw/fwcfg.h"
#include "lib/compiler.h"
#include "lib/err.h"
#include "lib/print.h"

#define BOOTORDER_MAX       0x10000u    /* bytes of the file */
#define PATH_DEPTH          16u         /* bridges above one another */

static bool order_loaded;
static const char *order_text;          /* NULL: no file */

/* Does one component match?  A '*' in the pattern stands for any bytes. */
static bool component_matches(const char *pattern, size_t pattern_len,
                              const char *text, size_t len)
{
    const char *star = NULL;
    size_t head, tail;

    for (head = 0; head < pattern_len; head++) {
        if (pattern[head] == '*') {
            star = pattern + head;
            break;
        }
    }
    if (!star)
        return len == pattern_len && memcmp(pattern, text, len) == 0;
    tail = pattern_len - head - 1;
    return len >= head + tail && memcmp(pattern, text, head) == 0 &&
           memcmp(star + 1, text + len - tail, tail) == 0;
}

static size_t component_len(const char *s, const char *end)
{
    const char *at = s;

    while (at < end && *at != '/')
        at++;
    return (size_t)(at - s);
}

/* Every component of the pattern matches; the path may go on after that. */
bool bootorder_matches(const char *pattern, const char *path,
                       const char *path_end)
{
    const char *pattern_end = pattern + strlen(pattern);

    for (;;) {
        size_t p = component_len(pattern, pattern_end);
        size_t t = component_len(path, path_end);

        if (!component_matches(pattern, p, path, t))
            return false;
        pattern += p;
        path += t;
        if (pattern == pattern_end)
            return true;
        if (path == path_end)
            return false;
        pattern++;                      /* both are at a '/' */
        path++;
    }
}

static void load_order(void)
{
    uint32_t size;

    if (order_loaded)
        return;
    order_loaded = true;
    order_text = fwcfg_load("bootorder", BOOTORDER_MAX, &size);
    if (order_text && *order_text)
        debug("Boot order:\n%s\n", order_text);
}

int bootorder_find_path(const char *pattern)
{
    const char *line;

    load_order();
    line = order_text;
    for (int n = 1; line; n++) {
        const char *next = strchr(line, '\n');
        const char *end = next ? next : line + strlen(line);

        while (end > line && (uint8_t)end[-1] <= ' ')
            end--;
        if (bootorder_matches(pattern, line, end))
            return n;
        line = next ? next + 1 : NULL;
    }
    return ERR_ABSENT;
}

int bootorder_path(pci_bdf bdf, const char *suffix, char *path, size_t cap)
{
    const struct pci_device *chain[PATH_DEPTH];
    size_t depth = 0, len;

    for (const struct pci_device *d = pci_device_at(bdf); d;
         d = d->parent == PCI_NONE ? NULL : pci_device_at(d->parent)) {
        if (depth == PATH_DEPTH)
            return ERR_SPACE;
        chain[depth++] = d;
    }
    if (depth == 0)
        return ERR_ABSENT;

    if (chain[depth - 1]->root)
        len = (size_t)format(path, cap, "/pci@i0cf8,%x",
                             chain[depth - 1]->root);
    else
        len = (size_t)format(path, cap, "/pci@i0cf8");
    while (depth-- && len < cap) {
        const struct pci_device *d = chain[depth];

        len += (size_t)format(path + len, cap - len, "/%s@%x",
                              depth ? "pci-bridge" : "*", PCI_DEV(d->bdf));
        if (PCI_FN(d->bdf) && len < cap)
            len += (size_t)format(path + len, cap - len, ",%x",
                                  PCI_FN(d->bdf));
    }
    if (len < cap)
        len += (size_t)format(path + len, cap - len, "%s", suffix);
    return len < cap ? 0 : ERR_SPACE;
}

int bootorder_find(pci_bdf bdf, const char *suffix)
{
    char path[BOOTORDER_PATH_SIZE];

    load_order();
    if (!order_text)
        return ERR_ABSENT;
    return bootorder_path(bdf, suffix, path, sizeof(path)) < 0
        ? ERR_ABSENT : bootorder_find_path(path);
}
