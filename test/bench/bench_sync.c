/*
 * Fills the store of a kithd that does not run, for scripts/bench sync.
 *
 *     bench-sync fill DIR INSTANCES         services of ten instances each: per service its row, its specification,
 *                                           its name and its count, per instance one row; prints how many rows
 *     bench-sync register DIR INSTANCES     the same instances as registrations, as of `kith register`: one row each
 *     bench-sync age DIR INSTANCES N        N of these instances, spread over all of them, as they were one version ago
 *
 * The instances are of 3,000 hosts that this cluster never had, so nobody acts on them; the services are stopped, so
 * nobody starts others. Rows are of the size that kithd's own have.
 */
#include "state/state.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PER_SERVICE 10u
#define HOSTS       3000u
#define BATCH_ROWS  10000u
#define SINCE_MS    INT64_C(1767225600000) /* 2026-01-01: when all of it was written */

struct filler {
    struct store *store;
    struct buf bytes; /* of the batch: keys and records, one after the other */
    size_t ends[2 * BATCH_ROWS];
    uint32_t n;
    uint64_t rows;
};

/* Ids that are told apart, and the same in every run. */
static struct ulid id_of(uint8_t kind, uint32_t number)
{
    struct ulid id;

    memset(id.b, kind, sizeof(id.b));
    for (int i = 0; i < 6; i++)
        id.b[i] = (uint8_t)((uint64_t)SINCE_MS >> (40 - 8 * i));
    memcpy(id.b + 12, &number, sizeof(number));
    return id;
}

static struct ulid host_of(uint32_t instance)
{
    return id_of('h', instance * 31u % HOSTS);
}

static void fold(struct store *s)
{
    struct buf why = {0};

    if (!store_wants_fold(s))
        return;
    store_fold_begin(s);
    if (store_fold(s, &why)) {
        fprintf(stderr, "bench-sync: %s\n", buf_cstr(&why));
        exit(1);
    }
    store_fold_end(s, 0);
    buf_deinit(&why);
}

static void flush(struct filler *f)
{
    static struct store_write writes[BATCH_ROWS];
    const struct effect_store batch = {.token = 1, .writes = writes, .writes_n = f->n};
    const struct effect_store *one = &batch;
    size_t at = 0;

    for (uint32_t i = 0; i < f->n; i++) {
        size_t key = f->ends[2 * i], value = f->ends[2 * i + 1];

        writes[i] = (struct store_write){
            .key = bytes_of(buf_bytes(&f->bytes).data + at, key - at),
            .value = bytes_of(buf_bytes(&f->bytes).data + key, value - key),
        };
        at = value;
    }
    if (f->n > 0 && store_write(f->store, &one, 1) != 0) {
        fprintf(stderr, "bench-sync: %s\n", store_why(f->store));
        exit(1);
    }
    fold(f->store);
    buf_reset(&f->bytes);
    f->n = 0;
}

static void add(struct filler *f, enum table_id table, struct bytes key, const struct buf *value,
                struct ulid origin, struct version version)
{
    struct bytes space = bytes_str(STATE_NAMESPACE);
    struct record record = {.namespace = space,
                            .table = table,
                            .key = key,
                            .value = buf_bytes(value),
                            .version = version,
                            .origin = origin};

    if (f->n == BATCH_ROWS)
        flush(f);
    state_storage_key(&f->bytes, table, space, key);
    f->ends[2 * f->n] = f->bytes.len;
    record_encode(&f->bytes, &record);
    f->ends[2 * f->n + 1] = f->bytes.len;
    f->n++;
    f->rows++;
}

static struct version stamp(void)
{
    return (struct version){.minor = hlc_from_wall(SINCE_MS * KITH_MS) + 1};
}

static void add_spec(struct filler *f, struct ulid service, struct ulid spec_id, struct bytes name)
{
    struct bytes argv[] = {bytes_str("/usr/bin/api-server"), bytes_str("--port"),
                           bytes_str("${port.http}")};
    struct port_spec port = {.name = bytes_str("http")};
    struct spec_row row = {.spec = {.name = name,
                                    .count = PER_SERVICE,
                                    .argv = argv,
                                    .argv_n = 3,
                                    .ports = &port,
                                    .ports_n = 1}};
    struct buf value = {0};
    uint8_t key[2 * sizeof(service.b)];

    memcpy(key, service.b, sizeof(service.b));
    memcpy(key + sizeof(service.b), spec_id.b, sizeof(spec_id.b));
    spec_row_encode(&value, &row);
    add(f, TABLE_ID_SPEC, bytes_of(key, sizeof(key)), &value, host_of(0), stamp());
    buf_deinit(&value);
}

static void add_service(struct filler *f, uint32_t number)
{
    struct ulid service = id_of('s', number), spec = id_of('v', number);
    struct buf name = {0}, value = {0};

    buf_printf(&name, "service-%u", number);
    service_row_encode(
        &value,
        &(struct service_row){.name = buf_bytes(&name), .spec = spec, .desired = DESIRED_STOPPED});
    add(f, TABLE_ID_SERVICE, ulid_bytes(&service), &value, host_of(0), stamp());
    add_spec(f, service, spec, buf_bytes(&name));
    buf_reset(&value);
    name_row_encode(&value, &(struct name_row){.service = service});
    add(f, TABLE_ID_NAME, buf_bytes(&name), &value, host_of(0), stamp());
    buf_reset(&value);
    count_row_encode(&value, &(struct count_row){.count = PER_SERVICE});
    add(f, TABLE_ID_COUNT, ulid_bytes(&service), &value, host_of(0), stamp());
    buf_deinit(&value);
    buf_deinit(&name);
}

/* `version`: 2 is what all hold, 1 what was before. */
static void add_instance(struct filler *f, uint32_t number, uint64_t version)
{
    struct ulid host = host_of(number), id = id_of('i', number);
    uint32_t slot = number % PER_SERVICE;
    uint8_t key[2 * sizeof(id.b)], slot_bytes[4] = {0, 0, 0, (uint8_t)slot};
    struct bound_port port = {.name = bytes_str("http"), .port = (uint16_t)(20000 + slot)};
    struct buf addr = {0}, value = {0};

    buf_printf(&addr, "10.%u.%u.%u", number / 62500u % 250u, number / 250u % 250u,
               1 + number % 250u);
    struct instance_row row = {
        .service = id_of('s', number / PER_SERVICE),
        .slot = bytes_of(slot_bytes, sizeof(slot_bytes)),
        .spec = id_of('v', number / PER_SERVICE),
        .state = version > 1 ? INSTANCE_STATE_RUNNING : INSTANCE_STATE_STARTING,
        .addr = buf_bytes(&addr),
        .ports = &port,
        .ports_n = 1,
        .pid = 1000 + number,
        .started_ms = SINCE_MS,
        .epoch = 1,
        .reason = bytes_str("healthy"),
    };

    memcpy(key, host.b, sizeof(host.b));
    memcpy(key + sizeof(host.b), id.b, sizeof(id.b));
    instance_row_encode(&value, &row);
    add(f, TABLE_ID_INSTANCE, bytes_of(key, sizeof(key)), &value, host,
        (struct version){.major = 1, .minor = 2 * (uint64_t)number + version});
    buf_deinit(&value);
    buf_deinit(&addr);
}

static void add_registration(struct filler *f, uint32_t number)
{
    struct ulid host = host_of(number), key[2] = {host, id_of('i', number)};
    struct bound_port port = {.name = bytes_str("http"), .port = (uint16_t)(20000 + number % 10)};
    struct buf addr = {0}, service = {0}, name = {0}, value = {0};

    buf_printf(&addr, "10.%u.%u.%u", number / 62500u % 250u, number / 250u % 250u,
               1 + number % 250u);
    buf_printf(&service, "service-%u", number / PER_SERVICE);
    buf_printf(&name, BYTES_FMT "@" BYTES_FMT ":%u", BYTES_ARG(buf_bytes(&service)),
               BYTES_ARG(buf_bytes(&addr)), port.port);
    registration_row_encode(&value, &(struct registration_row){.service = buf_bytes(&service),
                                                               .name = buf_bytes(&name),
                                                               .addr = buf_bytes(&addr),
                                                               .ports = &port,
                                                               .ports_n = 1});
    add(f, TABLE_ID_REGISTRATION, bytes_of(key, sizeof(key)), &value, host,
        (struct version){.major = 1, .minor = (uint64_t)number + 1});
    buf_deinit(&addr);
    buf_deinit(&service);
    buf_deinit(&name);
    buf_deinit(&value);
}

static void fill_registrations(struct filler *f, uint32_t instances)
{
    for (uint32_t i = 0; i < instances; i++)
        add_registration(f, i);
}

static void fill(struct filler *f, uint32_t instances)
{
    for (uint32_t i = 0; i < instances / PER_SERVICE; i++)
        add_service(f, i);
    for (uint32_t i = 0; i < instances; i++)
        add_instance(f, i, 2);
}

static void age(struct filler *f, uint32_t instances, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        add_instance(f, (uint32_t)((uint64_t)i * instances / n), 1);
}

static uint32_t number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    return *text && !*end && value <= 10000000 ? (uint32_t)value : 0;
}

int main(int argc, char **argv)
{
    static struct filler f;
    struct buf why = {0};
    uint32_t instances = argc > 3 ? number(argv[3]) : 0;
    uint32_t n = argc > 4 ? number(argv[4]) : 0;
    bool fills = argc == 4 && strcmp(argv[1], "fill") == 0;
    bool registers = argc == 4 && strcmp(argv[1], "register") == 0;
    bool ages = argc == 5 && strcmp(argv[1], "age") == 0;

    if ((!fills && !registers && !ages) || !instances || (ages && !n)) {
        fputs("Usage: bench-sync fill|register DIR INSTANCES\n       bench-sync age DIR INSTANCES "
              "N\n",
              stderr);
        return 2;
    }
    if (store_open(&f.store, argv[2], &why) != 0) {
        fprintf(stderr, "bench-sync: %s\n", buf_cstr(&why));
        return 1;
    }
    if (fills)
        fill(&f, instances);
    else if (registers)
        fill_registrations(&f, instances);
    else
        age(&f, instances, n);
    flush(&f);
    store_close(f.store);
    printf("%llu\n", (unsigned long long)f.rows);
    buf_deinit(&f.bytes);
    buf_deinit(&why);
    return 0;
}
