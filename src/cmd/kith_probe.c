/* kith probe: the tool for when something is wrong. Works on each address by itself, and needs nobody else. */
#include "cmd/kith_probe.h"

#include "client/address.h"
#include "cmd/kith_ask.h"
#include "cmd/kith_folder.h"
#include "cmd/kith_reach.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *probe_result_name(enum probe_result r)
{
    static const char *const names[] = {
        [PROBE_OK] = "ok",
        [PROBE_UNREACHABLE] = "unreachable",
        [PROBE_SILENT] = "silent",
        [PROBE_STRANGER] = "no-zeromq",
        [PROBE_KEYS] = "keys-on-one-side",
        [PROBE_FOREIGN] = "foreign-ring",
        [PROBE_NO_KEY] = "no-key-here",
        [PROBE_NOT_ADMITTED] = "not-admitted",
        [PROBE_CLUSTER] = "other-cluster",
        [PROBE_VERSION] = "version",
        [PROBE_MUTE] = "mute",
    };

    return names[r];
}

/* ---- what is wrong ---- */

static enum probe_result judge_handshake(const struct client_seen *seen)
{
    if (seen->story.mechanism)
        return PROBE_KEYS;
    if (seen->story.not_zeromq)
        return PROBE_STRANGER;
    return seen->state == LINK_TRYING ? PROBE_SILENT : PROBE_FOREIGN;
}

/* To libzmq, what is no ZeroMQ is mostly a very old one that knows none of the keys; and when the other end is the
 * first to hang up on keys that one side lacks, it tells of a broken connection only. */
static void look_again(struct probe_peer *p, bool insecure)
{
    struct buf uri = {0};
    enum reach_greeting found = REACH_UNKNOWN;

    if (p->result == PROBE_FOREIGN && address_uri(&uri, bytes_str(p->addr)) == 0)
        found = reach_greeting(buf_cstr(&uri));
    if (found == REACH_STRANGER)
        p->result = PROBE_STRANGER;
    else if (found == (insecure ? REACH_KEYS : REACH_NO_KEYS))
        p->result = PROBE_KEYS;
    buf_deinit(&uri);
}

static enum probe_result judge(enum kith_client_result r, const struct client_seen *seen)
{
    if (r == KITH_CLIENT_BAD_KEY)
        return PROBE_NO_KEY;
    switch (seen->stage) {
    case CLIENT_NOWHERE:
        return r == KITH_CLIENT_REFUSED ? PROBE_NOT_ADMITTED : PROBE_UNREACHABLE;
    case CLIENT_CONNECTED:
        return judge_handshake(seen);
    case CLIENT_SHAKEN:
        return PROBE_MUTE;
    case CLIENT_ANSWERED:
    case CLIENT_OPEN:
        break;
    }
    switch (seen->frame_problem) {
    case FRAME_CLUSTER:
        return PROBE_CLUSTER;
    case FRAME_PROTO:
        return PROBE_VERSION;
    default:
        return r == KITH_CLIENT_REFUSED ? PROBE_NOT_ADMITTED : PROBE_MUTE;
    }
}

static void blame(struct kith *k, struct probe_peer *p, enum kith_client_result r)
{
    p->seen = client_seen(k->client);
    p->result = judge(r, &p->seen);
    look_again(p, args_has(&k->args, FLAG_INSECURE));
    p->why = p->result == PROBE_SILENT ? "it took a connection, and shook no hands in time"
             : p->result == PROBE_STRANGER
                 ? "it took a connection, and does not greet as ZeroMQ does"
                 : arena_str(&k->mem, bytes_str(kith_client_why(k->client)));
}

/* ---- round trips ---- */

static int64_t wall_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * KITH_SEC + now.tv_nsec / 1000;
}

static int by_length(const void *a, const void *b)
{
    const kith_time *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* One round trip; the shortest so far tells the other clock best. */
static bool ping(struct kith *k, struct probe_peer *p)
{
    int64_t sent_wall_us = wall_us();
    kith_time sent_us = ask_now();
    struct ask a = ask_once(k, WIRE_PING, &(struct ping){0}, ask_timeout_ms(k, ASK_TIMEOUT_MS));
    kith_time rtt_us = ask_now() - sent_us;

    if (a.result || a.kind != WIRE_PONG) {
        blame(k, p, a.result);
        return false;
    }
    const struct pong *pong = a.answer;

    if (p->rtts_n == 0 || rtt_us / 2 < p->ahead_error_us) {
        p->ahead_us = pong->wall_us - (sent_wall_us + rtt_us / 2);
        p->ahead_error_us = rtt_us / 2;
    }
    p->rtts_us[p->rtts_n++] = rtt_us;
    return true;
}

static bool measure(struct kith *k, struct probe_peer *p)
{
    kith_time end_us = ask_now() + PROBE_PINGS_US;

    while (p->rtts_n < PROBE_PINGS_MAX && (p->rtts_n < PROBE_PINGS_MIN || ask_now() < end_us))
        if (!ping(k, p))
            return false;
    qsort(p->rtts_us, p->rtts_n, sizeof(p->rtts_us[0]), by_length);
    return true;
}

/* ---- one address ---- */

/* NULL when it is not answered; that is told by what is missing. */
static const void *fetch(struct kith *k, enum wire_kind kind, const void *request,
                         enum wire_kind expected)
{
    struct ask a = ask_once(k, kind, request, ask_timeout_ms(k, ASK_TIMEOUT_MS));

    return a.result == KITH_CLIENT_OK && a.kind == expected ? a.answer : NULL;
}

static enum kith_client_result open_to(struct kith *k, const char *addr)
{
    struct buf key = {0};
    enum kith_client_result r;
    bool found = !args_has(&k->args, FLAG_INSECURE) && folder_read_key(k, &key);

    k->client = kith_client_open(
        &(struct kith_client_options){
            .address = addr,
            .key = found ? buf_cstr(&key) : NULL,
            .insecure = args_has(&k->args, FLAG_INSECURE),
            .any_version = true,
            .timeout_ms = ask_timeout_ms(k, ASK_TIMEOUT_MS),
        },
        &r);
    keys_wipe(key.data, key.len);
    buf_deinit(&key);
    return r;
}

static void probe_one(struct kith *k, struct probe_peer *p)
{
    enum kith_client_result r = open_to(k, p->addr);

    if (r) {
        blame(k, p, r);
    } else if (measure(k, p)) {
        p->info = fetch(k, WIRE_GET_INFO, &(struct get_info){0}, WIRE_INFO);
        p->members =
            fetch(k, WIRE_GET_MEMBERS, &(struct get_members){.all = true}, WIRE_MEMBER_LIST);
        p->seen = client_seen(k->client);
    }
    ask_hang_up(k);
}

/* False: said what is no address. */
static bool is_address(struct kith *k, struct probe_peer *p)
{
    struct buf uri = {0};
    bool ok = address_uri(&uri, bytes_str(p->addr)) == 0;

    p->local = ok && address_ipc_path(buf_cstr(&uri)) != NULL;
    buf_deinit(&uri);
    if (!ok)
        kith_usage(k, "'%s' is no address: give HOST, HOST:PORT or the path of a daemon's socket",
                   p->addr);
    return ok;
}

static const char *default_address(const struct kith *k)
{
    const char *text = k->args.text[FLAG_ADDR];

    if (!text)
        text = getenv("KITH_ADDR");
    return text && *text ? text : KITH_DEFAULT_ADDRESS;
}

int kith_probe(struct kith *k)
{
    uint32_t n = k->args.words_n > 0 ? (uint32_t)k->args.words_n : 1;
    struct probe_report r = {.peers = arena_array(&k->mem, n, sizeof(*r.peers)), .peers_n = n};
    bool good = true;

    for (uint32_t i = 0; i < n; i++) {
        r.peers[i].addr = k->args.words_n > 0 ? kith_word(k, (int)i) : default_address(k);
        if (!is_address(k, &r.peers[i]))
            return KITH_USAGE;
    }
    for (uint32_t i = 0; i < n; i++) {
        probe_one(k, &r.peers[i]);
        good = good && r.peers[i].result == PROBE_OK;
    }
    probe_compare(k, &r);
    probe_show(k, &r);
    int status = kith_print(k);

    return status != KITH_DONE ? status : good && r.differences_n == 0 ? KITH_DONE : KITH_FAILED;
}
