#include "native/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define LANE         "lane."

/* ---- counters of `kith info` ---- */

/* Those that docs/info.md marks as *now*, and the largest of something: they go up and down. */
static const char *const gauges[] = {
    "gossip.convergence_p50_us",
    "gossip.convergence_p99_us",
    "gossip.doubt",
    "gossip.neighbours",
    "gossip.probe_late_us",
    "gossip.subscriptions",
    "gossip.tombstones",
    "instances_here",
    "logs_under_way",
    "needs_held_out",
    "outbox_effects",
    "registrations_here",
    "services",
    "store.file_bytes",
    "store.free_pages",
    "store.log_bytes",
    "store.map_bytes",
    "store_unstored",
    "topic.subscriptions",
};
static const char *const lane_gauges[] = {"connections", "queued", "queued_bytes"};

struct metric {
    struct bytes family, lane; /* lane: empty, or its name */
    struct bytes name;         /* as `kith info` has it */
    bool gauge, micros;
    int64_t value;
    uint32_t number; /* the order among equals stays */
};

static bool is_among(struct bytes name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes_equal_str(name, list[i]))
            return true;
    }
    return false;
}

/* "lane.member.queued": the lane, and what is counted of it. */
static bool split_lane(struct bytes name, struct bytes *ret_lane, struct bytes *ret_what)
{
    struct bytes prefix = bytes_str(LANE);

    if (!bytes_starts(name, prefix))
        return false;
    struct bytes rest = bytes_of(name.data + prefix.len, name.len - prefix.len);
    const uint8_t *dot = memchr(rest.data, '.', rest.len);

    if (!dot)
        return false;
    *ret_lane = bytes_of(rest.data, (size_t)(dot - rest.data));
    *ret_what = bytes_of(dot + 1, rest.len - ret_lane->len - 1);
    return true;
}

/* What a name of Prometheus' may not have becomes "_". */
static void add_name(struct buf *out, struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        buf_byte(out, fits ? c : '_');
    }
}

static struct metric metric_of(const struct counter *c, uint32_t number, struct arena *mem)
{
    struct metric m = {.name = c->name, .value = c->value, .number = number};
    struct buf family = {0};
    struct bytes what = c->name;

    if (split_lane(c->name, &m.lane, &what))
        m.gauge = is_among(what, lane_gauges, sizeof(lane_gauges) / sizeof(lane_gauges[0]));
    else
        m.gauge = is_among(what, gauges, sizeof(gauges) / sizeof(gauges[0]));
    m.micros = what.len > 3 && memcmp(what.data + what.len - 3, "_us", 3) == 0;
    if (m.micros)
        what.len -= 3;
    buf_str(&family, m.lane.len ? "kith_lane_" : "kith_");
    add_name(&family, what);
    buf_str(&family, m.micros ? "_seconds" : "");
    buf_str(&family, m.gauge ? "" : "_total");
    m.family = arena_bytes(mem, buf_bytes(&family));
    buf_deinit(&family);
    return m;
}

static int compare_metrics(const void *a, const void *b)
{
    const struct metric *x = a, *y = b;
    int order = bytes_compare(x->family, y->family);

    if (order != 0)
        return order;
    return x->number < y->number ? -1 : x->number > y->number;
}

static void write_head(struct buf *out, const struct metric *m)
{
    buf_printf(out, "# HELP " BYTES_FMT " ", BYTES_ARG(m->family));
    if (m->lane.len)
        buf_str(out, "By lane, see docs/info.md.\n");
    else
        buf_printf(out, BYTES_FMT " of kith info, see docs/info.md.\n", BYTES_ARG(m->name));
    buf_printf(out, "# TYPE " BYTES_FMT " %s\n", BYTES_ARG(m->family),
               m->gauge ? "gauge" : "counter");
}

static void write_seconds(struct buf *out, int64_t us)
{
    buf_printf(out, "%s%" PRId64 ".%06" PRId64 "\n", us < 0 ? "-" : "",
               (us < 0 ? -us : us) / 1000000, (us < 0 ? -us : us) % 1000000);
}

void metrics_counters(struct buf *out, const struct counter *counters, uint32_t n,
                      struct arena *mem)
{
    struct metric *list = arena_array(mem, n, sizeof(*list));

    for (uint32_t i = 0; i < n; i++)
        list[i] = metric_of(&counters[i], i, mem);
    if (n)
        qsort(list, n, sizeof(*list), compare_metrics);
    for (uint32_t i = 0; i < n; i++) {
        const struct metric *m = &list[i];

        if (i == 0 || !bytes_equal(m->family, list[i - 1].family))
            write_head(out, m);
        buf_append(out, m->family.data, m->family.len);
        if (m->lane.len)
            buf_printf(out, "{lane=\"" BYTES_FMT "\"}", BYTES_ARG(m->lane));
        buf_byte(out, ' ');
        if (m->micros)
            write_seconds(out, m->value);
        else
            buf_printf(out, "%" PRId64 "\n", m->value);
    }
}

/* ---- this server ---- */

static void write_one(struct buf *out, const char *name, const char *type, const char *help,
                      uint64_t value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name, type, name,
               value);
}

static void write_server(struct buf *out, const struct hub *hub)
{
    buf_str(out, "# HELP kith_http_requests_total Answered requests, by the status' first digit.\n"
                 "# TYPE kith_http_requests_total counter\n");
    for (unsigned i = 1; i < HUB_CLASSES; i++)
        buf_printf(out, "kith_http_requests_total{class=\"%uxx\"} %" PRIu64 "\n", i,
                   hub->requests[i]);
    write_one(out, "kith_http_connections", "gauge", "Open connections.", hub->connections);
    write_one(out, "kith_http_waiting", "gauge", "Requests that wait for a change.", hub->parked);
    write_one(out, "kith_http_waits_total", "counter", "Requests that waited for a change.",
              hub->blocked);
    write_one(out, "kith_http_wakes_total", "counter", "Requests that a change has ended.",
              hub->woken);
    write_one(out, "kith_http_waits_refused_total", "counter",
              "Requests that were too many to wait.", hub->refused);
    write_one(out, "kith_http_connections_closed_total", "counter",
              "Connections that were too many, or idle for too long.", hub->sent_away);
    times_write(out, "kith_http_request_duration_seconds",
                "From a request's first line to its answer, but for waiting for changes.",
                &hub->times);
}

/* ---- the cluster, this peer and its process ---- */

static void write_members(struct buf *out, const struct directory *d)
{
    uint32_t counts[MEMBER_STATE_LEFT + 1] = {0};

    for (const struct dir_member *m = directory_first_member(d); m; m = directory_next_member(m)) {
        if (m->says.state <= MEMBER_STATE_LEFT)
            counts[m->says.state]++;
    }
    buf_str(out, "# HELP kith_members Members of the cluster as this peer sees them.\n"
                 "# TYPE kith_members gauge\n");
    for (unsigned i = MEMBER_STATE_ALIVE; i <= MEMBER_STATE_LEFT; i++) {
        if (i != MEMBER_STATE_SUSPECT)
            buf_printf(out, "kith_members{state=\"%s\"} %u\n",
                       member_state_name((enum member_state)i), counts[i]);
    }
}

static void write_endpoints(struct buf *out, const struct directory *d)
{
    buf_str(out, "# HELP kith_endpoints Endpoints of all services, on hosts that live.\n"
                 "# TYPE kith_endpoints gauge\n");
    for (unsigned i = 0; i < PORTRAIT_HEALTHS; i++)
        buf_printf(out, "kith_endpoints{health=\"%s\"} %" PRIu64 "\n",
                   endpoint_health_name((enum endpoint_health)i), d->healths[i]);
}

static void add_label(struct buf *out, const char *name, struct bytes value)
{
    buf_printf(out, "%s=\"", name);
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] == '\n') {
            buf_str(out, "\\n");
            continue;
        }
        if (value.data[i] == '"' || value.data[i] == '\\')
            buf_byte(out, '\\');
        buf_byte(out, value.data[i]);
    }
    buf_byte(out, '"');
}

static void write_peer(struct buf *out, const struct info *info)
{
    buf_str(out, "# HELP kith_info About this peer.\n# TYPE kith_info gauge\nkith_info{");
    add_label(out, "name", info->name);
    add_label(out, ",node", bytes_str(ulid_text(&info->id).s));
    add_label(out, ",version", info->version);
    buf_str(out, "} 1\n");
    write_one(out, "kith_rows", "gauge", "Rows of the replicated registry.", info->rows);
    buf_str(out, "# HELP kith_uptime_seconds Since this peer started.\n"
                 "# TYPE kith_uptime_seconds gauge\nkith_uptime_seconds ");
    write_seconds(out, (int64_t)info->uptime_ms * 1000);
}

/* Of statm: all of its memory, and what of that is resident. */
static bool read_memory(uint64_t *ret_virtual, uint64_t *ret_resident)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    unsigned long all, resident;
    FILE *f = fopen("/proc/self/statm", "re");

    if (!f)
        return false;
    bool read = fscanf(f, "%lu %lu", &all, &resident) == 2;

    fclose(f);
    if (read) {
        *ret_virtual = all * page;
        *ret_resident = resident * page;
    }
    return read;
}

static uint64_t open_descriptors(void)
{
    uint64_t n = 0;
    DIR *dir = opendir("/proc/self/fd");

    if (!dir)
        return 0;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n > 3 ? n - 3 : 0; /* but for ".", ".." and the folder itself */
}

static int64_t micros(struct timeval t)
{
    return (int64_t)t.tv_sec * KITH_SEC + t.tv_usec;
}

static void write_process(struct buf *out)
{
    uint64_t all, resident;
    struct rlimit limit;
    struct rusage used;

    if (read_memory(&all, &resident)) {
        write_one(out, "process_virtual_memory_bytes", "gauge", "Address space.", all);
        write_one(out, "process_resident_memory_bytes", "gauge", "Resident memory.", resident);
    }
    write_one(out, "process_open_fds", "gauge", "Open file descriptors.", open_descriptors());
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        write_one(out, "process_max_fds", "gauge", "File descriptors that may be open.",
                  limit.rlim_cur);
    if (getrusage(RUSAGE_SELF, &used) != 0)
        return;
    buf_str(out, "# HELP process_cpu_seconds_total User and system time.\n"
                 "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total ");
    write_seconds(out, micros(used.ru_utime) + micros(used.ru_stime));
}

/* ---- the answer ---- */

static void show(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    struct info info;
    struct wire_error err;

    if (kind != WIRE_INFO || info_decode(&info, payload, &x->mem, &err)) {
        answer_error(x, 500, "internal", "the peer's answer cannot be read");
        return;
    }
    answer_text(x, METRICS_TYPE, "");
    struct buf *out = &x->answer.body;

    write_peer(out, &info);
    write_members(out, &x->hub->directory);
    write_endpoints(out, &x->hub->directory);
    metrics_counters(out, info.counters, info.counters_n, &x->mem);
    write_server(out, x->hub);
    if (x->hub->more_metrics)
        x->hub->more_metrics(x->hub->more_arg, out);
    write_process(out);
}

void metrics_show(struct exchange *x)
{
    struct buf question = {0};

    get_info_encode(&question, &(struct get_info){0});
    exchange_ask(x, WIRE_GET_INFO, question, show);
}
