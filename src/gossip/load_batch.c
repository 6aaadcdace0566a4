#include "gossip/load_batch.h"

#define HOST_BYTES     7u
#define ENDPOINT_BYTES 4u
#define ID_BYTES       4u /* of a host, in its 7 */
#define VALUE_BYTES    3u /* the rest: age, processors, memory */
#define HOSTS_MAX      (LOAD_BATCH_HOSTS_MAX / HOST_BYTES)
#define OLDEST         255 /* tenths: what is older is not passed on */
#define GAP_MORE       255 /* so many places, and more to follow */

/* Hosts in one of the two ways, as they are in the message. */
struct list {
    struct buf hosts, counts, endpoints;
    size_t place; /* after the last one */
};

/* The order that both sides have; NULL: hosts are named by hash. */
struct lists {
    const struct roster_order *order;
    struct list by_hash, by_place;
};

_Static_assert(LOAD_BATCH_ENDPOINTS_MAX % ENDPOINT_BYTES == 0, "a whole number of them");
_Static_assert(2 * HOSTS_MAX <= LOAD_BATCH_COUNTS_MAX, "there is a count for each host");

static uint32_t host_of(uint64_t key)
{
    return (uint32_t)(key >> 16);
}

static bool passes(const struct load_news *n, uint8_t not_from)
{
    return not_from == LOAD_BATCH_OWN ? n->source == 0 : n->source != not_from;
}

static void add_hash(struct list *l, uint32_t host)
{
    for (int k = ID_BYTES - 1; k >= 0; k--)
        buf_byte(&l->hosts, (uint8_t)(host >> (8 * k)));
}

static void add_place(struct list *l, size_t place)
{
    size_t gap = place - l->place;
    for (; gap >= GAP_MORE; gap -= GAP_MORE)
        buf_byte(&l->hosts, GAP_MORE);
    buf_byte(&l->hosts, (uint8_t)gap);
    l->place = place + 1;
}

/* The list that it went to; NULL: there is no room. */
static struct list *add_host(struct lists *ls, const struct load_news *n, uint8_t tenths)
{
    uint32_t host = host_of(n->key);
    size_t place = ls->order ? roster_place(ls->order, host) : 0;
    bool placed = ls->order && place < ls->order->n && place >= ls->by_place.place;
    struct list *l = placed ? &ls->by_place : &ls->by_hash;
    /* A place takes a byte for each 255 of at most 65,536 and one for each host. */
    if (l->counts.len == HOSTS_MAX)
        return NULL;
    if (placed)
        add_place(l, place);
    else
        add_hash(l, host);
    const uint8_t value[VALUE_BYTES] = {tenths, (uint8_t)(n->load.value >> 8),
                                        (uint8_t)n->load.value};
    buf_append(&l->hosts, value, sizeof(value));
    buf_byte(&l->counts, 0);
    return l;
}

static void add_endpoint(struct list *l, const struct load_news *n)
{
    uint8_t at[ENDPOINT_BYTES] = {(uint8_t)(n->key >> 8), (uint8_t)n->key,
                                  (uint8_t)(n->load.value >> 8), (uint8_t)n->load.value};
    /* Both lists together stay below the bound. */
    if (l->endpoints.len + ENDPOINT_BYTES > LOAD_BATCH_ENDPOINTS_MAX / 2 ||
        l->counts.data[l->counts.len - 1] == UINT8_MAX)
        return;
    buf_append(&l->endpoints, at, sizeof(at));
    l->counts.data[l->counts.len - 1]++;
}

static void fill(struct lists *ls, const struct loads *loads, const struct load_target *target,
                 kith_time now_us)
{
    struct load_news n;
    size_t at = 0;
    struct list *last = NULL; /* where the host before is, whose endpoints may follow */
    uint64_t host = 0;
    while (target->all ? loads_next(loads, &at, now_us, &n)
                       : loads_next_news(loads, &at, now_us, &n)) {
        kith_time tenths = (now_us - n.load.taken_us) / LOADS_TENTH;
        bool is_host = (n.key & 0xffff) == 0;
        if (!passes(&n, target->not_from) || tenths > OLDEST)
            continue;
        if (is_host) {
            last = add_host(ls, &n, (uint8_t)tenths);
            host = n.key;
        } else if (last && host == (n.key & ~UINT64_C(0xffff))) {
            add_endpoint(last, &n);
        }
    }
}

static void list_deinit(struct list *l)
{
    buf_deinit(&l->hosts);
    buf_deinit(&l->counts);
    buf_deinit(&l->endpoints);
}

bool load_batch_write(struct buf *out, const struct loads *loads, const struct load_target *target,
                      kith_time now_us)
{
    const struct roster_order *own = &target->roster->now;
    struct lists ls = {.order = own->digest != 0 && target->theirs == own->digest ? own : NULL};
    fill(&ls, loads, target, now_us);
    struct list *a = &ls.by_hash, *b = &ls.by_place;
    bool any = a->hosts.len + b->hosts.len > 0;
    buf_append(&a->counts, b->counts.data, b->counts.len);
    buf_append(&a->endpoints, b->endpoints.data, b->endpoints.len);
    if (a->endpoints.len == 0)
        buf_reset(&a->counts);
    if (any)
        load_batch_encode(out, &(struct load_batch){.hosts = buf_bytes(&a->hosts),
                                                    .counts = buf_bytes(&a->counts),
                                                    .endpoints = buf_bytes(&a->endpoints),
                                                    .roster = own->digest,
                                                    .places = buf_bytes(&b->hosts)});
    list_deinit(a);
    list_deinit(b);
    return any;
}

/* ---- in ---- */

struct reader {
    struct load_read *ret;
    struct loads *loads;
    uint8_t source;
    kith_time now_us;
    const uint8_t *count;    /* of the next host; NULL: none has endpoints */
    const uint8_t *endpoint; /* the next */
};

/* How many hosts `places` has; false: it ends within one. */
static bool count_places(struct bytes places, size_t *ret)
{
    size_t at = 0;
    for (*ret = 0; at < places.len; (*ret)++) {
        while (at < places.len && places.data[at] == GAP_MORE)
            at++;
        at += 1 + VALUE_BYTES;
    }
    return at == places.len;
}

static bool lists_agree(const struct load_batch *b)
{
    size_t endpoints = 0, places;
    for (size_t i = 0; i < b->counts.len; i++)
        endpoints += b->counts.data[i];
    return b->hosts.len % HOST_BYTES == 0 && count_places(b->places, &places) &&
           (b->counts.len == 0 || b->counts.len == b->hosts.len / HOST_BYTES + places) &&
           b->endpoints.len == endpoints * ENDPOINT_BYTES;
}

static void put(struct reader *r, uint64_t key, const struct load_value *value)
{
    if (loads_put(r->loads, key, value, r->source, r->now_us))
        r->ret->news++;
    else
        r->ret->old++;
}

static uint16_t number(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* A host, whose value is at `at`, and its endpoints. */
static void read_host(struct reader *r, bool known, uint32_t host, const uint8_t *at)
{
    size_t count = r->count ? *r->count++ : 0;
    uint64_t key = (uint64_t)host << 16;
    struct load_value v = {.value = number(at + 1), .taken_us = r->now_us - at[0] * LOADS_TENTH};
    if (known)
        put(r, key, &v);
    else
        r->ret->unknown++;
    for (; count > 0; count--, r->endpoint += ENDPOINT_BYTES) {
        v.value = number(r->endpoint + 2);
        if (known)
            put(r, key | number(r->endpoint), &v);
    }
}

static void read_hashes(struct reader *r, struct bytes hosts)
{
    for (size_t i = 0; i < hosts.len; i += HOST_BYTES) {
        const uint8_t *at = hosts.data + i;
        uint32_t host = 0;
        for (uint32_t k = 0; k < ID_BYTES; k++)
            host = host << 8 | at[k];
        read_host(r, /* known= */ true, host, at + ID_BYTES);
    }
}

static void read_places(struct reader *r, struct bytes places, const struct roster_order *order)
{
    size_t place = 0, i = 0;
    for (; i < places.len; i += VALUE_BYTES, place++) {
        for (; places.data[i] == GAP_MORE; i++)
            place += GAP_MORE;
        place += places.data[i++];
        bool known = order && place < order->n;
        read_host(r, known, known ? order->keys[place] : 0, places.data + i);
    }
}

int load_batch_read(struct load_read *ret, struct loads *loads, const struct roster *roster,
                    struct bytes payload, uint8_t source, kith_time now_us, struct wire_error *err)
{
    struct load_batch b;
    struct arena mem = {0};
    int bad = load_batch_decode(&b, payload, &mem, err);
    *ret = (struct load_read){0};
    if (bad == 0 && !lists_agree(&b)) {
        *err = (struct wire_error){"load_batch", "has lists of different lengths"};
        bad = WIRE_BAD;
    }
    if (bad == 0) {
        struct reader r = {.ret = ret, .loads = loads, .source = source, .now_us = now_us};
        r.count = b.counts.len > 0 ? b.counts.data : NULL;
        r.endpoint = b.endpoints.data;
        ret->roster = b.roster;
        read_hashes(&r, b.hosts);
        read_places(&r, b.places, roster_find(roster, b.roster));
    }
    arena_deinit(&mem);
    return bad;
}
