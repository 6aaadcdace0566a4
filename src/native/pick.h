#ifndef KITH_NATIVE_PICK_H
#define KITH_NATIVE_PICK_H
/*
 * A list as its client wants it, by parameters that all lists have:
 *
 *     state=S     what is in this state: `state`, else `health`, else `desired`; several: any of them
 *     label=K     what has a tag K, or a label of this name; label=K=V: with this value; several: all of them
 *     zone=Z, version=V     label=zone=Z, label=version=V
 *     limit=N     a page of N at most, in the order of the list's key; header X-Kith-Cursor is there when there is more
 *     cursor=C    what comes behind this one, as it stood in the header: a change in between moves nothing on the page
 *     fields=A,B  these members of each item only
 *
 * Labels of an item are its tags and meta, those of the member that it is on (`node`), and those of its service.
 */
#include "http/exchange.h"

#include <jansson.h>

#define NATIVE_LIMIT_MAX 10000u

struct native_key { /* what a list is ordered by; texts, or numbers of one length */
    const char *first,
        *second; /* members of each item; second: NULL, or where first is not unique */
    bool newest; /* the highest first */
};

/* What is left of the items, which are given back. NULL: a parameter is wrong, and the answer says so. Without a key they stay in
 * their order, and there is a first page only. */
json_t *native_pick(struct exchange *x, json_t *items, const struct native_key *key);

/* Whether it would leave anything out. */
bool native_picks(const struct exchange *x);

#endif
