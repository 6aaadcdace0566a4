#include "gossip/load_batch.h"

#define HOST_BYTES     8u
#define ENDPOINT_BYTES 4u
#define ID_BYTES       4u /* of a host, in its 8 */
#define HOSTS_MAX      (LOAD_BATCH_HOSTS_MAX / HOST_BYTES)
#define OLDEST         255 /* tenths: what is older is not passed on */

/* The lists under construction, as they are in the message. */
struct lists {
    struct buf hosts, counts, endpoints;
};

_Static_assert(LOAD_BATCH_ENDPOINTS_MAX % ENDPOINT_BYTES == 0, "a whole number of them");
_Static_assert(HOSTS_MAX <= LOAD_BATCH_COUNTS_MAX, "there is a count for each host");

static bool passes(const struct load_news *n, uint8_t not_from)
{
    return not_from == LOAD_BATCH_OWN ? n->source == 0 : n->source != not_from;
}

static void add_host(struct lists *ls, const struct load_news *n, uint8_t tenths)
{
    uint8_t at[HOST_BYTES];
    for (uint32_t k = 0; k < ID_BYTES; k++)
        at[k] = (uint8_t)(n->key >> (40 - 8 * k));
    at[4] = n->load.seq;
    at[5] = tenths;
    at[6] = (uint8_t)(n->load.value >> 8);
    at[7] = (uint8_t)n->load.value;
    buf_append(&ls->hosts, at, sizeof(at));
    buf_byte(&ls->counts, 0);
}

static void add_endpoint(struct lists *ls, const struct load_news *n)
{
    uint8_t at[ENDPOINT_BYTES] = {(uint8_t)(n->key >> 8), (uint8_t)n->key,
                                  (uint8_t)(n->load.value >> 8), (uint8_t)n->load.value};
    buf_append(&ls->endpoints, at, sizeof(at));
    ls->counts.data[ls->counts.len - 1]++;
}

static void fill(struct lists *ls, const struct loads *loads, uint8_t not_from, kith_time now_us)
{
    struct load_news n;
    size_t at = 0;
    uint64_t host = UINT64_MAX; /* whose endpoints may follow */
    while (loads_next_news(loads, &at, now_us, &n)) {
        kith_time tenths = (now_us - n.load.taken_us) / LOADS_TENTH;
        bool is_host = (n.key & 0xffff) == 0;
        if (!passes(&n, not_from) || tenths > OLDEST)
            continue;
        if (is_host && ls->counts.len == HOSTS_MAX)
            return;
        if (is_host) {
            add_host(ls, &n, (uint8_t)tenths);
            host = n.key;
        } else if (host == (n.key & ~UINT64_C(0xffff)) &&
                   ls->endpoints.len < LOAD_BATCH_ENDPOINTS_MAX &&
                   ls->counts.data[ls->counts.len - 1] < UINT8_MAX) {
            add_endpoint(ls, &n);
        }
    }
}

bool load_batch_write(struct buf *out, const struct loads *loads, uint8_t not_from,
                      kith_time now_us)
{
    struct lists ls = {0};
    fill(&ls, loads, not_from, now_us);
    bool any = ls.hosts.len > 0;
    if (ls.endpoints.len == 0)
        buf_reset(&ls.counts);
    if (any)
        load_batch_encode(out, &(struct load_batch){.hosts = buf_bytes(&ls.hosts),
                                                    .counts = buf_bytes(&ls.counts),
                                                    .endpoints = buf_bytes(&ls.endpoints)});
    buf_deinit(&ls.hosts);
    buf_deinit(&ls.counts);
    buf_deinit(&ls.endpoints);
    return any;
}

/* ---- in ---- */

static bool lists_agree(const struct load_batch *b)
{
    size_t endpoints = 0;
    for (size_t i = 0; i < b->counts.len; i++)
        endpoints += b->counts.data[i];
    return b->hosts.len % HOST_BYTES == 0 &&
           (b->counts.len == 0 || b->counts.len == b->hosts.len / HOST_BYTES) &&
           b->endpoints.len == endpoints * ENDPOINT_BYTES;
}

static void put(struct load_read *ret, struct loads *loads, uint64_t key,
                const struct load_value *value, uint8_t source, kith_time now_us)
{
    if (loads_put(loads, key, value, source, now_us))
        ret->news++;
    else
        ret->old++;
}

static uint16_t number(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* A host and its endpoints, which begin at *endpoint; that moves on. */
static void read_host(struct load_read *ret, struct loads *loads, const uint8_t *at, size_t count,
                      const uint8_t **endpoint, uint8_t source, kith_time now_us)
{
    struct load_value v = {
        .value = number(at + 6), .seq = at[4], .taken_us = now_us - at[5] * LOADS_TENTH};
    uint64_t key = 0;
    for (uint32_t k = 0; k < ID_BYTES; k++)
        key |= (uint64_t)at[k] << (40 - 8 * k);
    put(ret, loads, key, &v, source, now_us);
    for (; count > 0; count--, *endpoint += ENDPOINT_BYTES) {
        v.value = number(*endpoint + 2);
        put(ret, loads, key | number(*endpoint), &v, source, now_us);
    }
}

int load_batch_read(struct load_read *ret, struct loads *loads, struct bytes payload,
                    uint8_t source, kith_time now_us, struct wire_error *err)
{
    struct load_batch b;
    struct arena mem = {0};
    int bad = load_batch_decode(&b, payload, &mem, err);
    *ret = (struct load_read){0};
    if (bad == 0 && !lists_agree(&b)) {
        *err = (struct wire_error){"load_batch", "has lists of different lengths"};
        bad = WIRE_BAD;
    }
    const uint8_t *endpoint = b.endpoints.data;
    for (size_t i = 0; bad == 0 && i < b.hosts.len / HOST_BYTES; i++)
        read_host(ret, loads, b.hosts.data + i * HOST_BYTES,
                  b.counts.len > 0 ? b.counts.data[i] : 0, &endpoint, source, now_us);
    arena_deinit(&mem);
    return bad;
}
