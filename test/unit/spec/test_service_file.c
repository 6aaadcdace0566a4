#include "spec/service_file.h"

#include "reading.h"

#include <signal.h>

/* The least that a service has; tests add one line that is wrong. */
#define LEAST "service: a\nrun: {exec: [prog]}\n"

static int read_file(struct reading *r, const char *text, struct service_file *ret)
{
    reading_begin(r, text);
    return service_file_read(ret, r->text, &r->mem, &r->errors);
}

static void refuse(const char *text, const char *error)
{
    struct reading r;
    struct service_file file = {.count = 77};

    assert_int_equal(read_file(&r, text, &file), SPEC_BAD);
    assert_only_error(&r, error);
    assert_int_equal(file.count, 77); /* nothing of it */
    reading_end(&r);
}

static const char *const example =
    "service: redis\n"
    "run: {exec: [redis-server]}\n"
    "---\n"
    "service: api\n"
    "count: 3\n"
    "run: {exec: [python3, -m, http.server, --bind, \"${addr}\", \"${port.http}\", \"${data}\"]}\n"
    "ports: {http: auto, admin: 9000}\n"
    "needs: [redis]\n"
    "wants: [cache]\n"
    "check: {http: /, port: http, every: 1s, timeout: 500ms, fail: 4, pass: 2}\n"
    "resources: {cpu: 0.5, memory: 64MiB, disk: 100MiB}\n"
    "place: {strategy: pack}\n"
    "partition: available\n"
    "restart: {backoff: [2s, 4s, 8s], max: 3, per: 10m}\n"
    "stop: {signal: SIGINT, grace: 30s}\n"
    "env: {REDIS: \"${endpoint.redis}\", CACHE: \"${endpoint.cache}\", ID: "
    "\"${instance}/${slot}\"}\n"
    "on_change: signal\n"
    "tags: [v1, blue]\n"
    "meta: {team: web}\n"
    "user: www-data\n";

static void test_every_key(void **state)
{
    (void)state;
    struct reading r;
    struct service_file file;

    assert_int_equal(read_file(&r, example, &file), 0);
    assert_int_equal(file.count, 2);
    const struct service_spec *api = &file.specs[1];

    assert_true(bytes_equal_str(api->name, "api"));
    assert_int_equal(api->count, 3);
    assert_int_equal(api->argv_n, 7);
    assert_true(bytes_equal_str(api->argv[5], "${port.http}"));
    assert_int_equal(api->ports_n, 2);
    assert_int_equal(api->ports[0].port, 0);
    assert_int_equal(api->ports[1].port, 9000);
    assert_true(bytes_equal_str(api->needs[0], "redis"));
    assert_true(bytes_equal_str(api->wants[0], "cache"));
    assert_int_equal(api->check.kind, CHECK_KIND_HTTP);
    assert_true(bytes_equal_str(api->check.path, "/"));
    assert_true(bytes_equal_str(api->check.port, "http"));
    assert_int_equal(api->check.every_ms, 1000);
    assert_int_equal(api->check.timeout_ms, 500);
    assert_int_equal(api->check.fail, 4);
    assert_int_equal(api->check.pass, 2);
    assert_int_equal(api->resources.cpu_millis, 500);
    assert_int_equal(api->resources.memory_bytes, 64 << 20);
    assert_int_equal(api->resources.disk_bytes, 100 << 20);
    assert_int_equal(api->strategy, STRATEGY_PACK);
    assert_int_equal(api->partition, PARTITION_AVAILABLE);
    assert_int_equal(api->restart.backoff_ms_n, 3);
    assert_int_equal(api->restart.backoff_ms[2], 8000);
    assert_int_equal(api->restart.max, 3);
    assert_int_equal(api->restart.per_ms, 600000);
    assert_int_equal(api->stop.signal, SIGINT);
    assert_int_equal(api->stop.grace_ms, 30000);
    assert_int_equal(api->env_n, 3);
    assert_true(bytes_equal_str(api->env[0].key, "REDIS"));
    assert_int_equal(api->on_change, ON_CHANGE_SIGNAL);
    assert_true(bytes_equal_str(api->tags[1], "blue"));
    assert_true(bytes_equal_str(api->meta[0].value, "web"));
    assert_true(bytes_equal_str(api->user, "www-data"));
    reading_end(&r);
}

static void test_defaults(void **state)
{
    (void)state;
    struct reading r;
    struct service_file file;

    assert_int_equal(read_file(&r, LEAST, &file), 0);
    const struct service_spec *a = &file.specs[0];

    assert_int_equal(a->count, 1);
    assert_false(a->every_host);
    assert_int_equal(a->check.kind, CHECK_KIND_NONE);
    assert_int_equal(a->check.every_ms, 1000);
    assert_int_equal(a->restart.backoff_ms_n, 6);
    assert_int_equal(a->restart.max, 0);
    assert_int_equal(a->stop.signal, SIGTERM);
    assert_int_equal(a->stop.grace_ms, 10000);
    assert_int_equal(a->on_change, ON_CHANGE_RESTART);
    reading_end(&r);
}

static void test_forms(void **state)
{
    (void)state;
    struct reading r;
    struct service_file file;

    assert_int_equal(
        read_file(&r, LEAST "count: every\nports: {db: auto}\ncheck: {tcp: db}\n", &file), 0);
    assert_true(file.specs[0].every_host);
    assert_int_equal(file.specs[0].check.kind, CHECK_KIND_TCP);
    reading_end(&r);

    assert_int_equal(read_file(&r, LEAST "count: 0\ncheck: {exec: [test, \"${addr}\"]}\n", &file),
                     0);
    assert_int_equal(file.specs[0].count, 0);
    assert_int_equal(file.specs[0].check.argv_n, 2);
    reading_end(&r);

    /* the only port is the checked one */
    assert_int_equal(read_file(&r, LEAST "ports: {web: 80}\ncheck: {http: /x?y=1}\n", &file), 0);
    assert_true(bytes_equal_str(file.specs[0].check.port, "web"));
    reading_end(&r);
}

static void test_keys_and_types(void **state)
{
    (void)state;
    refuse(LEAST "cuont: 3\n", "3:1: unknown key cuont; did you mean count?");
    refuse(LEAST "replicas: 3\n", "3:1: unknown key replicas; a service has: service, count, run");
    refuse(LEAST "check: {exec: [x], evry: 1s}\n",
           "3:20: unknown key check.evry; did you mean every?");
    refuse("run: {exec: [x]}\n", "1:1: service is missing; write service: NAME");
    refuse("service: a\n", "1:1: run is missing; write run: {exec: [prog, arg]}");
    refuse("service: a\nrun: {}\n", "2:6: run.exec is missing");
    refuse(LEAST "count: three\n", "3:8: count: \"three\" is no number; write count: 3");
    refuse(LEAST "count: 20000\n", "3:8: count: \"20000\" is out of range");
    refuse(LEAST "count: 99999999999999999999\n", "3:8: count: \"99999999999999999999\" is out of");
    refuse(LEAST "count: [1]\n", "3:8: count: must be text, not a list");
    refuse(LEAST "needs: redis\n", "3:8: needs: must be a list, not text; write needs: [redis]");
    refuse(LEAST "needs: [b, c, b]\n", "3:15: needs: b is listed twice");
    refuse(LEAST "stop:\n", "3:1: stop: has no value; write stop: {");
    refuse(LEAST "tags: [\"\"]\n", "3:9: tags: is empty");
    refuse(LEAST "meta: {\"\": x}\n", "3:9: meta: a key has 1 to 128 bytes");
    refuse(LEAST "meta: {a: }\n", "3:8: meta: has no value");
    refuse(LEAST "meta: [a]\n", "3:7: meta: must be a map, not a list");
    refuse(LEAST "on_change: reload\n",
           "3:12: on_change: \"reload\" is not known here; write on_cha");
    refuse("service: API\nrun: {exec: [x]}\n", "1:10: service: \"API\" is no name");
    refuse("service: -a\nrun: {exec: [x]}\n", "1:10: service: \"-a\" is no name");
    refuse("service: \"\"\nrun: {exec: [x]}\n", "1:11: service: \"\" is no name");
    refuse(LEAST "user: \"a b\"\n", "3:8: user: is no user name");
    refuse(LEAST "user: []\n", "3:7: user: must be text, not a list");
    refuse(LEAST "stop: {signal: STOP}\n", "3:16: stop.signal: is none of TERM, INT");
    refuse(LEAST "stop: {signal: []}\n", "3:16: stop.signal: must be text");
    refuse(LEAST "env: {1A: x}\n", "3:7: env: a variable's name has letters");
}

static void test_units(void **state)
{
    (void)state;
    refuse(LEAST "check: {exec: [x], every: 5}\n",
           "3:27: check.every: \"5\" needs a unit; write every");
    refuse(LEAST "check: {exec: [x], every: 5x}\n",
           "3:27: check.every: \"5x\" has an unknown unit");
    refuse(LEAST "check: {exec: [x], every: 1ms}\n", "3:27: check.every: \"1ms\" is out of range");
    refuse(LEAST "check: {exec: [x], every: 60.5us}\n",
           "3:27: check.every: \"60.5us\" is out of ra");
    refuse(LEAST "stop: {grace: 100d}\n", "3:15: stop.grace: \"100d\" is out of range");
    refuse(LEAST "restart: {backoff: [1s, x]}\n", "3:25: restart.backoff: \"x\" is no number");
    refuse(LEAST "resources: {memory: 64M}\n",
           "3:21: resources.memory: \"64M\" has an unknown unit; "
           "write memory: 64MiB");
    refuse(LEAST "resources: {cpu: half}\n", "3:18: resources.cpu: \"half\" is no number");
}

static void test_ports_and_checks(void **state)
{
    (void)state;
    refuse(LEAST "ports: {http: 70000}\n",
           "3:15: ports: a port is auto or a number from 1 to 65535");
    refuse(LEAST "ports: {Http: auto}\n", "3:9: ports: a port's name has");
    refuse(LEAST "ports: [http]\n", "3:8: ports: must be a map, not a list");
    refuse(LEAST "ports: {http: []}\n", "3:15: ports: must be text, not a list");
    refuse(LEAST "check: {every: 1s}\n", "3:8: check: of what? Write one of http");
    refuse(LEAST "check: {http: /}\n", "3:8: check: of which port? Write port: NAME");
    refuse(LEAST "check: {http: /, port: x}\n", "3:8: check: there is no port x");
    refuse(LEAST "check: {exec: [x], http: /}\nports: {p: auto}\n",
           "3:20: check.http: a check has one of");
    refuse(LEAST "ports: {p: auto}\ncheck: {http: health}\n",
           "4:15: check.http: a path begins with /");
    refuse(LEAST "ports: {p: auto}\ncheck: {http: \"/a b\"}\n", "4:16: check.http: a path begins");
    refuse(LEAST "check: {exec: []}\n", "3:15: check.exec: the first item is the program");
    refuse("service: a\nrun: {exec: [\"\", x]}\n", "2:13: run.exec: the first item is the program");
}

static void test_what_comes_later_is_refused(void **state)
{
    (void)state;
    refuse("service: a\nrun: {exec: [x], oci: y}\n", "2:18: run.oci: not available yet");
    refuse(LEAST "check: {ttl: 5s}\n", "3:9: check.ttl: not available yet");
    refuse(LEAST "partition: quorum\n", "3:12: partition: quorum is not available yet");
    refuse(LEAST "owner: me\n", "3:1: owner: not available yet");
    refuse(LEAST "resources: {limits: {cpu: 1}}\n", "3:13: resources.limits: not available yet");
    refuse(LEAST "place: {require: []}\n", "3:9: place.require: not available yet");
    refuse(LEAST "place: {prefer: []}\n", "3:9: place.prefer: not available yet");
}

static void test_variables(void **state)
{
    (void)state;
    refuse("service: a\nrun: {exec: [x, \"-p${prot.x}\"]}\n", "2:20: unknown variable; there are");
    refuse("service: a\nrun: {exec: [x, \"${port.http}\"]}\n", "2:18: ${port.http}: no such port");
    refuse("service: a\nrun:\n  exec:\n    - x\n    - ${addr\n", "5:7: ${ without }");
    refuse(LEAST "env: {A: \"${addr}:${endpoint.db}\"}\n",
           "3:19: ${endpoint.db}: not in needs or wants");
    refuse(LEAST "check: {exec: [x, \"${addr.x}\"]}\n", "3:20: unknown variable");
    refuse(LEAST "env:\n  A: |\n    some ${nothing}\n", "5:1: unknown variable");
}

static void test_needs(void **state)
{
    (void)state;
    refuse(LEAST "needs: [a]\n", "3:9: needs: this closes a cycle, a -> a");
    refuse(LEAST "wants: [a]\n", "3:9: wants: a service cannot want itself");
    refuse(LEAST "needs: [b]\nwants: [b]\n", "4:9: wants: b is in needs already");
    refuse(LEAST "needs: [b]\n---\nservice: b\nrun: {exec: [x]}\nneeds: [c]\n---\n"
                 "service: c\nrun: {exec: [x]}\nneeds: [x, a]\n",
           "11:12: needs: this closes a cycle, c -> a -> b -> c");
}

static void test_the_file_as_a_whole(void **state)
{
    (void)state;
    refuse("", "0:0: there is no service in it");
    refuse("# all commented out\n", "0:0: there is no service in it");
    refuse(LEAST "---\n", "3:1: an empty document");
    refuse("- service: a\n", "1:1: a service is a map of keys, not a list");
    refuse("just text\n", "1:1: a service is a map of keys, not text");
    refuse(LEAST "---\n" LEAST, "4:10: service: a is defined twice, first in line 1");
    refuse(LEAST "---\nservice: b\n", "4:1: run is missing");
    refuse(LEAST "service: b\n", "3:1: service: given twice, first in line 1");
}

static void test_all_errors_are_reported(void **state)
{
    (void)state;
    struct reading r;
    struct service_file file;

    read_file(&r, "service: A\ncuont: 3\nrun: {exec: [\"${x}\"]}\n---\nservice: b\n", &file);
    assert_int_equal(r.errors.count, 4);
    assert_error(&r, 0, "1:10: service");
    assert_error(&r, 1, "2:1: unknown key");
    assert_error(&r, 2, "3:15: unknown variable");
    assert_error(&r, 3, "5:1: run is missing");
    reading_end(&r);
}

static void test_is_bounded(void **state)
{
    (void)state;
    struct buf text = {0};

    for (int i = 0; i <= SERVICE_FILE_MAX_SERVICES; i++)
        buf_printf(&text, "---\nservice: s%d\nrun: {exec: [x]}\n", i);
    refuse(buf_cstr(&text), "0:0: more than 512 services");

    buf_reset(&text);
    buf_str(&text, LEAST "tags: [");
    for (int i = 0; i < 65; i++)
        buf_printf(&text, "t%d,", i);
    buf_str(&text, "]\n");
    refuse(buf_cstr(&text), "3:7: tags: has more than 64 items");

    buf_reset(&text);
    buf_str(&text, LEAST "ports: {");
    for (int i = 0; i < 33; i++)
        buf_printf(&text, "p%d: auto,", i);
    buf_str(&text, "}\n");
    refuse(buf_cstr(&text), "3:8: ports: has more than 32 items");

    buf_reset(&text);
    buf_str(&text, "service: a\nrun: {exec: [x");
    for (int i = 0; i < 200; i++)
        buf_printf(&text, ",%0400d", i);
    buf_str(&text, "]}\n");
    refuse(buf_cstr(&text), "1:1: this service takes more than 64 KiB");

    buf_reset(&text);
    buf_printf(&text, LEAST "meta: {a: %05000d}\n", 1);
    refuse(buf_cstr(&text), "3:11: meta: a value has at most 4096 bytes");

    buf_reset(&text);
    buf_printf(&text, LEAST "tags: [%0129d]\n", 1);
    refuse(buf_cstr(&text), "3:8: tags: is longer than 128 bytes");
    buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_keys_and_types),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_ports_and_checks),
        cmocka_unit_test(test_what_comes_later_is_refused),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_needs),
        cmocka_unit_test(test_the_file_as_a_whole),
        cmocka_unit_test(test_all_errors_are_reported),
        cmocka_unit_test(test_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
