#ifndef KITH_WIRE_SKIM_H
#define KITH_WIRE_SKIM_H
/*
 * A look over MessagePack bytes before anything is allocated for them. msgpack-c allocates by the
 * number of elements that an array claims to have; this checks first that the bytes are all there,
 * that no container claims more elements than bytes are left, and that nothing is nested too deep.
 * Source: the MessagePack specification (msgpack/spec.md, 2017).
 */
#include "base/bytes.h"

/* Containers within containers. A record in a message in a batch needs 8; msgpack-c's limit is 32.
 */
#define WIRE_MAX_DEPTH 16

/*
 * 0: *ret_len is the length of the first value in in. Otherwise SKIM_BAD, and *why says what is
 * wrong with it (a static text).
 */
enum { SKIM_BAD = 1 };
int skim(struct bytes in, size_t *ret_len, const char **why);

#endif
