/* What `kith probe` prints: a paragraph for each address, then where they differ; or all of it as one object. */
#include "base/mem.h"
#include "cmd/kith_object.h"
#include "cmd/kith_probe.h"
#include "view/safe.h"
#include "wire/frame.h"

#include <string.h>

/* What to do about it. */
static const char *remedy(const struct probe_peer *p)
{
    switch (p->result) {
    case PROBE_OK:
        break;
    case PROBE_UNREACHABLE:
        return "check the address, that kithd runs there, and that nothing between drops it";
    case PROBE_SILENT:
        return "is kithd stopped or hung there? Look on that host, and at its load";
    case PROBE_STRANGER:
        return "something else listens there: kithd's port for this is 5488 unless --port-base says otherwise";
    case PROBE_KEYS:
        return "run both with keys, or ask with --insecure a cluster that has none";
    case PROBE_FOREIGN:
        return "it belongs to another cluster, or is no kithd: use that cluster's key (--key or --dir), or mend the address";
    case PROBE_NO_KEY:
        return "give the operator's key with --key or --dir; make one with `kith token new --kind operator` and `kith key new`";
    case PROBE_NOT_ADMITTED:
        return "make a new token with `kith token new --kind operator`, and a key of it with `kith key new`";
    case PROBE_CLUSTER:
        return "the address was given to a host of another cluster: mend it, or use that cluster's key";
    case PROBE_VERSION:
        return "update the older of the two";
    case PROBE_MUTE:
        return "it is stopped, hung, or has not joined yet: see its log, and ask on its host by its own socket";
    }
    return "";
}

static double ms(kith_time us)
{
    return (double)us / 1000.0;
}

static kith_time rtt_at(const struct probe_peer *p, unsigned percent)
{
    return p->rtts_us[(p->rtts_n - 1) * percent / 100];
}

static bool is_version_known(const struct probe_peer *p)
{
    return p->seen.stage >= CLIENT_ANSWERED && p->seen.peer.format != 0;
}

static const char *key_text(const struct kith *k, const struct probe_peer *p)
{
    if (p->local)
        return "none needed: the socket's file permissions decide";
    return args_has(&k->args, FLAG_INSECURE) ? "none: the cluster runs without keys" : "admitted";
}

/* ---- queues ---- */

/* A counter that tells of a lane's queue: lane.LANE.queued, queued_bytes, dropped_full or dropped_stale. */
struct queue_counter {
    struct bytes lane, what;
    int64_t value;
};

static bool begins(struct bytes text, const char *with)
{
    size_t len = strlen(with);

    return text.len >= len && memcmp(text.data, with, len) == 0;
}

/* False: it tells of something else. */
static bool is_of_queue(const struct counter *c, struct queue_counter *ret)
{
    static const char prefix[] = "lane.";
    const uint8_t *lane = c->name.data + sizeof(prefix) - 1, *end = c->name.data + c->name.len;

    if (!begins(c->name, prefix))
        return false;
    const uint8_t *dot = memchr(lane, '.', (size_t)(end - lane));

    if (!dot)
        return false;
    *ret = (struct queue_counter){.lane = bytes_of(lane, (size_t)(dot - lane)),
                                  .what = bytes_of(dot + 1, (size_t)(end - dot - 1)),
                                  .value = c->value};
    return begins(ret->what, "queued") || begins(ret->what, "dropped_");
}

/* ---- for programs ---- */

static json_t *text_or_null(const char *text)
{
    return text && *text ? json_string(text) : json_null();
}

static json_t *bytes_json(struct bytes text)
{
    return json_stringn_nocheck((const char *)text.data, text.len);
}

/* By lane, then what is counted of it. */
static json_t *queues_json(const struct info *i)
{
    json_t *lanes = json_object();

    for (uint32_t n = 0; n < i->counters_n; n++) {
        struct queue_counter c;

        if (!is_of_queue(&i->counters[n], &c))
            continue;
        char *lane = bytes_to_str(c.lane), *what = bytes_to_str(c.what);

        if (!json_object_get(lanes, lane))
            json_object_set_new(lanes, lane, json_object());
        json_object_set_new(json_object_get(lanes, lane), what, json_integer(c.value));
        mem_free(lane);
        mem_free(what);
    }
    return lanes;
}

static void add_node(json_t *o, const struct probe_peer *p)
{
    const struct info *i = p->info;

    json_object_set_new(o, "node", json_string(ulid_text(&i->id).s));
    json_object_set_new(o, "name", bytes_json(i->name));
    json_object_set_new(o, "cluster", json_string(ulid_text(&i->cluster).s));
    json_object_set_new(o, "version", bytes_json(i->version));
    json_object_set_new(o, "uptime_ms", json_integer((json_int_t)i->uptime_ms));
    json_object_set_new(o, "members_alive", json_integer(i->members_alive));
    json_object_set_new(o, "members_known", json_integer(i->members_known));
    json_object_set_new(o, "rows", json_integer((json_int_t)i->rows));
    json_object_set_new(o, "clock_ahead", json_boolean(i->clock_ahead));
    json_object_set_new(o, "queues", queues_json(i));
}

static json_t *peer_json(const struct kith *k, const struct probe_peer *p)
{
    json_t *o = json_object();

    json_object_set_new(o, "addr", json_string(p->addr));
    json_object_set_new(o, "result", json_string(probe_result_name(p->result)));
    json_object_set_new(o, "why", text_or_null(p->why));
    json_object_set_new(o, "todo", text_or_null(remedy(p)));
    json_object_set_new(o, "reached", json_boolean(p->seen.stage >= CLIENT_CONNECTED));
    json_object_set_new(o, "handshake", json_boolean(p->seen.stage >= CLIENT_SHAKEN));
    json_object_set_new(o, "admitted", json_boolean(p->result == PROBE_OK));
    json_object_set_new(o, "key",
                        p->result == PROBE_OK ? json_string(key_text(k, p)) : json_null());
    json_object_set_new(o, "proto_min",
                        is_version_known(p) ? json_integer(p->seen.peer.proto_min) : json_null());
    json_object_set_new(o, "proto_max",
                        is_version_known(p) ? json_integer(p->seen.peer.proto_max) : json_null());
    json_object_set_new(o, "pings", json_integer(p->rtts_n));
    if (p->result == PROBE_OK) {
        json_object_set_new(o, "rtt_p50_ms", json_real(ms(rtt_at(p, 50))));
        json_object_set_new(o, "rtt_p99_ms", json_real(ms(rtt_at(p, 99))));
        json_object_set_new(o, "clock_ahead_ms", json_real(ms(p->ahead_us)));
        json_object_set_new(o, "clock_error_ms", json_real(ms(p->ahead_error_us)));
    }
    if (p->info)
        add_node(o, p);
    return o;
}

static json_t *difference_json(const struct probe_report *r, const struct probe_difference *d)
{
    json_t *o = json_object(), *saw = json_object();

    for (uint32_t i = 0; i < r->peers_n; i++)
        if (d->saw[i])
            json_object_set_new(saw, r->peers[i].addr, json_string(d->saw[i]));
    json_object_set_new(o, "what", json_string(d->what));
    json_object_set_new(o, "saw", saw);
    return o;
}

static void show_object(struct kith *k, const struct probe_report *r)
{
    json_t *o = json_object(), *peers = json_array(), *differences = json_array();

    for (uint32_t i = 0; i < r->peers_n; i++)
        json_array_append_new(peers, peer_json(k, &r->peers[i]));
    for (uint32_t i = 0; i < r->differences_n; i++)
        json_array_append_new(differences, difference_json(r, &r->differences[i]));
    json_object_set_new(o, "peers", peers);
    json_object_set_new(o, "differences", differences);
    object_show(k, o);
}

/* ---- for people ---- */

static void line(struct kith *k, const char *title)
{
    buf_printf(&k->out, "  %-11s ", title);
}

static void show_node(struct kith *k, const struct probe_peer *p)
{
    const struct info *i = p->info;

    line(k, "node");
    safe_line(&k->out, i->name);
    buf_printf(&k->out, " (%s), up %llu s\n", ulid_text(&i->id).s,
               (unsigned long long)i->uptime_ms / 1000);
    line(k, "cluster");
    buf_printf(&k->out, "%s\n",
               ulid_is_zero(&i->cluster) ? "none: it has not joined yet"
                                         : ulid_text(&i->cluster).s);
    line(k, "version");
    safe_line(&k->out, i->version);
    buf_printf(&k->out, ", protocol %u to %u (here %d to %d)\n", (unsigned)p->seen.peer.proto_min,
               (unsigned)p->seen.peer.proto_max, FRAME_PROTO_MIN, FRAME_PROTO_MAX);
}

static void show_members(struct kith *k, const struct probe_peer *p)
{
    uint32_t n[MEMBER_STATE_LEFT + 1] = {0};

    for (uint32_t i = 0; i < p->members->members_n; i++)
        if (p->members->members[i].state <= MEMBER_STATE_LEFT)
            n[p->members->members[i].state]++;
    line(k, "sees");
    buf_printf(&k->out, "%u alive, %u suspect, %u dead, %u left\n", n[MEMBER_STATE_ALIVE],
               n[MEMBER_STATE_SUSPECT], n[MEMBER_STATE_DEAD], n[MEMBER_STATE_LEFT]);
    if (n[MEMBER_STATE_ALIVE] == 1 && n[MEMBER_STATE_DEAD] > 0)
        buf_str(
            &k->out,
            "              it is alone: cut off from the others, or they are down; probe them too\n");
}

/* What waits in each lane for connections to take it, and what was given up. */
static void show_queues(struct kith *k, const struct info *i)
{
    int64_t dropped = 0;
    bool any = false;

    for (uint32_t n = 0; n < i->counters_n; n++) {
        struct queue_counter c;

        if (!is_of_queue(&i->counters[n], &c))
            continue;
        if (begins(c.what, "dropped_"))
            dropped += c.value;
        if (!bytes_equal_str(c.what, "queued"))
            continue;
        if (!any)
            line(k, "queues");
        buf_str(&k->out, any ? ", " : "");
        safe_line(&k->out, c.lane);
        buf_printf(&k->out, " %lld", (long long)c.value);
        any = true;
    }
    if (any)
        buf_printf(&k->out, " frames waiting; %lld dropped since it started\n", (long long)dropped);
}

static void show_good(struct kith *k, const struct probe_peer *p)
{
    if (p->info)
        show_node(k, p);
    line(k, "key");
    buf_printf(&k->out, "%s\n", key_text(k, p));
    line(k, "round trip");
    buf_printf(&k->out, "p50 %.3f ms, p99 %.3f ms, of %u\n", ms(rtt_at(p, 50)), ms(rtt_at(p, 99)),
               p->rtts_n);
    line(k, "clock");
    buf_printf(&k->out, "%.3f ms %s this host's, give or take %.3f\n",
               ms(p->ahead_us < 0 ? -p->ahead_us : p->ahead_us),
               p->ahead_us < 0 ? "behind" : "ahead of", ms(p->ahead_error_us));
    if (p->info && p->info->clock_ahead)
        buf_str(
            &k->out,
            "              it is ahead of most others', and writes nothing that is shared: mend it\n");
    if (p->members)
        show_members(k, p);
    if (p->info)
        show_queues(k, p->info);
    if (!p->info || !p->members)
        buf_str(&k->out, "  it does not answer all questions of this key\n");
}

static void show_bad(struct kith *k, const struct probe_peer *p)
{
    buf_str(&k->out, "  ");
    safe_line(&k->out, bytes_str(p->why));
    buf_printf(&k->out, "\n  to do: %s\n", remedy(p));
    if (p->seen.stage >= CLIENT_CONNECTED && p->seen.stage < CLIENT_SHAKEN)
        buf_str(&k->out, "  reached: yes, handshake: no\n");
    else if (p->seen.stage >= CLIENT_SHAKEN)
        buf_str(&k->out, "  reached: yes, handshake: yes\n");
}

/* Those that hold different rows are named, though it is no fault: rows may be under way. */
static bool registries_differ(const struct probe_report *r)
{
    const struct info *first = NULL;

    for (uint32_t i = 0; i < r->peers_n; i++) {
        const struct info *info = r->peers[i].info;

        if (first && info && info->digest != first->digest)
            return true;
        first = info ? info : first;
    }
    return false;
}

static void show_differences(struct kith *k, const struct probe_report *r)
{
    uint32_t answered = 0;

    for (uint32_t i = 0; i < r->peers_n; i++)
        answered += r->peers[i].members != NULL;
    if (answered < 2)
        return;
    buf_printf(&k->out, "\n%s\n",
               r->differences_n > 0 ? "They differ:"
                                    : "They see the same members in the same state.");
    for (uint32_t i = 0; i < r->differences_n; i++) {
        const struct probe_difference *d = &r->differences[i];

        buf_str(&k->out, "  ");
        safe_line(&k->out, bytes_str(d->what));
        buf_byte(&k->out, ':');
        for (uint32_t j = 0; j < r->peers_n; j++)
            if (d->saw[j])
                buf_printf(&k->out, " %s at %s;", d->saw[j], r->peers[j].addr);
        k->out.data[k->out.len - 1] = '\n';
    }
    if (registries_differ(r))
        buf_str(
            &k->out,
            "Their registries differ: rows may be under way; if that stays so, look for a cut between them.\n");
}

void probe_show(struct kith *k, const struct probe_report *r)
{
    if (object_wanted(k)) {
        show_object(k, r);
        return;
    }
    for (uint32_t i = 0; i < r->peers_n; i++) {
        const struct probe_peer *p = &r->peers[i];

        buf_printf(&k->out, "%s%s: %s\n", i > 0 ? "\n" : "", p->addr, probe_result_name(p->result));
        if (p->result == PROBE_OK)
            show_good(k, p);
        else
            show_bad(k, p);
    }
    show_differences(k, r);
}
