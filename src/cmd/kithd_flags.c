#include "cmd/kithd_flags.h"
#include "cmd/kithd_given.h"
#include "shell/doors.h"
#include "shell/listen.h"
#include "shell/log.h"
#include "spec/config.h"
#include "spec/load.h"
#include "spec/nearest.h"
#include "spec/units.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HTTPS         "https://" /* before an address: speak TLS there */
#define PORTS_DEFAULT "20000-29999"
#define USER_DEFAULT  "nobody"
#define FLAGS_MAX     64 /* names of flags; there are fewer */

/* ---- one flag each ---- */

static int read_text(struct bytes *field, const char *value)
{
    *field = bytes_str(value);
    return value[0] == '\0';
}

static int read_data(struct given *g, const char *value)
{
    return read_text(&g->config.data, value);
}

static int read_name(struct given *g, const char *value)
{
    return read_text(&g->config.name, value);
}

static int read_bind(struct given *g, const char *value)
{
    if (g->config.binds_n == CONFIG_MAX_WAYS || value[0] == '\0')
        return 1;
    g->binds[g->config.binds_n++] = bytes_str(value);
    g->config.binds = g->binds;
    return 0;
}

static int read_advertise(struct given *g, const char *value)
{
    if (g->config.advertises_n == CONFIG_MAX_WAYS || value[0] == '\0')
        return 1;
    g->advertises[g->config.advertises_n++] = bytes_str(value);
    g->config.advertises = g->advertises;
    return 0;
}

static int read_token(struct given *g, const char *value)
{
    return read_text(&g->config.token, value);
}

static int read_restore(struct given *g, const char *value)
{
    g->restore = value;
    return value[0] == '\0';
}

static int read_ports(struct given *g, const char *value)
{
    return read_text(&g->config.ports, value);
}

static int read_user(struct given *g, const char *value)
{
    return read_text(&g->config.user, value);
}

static int read_lookup(struct given *g, const char *value)
{
    return read_text(&g->config.lookup, value);
}

static int read_lookup_group(struct given *g, const char *value)
{
    return read_text(&g->config.lookup_group, value);
}

static int read_http(struct given *g, const char *value)
{
    if (g->config.https_n == CONFIG_MAX_HTTP || value[0] == '\0')
        return 1;
    g->https[g->config.https_n++] = bytes_str(value);
    g->config.https = g->https;
    return 0;
}

static int read_http_log(struct given *g, const char *value)
{
    return read_text(&g->config.http_log, value);
}

static int read_http_cert(struct given *g, const char *value)
{
    return read_text(&g->config.http_cert, value);
}

static int read_http_key(struct given *g, const char *value)
{
    return read_text(&g->config.http_key, value);
}

static int read_log_level(struct given *g, const char *value)
{
    return read_text(&g->config.log_level, value);
}

static int read_seed(struct given *g, const char *value)
{
    if (g->config.seeds_n == CONFIG_MAX_SEEDS || value[0] == '\0')
        return 1;
    g->seeds[g->config.seeds_n++] = bytes_str(value);
    g->config.seeds = g->seeds;
    return 0;
}

static int read_tag(struct given *g, const char *value)
{
    const char *equals = strchr(value, '=');
    if (equals == NULL || equals == value || g->config.tags_n == CONFIG_MAX_TAGS)
        return 1;
    g->tags[g->config.tags_n++] = (struct pair){.key = bytes_of(value, (size_t)(equals - value)),
                                                .value = bytes_str(equals + 1)};
    g->config.tags = g->tags;
    return 0;
}

static int read_profile(struct given *g, const char *value)
{
    if (strcmp(value, "lan") == 0)
        g->config.profile = CONFIG_PROFILE_LAN;
    else if (strcmp(value, "wan") == 0)
        g->config.profile = CONFIG_PROFILE_WAN;
    else
        return 1;
    return 0;
}

static int read_conflicts(struct given *g, const char *value)
{
    return units_duration_us(bytes_str(value), &g->config.conflicts_us) != 0 ||
           g->config.conflicts_us < KITH_SEC || g->config.conflicts_us > 366 * 24 * KITH_HOUR;
}

static int read_horizon(struct given *g, const char *value)
{
    return units_duration_us(bytes_str(value), &g->config.horizon_us) != 0 ||
           g->config.horizon_us < KITH_MIN || g->config.horizon_us > 366 * 24 * KITH_HOUR;
}

static int read_fold(struct given *g, const char *value)
{
    return units_size_bytes(bytes_str(value), &g->config.fold_bytes) != 0 ||
           g->config.fold_bytes < CONFIG_MIN_FOLD || g->config.fold_bytes > CONFIG_MAX_FOLD;
}

static int read_port_base(struct given *g, const char *value)
{
    char *end;
    unsigned long n = strtoul(value, &end, 10);
    g->config.port_base = (uint32_t)n;
    return *end != '\0' || n == 0 || n > UINT16_MAX - DOORS_PORT_BULK;
}

static int read_config(struct given *g, const char *value)
{
    g->file = value;
    return value[0] == '\0';
}

static int read_insecure(struct given *g, const char *value)
{
    (void)value;
    g->config.insecure = true;
    return 0;
}

static int read_help(struct given *g, const char *value)
{
    (void)value;
    g->help = true;
    return 0;
}

static int read_version(struct given *g, const char *value)
{
    (void)value;
    g->version = true;
    return 0;
}

static const struct flag table[] = {
    {"--data", "DIR", "data folder (default " FLAGS_DATA ")", read_data},
    {"--name", "NAME", "of this host (default its host name)", read_name},
    {"--bind", "ADDR|URI", "where to listen (default 127.0.0.1); may be repeated", read_bind},
    {"--advertise", "ADDR|URI", "where others reach it (default: what is bound); may be repeated",
     read_advertise},
    {"--seed", "ADDR[:PORT]", "a peer to join by; may be repeated", read_seed},
    {"--token", "FILE", "join token, see `kith token new`", read_token},
    {"--restore", "FILE", "bring back what `kith backup` wrote, at this start", read_restore},
    {"--tag", "K=V", "shown with this member; may be repeated", read_tag},
    {"--profile", "lan|wan", "time-outs for one site or several (default lan)", read_profile},
    {"--conflicts", "TIME", "overwritten concurrent values are kept so long (default 24h)",
     read_conflicts},
    {"--horizon", "TIME", "who is dead for so long is forgotten with its rows (default 30d)",
     read_horizon},
    {"--fold", "SIZE", "the synced log goes into the file at this size (default 16MiB)", read_fold},
    {"--config", "FILE", "YAML file; every flag is a key in it", read_config},
    {"--insecure", NULL, "no keys at all; on loopback addresses only", read_insecure},
    {"--port-base", "N", "first port of the daemon's own (default 5484)", read_port_base},
    {"--ports", "LOW-HIGH", "given to services (default " PORTS_DEFAULT ")", read_ports},
    {"--user", "NAME", "of services that name none, as root (default " USER_DEFAULT ")", read_user},
    {"--lookup", "DIR", "folder that applications look services up in (default DATA/lookup)",
     read_lookup},
    {"--lookup-group", "NAME", "may look up (default: everybody on the host)", read_lookup_group},
    {"--http", "ADDR:PORT",
     "where HTTP is answered, or none (default: --bind, 2 above --port-base)", read_http},
    {"--http-cert", "FILE", "certificate for --http https://ADDR:PORT, with those that signed it",
     read_http_cert},
    {"--http-key", "FILE", "its key", read_http_key},
    {"--http-log", "FILE", "a line for each HTTP request (default: none)", read_http_log},
};

/* DNS's stand between these two. */
static const struct flag last[] = {
    {"--log-level", "LEVEL", "debug, info, warn or error (default info)", read_log_level},
    {"--version", NULL, "print the version", read_version},
    {"--help", NULL, "print this", read_help},
};

#define TABLE_COUNT (sizeof table / sizeof *table)
#define LAST_COUNT  (sizeof last / sizeof *last)

static size_t flags_count(void)
{
    return TABLE_COUNT + kithd_dns_flags_n + LAST_COUNT;
}

static const struct flag *flag_at(size_t i)
{
    if (i < TABLE_COUNT)
        return &table[i];
    i -= TABLE_COUNT;
    return i < kithd_dns_flags_n ? &kithd_dns_flags[i] : &last[i - kithd_dns_flags_n];
}

void flags_help(struct buf *out)
{
    buf_str(out, "usage: kithd [FLAG]...\n"
                 "The daemon of one host. SIGTERM ends it and leaves its services running, to be\n"
                 "adopted at the next start; SIGINT leaves the cluster.\n\n");
    for (size_t i = 0; i < flags_count(); i++) {
        const struct flag *f = flag_at(i);
        buf_printf(out, "  %-14s %-12s %s\n", f->name, f->value != NULL ? f->value : "", f->help);
    }
    buf_str(
        out,
        "\nSeveral ways to this daemon, the most wanted first: --bind and --advertise take an IP\n"
        "address (tcp at --port-base), tcp://ADDR[:PORT], ws://ADDR[:PORT] (WebSocket, by default 10\n"
        "ports above) and ipc:///PATH (for peers on this host: PATH.probe, .pub and .bulk).\n");
}

/* ---- the command line ---- */

static const struct flag *find(const char *arg, size_t len)
{
    for (size_t i = 0; i < flags_count(); i++)
        if (strlen(flag_at(i)->name) == len && strncmp(flag_at(i)->name, arg, len) == 0)
            return flag_at(i);
    return NULL;
}

static int refuse_unknown(const char *arg, size_t len, struct buf *why)
{
    const char *names[FLAGS_MAX];
    size_t n = flags_count();
    for (size_t i = 0; i < n; i++)
        names[i] = flag_at(i)->name;
    const char *near = nearest(bytes_of(arg, len), names, n);
    if (near != NULL)
        buf_printf(why, "no flag %.*s: did you mean %s?\n", (int)len, arg, near);
    else
        buf_printf(why, "no flag %.*s: see kithd --help\n", (int)len, arg);
    return 1;
}

/* Reads argv[*at], and its value, which may stand behind '=' or in the next argument. */
static int read_flag(struct given *g, char **argv, int *at, struct buf *why)
{
    const char *arg = argv[*at];
    size_t len = strcspn(arg, "=");
    const struct flag *f = find(arg, len);
    if (f == NULL)
        return refuse_unknown(arg, len, why);
    const char *value = arg[len] == '=' ? arg + len + 1 : NULL;
    if (f->value == NULL && value != NULL) {
        buf_printf(why, "%s takes no value\n", f->name);
        return 1;
    }
    if (f->value != NULL && value == NULL)
        value = argv[*at + 1] != NULL ? argv[++*at] : "";
    if (f->read(g, value) == 0)
        return 0;
    buf_printf(why, "%s \"%s\": write %s %s\n", f->name, value != NULL ? value : "", f->name,
               f->value);
    return 1;
}

static int read_argv(struct given *g, int argc, char **argv, struct buf *why)
{
    for (int i = 1; i < argc; i++)
        if (read_flag(g, argv, &i, why) != 0)
            return 1;
    return 0;
}

/* ---- the file ---- */

static void prefer(struct bytes *field, struct bytes other)
{
    if (field->len == 0)
        *field = other;
}

/* Takes from the file what no flag has said. */
static void merge(struct config *c, const struct config *file)
{
    prefer(&c->data, file->data);
    prefer(&c->name, file->name);
    prefer(&c->token, file->token);
    prefer(&c->ports, file->ports);
    prefer(&c->user, file->user);
    prefer(&c->lookup, file->lookup);
    prefer(&c->lookup_group, file->lookup_group);
    prefer(&c->log_level, file->log_level);
    prefer(&c->http_log, file->http_log);
    prefer(&c->http_cert, file->http_cert);
    prefer(&c->http_key, file->http_key);
    kithd_dns_merge(c, file);
    if (c->https_n == 0) {
        c->https = file->https;
        c->https_n = file->https_n;
    }
    if (c->binds_n == 0) {
        c->binds = file->binds;
        c->binds_n = file->binds_n;
    }
    if (c->advertises_n == 0) {
        c->advertises = file->advertises;
        c->advertises_n = file->advertises_n;
    }
    if (c->seeds_n == 0) {
        c->seeds = file->seeds;
        c->seeds_n = file->seeds_n;
    }
    if (c->tags_n == 0) {
        c->tags = file->tags;
        c->tags_n = file->tags_n;
    }
    if (c->profile == CONFIG_PROFILE_UNSET)
        c->profile = file->profile;
    if (c->conflicts_us == 0)
        c->conflicts_us = file->conflicts_us;
    if (c->horizon_us == 0)
        c->horizon_us = file->horizon_us;
    if (c->fold_bytes == 0)
        c->fold_bytes = file->fold_bytes;
    if (c->port_base == 0)
        c->port_base = file->port_base;
    c->insecure = c->insecure || file->insecure;
}

static int read_file(struct given *g, struct arena *mem, struct buf *why)
{
    struct buf text = {0};
    struct spec_errors errors;
    struct config file = {0};
    int rc = spec_load(g->file, &text, mem, &errors);
    if (rc == 0)
        rc = config_read(&file, buf_bytes(&text), mem, &errors);
    if (rc == 0)
        merge(&g->config, &file);
    else
        spec_errors_print(&errors, why);
    buf_deinit(&text);
    return rc != 0;
}

/* ---- checks and defaults ---- */

static bool is_loopback(const char *addr)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, addr, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, addr, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* Every way's address, or none: without keys whoever reaches a port may do everything. */
static bool all_loopback(const struct ways_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        char host[64];
        if (sscanf(list->bases[i], "%*[a-z]://[%63[^]]", host) != 1 &&
            sscanf(list->bases[i], "%*[a-z]://%63[^:/]", host) != 1)
            continue; /* ipc */
        if (!is_loopback(host))
            return false;
    }
    return true;
}

/* One address; `tls`: there is a certificate. */
static int check_http(const char *address, bool insecure, bool tls, struct buf *why)
{
    struct sockaddr_storage addr;
    socklen_t len;
    bool https = strncmp(address, HTTPS, strlen(HTTPS)) == 0;
    if (listen_parse(https ? address + strlen(HTTPS) : address, &addr, &len) != 0)
        buf_printf(why,
                   "--http \"%s\": write ADDR:PORT in numbers, such as 127.0.0.1:5486 or "
                   "[::1]:5486, or https://ADDR:PORT\n",
                   address);
    else if (https && !tls)
        buf_printf(why, "--http %s: needs --http-cert FILE and --http-key FILE\n", address);
    else if (insecure && !listen_is_loopback((const struct sockaddr *)&addr))
        buf_printf(why, "--http %s: with --insecure only on a loopback address\n", address);
    else
        return 0;
    return 1;
}

/* "none" alone: no HTTP. Without keys there is no token either, so other hosts must not reach it. */
static int read_https(struct flags *f, const struct config *c, const char *otherwise,
                      struct arena *mem, struct buf *why)
{
    f->http_log = c->http_log.len > 0 ? arena_str(mem, c->http_log) : NULL;
    f->http_cert = c->http_cert.len > 0 ? arena_str(mem, c->http_cert) : NULL;
    f->http_key = c->http_key.len > 0 ? arena_str(mem, c->http_key) : NULL;
    if ((f->http_cert == NULL) != (f->http_key == NULL)) {
        buf_str(why, "--http-cert and --http-key: give both, or none\n");
        return 1;
    }
    f->http_default = c->https_n == 0;
    if (f->http_default && otherwise != NULL)
        f->https[f->https_n++] = otherwise;
    if (c->https_n == 1 && bytes_equal_str(c->https[0], "none"))
        return 0;
    for (uint32_t i = 0; i < c->https_n; i++) {
        const char *address = f->https[f->https_n++] = arena_str(mem, c->https[i]);
        if (check_http(address, f->insecure, f->http_cert != NULL, why) != 0)
            return 1;
    }
    return 0;
}

static int read_ways(struct flags *f, const struct config *c, struct arena *mem, struct buf *why)
{
    struct ways_told told = {.binds = c->binds,
                             .binds_n = c->binds_n,
                             .advertises = c->advertises,
                             .advertises_n = c->advertises_n,
                             .port_base = f->port_base};
    struct ways_read ways;
    if (ways_read(&ways, &told, mem, why) != 0)
        return 1;
    f->bind = ways.bind;
    f->advertise = ways.advertise;
    f->binds = ways.binds;
    f->advertised = ways.advertised;
    if (!f->insecure || all_loopback(&f->binds))
        return read_https(f, c, ways.http, mem, why) != 0 ||
               kithd_dns_read(&f->dns, c, ways.dns, mem, why) != 0;
    buf_printf(why,
               "--insecure: only on a loopback address such as 127.0.0.1, and --bind is %s; "
               "make keys with `kith cluster init` and `kith token new`\n",
               f->bind);
    return 1;
}

static int read_range(struct flags *f, struct bytes text, struct arena *mem, struct buf *why)
{
    unsigned low, high;
    char rest;
    const char *s = text.len > 0 ? arena_str(mem, text) : PORTS_DEFAULT;
    if (sscanf(s, "%5u-%5u%c", &low, &high, &rest) == 2 && low > 0 && low <= high &&
        high <= UINT16_MAX) {
        f->port_low = (uint16_t)low;
        f->port_high = (uint16_t)high;
        return 0;
    }
    buf_printf(why, "--ports \"%s\": write LOW-HIGH, such as " PORTS_DEFAULT "\n", s);
    return 1;
}

static int read_level(struct flags *f, struct bytes text, struct arena *mem, struct buf *why)
{
    const char *s = text.len > 0 ? arena_str(mem, text) : "info";
    if (log_parse_level(&f->log_level, s) == 0)
        return 0;
    buf_printf(why, "--log-level \"%s\": write debug, info, warn or error\n", s);
    return 1;
}

/* ADDR[:PORT] as the URI of a probe ROUTER. An IPv6 address with a port stands in brackets. */
static struct bytes seed_uri(struct bytes seed, struct arena *mem)
{
    char *s = arena_str(mem, seed);
    char *colon = strrchr(s, ':');
    if (strstr(s, "://") != NULL)
        return bytes_str(s);
    bool ipv6 = s[0] != '[' && colon != NULL && strchr(s, ':') != colon;
    bool has_port = colon != NULL && !ipv6 && isdigit((unsigned char)colon[1]);
    const char *open = ipv6 ? "[" : "", *close = ipv6 ? "]" : "";
    char *uri = has_port ? arena_printf(mem, "tcp://%s", s)
                         : arena_printf(mem, "tcp://%s%s%s:%d", open, s, close, DOORS_PORT_BASE);
    return bytes_str(uri);
}

static const char *text_or(struct bytes text, const char *other, struct arena *mem)
{
    return text.len > 0 ? arena_str(mem, text) : other;
}

/* The host's name up to the first dot, in lower case. */
static const char *host_name(struct arena *mem)
{
    char name[65] = "";
    gethostname(name, sizeof name - 1);
    name[strcspn(name, ".")] = '\0';
    for (char *p = name; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    return arena_str(mem, bytes_str(name[0] != '\0' ? name : "host"));
}

static int finish(struct flags *f, const struct config *c, struct arena *mem, struct buf *why)
{
    f->data = text_or(c->data, FLAGS_DATA, mem);
    f->socket = c->data.len > 0 ? arena_printf(mem, "%s/kithd.sock", f->data) : FLAGS_SOCKET;
    f->lookups =
        c->lookup.len > 0 ? arena_str(mem, c->lookup) : arena_printf(mem, "%s/lookup", f->data);
    f->lookup_group = text_or(c->lookup_group, NULL, mem);
    f->name = c->name.len > 0 ? arena_str(mem, c->name) : host_name(mem);
    f->token = text_or(c->token, NULL, mem);
    f->user = geteuid() == 0 ? text_or(c->user, USER_DEFAULT, mem) : "";
    f->wan = c->profile == CONFIG_PROFILE_WAN;
    f->conflicts_us = c->conflicts_us;
    f->horizon_us = c->horizon_us;
    f->fold_bytes = c->fold_bytes;
    f->insecure = c->insecure;
    f->port_base = c->port_base != 0 ? (uint16_t)c->port_base : DOORS_PORT_BASE;
    struct pair *tags = arena_array(mem, c->tags_n, sizeof *tags);
    for (uint32_t i = 0; i < c->tags_n; i++)
        tags[i] = c->tags[i];
    f->tags = tags;
    f->tags_n = c->tags_n;
    struct bytes *seeds = arena_array(mem, c->seeds_n, sizeof *seeds);
    for (uint32_t i = 0; i < c->seeds_n; i++)
        seeds[i] = seed_uri(c->seeds[i], mem);
    f->seeds = seeds;
    f->seeds_n = c->seeds_n;
    return read_ways(f, c, mem, why) != 0 || read_range(f, c->ports, mem, why) != 0 ||
           read_level(f, c->log_level, mem, why) != 0;
}

int flags_read(struct flags *ret, int argc, char **argv, struct arena *mem, struct buf *why)
{
    struct given g = {0};
    *ret = (struct flags){0};
    if (read_argv(&g, argc, argv, why) != 0)
        return 1;
    ret->help = g.help;
    ret->version = g.version;
    if (g.help || g.version)
        return 0;
    if (g.file != NULL && read_file(&g, mem, why) != 0)
        return 1;
    ret->restore = g.restore;
    return finish(ret, &g.config, mem, why);
}
