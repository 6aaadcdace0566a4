#ifndef KITH_TEST_READING_H
#define KITH_TEST_READING_H
/* A text that is read in a test: its arena and errors, and one-line checks of them. */
#include "spec/errors.h"

#include "test.h"

#include <stdio.h>
#include <string.h>

struct reading {
    struct arena mem;
    struct spec_errors errors;
    struct bytes text;
};

static inline void reading_begin(struct reading *r, const char *text)
{
    memset(r, 0, sizeof(*r));
    r->text = bytes_str(text);
    spec_errors_init(&r->errors, "f", r->text, &r->mem);
}

static inline void reading_end(struct reading *r)
{
    arena_deinit(&r->mem);
}

/* Error number i, as "LINE:COLUMN: WHAT"; `expected` is its beginning. */
static inline void assert_error(const struct reading *r, uint32_t i, const char *expected)
{
    char got[600] = "none";

    if (i < r->errors.count)
        snprintf(got, sizeof(got), "%u:%u: %s", r->errors.list[i].at.line,
                 r->errors.list[i].at.column, r->errors.list[i].what);
    if (strncmp(got, expected, strlen(expected)))
        fail_msg("error %u is \"%s\", not \"%s...\"", i, got, expected);
}

static inline void assert_only_error(const struct reading *r, const char *expected)
{
    assert_error(r, 0, expected);
    if (r->errors.count != 1)
        fail_msg("more than one error, the second: %s", r->errors.list[1].what);
}

#endif
