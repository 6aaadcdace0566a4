#include "gossip/load_batch.h"

#define HOST_BYTES     7u
#define ENDPOINT_BYTES 4u                   /* beside which host it is on */
#define OWNED_BYTES    (2 + ENDPOINT_BYTES) /* behind the number of that */
#define ID_BYTES       4u                   /* of a host, in its 7 */
#define VALUE_BYTES    3u                   /* the rest: age, processors, memory */
#define HOSTS_MAX      (LOAD_BATCH_HOSTS_MAX / HOST_BYTES)
#define OLDEST         255 /* tenths: what is older is not passed on */
#define GAP_MORE       255 /* so many places or hosts, and more to follow */
/* Of one list, so that both stay below the bound: five bytes each, and one for each 255 of all the hosts. */
#define GAPS_MAX      (2 * HOSTS_MAX / GAP_MORE)
#define ENDPOINTS_MAX ((LOAD_BATCH_ENDPOINTS_MAX - GAPS_MAX) / (2 * (ENDPOINT_BYTES + 1)))

/* Hosts in one of the two ways. */
struct list {
    struct buf hosts; /* as in the message */
    size_t hosts_n;
    size_t place;         /* after the last one */
    struct buf endpoints; /* OWNED_BYTES each */
};

/* The order that both sides have; NULL: hosts are named by hash. */
struct lists {
    const struct roster_order *order;
    struct list by_hash, by_place;
};

_Static_assert(HOSTS_MAX <= UINT16_MAX, "a host's number has two bytes while a batch is made");

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

static void put_gap(struct buf *out, size_t gap)
{
    for (; gap >= GAP_MORE; gap -= GAP_MORE)
        buf_byte(out, GAP_MORE);
    buf_byte(out, (uint8_t)gap);
}

static void add_place(struct list *l, size_t place)
{
    put_gap(&l->hosts, place - l->place);
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
    if (l->hosts_n == HOSTS_MAX)
        return NULL;
    if (placed)
        add_place(l, place);
    else
        add_hash(l, host);
    const uint8_t value[VALUE_BYTES] = {tenths, (uint8_t)(n->load.value >> 8),
                                        (uint8_t)n->load.value};
    buf_append(&l->hosts, value, sizeof(value));
    l->hosts_n++;
    return l;
}

/* Of the host that was added last. */
static void add_endpoint(struct list *l, const struct load_news *n)
{
    size_t host = l->hosts_n - 1;
    const uint8_t at[OWNED_BYTES] = {(uint8_t)(host >> 8),          (uint8_t)host,
                                     (uint8_t)(n->key >> 8),        (uint8_t)n->key,
                                     (uint8_t)(n->load.value >> 8), (uint8_t)n->load.value};
    if (l->endpoints.len < ENDPOINTS_MAX * OWNED_BYTES)
        buf_append(&l->endpoints, at, sizeof(at));
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

static uint16_t number(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* As they are in the message. `before`: hosts that stand before the list; *host: that of the endpoint before. */
static void put_endpoints(struct buf *out, const struct list *l, size_t before, size_t *host)
{
    for (size_t i = 0; i < l->endpoints.len; i += OWNED_BYTES) {
        const uint8_t *at = l->endpoints.data + i;
        size_t next = before + number(at);
        put_gap(out, next - *host);
        buf_append(out, at + 2, ENDPOINT_BYTES);
        *host = next;
    }
}

static void list_deinit(struct list *l)
{
    buf_deinit(&l->hosts);
    buf_deinit(&l->endpoints);
}

bool load_batch_write(struct buf *out, const struct loads *loads, const struct load_target *target,
                      kith_time now_us)
{
    const struct roster_order *own = &target->roster->now;
    struct lists ls = {.order = own->digest != 0 && target->theirs == own->digest ? own : NULL};
    struct list *a = &ls.by_hash, *b = &ls.by_place;
    struct buf endpoints = {0};
    size_t host = 0;
    fill(&ls, loads, target, now_us);
    put_endpoints(&endpoints, a, /* before= */ 0, &host);
    put_endpoints(&endpoints, b, a->hosts_n, &host);
    bool any = a->hosts_n + b->hosts_n > 0;
    if (any)
        load_batch_encode(out, &(struct load_batch){.hosts = buf_bytes(&a->hosts),
                                                    .roster = own->digest,
                                                    .places = buf_bytes(&b->hosts),
                                                    .endpoints = buf_bytes(&endpoints)});
    buf_deinit(&endpoints);
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
    size_t host;            /* the number of the next */
    struct bytes endpoints; /* of the message */
    size_t at;              /* the next of them, behind its gap */
    size_t owner;           /* the number of its host; SIZE_MAX: there is none */
};

/* Adds the gap at *at, which is behind it then. False: the list ends within it. */
static bool take_gap(struct bytes list, size_t *at, size_t *number_of)
{
    for (; *at < list.len && list.data[*at] == GAP_MORE; (*at)++)
        *number_of += GAP_MORE;
    if (*at == list.len)
        return false;
    *number_of += list.data[(*at)++];
    return true;
}

/* How many hosts `places` has; false: it ends within one. */
static bool count_places(struct bytes places, size_t *ret)
{
    size_t at = 0, place = 0;
    for (*ret = 0; at < places.len; (*ret)++) {
        if (!take_gap(places, &at, &place) || places.len - at < VALUE_BYTES)
            return false;
        at += VALUE_BYTES;
    }
    return true;
}

/* Each endpoint is whole and on one of so many hosts. */
static bool endpoints_fit(struct bytes endpoints, size_t hosts)
{
    size_t at = 0, host = 0;
    while (at < endpoints.len) {
        if (!take_gap(endpoints, &at, &host) || host >= hosts ||
            endpoints.len - at < ENDPOINT_BYTES)
            return false;
        at += ENDPOINT_BYTES;
    }
    return true;
}

static bool lists_agree(const struct load_batch *b)
{
    size_t places;
    return b->hosts.len % HOST_BYTES == 0 && count_places(b->places, &places) &&
           endpoints_fit(b->endpoints, b->hosts.len / HOST_BYTES + places);
}

static void put(struct reader *r, uint64_t key, const struct load_value *value)
{
    if (loads_put(r->loads, key, value, r->source, r->now_us))
        r->ret->news++;
    else
        r->ret->old++;
}

/* Whose is the next endpoint? */
static void look_at_owner(struct reader *r)
{
    if (!take_gap(r->endpoints, &r->at, &r->owner))
        r->owner = SIZE_MAX;
}

/* The next host, whose value is at `at`, and its endpoints. */
static void read_host(struct reader *r, bool known, uint32_t host, const uint8_t *at)
{
    uint64_t key = (uint64_t)host << 16;
    struct load_value v = {.value = number(at + 1), .taken_us = r->now_us - at[0] * LOADS_TENTH};
    if (known)
        put(r, key, &v);
    else
        r->ret->unknown++;
    for (; r->owner == r->host; look_at_owner(r)) {
        const uint8_t *endpoint = r->endpoints.data + r->at;
        r->at += ENDPOINT_BYTES;
        v.value = number(endpoint + 2);
        if (known)
            put(r, key | number(endpoint), &v);
    }
    r->host++;
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
    for (; take_gap(places, &i, &place); i += VALUE_BYTES, place++) {
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
        struct reader r = {.ret = ret,
                           .loads = loads,
                           .source = source,
                           .now_us = now_us,
                           .endpoints = b.endpoints};
        look_at_owner(&r);
        ret->roster = b.roster;
        read_hashes(&r, b.hosts);
        read_places(&r, b.places, roster_find(roster, b.roster));
    }
    arena_deinit(&mem);
    return bad;
}
