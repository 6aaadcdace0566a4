#ifndef KITH_CONTROL_CHECKLIST_H
#define KITH_CONTROL_CHECKLIST_H
/*
 * The checks of a registration as one list, whichever of its two forms the row has (decision 0095). Nearly all have one check at
 * most: then `health`, `output`, `keep`, `ttl_ms` and `reap_ms` of the row tell it, and it is called after the
 * registration. Where that is not all, the row has a list, and its health and output are those of the worst check, so that who only asks
 * how the endpoint does need not know of the list. A TTL without `keep` is the registration's own, and no check's.
 *
 * Pure. All that is returned is in `mem` or borrowed from the row.
 */
#include "base/arena.h"
#include "wire/gen/service.h"

#define CHECKLIST_MAX  ((uint32_t)REGISTRATION_ROW_CHECKS_MAX_ITEMS)
#define CHECKLIST_FULL "a registration has up to 16 checks"
#define CHECKLIST_OWN                                                                              \
    "service:" /* before the registration's name: the ID of its own check, as in Consul */

struct checklist {
    struct endpoint_check *items; /* room for CHECKLIST_MAX; IDs differ */
    uint32_t n;
};

/* What the registration's own check is called. */
struct bytes checklist_own_id(struct bytes name, struct arena *mem);

/* What the row's own fields tell is all; nearly every one is so. */
bool checklist_is_plain(const struct registration_row *row);
struct checklist checklist_of(const struct registration_row *row, struct arena *mem);
/* NULL: there is none of that ID. */
struct endpoint_check *checklist_find(const struct checklist *list, struct bytes id);
/* In place of the one of its ID, or behind all. NULL: the list is full. */
struct endpoint_check *checklist_add(struct checklist *list, const struct endpoint_check *check);
void checklist_remove(struct checklist *list, struct bytes id); /* if there is one */
/* What was reported of those in both lists lasts, of checks without a TTL only when `all` is. */
void checklist_keep(struct checklist *list, const struct checklist *was, bool all);
/* The row has these checks and no others. The list is the row's from then on. */
void checklist_put(struct registration_row *row, const struct checklist *list, struct arena *mem);

#endif
