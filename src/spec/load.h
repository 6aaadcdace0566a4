#ifndef KITH_SPEC_LOAD_H
#define KITH_SPEC_LOAD_H
/* A file that a person wrote, whole. */
#include "spec/errors.h"

/*
 * Reads the file, or standard input for "-", to the end of `out`, and prepares `errors` for what is
 * read from it; path, `out` and `mem` are borrowed by `errors`. 0, or SPEC_BAD: it cannot be read, is
 * no file or larger than any spec may be; `errors` says which.
 */
int spec_load(const char *path, struct buf *out, struct arena *mem, struct spec_errors *errors);

#endif
