#ifndef KITH_CONTROL_KEYS_H
#define KITH_CONTROL_KEYS_H
/*
 * Keys and values: which requests are plain writes, done here as shared rows, and which go to the keeper (keeper.h); that there is
 * room; and that locks go when their session has ended, for which the keeper looks.
 *
 * Bounds: a value KEY_ROW_VALUE_MAX bytes, a key KEY_OP_KEY_MAX bytes of UTF-8; together KEYS_MAX keys and KEYS_BYTES_MAX bytes,
 * as far as this peer knows: writes at many peers at once can go somewhat beyond.
 */
#include "base/tree.h"
#include "state/turn.h"

#define KEYS_MAX       65536u
#define KEYS_BYTES_MAX (32u << 20)
#define KEYS_COUNT     KITH_SEC /* what there is is counted so often at most while it is full */
/* The keeper looks so often whether a lock that it could not end can be ended. */
#define KEYS_LOOK KITH_SEC

struct control;
struct row;
struct key_lock;

TREE_HEAD(key_locks, key_lock);

struct keys {               /* a zeroed one is valid and empty */
    struct key_locks locks; /* those that some session has */
    bool look;              /* something that decides about them has changed */
    kith_time look_us;      /* when they are looked at again */
    uint32_t room;          /* so many more keys, and bytes, fit surely; both 0: not counted */
    size_t room_bytes;
    kith_time counted_us;
};

void keys_deinit(struct keys *k);
void keys_start(struct control *c, struct turn *t);
/* A row of table key or lock has changed. */
void keys_row(struct control *c, struct turn *t, const struct row *row);
/* A member came or went, and its sessions with it. */
void keys_member(struct control *c, struct turn *t, const struct ulid *node);
kith_time keys_settle(struct control *c, struct turn *t);

/* Whether this peer is the one who decides, as far as it knows. */
bool keys_is_keeper(const struct control *c);

/* Message change_keys, of a client or handed on by another peer. */
void keys_change(struct control *c, struct turn *t, const struct incoming *in, bool forwarded);

#endif
