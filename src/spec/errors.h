#ifndef KITH_SPEC_ERRORS_H
#define KITH_SPEC_ERRORS_H
/*
 * What is wrong with a text that a person wrote: where, what, and what to write instead. All errors
 * of a text are collected, so that one run shows them all; they are kept by position.
 */
#include "base/arena.h"
#include "base/buf.h"

/* More than this nobody reads; the rest is counted. */
#define SPEC_MAX_ERRORS 20

enum { SPEC_BAD = 1 };

struct spec_at { /* both from 1; line 0: the text as a whole */
    uint32_t line;
    uint32_t column; /* in characters */
};

struct spec_error {
    struct spec_at at;
    const char *what;
};

struct spec_errors {
    const char *file; /* name to print; borrowed */
    struct bytes text;
    struct arena *mem;
    struct spec_error list[SPEC_MAX_ERRORS];
    uint32_t count;
    uint32_t dropped; /* beyond the list */
};

/* Name, text and arena are borrowed for as long as the errors are used. */
void spec_errors_init(struct spec_errors *e, const char *file, struct bytes text,
                      struct arena *mem);

void spec_error(struct spec_errors *e, struct spec_at at, const char *format, ...)
    __attribute__((format(printf, 3, 4), nonnull(3)));

/* FILE:LINE:COLUMN: WHAT, and the line itself with a caret below, for each. */
void spec_errors_print(const struct spec_errors *e, struct buf *out);

#endif
