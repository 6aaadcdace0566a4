#include "spec/scenario.h"

#include "spec/schema.h"
#include "spec/units.h"

#define TABLE(table) .keys = (table), .count = SCHEMA_COUNT(table)

/* What a kind takes. */
enum {
    WHO = 1,
    TO = 2,
    SHARE = 4,
    DURATION = 8,
    STEP = 16,
    BETWEEN = 32,
    WAY = 64,
    VALUE = SHARE | DURATION | STEP
};

static const struct {
    const char *name;
    unsigned takes;
} kinds[SCENARIO_KINDS] = {
    [SCENARIO_KILL] = {"kill", WHO},
    [SCENARIO_RESTART] = {"restart", WHO},
    [SCENARIO_POWER] = {"power", WHO},
    [SCENARIO_PAUSE] = {"pause", WHO},
    [SCENARIO_RESUME] = {"resume", WHO},
    [SCENARIO_LEAVE] = {"leave", WHO},
    [SCENARIO_CUT] = {"cut", WHO | TO},
    [SCENARIO_CUT_ONE_WAY] = {"cut_one_way", WHO | TO},
    [SCENARIO_LOSS] = {"loss", WHO | SHARE},
    [SCENARIO_LATENCY] = {"latency", WHO | DURATION},
    [SCENARIO_BREAK] = {"break", WHO},
    [SCENARIO_CLOCK] = {"clock", WHO | STEP},
    [SCENARIO_DISK_SLOW] = {"disk_slow", WHO},
    [SCENARIO_DISK_FULL] = {"disk_full", WHO},
    [SCENARIO_EXIT] = {"exit", WHO},
    [SCENARIO_SICK] = {"sick", WHO},
    [SCENARIO_PORT_TAKEN] = {"port_taken", WHO},
    [SCENARIO_DEAF] = {"deaf", WHO},
    [SCENARIO_DUMB] = {"dumb", WHO},
    [SCENARIO_CLOSE_WAY] = {"close_way", WHO | WAY},
    [SCENARIO_PAUSES] = {"pauses", WHO | BETWEEN},
    [SCENARIO_BOUNCE] = {"bounce", WHO | DURATION},
    [SCENARIO_FORGET] = {"forget", WHO},
    [SCENARIO_WRITE] = {"write", WHO},
    [SCENARIO_HEAL] = {"heal", 0},
};

const char *scenario_kind_name(enum scenario_kind kind)
{
    return kinds[kind].name;
}

/* ---- one fault ---- */

static void read_kind(struct schema_context *c, const struct schema_key *key,
                      const struct yaml_node *node, void *field)
{
    struct buf names = {0};

    if (!schema_expect(c, key, node, YAML_TEXT))
        return;
    for (unsigned i = 0; i < SCENARIO_KINDS; i++) {
        if (bytes_equal_str(node->text, kinds[i].name)) {
            *(enum scenario_kind *)field = (enum scenario_kind)i;
            buf_deinit(&names);
            return;
        }
        buf_printf(&names, "%s%s", i ? ", " : "", kinds[i].name);
    }
    spec_error(c->errors, node->at, "%skind: there is no such fault; there are %s", c->prefix,
               buf_cstr(&names));
    buf_deinit(&names);
}

/* 7, or 3..9. */
static bool read_range(struct bytes text, uint64_t *ret_first, uint64_t *ret_last)
{
    struct bytes low = text, high = text;

    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.data[i] == '.' && text.data[i + 1] == '.') {
            low = bytes_of(text.data, i);
            high = bytes_of(text.data + i + 2, text.len - i - 2);
            break;
        }
    }
    return !units_whole(low, ret_first) && !units_whole(high, ret_last) && *ret_first <= *ret_last;
}

static struct scenario_range read_peer(struct schema_context *c, const struct schema_key *key,
                                       const struct yaml_node *node)
{
    struct scenario_range range = {0, 0};
    uint64_t first = 0, last = 0;

    if (!schema_expect(c, key, node, YAML_TEXT))
        return range;
    if (!read_range(node->text, &first, &last) || last >= SCENARIO_MAX_PEERS) {
        schema_refuse(c, key, node->at, "\"" BYTES_FMT "\" is no number of a peer",
                      BYTES_ARG(node->text));
        return range;
    }
    return (struct scenario_range){(uint32_t)first, (uint32_t)last};
}

static bool is_share(const struct yaml_node *node)
{
    return node->kind == YAML_TEXT && node->text.len > 0 &&
           node->text.data[node->text.len - 1] == '%';
}

static void read_peers(struct schema_context *c, const struct schema_key *key,
                       const struct yaml_node *node, void *field)
{
    struct scenario_peers *peers = field;
    const struct yaml_node *item = node->kind == YAML_LIST ? node->items : node;
    uint32_t count = node->kind == YAML_LIST ? node->count : 1;

    peers->all = node->kind == YAML_TEXT && bytes_equal_str(node->text, "all");
    if (peers->all)
        return;
    if (is_share(node)) {
        if (units_share_ppm(node->text, &peers->share_ppm) || peers->share_ppm == 0)
            schema_refuse(c, key, node->at, "\"" BYTES_FMT "\" is no share of the peers",
                          BYTES_ARG(node->text));
        return;
    }
    struct scenario_range *list = arena_array(c->mem, count, sizeof(*list));

    for (uint32_t i = 0; i < count; i++, item = item->next)
        list[i] = read_peer(c, key, item);
    peers->list = list;
    peers->list_n = count;
}

/* What a value means depends on the kind, which may stand after it: see check_value(). */
static void read_later(struct schema_context *c, const struct schema_key *key,
                       const struct yaml_node *node, void *field)
{
    (void)c;
    (void)key;
    (void)node;
    (void)field;
}

static const struct schema_choice ways[] = {{"tcp", SCENARIO_TCP, false},
                                            {"ws", SCENARIO_WS, false},
                                            {"ipc", SCENARIO_IPC, false},
                                            {NULL, 0, false}};

static const struct schema_key fault_keys[] = {
    {"at", "at: 10s", SCHEMA_DURATION_US, .required = true,
     .offset = offsetof(struct scenario_fault, at_us)},
    {"kind", "kind: kill", SCHEMA_CUSTOM, .required = true, .read = read_kind,
     .offset = offsetof(struct scenario_fault, kind)},
    {"who", "who: 0, who: [0, 3..5], who: 5% or who: all", SCHEMA_CUSTOM, .read = read_peers,
     .offset = offsetof(struct scenario_fault, who)},
    {"to", "to: 0, to: [0, 3..5] or to: all", SCHEMA_CUSTOM, .read = read_peers,
     .offset = offsetof(struct scenario_fault, to)},
    {"value", "value: 30% or value: 50ms", SCHEMA_CUSTOM, .read = read_later},
    {"way", "way: tcp, ws or ipc", SCHEMA_CHOICE, .choices = ways,
     .offset = offsetof(struct scenario_fault, way)},
    {"min", "min: 200ms", SCHEMA_DURATION_US, .min = 1,
     .offset = offsetof(struct scenario_fault, min_us)},
    {"max", "max: 30s", SCHEMA_DURATION_US, .min = 1,
     .offset = offsetof(struct scenario_fault, max_us)},
};
static const struct schema fault_schema = {"a fault", "faults.", TABLE(fault_keys)};

static int read_value(struct bytes text, unsigned takes, int64_t *ret)
{
    bool back = takes & STEP && text.len && text.data[0] == '-';
    uint32_t ppm = 0;
    int problem;

    if (takes & SHARE) {
        problem = units_share_ppm(text, &ppm);
        *ret = ppm;
        return problem;
    }
    problem = units_duration_us(bytes_of(text.data + back, text.len - back), ret);
    if (back && !problem)
        *ret = -*ret;
    return problem;
}

static void check_value(struct schema_context *c, const struct yaml_node *map, unsigned takes,
                        struct scenario_fault *fault)
{
    const struct yaml_node *node = yaml_get(map, "value");
    const char *example = takes & SHARE ? "30%" : takes & STEP ? "-5s" : "50ms";

    if (!node || !(takes & VALUE))
        return;
    if (node->kind != YAML_TEXT || read_value(node->text, takes, &fault->value))
        spec_error(c->errors, node->at, "faults.value: not a value of %s; write value: %s",
                   kinds[fault->kind].name, example);
}

/* A kind has all that it takes, and nothing else. */
static void check_takes(struct schema_context *c, const struct yaml_node *map,
                        const struct scenario_fault *fault)
{
    static const struct {
        const char *key;
        unsigned flag;
    } parts[] = {{"who", WHO},     {"to", TO},       {"value", VALUE},
                 {"min", BETWEEN}, {"max", BETWEEN}, {"way", WAY}};

    for (size_t i = 0; i < SCHEMA_COUNT(parts); i++) {
        const struct yaml_node *node = yaml_get(map, parts[i].key);
        bool wanted = kinds[fault->kind].takes & parts[i].flag;

        if (wanted && !node)
            spec_error(c->errors, map->at, "faults.%s is missing: %s needs it", parts[i].key,
                       kinds[fault->kind].name);
        if (!wanted && node)
            spec_error(c->errors, node->key_at, "faults.%s: %s takes none; remove it", parts[i].key,
                       kinds[fault->kind].name);
    }
}

/* ---- lists in the order of time ---- */

static bool expect_list(struct schema_context *c, const struct schema_key *key,
                        const struct yaml_node *node)
{
    if (!schema_expect(c, key, node, YAML_LIST))
        return false;
    for (const struct yaml_node *item = node->items; item; item = item->next) {
        if (!schema_expect(c, key, item, YAML_MAP))
            return false;
    }
    if (node->count > SCENARIO_MAX_STEPS) {
        schema_refuse(c, key, node->at, "has more than %d items", SCENARIO_MAX_STEPS);
        return false;
    }
    return true;
}

static void read_faults(struct schema_context *c, const struct schema_key *key,
                        const struct yaml_node *node, void *field)
{
    struct scenario *scenario = field;

    if (!expect_list(c, key, node))
        return;
    struct scenario_fault *faults = arena_array(c->mem, node->count, sizeof(*faults));
    uint32_t count = 0;

    for (const struct yaml_node *item = node->items; item; item = item->next, count++) {
        struct scenario_fault fault = {.kind = SCENARIO_KINDS};
        uint32_t at = count;

        schema_read(c, &fault_schema, item, &fault);
        if (fault.kind < SCENARIO_KINDS) {
            check_takes(c, item, &fault);
            check_value(c, item, kinds[fault.kind].takes, &fault);
            if (fault.max_us > 0 && fault.min_us > fault.max_us)
                spec_error(c->errors, item->at, "faults.min is more than max");
        }
        for (; at > 0 && faults[at - 1].at_us > fault.at_us; at--)
            faults[at] = faults[at - 1];
        faults[at] = fault;
    }
    scenario->faults = faults;
    scenario->faults_n = count;
}

static const struct schema_key apply_keys[] = {
    {"at", "at: 2s", SCHEMA_DURATION_US, .required = true,
     .offset = offsetof(struct scenario_apply, at_us)},
    {"file", "file: shop.yaml", SCHEMA_TEXT, .required = true, .min = 1, .max = 4096,
     .offset = offsetof(struct scenario_apply, file)},
};
static const struct schema apply_schema = {"an item", "apply.", TABLE(apply_keys)};

static void read_applies(struct schema_context *c, const struct schema_key *key,
                         const struct yaml_node *node, void *field)
{
    struct scenario *scenario = field;

    if (!expect_list(c, key, node))
        return;
    struct scenario_apply *applies = arena_array(c->mem, node->count, sizeof(*applies));
    uint32_t count = 0;

    for (const struct yaml_node *item = node->items; item; item = item->next, count++) {
        struct scenario_apply apply = {0};
        uint32_t at = count;

        schema_read(c, &apply_schema, item, &apply);
        for (; at > 0 && applies[at - 1].at_us > apply.at_us; at--)
            applies[at] = applies[at - 1];
        applies[at] = apply;
    }
    scenario->applies = applies;
    scenario->applies_n = count;
}

/* ---- the scenario ---- */

static void read_seed(struct schema_context *c, const struct schema_key *key,
                      const struct yaml_node *node, void *field)
{
    struct scenario *scenario = field;
    struct schema_key number = *key;

    number.type = SCHEMA_U64;
    number.offset = offsetof(struct scenario, seed);
    schema_read_value(c, &number, node, scenario);
    scenario->has_seed = true;
}

static const struct schema_choice switches[] = {
    {"on", SCENARIO_ON, false}, {"off", SCENARIO_OFF, false}, {NULL, 0, false}};
static const struct schema_choice operators[] = {
    {"operator", SCENARIO_ON, false}, {"none", SCENARIO_OFF, false}, {NULL, 0, false}};
static const struct schema_choice latencies[] = {{"drawn", SCENARIO_LATENCY_DRAWN, false},
                                                 {"planetlab", SCENARIO_LATENCY_PLANETLAB, false},
                                                 {NULL, 0, false}};

static const struct schema_key scenario_keys[] = {
    {"peers", "peers: 5", SCHEMA_U32, .offset = offsetof(struct scenario, peers), .min = 1,
     .max = SCENARIO_MAX_PEERS},
    {"ways", "ways: 2", SCHEMA_U32, .offset = offsetof(struct scenario, ways), .min = 1, .max = 3},
    {"seed", "seed: 7", SCHEMA_CUSTOM, .read = read_seed},
    {"until", "until: 60s", SCHEMA_DURATION_US, .offset = offsetof(struct scenario, until_us),
     .min = 1},
    {"warm", "warm: true", SCHEMA_BOOL, .offset = offsetof(struct scenario, warm)},
    {"race", "race: true", SCHEMA_BOOL, .offset = offsetof(struct scenario, race)},
    {"check", "check: off", SCHEMA_CHOICE, .choices = switches,
     .offset = offsetof(struct scenario, check)},
    {"converge", "converge: off", SCHEMA_CHOICE, .choices = switches,
     .offset = offsetof(struct scenario, converge)},
    {"services", "services: none", SCHEMA_CHOICE, .choices = operators,
     .offset = offsetof(struct scenario, services)},
    {"latency", "latency: planetlab, or drawn", SCHEMA_CHOICE, .choices = latencies,
     .offset = offsetof(struct scenario, latency)},
    {"measure", "measure: 10s", SCHEMA_DURATION_US,
     .offset = offsetof(struct scenario, measure_us)},
    {"apply", "apply: [{at: 2s, file: shop.yaml}]", SCHEMA_CUSTOM, .read = read_applies},
    {"faults", "faults: [{at: 10s, kind: kill, who: 0}]", SCHEMA_CUSTOM, .read = read_faults},
};
static const struct schema scenario_schema = {"a scenario", "", TABLE(scenario_keys)};

static void check_number(const struct yaml_node *node, uint32_t peers, struct spec_errors *errors)
{
    uint64_t first, last;

    if (node->kind == YAML_TEXT && read_range(node->text, &first, &last) && last >= peers)
        spec_error(errors, node->at, "faults: of %u peers, the last is number %u", peers,
                   peers - 1);
}

static void check_group(const struct yaml_node *fault, const char *key, uint32_t peers,
                        struct spec_errors *errors)
{
    const struct yaml_node *group = yaml_get(fault, key);

    if (!group)
        return;
    check_number(group, peers, errors);
    for (const struct yaml_node *item = group->items; item; item = item->next)
        check_number(item, peers, errors);
}

/* How many peers there are may stand after the faults, so this comes last. */
static void check_numbers(const struct yaml_node *document, uint32_t peers,
                          struct spec_errors *errors)
{
    const struct yaml_node *faults = yaml_get(document, "faults");

    if (!faults || !peers)
        return;
    for (const struct yaml_node *fault = faults->items; fault; fault = fault->next) {
        check_group(fault, "who", peers, errors);
        check_group(fault, "to", peers, errors);
    }
}

int scenario_read(struct scenario *ret, struct bytes text, struct arena *mem,
                  struct spec_errors *errors)
{
    struct schema_context c = {.mem = mem, .errors = errors, .prefix = ""};
    struct scenario scenario = {0};
    struct yaml_node *document;
    int result = yaml_parse(&document, text, mem, errors);

    if (result)
        return result;
    if (!document || document->kind != YAML_MAP) {
        spec_error(errors, document ? document->at : (struct spec_at){0},
                   "a scenario is a map of keys; begin with peers: 5");
        return SPEC_BAD;
    }
    if (document->next)
        spec_error(errors, document->next->at, "a second document: remove the --- before it");
    schema_read(&c, &scenario_schema, document, &scenario);
    check_numbers(document, scenario.peers, errors);
    if (errors->count)
        return SPEC_BAD;
    *ret = scenario;
    return 0;
}
