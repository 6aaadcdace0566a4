#ifndef KITH_BASE_VARIABLES_H
#define KITH_BASE_VARIABLES_H
/*
 * The variables of service files, ${NAME} and ${NAME.ARG}: found here, so that the check when a
 * file is read and the expansion on a host cannot differ.
 *
 * Only "${" begins a variable, up to the next "}": a single dollar sign is text. There is no way to
 * write a literal "${", and nothing nests.
 */
#include "base/bytes.h"

struct variable {
    size_t start; /* of the "${" in the text */
    size_t end;   /* after the "}" */
    struct bytes name;
    struct bytes arg; /* what follows the first dot; empty when there is none */
    bool closed;      /* false: the "}" is missing, end is the end of the text */
};

/* The first variable at or after `from`; false when there is none. */
bool variable_next(struct bytes text, size_t from, struct variable *ret);

#endif
