#include "spec/service_keys.h"

#include "spec/service_file.h"
#include "spec/units.h"

#include <signal.h>

/* Longer than this nobody waits for a check, a restart or a stop: a mistyped unit. */
#define DAY_MS (24u * 3600 * 1000)

#define FIELD(type, name) .offset = offsetof(struct type, name)
#define LIST(type, name)  FIELD(type, name), .offset_n = offsetof(struct type, name##_n)
#define TABLE(table)      .keys = (table), .count = SCHEMA_COUNT(table)
#define LATER(key, hint)                                                                           \
    {                                                                                              \
        .name = (key), .type = SCHEMA_LATER, .example = (hint)                                     \
    }

/* ---- keys that need more than their type ---- */

static void read_count(struct schema_context *c, const struct schema_key *key,
                       const struct yaml_node *node, void *field)
{
    struct service_spec *spec = field;
    struct schema_key number = *key;

    spec->every_host = node->kind == YAML_TEXT && bytes_equal_str(node->text, "every");
    if (spec->every_host)
        return;
    number.type = SCHEMA_U32;
    number.offset = offsetof(struct service_spec, count);
    schema_read_value(c, &number, node, spec);
}

static void read_port(struct schema_context *c, const struct schema_key *key,
                      const struct yaml_node *node, struct port_spec *ret)
{
    uint64_t port;

    if (!schema_is_name(node->key)) {
        schema_refuse(c, key, node->key_at,
                      "a port's name has 1 to 63 lower case letters, digits and inner hyphens");
        return;
    }
    ret->name = node->key;
    if (!schema_expect(c, key, node, YAML_TEXT) || bytes_equal_str(node->text, "auto"))
        return;
    if (units_whole(node->text, &port) || port < 1 || port > 65535)
        schema_refuse(c, key, node->at, "a port is auto or a number from 1 to 65535");
    else
        ret->port = (uint16_t)port;
}

static void read_ports(struct schema_context *c, const struct schema_key *key,
                       const struct yaml_node *node, void *field)
{
    struct service_spec *spec = field;

    if (!schema_expect(c, key, node, YAML_MAP))
        return;
    if (node->count > key->max_items) {
        schema_refuse(c, key, node->at, "has more than %u items", key->max_items);
        return;
    }
    struct port_spec *ports = arena_array(c->mem, node->count, sizeof(*ports));
    uint32_t count = 0;

    for (const struct yaml_node *item = node->items; item; item = item->next)
        read_port(c, key, item, &ports[count++]);
    spec->ports = ports;
    spec->ports_n = count;
}

static void read_signal(struct schema_context *c, const struct schema_key *key,
                        const struct yaml_node *node, void *field)
{
    static const struct {
        const char *name;
        uint8_t number;
    } signals[] = {
        {"TERM", SIGTERM}, {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"HUP", SIGHUP},
        {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"KILL", SIGKILL},
    };
    struct bytes name = node->text;

    if (!schema_expect(c, key, node, YAML_TEXT))
        return;
    if (name.len > 3 && bytes_equal_str(bytes_of(name.data, 3), "SIG"))
        name = bytes_of(name.data + 3, name.len - 3);
    for (size_t i = 0; i < SCHEMA_COUNT(signals); i++) {
        if (bytes_equal_str(name, signals[i].name)) {
            *(uint8_t *)field = signals[i].number;
            return;
        }
    }
    schema_refuse(c, key, node->at, "is none of TERM, INT, QUIT, HUP, USR1, USR2, KILL");
}

static void read_user(struct schema_context *c, const struct schema_key *key,
                      const struct yaml_node *node, void *field)
{
    if (!schema_expect(c, key, node, YAML_TEXT))
        return;
    bool good = node->text.len > 0 && node->text.len <= SERVICE_SPEC_USER_MAX;

    for (size_t i = 0; i < node->text.len && good; i++) {
        uint8_t letter = node->text.data[i];

        good = (letter >= 'a' && letter <= 'z') || letter == '_' ||
               (i && ((letter >= '0' && letter <= '9') || letter == '-'));
    }
    if (good)
        *(struct bytes *)field = node->text;
    else
        schema_refuse(c, key, node->at, "is no user name");
}

/* ---- check ---- */

static void set_kind(struct schema_context *c, const struct schema_key *key,
                     const struct yaml_node *node, struct check_spec *check, enum check_kind kind)
{
    if (check->kind != CHECK_KIND_NONE)
        spec_error(c->errors, node->key_at,
                   "check.%s: a check has one of http, tcp and exec: remove the others", key->name);
    check->kind = kind;
}

static void read_http(struct schema_context *c, const struct schema_key *key,
                      const struct yaml_node *node, void *field)
{
    struct check_spec *check = field;
    struct schema_key text = *key;

    set_kind(c, key, node, check, CHECK_KIND_HTTP);
    text.type = SCHEMA_TEXT;
    text.offset = offsetof(struct check_spec, path);
    schema_read_value(c, &text, node, check);
    if (!check->path.len)
        return;
    bool good = check->path.data[0] == '/';

    for (size_t i = 0; i < check->path.len; i++) /* no blank, no line break into the request */
        good = good && check->path.data[i] > 0x20 && check->path.data[i] < 0x7f;
    if (!good)
        schema_refuse(c, key, node->at, "a path begins with / and has no blanks");
}

static void read_tcp(struct schema_context *c, const struct schema_key *key,
                     const struct yaml_node *node, void *field)
{
    struct check_spec *check = field;
    struct schema_key name = *key;

    set_kind(c, key, node, check, CHECK_KIND_TCP);
    name.type = SCHEMA_NAME;
    name.offset = offsetof(struct check_spec, port);
    schema_read_value(c, &name, node, check);
}

static void read_exec(struct schema_context *c, const struct schema_key *key,
                      const struct yaml_node *node, void *field)
{
    struct check_spec *check = field;
    struct schema_key list = *key;

    set_kind(c, key, node, check, CHECK_KIND_EXEC);
    list.type = SCHEMA_TEXTS;
    list.offset = offsetof(struct check_spec, argv);
    list.offset_n = offsetof(struct check_spec, argv_n);
    schema_read_value(c, &list, node, check);
}

/* ---- tables ---- */

static const struct schema_key check_keys[] = {
    {"http", "http: /health", SCHEMA_CUSTOM, .read = read_http, .min = 1,
     .max = CHECK_SPEC_PATH_MAX},
    {"tcp", "tcp: NAME, a port's name", SCHEMA_CUSTOM, .read = read_tcp},
    {"exec", "exec: [prog, arg]", SCHEMA_CUSTOM, .read = read_exec, .max = CHECK_SPEC_ARGV_MAX,
     .max_items = CHECK_SPEC_ARGV_MAX_ITEMS},
    LATER("ttl", "use http, tcp or exec"),
    {"port", "port: NAME, as in ports", SCHEMA_NAME, FIELD(check_spec, port)},
    {"every", "every: 1s", SCHEMA_DURATION_MS, FIELD(check_spec, every_ms), .min = 50,
     .max = DAY_MS},
    {"timeout", "timeout: 500ms", SCHEMA_DURATION_MS, FIELD(check_spec, timeout_ms), .min = 1,
     .max = DAY_MS},
    {"fail", "fail: 3", SCHEMA_U32, FIELD(check_spec, fail), .min = 1, .max = 1000},
    {"pass", "pass: 1", SCHEMA_U32, FIELD(check_spec, pass), .min = 1, .max = 1000},
};
static const struct schema check_schema = {"check", "check.", TABLE(check_keys)};

static const struct schema_key run_keys[] = {
    {"exec", "exec: [prog, arg, \"${addr}\"]", SCHEMA_TEXTS, .required = true,
     LIST(service_spec, argv), .max_items = SERVICE_SPEC_ARGV_MAX_ITEMS,
     .max = SERVICE_SPEC_ARGV_MAX},
    LATER("oci", "use exec"),
};
static const struct schema run_schema = {"run", "run.", TABLE(run_keys)};

static const struct schema_key resources_keys[] = {
    {"cpu", "cpu: 0.5", SCHEMA_MILLIS, FIELD(resources, cpu_millis)},
    {"memory", "memory: 64MiB", SCHEMA_SIZE, FIELD(resources, memory_bytes)},
    {"disk", "disk: 100MiB", SCHEMA_SIZE, FIELD(resources, disk_bytes)},
    LATER("limits", "cpu, memory and disk are counted for placement, not enforced"),
};
static const struct schema resources_schema = {"resources", "resources.", TABLE(resources_keys)};

static const struct schema_choice strategies[] = {
    {"spread", STRATEGY_SPREAD, false}, {"pack", STRATEGY_PACK, false}, {NULL, 0, false}};

static const struct schema_key place_keys[] = {
    {"strategy", "strategy: spread, or pack", SCHEMA_CHOICE, FIELD(service_spec, strategy),
     .choices = strategies},
    LATER("require", "remove it"),
    LATER("prefer", "remove it"),
};
static const struct schema place_schema = {"place", "place.", TABLE(place_keys)};

static const struct schema_key restart_keys[] = {
    {"backoff", "backoff: [2s, 4s, 8s]", SCHEMA_DURATIONS_MS, LIST(restart_policy, backoff_ms),
     .max_items = RESTART_POLICY_BACKOFF_MS_MAX_ITEMS, .max = DAY_MS},
    {"max", "max: 3, or 0 for no limit", SCHEMA_U32, FIELD(restart_policy, max), .max = 1000000},
    {"per", "per: 10m", SCHEMA_DURATION_MS, FIELD(restart_policy, per_ms), .min = 1000,
     .max = 7 * DAY_MS},
};
static const struct schema restart_schema = {"restart", "restart.", TABLE(restart_keys)};

static const struct schema_key stop_keys[] = {
    {"signal", "signal: TERM", SCHEMA_CUSTOM, FIELD(stop_policy, signal), .read = read_signal},
    {"grace", "grace: 10s", SCHEMA_DURATION_MS, FIELD(stop_policy, grace_ms), .max = DAY_MS},
};
static const struct schema stop_schema = {"stop", "stop.", TABLE(stop_keys)};

static const struct schema_choice partitions[] = {
    {"available", PARTITION_AVAILABLE, false}, {"quorum", 0, true}, {NULL, 0, false}};

static const struct schema_choice changes[] = {{"restart", ON_CHANGE_RESTART, false},
                                               {"signal", ON_CHANGE_SIGNAL, false},
                                               {"ignore", ON_CHANGE_IGNORE, false},
                                               {NULL, 0, false}};

static const struct schema_key service_keys[] = {
    {"service", "service: NAME", SCHEMA_NAME, .required = true, FIELD(service_spec, name)},
    {"count", "count: 3, or count: every for one per host", SCHEMA_CUSTOM, .read = read_count,
     .max = SERVICE_FILE_MAX_COUNT},
    {"run", "run: {exec: [prog, arg]}", SCHEMA_MAP, .required = true, .sub = &run_schema},
    {"ports", "ports: {http: auto}", SCHEMA_CUSTOM, .read = read_ports,
     .max_items = SERVICE_SPEC_PORTS_MAX_ITEMS},
    {"needs", "needs: [redis]", SCHEMA_NAMES, LIST(service_spec, needs),
     .max_items = SERVICE_SPEC_NEEDS_MAX_ITEMS},
    {"wants", "wants: [cache]", SCHEMA_NAMES, LIST(service_spec, wants),
     .max_items = SERVICE_SPEC_WANTS_MAX_ITEMS},
    {"check", "check: {http: /, port: http}", SCHEMA_MAP, FIELD(service_spec, check),
     .sub = &check_schema},
    {"resources", "resources: {cpu: 0.5, memory: 64MiB}", SCHEMA_MAP,
     FIELD(service_spec, resources), .sub = &resources_schema},
    {"place", "place: {strategy: spread}", SCHEMA_MAP, .sub = &place_schema},
    {"partition", "partition: available", SCHEMA_CHOICE, FIELD(service_spec, partition),
     .choices = partitions},
    {"restart", "restart: {backoff: [2s, 4s], max: 3, per: 10m}", SCHEMA_MAP,
     FIELD(service_spec, restart), .sub = &restart_schema},
    {"stop", "stop: {signal: TERM, grace: 10s}", SCHEMA_MAP, FIELD(service_spec, stop),
     .sub = &stop_schema},
    {"env", "env: {NAME: \"value\"}", SCHEMA_PAIRS, LIST(service_spec, env),
     .max_items = SERVICE_SPEC_ENV_MAX_ITEMS},
    {"on_change", "on_change: restart, signal or ignore", SCHEMA_CHOICE,
     FIELD(service_spec, on_change), .choices = changes},
    {"tags", "tags: [v1]", SCHEMA_TEXTS, LIST(service_spec, tags), .min = 1,
     .max = SERVICE_SPEC_TAGS_MAX, .max_items = SERVICE_SPEC_TAGS_MAX_ITEMS},
    {"meta", "meta: {team: web}", SCHEMA_PAIRS, LIST(service_spec, meta),
     .max_items = SERVICE_SPEC_META_MAX_ITEMS},
    {"user", "user: www-data", SCHEMA_CUSTOM, FIELD(service_spec, user), .read = read_user},
    LATER("owner", "remove it"),
};
const struct schema service_schema = {"a service", "", TABLE(service_keys)};

static const uint32_t default_backoff_ms[] = {1000, 2000, 4000, 8000, 15000, 30000};

const struct service_spec service_defaults = {
    .count = 1,
    .check = {.every_ms = 1000, .timeout_ms = 500, .fail = 3, .pass = 1},
    .restart = {.backoff_ms = default_backoff_ms,
                .backoff_ms_n = SCHEMA_COUNT(default_backoff_ms),
                .per_ms = 10 * 60 * 1000},
    .stop = {.signal = SIGTERM, .grace_ms = 10000},
};
