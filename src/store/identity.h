#ifndef KITH_STORE_IDENTITY_H
#define KITH_STORE_IDENTITY_H
/*
 * Who a node is: its id and the seed of its keys, made at the first start and kept in the file `identity`
 * of its data folder for ever. Readable by its owner only. The incarnation, which changes at every start,
 * is not here: it is a local row of the machine.
 */
#include "base/buf.h"
#include "wire/gen/trust.h"

#define IDENTITY_FILE "identity"

enum identity_problem {
    IDENTITY_FOREIGN = 1, /* the file is there, but not an identity: damaged, or somebody else's */
    IDENTITY_UNREADABLE,  /* the file cannot be read */
    IDENTITY_UNWRITABLE,  /* the folder or file cannot be made */
};

/* Reads DIR/identity, or makes folder and file when there is none. 0, or an enum identity_problem with
 * the reason and what to do appended to *why. `*ret` holds no pointers (the node's name is configuration). */
int identity_open(struct identity *ret, const char *dir, int64_t wall_ms, struct buf *why);

/* Random bytes of the kernel, for keys and ids. */
void identity_random(void *out, size_t len);

/* A fresh id of that millisecond. */
struct ulid identity_fresh_id(int64_t wall_ms);

#endif
