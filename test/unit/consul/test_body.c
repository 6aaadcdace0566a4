#include "consul/body.h"
#include "consul/json.h"

#include "test.h"

#include <string.h>

static struct arena mem;
static struct register_endpoint r;
static const char *why;

static int read_body(const char *body)
{
    return consul_read_service(&r, bytes_str(body), &mem, &why);
}

static void what_a_service_says_is_taken(void **state)
{
    (void)state;
    assert_int_equal(read_body("{\"ID\":\"web-1\",\"Name\":\"web\",\"Tags\":[\"v1\",\"blue\"],"
                               "\"Address\":\"10.0.0.9\",\"Port\":8080,\"Meta\":{\"a\":\"b\"},"
                               "\"EnableTagOverride\":false,\"Weights\":{\"Passing\":10},"
                               "\"Check\":{\"TTL\":\"15s\",\"Status\":\"passing\",\"Notes\":\"\","
                               "\"DeregisterCriticalServiceAfter\":\"90m\"}}"),
                     0);
    assert_true(bytes_equal_str(r.service, "web"));
    assert_true(bytes_equal_str(r.name, "web-1"));
    assert_true(bytes_equal_str(r.addr, "10.0.0.9"));
    assert_int_equal(r.ports_n, 1);
    assert_int_equal(r.ports[0].port, 8080);
    assert_int_equal(r.tags_n, 2);
    assert_true(bytes_equal_str(r.tags[1], "blue"));
    assert_int_equal(r.meta_n, 1);
    assert_true(bytes_equal_str(r.meta[0].value, "b"));
    assert_int_equal(r.ttl_ms, 15000);
    assert_int_equal(r.reap_ms, 90 * 60 * 1000);
    assert_true(r.keep);
    assert_int_equal(r.health, ENDPOINT_HEALTH_PASSING);
}

static void what_is_not_said_is_as_in_consul(void **state)
{
    (void)state;
    assert_int_equal(read_body("{\"name\":\"web\"}"), 0);
    assert_true(bytes_equal_str(r.name, "web"));
    assert_int_equal(r.addr.len, 0);
    assert_int_equal(r.ports_n, 0);
    assert_int_equal(r.health, ENDPOINT_HEALTH_PASSING); /* no check */
    assert_false(r.keep);
    assert_int_equal(read_body("{\"Name\":\"web\",\"Check\":null,\"Tags\":null,\"Port\":0}"), 0);
    assert_int_equal(r.ports_n, 0);
    assert_int_equal(read_body("{\"name\":\"web\",\"check\":{\"ttl\":\"5s\",\"http\":\"\","
                               "\"deregister_critical_service_after\":60000000000}}"),
                     0);
    assert_int_equal(r.health, ENDPOINT_HEALTH_CRITICAL); /* until somebody says that it is well */
    assert_int_equal(r.reap_ms, 60000);
    assert_int_equal(read_body("{\"Name\":\"web\",\"Checks\":[{\"TTL\":\"5s\"}]}"), 0);
    assert_int_equal(r.ttl_ms, 5000);
}

static bool called(unsigned i, const char *id, const char *name)
{
    return bytes_equal_str(r.checks[i].id, id) && bytes_equal_str(r.checks[i].name, name);
}

static void several_checks_are_named_as_consul_names_them(void **state)
{
    (void)state;
    assert_int_equal(read_body("{\"Name\":\"web\",\"ID\":\"web-1\",\"Check\":{\"TTL\":\"5s\"},"
                               "\"Checks\":[{\"TTL\":\"6s\",\"CheckID\":\"disk\",\"Name\":\"Disk\","
                               "\"Notes\":\"/var\",\"Status\":\"passing\"},{\"TTL\":\"7s\","
                               "\"DeregisterCriticalServiceAfter\":\"1m\"}]}"),
                     0);
    assert_int_equal(r.checks_n, 3);
    assert_false(r.keep);
    assert_true(called(0, "service:web-1:1", ""));
    assert_true(called(1, "disk", "Disk") && bytes_equal_str(r.checks[1].notes, "/var"));
    assert_true(called(2, "service:web-1:3", ""));
    assert_int_equal(r.checks[0].health, ENDPOINT_HEALTH_CRITICAL);
    assert_int_equal(r.checks[1].health, ENDPOINT_HEALTH_PASSING);
    assert_int_equal(r.checks[2].ttl_ms, 7000);
    assert_int_equal(r.checks[2].reap_ms, 60000);
    assert_int_equal(read_body("{\"Name\":\"web\",\"Check\":{\"TTL\":\"5s\",\"Name\":\"alive\"}}"),
                     0);
    assert_int_equal(r.checks_n, 1);
    assert_true(called(0, "service:web", "alive"));
    assert_int_equal(r.ttl_ms, 0);
}

static void what_kith_does_not_do_is_refused_with_words(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "{",
        "{\"Name\":\"a\"} x",
        "{\"Name\":\"a\",\"Name\":\"b\"}",
        "{\"ID\":\"a\"}",
        "{\"Name\":7}",
        "{\"Name\":\"\"}",
        "{\"Name\":\"a\",\"Port\":65536}",
        "{\"Name\":\"a\",\"Port\":-1}",
        "{\"Name\":\"a\",\"Port\":\"80\"}",
        "{\"Name\":\"a\",\"Tags\":\"v1\"}",
        "{\"Name\":\"a\",\"Tags\":[1]}",
        "{\"Name\":\"a\",\"Meta\":[]}",
        "{\"Name\":\"a\",\"Meta\":{\"k\":1}}",
        "{\"Name\":\"a\",\"Check\":[]}",
        "{\"Name\":\"a\",\"Check\":{}}",
        "{\"Name\":\"a\",\"Check\":{\"HTTP\":\"http://x\",\"Interval\":\"1s\"}}",
        "{\"Name\":\"a\",\"Check\":{\"Args\":[\"rm\"],\"Interval\":\"1s\"}}",
        "{\"Name\":\"a\",\"Check\":{\"Script\":\"rm\",\"TTL\":\"1s\"}}",
        "{\"Name\":\"a\",\"Check\":{\"TTL\":\"soon\"}}",
        "{\"Name\":\"a\",\"Check\":{\"TTL\":\"1s\",\"Status\":\"fine\"}}",
        "{\"Name\":\"a\",\"Checks\":{\"TTL\":\"1s\"}}",
        "{\"Name\":\"a\",\"Checks\":[{\"TTL\":\"1s\"},{\"HTTP\":\"http://x\"}]}",
        "{\"Name\":\"a\",\"Checks\":[{\"TTL\":\"1s\"},7]}",
        "{\"Name\":\"a\",\"Checks\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
        "{\"Name\":\"a\",\"Proxy\":{}}",
        "{\"Name\":\"a\",\"Namespace\":\"b\"}",
        "{\"Name\":\"a\\u0000b\"}",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        why = NULL;
        assert_int_equal(read_body(bad[i]), 1);
        assert_true(why && strlen(why) > 10);
    }
}

static void too_long_is_refused(void **state)
{
    (void)state;
    struct buf body = {0};

    buf_str(&body, "{\"Name\":\"");
    for (unsigned i = 0; i < REGISTER_ENDPOINT_SERVICE_MAX + 1; i++)
        buf_byte(&body, 'x');
    buf_str(&body, "\"}");
    assert_int_equal(read_body(buf_cstr(&body)), 1);
    buf_reset(&body);
    for (unsigned i = 0; i <= CONSUL_BODY_MAX; i++)
        buf_byte(&body, ' ');
    assert_int_equal(read_body(buf_cstr(&body)), 1);
    buf_deinit(&body);
}

static void a_report_has_a_status_and_its_output_is_cut(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"Status\":\"fine\"}",
                                      "{\"Status\":1}",
                                      "{\"Status\":\"passing\",\"Output\":[]}"};
    struct report_endpoint report;
    struct buf body = {0};

    buf_str(&body, "{\"Status\":\"warning\",\"Output\":\"");
    for (unsigned i = 0; i < 2 * REPORT_ENDPOINT_OUTPUT_MAX; i++)
        buf_byte(&body, 'x');
    buf_str(&body, "\"}");
    assert_int_equal(consul_read_report(&report, buf_bytes(&body), &mem, &why), 0);
    assert_int_equal(report.health, ENDPOINT_HEALTH_WARNING);
    assert_int_equal(report.output.len, REPORT_ENDPOINT_OUTPUT_MAX);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(consul_read_report(&report, bytes_str(bad[i]), &mem, &why), 1);
    buf_deinit(&body);
}

static int end(void **state)
{
    (void)state;
    arena_deinit(&mem);
    return 0;
}

static void what_cannot_be_in_the_catalog_is_refused(void **state)
{
    static const char *const bad[] = {
        "[]",
        "{\"Address\":\"x\",\"Service\":{\"Service\":\"a\"}}",
        "{\"Node\":\"n\",\"Address\":\"x\",\"Check\":{\"Name\":\"c\"}}",
        "{\"Node\":\"n\",\"Service\":{}}",
        "{\"Node\":\"n\",\"Service\":\"a\"}",
        "{\"Node\":\"n\",\"NodeMeta\":{\"a\":\"b\"},\"Service\":{\"Service\":\"a\"}}",
        "{\"Node\":\"n\",\"Service\":{\"Service\":\"a\"},\"Check\":{\"ServiceID\":\"b\"}}",
        "{\"Node\":\"n\",\"Service\":{\"Service\":\"a\"},\"Checks\":{}}",
        "{\"Node\":\"n\",\"Partition\":\"p\",\"Service\":{\"Service\":\"a\"}}",
    };
    struct consul_entry e;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        why = NULL;
        assert_int_equal(consul_read_entry(&e, bytes_str(bad[i]), &mem, &why), 1);
        assert_non_null(why);
    }
    assert_int_equal(consul_read_entry(&e,
                                       bytes_str("{\"Node\":\"n\",\"Service\":{\"Service\":\"a\"},"
                                                 "\"Checks\":[{\"Status\":\"warning\"},"
                                                 "{\"Status\":\"passing\"}]}"),
                                       &mem, &why),
                     0);
    assert_int_equal(e.service.checks_n, 2);
    assert_int_equal(e.service.checks[0].health, ENDPOINT_HEALTH_WARNING);
    assert_true(bytes_equal_str(e.service.checks[1].id, "service:a:2"));
    assert_int_equal(
        consul_read_entry(&e, bytes_str("{\"Node\":\"n\",\"Address\":\"x\"}"), &mem, &why), 0);
    assert_int_equal(e.service.service.len, 0); /* a node alone */
    assert_int_equal(
        consul_read_ending(&e, bytes_str("{\"Node\":\"n\",\"CheckID\":\"c\"}"), &mem, &why), 1);
    assert_int_equal(consul_read_ending(&e, bytes_str("{\"Node\":\"n\"}"), &mem, &why), 0);
    assert_int_equal(e.service.name.len, 0);
    arena_deinit(&mem);
}

static void a_check_alone_belongs_to_a_service_or_the_host(void **state)
{
    struct check_endpoint c;

    (void)state;
    assert_int_equal(
        consul_read_check(&c, bytes_str("{\"name\":\"m\",\"serviceid\":\"a\",\"ttl\":\"5s\"}"),
                          &mem, &why),
        0);
    assert_true(bytes_equal_str(c.name, "a") && bytes_equal_str(c.check, "m"));
    assert_int_equal(c.ttl_ms, 5000);
    assert_int_equal(c.health, ENDPOINT_HEALTH_CRITICAL);
    assert_int_equal(
        consul_read_check(&c, bytes_str("{\"name\":\"m\",\"ttl\":\"5s\"}"), &mem, &why), 0);
    assert_int_equal(c.name.len, 0); /* of the host */
    assert_int_equal(
        consul_read_check(&c, bytes_str("{\"serviceid\":\"a\",\"ttl\":\"5s\"}"), &mem, &why), 1);
    assert_int_equal(
        consul_read_check(&c, bytes_str("{\"name\":\"m\",\"serviceid\":\"a\"}"), &mem, &why), 1);
    assert_int_equal(
        consul_read_check(
            &c,
            bytes_str("{\"name\":\"m\",\"serviceid\":\"a\",\"tcp\":\"x:1\",\"interval\":\"1s\"}"),
            &mem, &why),
        1);
    arena_deinit(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_service_says_is_taken),
        cmocka_unit_test(what_is_not_said_is_as_in_consul),
        cmocka_unit_test(several_checks_are_named_as_consul_names_them),
        cmocka_unit_test(what_kith_does_not_do_is_refused_with_words),
        cmocka_unit_test(too_long_is_refused),
        cmocka_unit_test(a_report_has_a_status_and_its_output_is_cut),
        cmocka_unit_test(what_cannot_be_in_the_catalog_is_refused),
        cmocka_unit_test(a_check_alone_belongs_to_a_service_or_the_host),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
