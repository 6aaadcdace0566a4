#ifndef KITH_CONTROL_KEYFEED_H
#define KITH_CONTROL_KEYFEED_H
/*
 * Tells this host's HTTP of keys and sessions as they change (EFFECT_KEYS), at once: a client that was told that its change is done
 * finds it. At most KEYFEED_BATCH a step; the rest is due at once.
 */
#include "base/tree.h"
#include "state/turn.h"

#define KEYFEED_BATCH 256u

struct control;
struct keyfeed_name;

TREE_HEAD(keyfeed_names, keyfeed_name);

struct keyfeed { /* a zeroed one is valid and off */
    bool on, anew, whole;
    bool promised;   /* somebody was told the next number */
    uint64_t number; /* of the last that was told */
    struct keyfeed_names names;
};

void keyfeed_deinit(struct keyfeed *f);
/* Everything is to be told, from the rows as they are. */
void keyfeed_begin(struct control *c, struct turn *t);
/* A key or its lock (table key), or a session (table session, by its row's key), has changed. */
void keyfeed_touch(struct keyfeed *f, enum table_id table, struct bytes key);
void keyfeed_tell(struct control *c, struct turn *t);
bool keyfeed_is_due(const struct keyfeed *f);

/* With which number HTTP is told of what changes in this step, and it is told, of nothing if need be; 0: nobody is told. */
uint64_t keys_fed(struct control *c);

#endif
