#include "gossip/load_batch.h"

#define HOST_BYTES 6u
#define HOSTS_MAX  LOAD_BATCH_SEQS_MAX_ITEMS
#define ENDS_MAX   LOAD_BATCH_ENDPOINTS_MAX_ITEMS

/* The lists under construction; those that are written as they are in the message. */
struct lists {
    uint8_t hosts[HOSTS_MAX * HOST_BYTES];
    uint16_t seqs[HOSTS_MAX], ages[HOSTS_MAX];
    uint8_t cpus[HOSTS_MAX], memories[HOSTS_MAX], counts[HOSTS_MAX];
    uint16_t endpoints[ENDS_MAX], latencies[ENDS_MAX];
    uint32_t hosts_n, endpoints_n;
};

static bool passes(const struct load_news *n, uint8_t not_from)
{
    return not_from == LOAD_BATCH_OWN ? n->source == 0 : n->source != not_from;
}

static void add_host(struct lists *ls, const struct load_news *n, kith_time now_us)
{
    uint32_t i = ls->hosts_n++;
    kith_time tenths = (now_us - n->load.taken_us) / LOADS_TENTH;
    for (uint32_t k = 0; k < HOST_BYTES; k++)
        ls->hosts[i * HOST_BYTES + k] = (uint8_t)(n->key >> (56 - 8 * k));
    ls->seqs[i] = n->load.seq;
    ls->ages[i] = (uint16_t)(tenths < UINT16_MAX ? tenths : UINT16_MAX);
    ls->cpus[i] = (uint8_t)(n->load.value >> 8);
    ls->memories[i] = (uint8_t)n->load.value;
    ls->counts[i] = 0;
}

static void fill(struct lists *ls, const struct loads *loads, uint8_t not_from, kith_time now_us)
{
    struct load_news n;
    size_t at = 0;
    uint64_t host = 0;
    while (loads_next_news(loads, &at, now_us, &n)) {
        bool is_host = (n.key & 0xffff) == 0;
        if (!passes(&n, not_from))
            continue;
        if (is_host && ls->hosts_n == HOSTS_MAX)
            return;
        if (is_host) {
            add_host(ls, &n, now_us);
            host = n.key;
        } else if (host == (n.key & ~UINT64_C(0xffff)) && ls->hosts_n > 0 &&
                   ls->endpoints_n < ENDS_MAX && ls->counts[ls->hosts_n - 1] < UINT8_MAX) {
            ls->endpoints[ls->endpoints_n] = (uint16_t)n.key;
            ls->latencies[ls->endpoints_n++] = n.load.value;
            ls->counts[ls->hosts_n - 1]++;
        }
    }
}

bool load_batch_write(struct buf *out, const struct loads *loads, uint8_t not_from,
                      kith_time now_us)
{
    struct arena mem = {0};
    struct lists *ls = arena_alloc(&mem, sizeof(*ls));
    fill(ls, loads, not_from, now_us);
    bool any = ls->hosts_n > 0;
    if (any)
        load_batch_encode(
            out, &(struct load_batch){.hosts = bytes_of(ls->hosts, ls->hosts_n * HOST_BYTES),
                                      .seqs = ls->seqs,
                                      .seqs_n = ls->hosts_n,
                                      .ages = ls->ages,
                                      .ages_n = ls->hosts_n,
                                      .cpus = ls->cpus,
                                      .cpus_n = ls->hosts_n,
                                      .memories = ls->memories,
                                      .memories_n = ls->hosts_n,
                                      .counts = ls->counts,
                                      .counts_n = ls->endpoints_n > 0 ? ls->hosts_n : 0,
                                      .endpoints = ls->endpoints,
                                      .endpoints_n = ls->endpoints_n,
                                      .latencies = ls->latencies,
                                      .latencies_n = ls->endpoints_n});
    arena_deinit(&mem);
    return any;
}

/* ---- in ---- */

static bool lists_agree(const struct load_batch *b)
{
    size_t n = b->hosts.len / HOST_BYTES, endpoints = 0;
    for (uint32_t i = 0; i < b->counts_n; i++)
        endpoints += b->counts[i];
    return b->hosts.len % HOST_BYTES == 0 && b->seqs_n == n && b->ages_n == n && b->cpus_n == n &&
           b->memories_n == n && (b->counts_n == n || b->counts_n == 0) &&
           b->endpoints_n == endpoints && b->latencies_n == endpoints;
}

static void put(struct load_read *ret, struct loads *loads, uint64_t key,
                const struct load_value *value, uint8_t source, kith_time now_us)
{
    if (loads_put(loads, key, value, source, now_us))
        ret->news++;
    else
        ret->old++;
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
    for (uint32_t i = 0, at = 0; bad == 0 && i < b.seqs_n; i++) {
        uint64_t key = 0;
        for (uint32_t k = 0; k < HOST_BYTES; k++)
            key |= (uint64_t)b.hosts.data[i * HOST_BYTES + k] << (56 - 8 * k);
        struct load_value v = {.value = (uint16_t)(b.cpus[i] << 8 | b.memories[i]),
                               .seq = b.seqs[i],
                               .taken_us = now_us - b.ages[i] * LOADS_TENTH};
        put(ret, loads, key, &v, source, now_us);
        for (uint32_t k = 0; b.counts_n > 0 && k < b.counts[i]; k++, at++) {
            v.value = b.latencies[at];
            put(ret, loads, key | b.endpoints[at], &v, source, now_us);
        }
    }
    arena_deinit(&mem);
    return bad;
}
