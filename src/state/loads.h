#ifndef KITH_STATE_LOADS_H
#define KITH_STATE_LOADS_H
/*
 * How loaded hosts and endpoints are: the latest report of each, in memory only, never in the registry. gossip
 * brings the reports (gossip/loadcast.h), control reads them.
 *
 * 16 bytes an entry. A host is known by 32 bits of its id's hash and an endpoint by that and 16 bits of its
 * instance's, as they travel: among 1,000 hosts two are mistaken for each other in one cluster of 8,000, a wrong
 * endpoint is seen on one host with ten instances in 1,000. Ages are of this peer's clock, in tenths of a second.
 */
#include "base/time.h"
#include "base/ulid.h"

#define LOADS_TENTH (100 * KITH_MS)
/* A report is later than another of its host when it was measured so much later. Less may be what the clocks of
 * those that passed it on did not see: the time on the way. Hosts report less often than this. */
#define LOADS_APART   (1500 * KITH_MS)
#define LOADS_MAX     65536      /* entries; beyond it new ones are not taken */
#define LOADS_FORGET  (KITH_MIN) /* an entry that got no newer is gone */
#define LOADS_SOURCES 16         /* who brought an entry, see loads_take_news() */

struct loads;

struct load_value { /* what is known of a host, or of an endpoint */
    uint16_t
        value; /* host: processors busy (high byte) and memory in use, in 250ths; endpoint: in 100 us */
    kith_time taken_us; /* when it was measured, by this peer's clock */
};

struct loads *loads_new(void);
void loads_free(struct loads *l);

/* Their names on the wire. */
uint64_t loads_host_key(const struct ulid *node);         /* the low 16 bits are zero */
uint16_t loads_endpoint_key(const struct ulid *instance); /* never 0 */
uint16_t loads_host_value(uint32_t cpu_permille, uint32_t memory_permille);

/* A report's host or endpoint (key: loads_host_key() | loads_endpoint_key(), that or 0). True: it is news, LOADS_APART
 * later than what was known. `source` below LOADS_SOURCES says who brought it. */
bool loads_put(struct loads *l, uint64_t key, const struct load_value *load, uint8_t source,
               kith_time now_us);

/* The same, told to this peer alone by the host itself: what is later at all is later. It is never passed on, and does
 * not keep the other from being it. */
void loads_put_near(struct loads *l, uint64_t key, const struct load_value *load, kith_time now_us);

/* The younger of what is known. False: nothing is known, or only what is older than LOADS_FORGET. l may be NULL: then nothing is. */
bool loads_host(const struct loads *l, const struct ulid *node, kith_time now_us,
                struct load_value *ret);
bool loads_endpoint(const struct loads *l, const struct ulid *node, const struct ulid *instance,
                    kith_time now_us, struct load_value *ret);

/* What is not passed on yet: entries from *at on, in order of key, so that a host stands before its endpoints.
 * False: no more; then begin again with 0. */
struct load_news {
    uint64_t key;
    struct load_value load;
    uint8_t source;
};
bool loads_next_news(const struct loads *l, size_t *at, kith_time now_us, struct load_news *ret);
/* The same of all entries. */
bool loads_next(const struct loads *l, size_t *at, kith_time now_us, struct load_news *ret);
/* All that is news now has been passed on. */
void loads_told(struct loads *l);

void loads_forget(struct loads *l, kith_time now_us); /* now and then */
size_t loads_count(const struct loads *l);

#endif
