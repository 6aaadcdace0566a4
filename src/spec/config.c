#include "spec/config.h"

#include "spec/schema.h"

#define FIELD(name) .offset = offsetof(struct config, name)
#define LIST(name)  FIELD(name), .offset_n = offsetof(struct config, name##_n)

/* A path, as the kernel bounds it; an address is shorter. */
#define PATH_BYTES 4096
#define ADDR_BYTES 256
/* The others of a daemon's ports lie up to 4 above. */
#define PORT_BASE_MAX 65531

/* One text, or a list of them; `list` is the key with the list's place. */
static void read_some(struct schema_context *c, struct schema_key list,
                      const struct yaml_node *node, struct config *config)
{
    struct bytes *one;

    list.type = SCHEMA_TEXTS;
    if (node->kind != YAML_TEXT) {
        schema_read_value(c, &list, node, config);
        return;
    }
    one = arena_alloc(c->mem, sizeof(*one));
    *(const struct bytes **)(void *)((char *)config + list.offset) = one;
    *(uint32_t *)(void *)((char *)config + list.offset_n) = 1;
    list.type = SCHEMA_TEXT;
    list.offset = 0;
    schema_read_value(c, &list, node, one);
}

#define READ_SOME(name)                                                                            \
    static void read_##name(struct schema_context *c, const struct schema_key *key,                \
                            const struct yaml_node *node, void *field)                             \
    {                                                                                              \
        struct schema_key list = *key;                                                             \
                                                                                                   \
        list.offset = offsetof(struct config, name);                                               \
        list.offset_n = offsetof(struct config, name##_n);                                         \
        read_some(c, list, node, field);                                                           \
    }

READ_SOME(seeds)
READ_SOME(binds)
READ_SOME(advertises)
READ_SOME(https)
READ_SOME(dnses)
READ_SOME(dns_forwards)

static const struct schema_choice profiles[] = {
    {"lan", CONFIG_PROFILE_LAN, false}, {"wan", CONFIG_PROFILE_WAN, false}, {NULL, 0, false}};

static const struct schema_key keys[] = {
    {"data", "data: /var/lib/kith", SCHEMA_TEXT, FIELD(data), .min = 1, .max = PATH_BYTES},
    {"name", "name: host-1", SCHEMA_NAME, FIELD(name)},
    {"bind", "bind: 10.0.0.1, or a list", SCHEMA_CUSTOM, .read = read_binds, .min = 1,
     .max = ADDR_BYTES, .max_items = CONFIG_MAX_WAYS},
    {"advertise", "advertise: 203.0.113.7, or a list", SCHEMA_CUSTOM, .read = read_advertises,
     .min = 1, .max = ADDR_BYTES, .max_items = CONFIG_MAX_WAYS},
    {"seed", "seed: [10.0.0.2, 10.0.0.3]", SCHEMA_CUSTOM, .read = read_seeds, .min = 1,
     .max = ADDR_BYTES, .max_items = CONFIG_MAX_SEEDS},
    {"token", "token: /etc/kith/token", SCHEMA_TEXT, FIELD(token), .min = 1, .max = PATH_BYTES},
    {"tag", "tag: {zone: eu}", SCHEMA_PAIRS, LIST(tags), .max_items = CONFIG_MAX_TAGS},
    {"profile", "profile: lan, or wan", SCHEMA_CHOICE, FIELD(profile), .choices = profiles},
    {"conflicts", "conflicts: 24h", SCHEMA_DURATION_US, FIELD(conflicts_us), .min = KITH_SEC,
     .max = 366 * 24 * KITH_HOUR},
    {"horizon", "horizon: 30d", SCHEMA_DURATION_US, FIELD(horizon_us), .min = KITH_MIN,
     .max = 366 * 24 * KITH_HOUR},
    {"fold", "fold: 16MiB", SCHEMA_SIZE, FIELD(fold_bytes), .min = CONFIG_MIN_FOLD,
     .max = CONFIG_MAX_FOLD},
    {"insecure", "insecure: false", SCHEMA_BOOL, FIELD(insecure)},
    {"port-base", "port-base: 5484", SCHEMA_U32, FIELD(port_base), .min = 1, .max = PORT_BASE_MAX},
    {"ports", "ports: 20000-29999", SCHEMA_TEXT, FIELD(ports), .min = 1, .max = ADDR_BYTES},
    {"user", "user: nobody", SCHEMA_TEXT, FIELD(user), .min = 1, .max = ADDR_BYTES},
    {"lookup", "lookup: /run/kith/lookup", SCHEMA_TEXT, FIELD(lookup), .min = 1, .max = PATH_BYTES},
    {"lookup-group", "lookup-group: apps", SCHEMA_TEXT, FIELD(lookup_group), .min = 1,
     .max = ADDR_BYTES},
    {"http", "http: 127.0.0.1:5486, a list, or none", SCHEMA_CUSTOM, .read = read_https, .min = 1,
     .max = ADDR_BYTES, .max_items = CONFIG_MAX_HTTP},
    {"http-log", "http-log: /var/log/kith/access.log", SCHEMA_TEXT, FIELD(http_log), .min = 1,
     .max = PATH_BYTES},
    {"http-cert", "http-cert: /etc/kith/http.pem", SCHEMA_TEXT, FIELD(http_cert), .min = 1,
     .max = PATH_BYTES},
    {"http-key", "http-key: /etc/kith/http.key", SCHEMA_TEXT, FIELD(http_key), .min = 1,
     .max = PATH_BYTES},
    {"dns", "dns: 127.0.0.1:5487, a list, or none", SCHEMA_CUSTOM, .read = read_dnses, .min = 1,
     .max = ADDR_BYTES, .max_items = CONFIG_MAX_DNS},
    {"dns-domain", "dns-domain: kith", SCHEMA_TEXT, FIELD(dns_domain), .min = 1, .max = ADDR_BYTES},
    {"dns-consul", "dns-consul: false", SCHEMA_BOOL, FIELD(dns_consul)},
    {"dns-ttl", "dns-ttl: 1s", SCHEMA_TEXT, FIELD(dns_ttl), .min = 1, .max = ADDR_BYTES},
    {"dns-order", "dns-order: rotate, or near", SCHEMA_TEXT, FIELD(dns_order), .min = 1,
     .max = ADDR_BYTES},
    {"dns-forward", "dns-forward: 10.0.0.53, or a list", SCHEMA_CUSTOM, .read = read_dns_forwards,
     .min = 1, .max = ADDR_BYTES, .max_items = CONFIG_MAX_FORWARDS},
    {"dns-rate", "dns-rate: 5000", SCHEMA_TEXT, FIELD(dns_rate), .min = 1, .max = ADDR_BYTES},
    {"log-level", "log-level: info", SCHEMA_TEXT, FIELD(log_level), .min = 1, .max = ADDR_BYTES},
};
static const struct schema config_schema = {"the configuration", "", keys, SCHEMA_COUNT(keys)};

int config_read(struct config *ret, struct bytes text, struct arena *mem,
                struct spec_errors *errors)
{
    struct schema_context c = {.mem = mem, .errors = errors, .prefix = ""};
    struct config config = {0};
    struct yaml_node *document;
    int result = yaml_parse(&document, text, mem, errors);

    if (result)
        return result;
    if (document && document->next)
        spec_error(errors, document->next->at, "a second document: remove the --- before it");
    if (document && document->kind == YAML_MAP)
        schema_read(&c, &config_schema, document, &config);
    else if (document && document->kind != YAML_NULL)
        spec_error(errors, document->at,
                   "the configuration is a map of keys, not %s; write "
                   "KEY: VALUE lines",
                   yaml_kind_name(document->kind));
    if (errors->count)
        return SPEC_BAD;
    *ret = config;
    return 0;
}
