#include "rows.h"

#include "state/inside.h"
#include "test.h"

#include <string.h>

struct ulid id_of(uint8_t number)
{
    struct ulid id = {{0}};

    id.b[15] = number;
    return id;
}

struct bytes id_key(const struct ulid *id)
{
    return ulid_bytes(id);
}

struct state *node_new(uint8_t number)
{
    struct state_config config = {.cluster = id_of(200), .self = id_of(number), .incarnation = 1};
    struct state *s = state_new(&config);

    state_clock(s, WALL);
    return s;
}

#define VALUE(kind, ...)                                                                           \
    static uint8_t memory[1024];                                                                   \
    struct buf out = {0};                                                                          \
    kind##_encode(&out, &(struct kind)__VA_ARGS__);                                                \
    assert_true(out.len <= sizeof(memory));                                                        \
    memcpy(memory, out.data, out.len);                                                             \
    struct bytes value = bytes_of(memory, out.len);                                                \
    buf_deinit(&out);                                                                              \
    return value

struct bytes member_value(const char *name)
{
    VALUE(member_row, {.name = bytes_str(name), .boot = id_of(9)});
}

struct bytes service_value(const char *name, uint8_t spec)
{
    VALUE(service_row, {.name = bytes_str(name), .spec = id_of(spec)});
}

struct bytes name_value(uint8_t service)
{
    VALUE(name_row, {.service = id_of(service)});
}

struct bytes count_value(uint32_t count)
{
    VALUE(count_row, {.count = count});
}

struct bytes spec_value(const char *name)
{
    VALUE(spec_row, {.spec = {.name = bytes_str(name)}});
}

struct bytes verdict_value(bool forgotten)
{
    VALUE(verdict_row, {.at_ms = 5, .forgotten = forgotten});
}

struct bytes placement_value(uint8_t node)
{
    VALUE(placement_row, {.node = id_of(node)});
}

struct bytes instance_value(uint8_t service)
{
    VALUE(instance_row, {.service = id_of(service)});
}

/* ---- random records ---- */

static struct bytes random_value(enum table_id table, struct rng *rng)
{
    static uint8_t memory[256];
    uint8_t n = (uint8_t)(1 + rng_below(rng, 3));
    struct buf out = {0};

    switch (table) {
    case TABLE_ID_MEMBER:
        return member_value(n == 1 ? "ann" : "bob");
    case TABLE_ID_VERDICT:
        return verdict_value(false);
    case TABLE_ID_SERVICE:
        return service_value("web", n);
    case TABLE_ID_SPEC:
        return spec_value(n == 1 ? "web" : "api");
    case TABLE_ID_NAME:
        return name_value(n);
    case TABLE_ID_COUNT:
        return count_value(n);
    case TABLE_ID_PLACEMENT:
        return placement_value(n);
    case TABLE_ID_INSTANCE:
        return instance_value(n);
    case TABLE_ID_ADMISSION:
        admission_row_encode(&out, &(struct admission_row){.id = id_of(n)});
        break;
    case TABLE_ID_INTEREST: {
        struct bytes pattern = n % 2 ? bytes_str("load.#") : bytes_str("#");
        interest_row_encode(&out, &(struct interest_row){.patterns = &pattern, .patterns_n = 1});
        break;
    }
    case TABLE_ID_COMMAND:
        command_row_encode(&out, &(struct command_row){.kind = COMMAND_KIND_SCALE, .at_ms = n});
        break;
    case TABLE_ID_COMMAND_EVENT:
        command_event_row_encode(&out, &(struct command_event_row){.at_ms = n});
        break;
    case TABLE_ID_COORD:
        coord_encode(&out, &(struct coord){.x = -n, .height = n, .error = 1});
        break;
    case TABLE_ID_REGISTRATION: {
        struct registration_row row = {.service = bytes_str("db"), .ttl_ms = (uint32_t)n};
        registration_row_encode(&out, &row);
        break;
    }
    case TABLE_ID_CONFIRM:
        confirm_row_encode(&out, &(struct confirm_row){.until_ms = n, .count = n});
        break;
    case TABLE_ID_KEY:
        key_row_encode(&out, &(struct key_row){.value = bytes_str("on"), .flags = n});
        break;
    case TABLE_ID_LOCK:
        lock_row_encode(&out, &(struct lock_row){.session = id_of(n), .count = n});
        break;
    case TABLE_ID_SESSION:
        session_row_encode(&out, &(struct session_row){.name = bytes_str("web"), .ttl_ms = n});
        break;
    case TABLE_ID_MAINTENANCE: {
        struct maintenance_row row = {.service = bytes_str(n % 2 ? "web" : "api")};
        maintenance_row_encode(&out, &row);
        break;
    }
    default:
        halt_row_encode(&out, &(struct halt_row){.command = id_of(n), .at_ms = n});
    }
    assert_true(out.len <= sizeof(memory));
    memcpy(memory, out.data, out.len);
    struct bytes value = bytes_of(memory, out.len);
    buf_deinit(&out);
    return value;
}

static size_t key_bytes(enum table_id table)
{
    static const uint8_t lengths[TABLE_COUNT] = {0,  16, 16, 32, 16, 32, 3, 16, 20, 32, 16,
                                                 36, 4,  16, 16, 32, 16, 5, 5,  32, 32};

    return lengths[table];
}

static bool is_own(enum table_id table)
{
    return table == TABLE_ID_MEMBER || table == TABLE_ID_INSTANCE ||
           table == TABLE_ID_COMMAND_EVENT || table == TABLE_ID_COORD ||
           table == TABLE_ID_INTEREST || table == TABLE_ID_REGISTRATION ||
           table == TABLE_ID_CONFIRM || table == TABLE_ID_SESSION || table == TABLE_ID_MAINTENANCE;
}

void random_record(struct buf *out, struct rng *rng, kith_time wall_us)
{
    enum table_id table = (enum table_id)(1 + rng_below(rng, TABLE_COUNT - 1));
    struct record r = {.namespace = bytes_str(STATE_NAMESPACE), .table = table};
    uint8_t key[STATE_KEY_MAX] = {0};
    size_t len = key_bytes(table);

    r.origin = id_of((uint8_t)(111 + rng_below(rng, 3))); /* none of the peers */
    key[len - 1] = (uint8_t)(1 + rng_below(rng, 2));
    if (is_own(table))
        memcpy(key, r.origin.b, sizeof(r.origin.b));
    r.key = table == TABLE_ID_CLUSTER ? bytes_str("halt") : bytes_of(key, len);
    r.version.minor = 1 + rng_below(rng, 4);
    if (!is_own(table))
        r.version.minor += hlc_from_wall(wall_us);
    if (is_own(table) || table == TABLE_ID_VERDICT || table == TABLE_ID_PLACEMENT ||
        table == TABLE_ID_NAME)
        r.version.major = rng_below(rng, 3);
    if (rng_below(rng, 4) == 0)
        r.flags = ROW_TOMBSTONE;
    else
        r.value = random_value(table, rng);
    record_encode(out, &r);
}

/* ---- from one to another ---- */

size_t push_to(struct state *from, struct state *to)
{
    struct buf payload = {0};
    struct arena mem = {0};
    struct wire_error err;
    size_t n = 0;
    bool ok;

    while (state_take_push(from, &payload)) {
        struct rows rows;
        assert_int_equal(rows_decode(&rows, buf_bytes(&payload), &mem, &err), 0);
        n += rows.records_n;
        if (to) {
            state_merge_rows(to, buf_bytes(&payload), &ok);
            assert_true(ok);
        }
    }
    buf_deinit(&payload);
    arena_deinit(&mem);
    return n;
}

void copy_all(struct state *from, struct state *to)
{
    for (uint32_t i = 1; i < TABLE_COUNT; i++) {
        struct table_walk walk;

        for (struct content *c = table_walk(&walk, state_table(from), (enum table_id)i); c;
             c = table_walk_on(&walk))
            (void)state_merge(to, content_record(c));
    }
}
