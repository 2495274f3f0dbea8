/* SPDX-License-Identifier: MIT */
/* What every test program includes. */
#ifndef CHECK_H
#define CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define assert_no_text(s) do {                                          \
    const char *text_ = (s);                                            \
    if (text_) {                                                        \
        fail_msg("%s", text_);                                          \
    }                                                                   \
} while (0)

#define assert_contains(hay, needle) do {                               \
    if (!strstr((hay), (needle))) {                                     \
        fail_msg("'%s' not in:\n%s", (needle), (hay));                  \
    }                                                                   \
} while (0)

/* cmocka's own has other names in other releases. */
#define assert_between(value, low, high) do {                           \
    unsigned long long value_ = (value);                                \
    if (value_ < (low) || value_ > (high)) {                            \
        fail_msg("%s is %llu, expected %u to %u", #value, value_,       \
                 (unsigned)(low), (unsigned)(high));                    \
    }                                                                   \
} while (0)

#endif
