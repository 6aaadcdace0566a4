#ifndef KITH_DNS_KEPT_H
#define KITH_DNS_KEPT_H
/*
 * Answers that were put together, by name and type, for as long as the service's row in the look-up file is the same: its
 * watch word says so (store/lookup_map.h), at the price of reading one word. Nothing is told to the cache.
 *
 * Only names that are there have a place, so asking for names that are not puts nothing out. Two places for each hash;
 * the one that was put there earlier goes. KEPT_BYTES_MAX in all: beyond that everything goes.
 *
 * Pure but for reading that word. One thread.
 */
#include "base/time.h"
#include "dns/zone.h"

#define KEPT_SETS      8192u
#define KEPT_WAYS      2u
#define KEPT_BYTES_MAX ((size_t)64 << 20)
#define KEPT_PART_US                                                                               \
    KITH_SEC /* answers that are a part of all there is make place for another part */

struct kept;

struct cached {
    struct answers *answers;
    uint8_t domain, domain_at; /* as struct asked has them */
};

struct kept *kept_new(uint64_t seed); /* which names share a place is nobody's to choose */
void kept_free(struct kept *c);       /* may be given NULL */

/* What still holds for the question's name and type, or NULL. Borrowed until the next call of these. */
struct cached *kept_find(struct kept *c, const struct question *q, const struct lookup_map *map,
                         kith_time now_us);

/* Takes the answers over; as above. `answer->word` is of this map. */
struct cached *kept_put(struct kept *c, const struct question *q, const struct lookup_map *map,
                        const struct zone_answer *answer, const struct asked *asked,
                        kith_time now_us);

#endif
