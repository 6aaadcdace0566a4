/*
 * kithd: the daemon of one host. This file only wires: it reads flags, opens the data folder, makes
 * the parts of src/shell and the start event, runs the loop, and takes everything apart again.
 */
#include "base/mem.h"
#include "cmd/kithd_flags.h"
#include "consul/event.h"
#include "consul/routes.h"
#include "dns/dns.h"
#include "http/http.h"
#include "http/pass.h"
#include "native/routes.h"
#include "shell/checks.h"
#include "shell/clock.h"
#include "shell/host.h"
#include "shell/log.h"
#include "shell/lookups.h"
#include "shell/loop.h"
#include "shell/mail.h"
#include "shell/procs.h"
#include "shell/writer.h"
#include "spec/load.h"
#include "store/backup.h"
#include "store/identity.h"
#include "store/store.h"
#include "trust/keys.h"
#include "trust/token.h"
#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKET_PATH_MAX 107 /* bytes the kernel takes for a socket's path */

struct daemon {
    struct flags flags;
    struct arena mem;
    struct arena loaded; /* stored rows, until the machine has them */
    struct store *store;
    struct lookup_file *lookups;
    struct lookups_config told;
    struct identity identity;
    struct sign_pair sign;
    struct buf token; /* encoded; empty: none */
    struct token opened;
    char *kith_run;
    int signal_fd;
    struct procs *procs; /* until its actor takes it over */
    struct buf pass;     /* the token of HTTP */
    struct http_config http_config;
    struct http *http; /* NULL: none */
    struct dns_config dns_config;
    struct dns *dns; /* NULL: none */
    struct loop_parts parts;
};

/* ---- opening ---- */

/* kith-run stands beside kithd. */
static char *find_kith_run(struct arena *mem)
{
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    self[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        *slash = '\0';
    return arena_printf(mem, "%s/kith-run", self);
}

/* Every connection costs a few descriptors: take what the system allows. */
static void raise_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);            /* HTTP's thread takes it */
    sigprocmask(SIG_BLOCK, &set, NULL); /* before any thread: they all inherit it */
    sigdelset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int complain(const char *what, struct buf *why)
{
    log_line(LOG_ERROR_, "%s: %s", what, buf_cstr(why));
    buf_deinit(why);
    return 1;
}

static int open_folder(struct daemon *d)
{
    struct buf why = {0};
    const char *data = d->flags.data;
    umask(077);
    if (mkdir(data, 0711) < 0 && errno != EEXIST) {
        log_line(LOG_ERROR_, "cannot make the data folder %s: %s", data, strerror(errno));
        return 1;
    }
    chmod(data, 0711); /* services pass through to their own folders; all files here are private */
    if (strcmp(d->flags.socket, FLAGS_SOCKET) == 0)
        mkdir("/run/kith", 0711);
    if (strlen(d->flags.socket) > SOCKET_PATH_MAX) {
        log_line(LOG_ERROR_, "%s is too long for a socket: choose a shorter --data",
                 d->flags.socket);
        return 1;
    }
    if (store_open(&d->store, data, &why) != 0 ||
        identity_open(&d->identity, data, clock_wall_us() / KITH_MS, &why) != 0)
        return complain(data, &why);
    if (d->flags.fold_bytes > 0)
        store_fold_at(d->store, d->flags.fold_bytes);
    struct lookup_file_config lookups = {.folder = d->flags.lookups,
                                         .group = d->flags.lookup_group};
    if (lookup_file_open(&d->lookups, &lookups, &why) != 0)
        return complain("look-ups", &why);
    keys_sign_pair(&d->sign, &d->identity.seed);
    return 0;
}

static int open_token(struct daemon *d)
{
    struct buf text = {0};
    struct spec_errors errors;
    struct grant grant;
    if (d->flags.token == NULL)
        return 0;
    if (spec_load(d->flags.token, &text, &d->mem, &errors) != 0) {
        spec_errors_print(&errors, &text);
        return complain("cannot read the token", &text);
    }
    int rc = token_from_text(&d->token, buf_bytes(&text));
    buf_deinit(&text);
    if (rc == 0)
        rc = token_open(&d->opened, &grant, buf_bytes(&d->token), clock_wall_us() / KITH_MS,
                        &d->mem);
    if (rc == 0)
        return 0;
    log_line(rc == TOKEN_EXPIRED ? LOG_WARN_ : LOG_ERROR_, "token %s: %s", d->flags.token,
             token_problem_text(rc));
    /* A node that was admitted while it was valid needs it no more. */
    return rc != TOKEN_EXPIRED;
}

static int open_transport(struct daemon *d)
{
    struct curve_pair own;
    keys_curve_pair(&own, &d->sign);
    struct transport_config c = {
        .ways = d->flags.binds.bases,
        .ways_n = d->flags.binds.n,
        .ipc = d->flags.socket,
        .node = d->identity.id,
        .keys = {.insecure = d->flags.insecure,
                 .own_public = own.public_key,
                 .own_secret = own.secret,
                 .ring_public = d->opened.ring_public},
    };
    identity_random(&c.nonce, sizeof c.nonce);
    d->parts.transport = transport_new(&c);
    keys_wipe(&own, sizeof own);
    keys_wipe(&c.keys, sizeof c.keys);
    return transport_start(d->parts.transport);
}

/* The address that ns.DOMAIN has: where others reach this host. */
static void fill_own_address(struct zone_config *zone, const char *address)
{
    zone->family = inet_pton(AF_INET, address, zone->addr) == 1    ? AF_INET
                   : inet_pton(AF_INET6, address, zone->addr) == 1 ? AF_INET6
                                                                   : AF_UNSPEC;
}

static int open_dns(struct daemon *d)
{
    struct buf why = {0};
    const struct flags_dns *f = &d->flags.dns;
    if (f->addresses_n == 0)
        return 0;
    d->dns_config = (struct dns_config){
        .addresses = f->addresses,
        .addresses_n = f->addresses_n,
        .forwards = f->forwards,
        .forwards_n = f->forwards_n,
        .rate = f->rate,
        .rate_own = f->rate_own,
        .respond = {.zone = {.domains_n = f->domains_n,
                             .ttl_s = f->ttl_s,
                             .negative_ttl_s = f->ttl_s,
                             .near = f->near},
                    .lookups = d->flags.lookups},
    };
    memcpy(d->dns_config.respond.zone.domains, f->domains, sizeof f->domains);
    fill_own_address(&d->dns_config.respond.zone, d->flags.advertise);
    d->dns = dns_open(&d->dns_config, &why);
    if (d->dns != NULL || !f->by_default)
        return d->dns != NULL ? 0 : complain("DNS", &why);
    log_line(LOG_WARN_, "no DNS here: %s (choose an address with --dns, or say --dns none)",
             buf_cstr(&why));
    buf_deinit(&why);
    return 0;
}

/* All that HTTP answers. */
static const struct route_table *const http_routes[] = {&consul_routes, &native_routes, NULL};

/* Insecure without loopback would let whoever reaches the port change everything: flags_read() has looked at that. */
static int open_http(struct daemon *d)
{
    struct buf why = {0};
    const struct flags *f = &d->flags;
    if (f->https_n == 0)
        return 0;
    if (!f->insecure && pass_open(f->data, &d->pass, &why) != 0)
        return complain("HTTP", &why);
    d->http_config = (struct http_config){
        .routes = http_routes,
        .topic = CONSUL_EVENTS,
        .topic_taken = consul_event_taken,
        .addresses = f->https,
        .addresses_n = f->https_n,
        .access_log = f->http_log,
        .certificate = f->http_cert,
        .key = f->http_key,
        .lookups = f->lookups,
        .token = buf_bytes(&d->pass),
        .self = d->identity.id,
        .name = f->name,
        .version = KITH_VERSION,
        .more_metrics = d->dns != NULL ? dns_metrics : NULL,
        .more_arg = d->dns,
    };
    d->http = http_open(&d->http_config, &why);
    for (size_t i = 0; d->http != NULL && i < f->https_n; i++)
        log_line(LOG_INFO_, "HTTP on %s", f->https[i]);
    if (d->http != NULL || !f->http_default)
        return d->http != NULL ? 0 : complain("HTTP", &why);
    log_line(LOG_WARN_, "no HTTP here: %s (choose an address with --http, or say --http none)",
             buf_cstr(&why));
    buf_deinit(&why);
    return 0;
}

static void open_actors(struct daemon *d)
{
    struct checks_config checks = {.data = d->flags.data, .kith_run = d->kith_run};
    d->parts.store = d->store;
    d->parts.writer = writer_new(d->store);
    d->told = (struct lookups_config){.file = d->lookups,
                                      .onward = d->http != NULL ? http_feed(d->http) : NULL};
    d->parts.lookups = lookups_new(&d->told);
    d->parts.checks = checks_new(&checks);
    d->parts.procs = procs_start(d->procs);
    d->procs = NULL;
    if (d->http != NULL) {
        d->parts.keys = http_keys(d->http);
        http_start(d->http, transport_context(d->parts.transport));
    }
    if (d->dns != NULL)
        dns_start(d->dns);
}

/* ---- the start event ---- */

/* The addresses of one role, in the order of the ways. */
static void add_addresses(struct event_start *s, struct member_addr *list, enum addr_role role,
                          enum door door, struct daemon *d)
{
    char uri[300];
    for (size_t i = 0; i < d->flags.advertised.n; i++) {
        doors_endpoint(uri, sizeof uri, d->flags.advertised.bases[i], door);
        list[s->addrs_n++] =
            (struct member_addr){.role = role, .uri = arena_bytes(&d->mem, bytes_str(uri))};
    }
    s->addrs = list;
}

static void fill_start(struct event_start *s, struct daemon *d)
{
    const struct flags *f = &d->flags;
    struct member_addr *addrs = arena_array(&d->mem, 3 * WAYS_MAX, sizeof *addrs);
    *s = (struct event_start){
        .node = d->identity.id,
        .boot = identity_fresh_id(clock_wall_us() / KITH_MS),
        .name = bytes_str(f->name),
        .host = bytes_str(f->advertise),
        .seeds = f->seeds,
        .seeds_n = f->seeds_n,
        .tags = f->tags,
        .tags_n = f->tags_n,
        .capacity = host_capacity(f->data),
        .port_low = f->port_low,
        .port_high = f->port_high,
        .wan = f->wan,
        .conflicts_us = f->conflicts_us,
        .horizon_us = f->horizon_us,
        .lookups = true,
        .insecure = f->insecure,
        .sign_public = d->sign.public_key,
        .token = buf_bytes(&d->token),
        .version = bytes_str(KITH_VERSION),
    };
    identity_random(&s->seed, sizeof s->seed);
    memcpy(s->sign_secret, d->sign.secret, sizeof s->sign_secret);
    add_addresses(s, addrs, ADDR_ROLE_PROBE, DOOR_PROBE, d);
    add_addresses(s, addrs, ADDR_ROLE_PUB, DOOR_SUB, d);
    add_addresses(s, addrs, ADDR_ROLE_BULK, DOOR_BULK, d);
}

/* Copies what was loaded: the file is free for the writer before the machine takes its first step. */
static int load(struct event_start *s, struct daemon *d)
{
    struct store_content c;
    if (store_load(d->store, &c) != 0) {
        log_line(LOG_ERROR_, "cannot read the registry: %s", store_why(d->store));
        return 1;
    }
    struct bytes *records = arena_array(&d->loaded, c.records_n, sizeof *records);
    struct local_row *locals = arena_array(&d->loaded, c.locals_n, sizeof *locals);
    for (size_t i = 0; i < c.records_n; i++)
        records[i] = arena_bytes(&d->loaded, c.records[i]);
    for (size_t i = 0; i < c.locals_n; i++) {
        locals[i].name = arena_bytes(&d->loaded, c.locals[i].name);
        locals[i].value = arena_bytes(&d->loaded, c.locals[i].value);
    }
    s->records = records;
    s->records_n = c.records_n;
    s->locals = locals;
    s->locals_n = c.locals_n;
    store_load_end(d->store);
    return 0;
}

static int load_backup(struct event_start *s, struct daemon *d)
{
    struct buf why = {0};
    if (d->flags.restore == NULL ||
        backup_read(d->flags.restore, &d->mem, &s->restored, &s->restored_n, &why) == 0)
        return 0;
    return complain("cannot restore", &why);
}

/* ---- running ---- */

static void close_all(struct daemon *d)
{
    mail_stop(&d->parts.checks);
    mail_stop(&d->parts.procs);
    mail_stop(&d->parts.writer);  /* writes what it was given first */
    mail_stop(&d->parts.lookups); /* it passes on to HTTP */
    http_stop(d->http);           /* it shows DNS's metrics */
    dns_stop(d->dns);
    transport_free(d->parts.transport);
    procs_free(d->procs);
    lookup_file_close(d->lookups);
    if (d->store != NULL)
        store_close(d->store);
    if (d->signal_fd >= 0)
        close(d->signal_fd);
    keys_wipe(&d->sign, sizeof d->sign);
    keys_wipe(&d->identity, sizeof d->identity);
    buf_deinit(&d->token);
    buf_deinit(&d->pass);
    arena_deinit(&d->loaded);
    arena_deinit(&d->mem);
    zsys_shutdown();
}

static int run(struct daemon *d)
{
    struct event_start start;
    if (open_folder(d) != 0 || open_token(d) != 0)
        return 1;
    fill_start(&start, d);
    if (load(&start, d) != 0 || load_backup(&start, d) != 0)
        return 1;
    d->kith_run = find_kith_run(&d->mem);
    struct procs_config procs = {
        .data = d->flags.data, .kith_run = d->kith_run, .default_user = d->flags.user};
    d->procs = procs_new(&procs);
    struct procs_found found = procs_find(d->procs, &d->mem);
    start.found = found.items;
    start.found_n = found.count;
    if (open_transport(d) != 0 || open_dns(d) != 0 || open_http(d) != 0)
        return 1;
    start.keys = d->http != NULL;
    open_actors(d);
    log_line(LOG_INFO_, "kithd " KITH_VERSION ": %s, node %s, on %s", d->flags.name,
             ulid_text(&d->identity.id).s, d->flags.bind);
    d->parts.signal_fd = d->signal_fd;
    d->parts.data = d->flags.data;
    d->parts.loaded = &d->loaded;
    int code = loop_run(&d->parts, &start);
    keys_wipe(&start, sizeof start);
    log_line(LOG_INFO_, "ended");
    return code;
}

/* Memory of this size goes back to the system when it is freed. By itself malloc() keeps ever larger pieces on its heaps:
 * after a join to 172,000 instances those held 30 bytes for each. */
#define LARGE_BYTES (128 * 1024)
/* What is free at the heap's end stays up to so much: a burst of changes takes and frees a few hundred KiB many times a
 * second, and each time cost a call, the pages anew and a message to the other processors. */
#define SPARE_BYTES (512 * 1024)

static void shape_heap(void)
{
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    mallopt(M_TRIM_THRESHOLD, SPARE_BYTES);
    /* Beside a sanitizer's heap the system's is made by the first call, which two threads may not do at once. */
    malloc_trim(/* pad= */ 0);
}

int main(int argc, char **argv)
{
    struct daemon d = {.signal_fd = -1};
    struct buf text = {0};
    int code = 0;
    if (flags_read(&d.flags, argc, argv, &d.mem, &text) != 0) {
        fprintf(stderr, "kithd: %s", buf_cstr(&text));
        code = 2;
    } else if (d.flags.help || d.flags.version) {
        if (d.flags.help)
            flags_help(&text);
        else
            buf_str(&text, "kithd " KITH_VERSION "\n");
        fputs(buf_cstr(&text), stdout);
    } else {
        log_set_level(d.flags.log_level);
        raise_limits();
        shape_heap();
        zsys_handler_set(NULL); /* signals are the loop's */
        zsys_set_io_threads(0); /* czmq's own context joins threads only */
        d.signal_fd = open_signals();
        code = run(&d);
    }
    buf_deinit(&text);
    close_all(&d);
    if (code == LOOP_AGAIN) {
        execv("/proc/self/exe", argv);
        perror("kithd: cannot start once more");
        code = 1;
    }
    return code;
}
