#include "native/message.h"

#include "wire/wire.h"

#include "test.h"

#include <string.h>

static struct arena mem;
static struct buf why;

static int end(void **state)
{
    (void)state;
    arena_deinit(&mem);
    buf_deinit(&why);
    return 0;
}

static int read_text(void *ret, const struct wire_struct *type, const char *text)
{
    json_t *object = json_loads(text, 0, NULL);

    assert_non_null(object);
    buf_reset(&why);
    int r = message_read(ret, type, object, &mem, &why);

    json_decref(object);
    return r;
}

static void fields_are_taken_by_their_names(void **state)
{
    (void)state;
    struct register_endpoint r = {.name = bytes_str("kept")};

    assert_int_equal(
        read_text(&r, &register_endpoint_struct,
                  "{\"service\": \"db\", \"addr\": \"10.0.0.7\", \"ports\": {\"sql\": 5432},"
                  " \"tags\": [\"main\", \"v2\"], \"meta\": {\"zone\": \"eu\"}, \"ttl_ms\": 9000,"
                  " \"health\": \"warning\", \"keep\": true, \"reap_ms\": null}"),
        0);
    assert_true(bytes_equal_str(r.service, "db"));
    assert_true(bytes_equal_str(r.name, "kept"));
    assert_int_equal(r.ports_n, 1);
    assert_true(bytes_equal_str(r.ports[0].name, "sql"));
    assert_int_equal(r.ports[0].port, 5432);
    assert_int_equal(r.tags_n, 2);
    assert_true(bytes_equal_str(r.tags[1], "v2"));
    assert_true(bytes_equal_str(r.meta[0].value, "eu"));
    assert_int_equal(r.ttl_ms, 9000);
    assert_int_equal(r.health, ENDPOINT_HEALTH_WARNING);
    assert_true(r.keep);
}

/* As parameters of a query come. */
static void texts_do_for_numbers_and_bools(void **state)
{
    (void)state;
    struct change c = {0};

    assert_int_equal(read_text(&c, &change_struct,
                               "{\"id\": \"01ARZ3NDEKTSV4RRFFQ69G5FAV\", \"kind\": \"scale\","
                               " \"count\": \"3\", \"cascade\": \"\", \"daemons\": \"false\"}"),
                     0);
    assert_string_equal(ulid_text(&c.id).s, "01ARZ3NDEKTSV4RRFFQ69G5FAV");
    assert_int_equal(c.kind, COMMAND_KIND_SCALE);
    assert_int_equal(c.count, 3);
    assert_true(c.cascade);
    assert_false(c.daemons);
}

static void an_ack_is_as_kith_takes_it(void **state)
{
    (void)state;
    struct change c = {0};

    assert_int_equal(read_text(&c, &change_struct, "{\"ack\": \"majority\"}"), 0);
    assert_int_equal(c.ack.kind, ACK_KIND_MAJORITY);
    assert_int_equal(read_text(&c, &change_struct, "{\"ack\": 2}"), 0);
    assert_int_equal(c.ack.kind, ACK_KIND_COUNT);
    assert_int_equal(c.ack.count, 2);
    assert_int_equal(read_text(&c, &change_struct, "{\"ack\": \"5\"}"), 0);
    assert_int_equal(c.ack.count, 5);
    assert_int_equal(read_text(&c, &change_struct, "{\"ack\": \"most\"}"), 1);
    assert_non_null(strstr(buf_cstr(&why), "majority"));
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } wrong[] = {
        {"{\"servise\": \"a\"}", "there is no 'servise' here; it takes service"},
        {"{\"service\": 3}", "register_endpoint.service: write a text"},
        {"{\"ports\": {\"a\": -1}}", "bound_port.port: write a whole number"},
        {"{\"ports\": {\"a\": 65536}}", "bound_port.port: the number is too large"},
        {"{\"ports\": 80}", "register_endpoint.ports: write an object"},
        {"{\"tags\": \"a\"}", "register_endpoint.tags: write a list"},
        {"{\"health\": \"fine\"}", "write one of"},
        {"{\"keep\": \"maybe\"}", "write true or false"},
        {"{\"ack\": []}", "write one of here"},
    };
    struct register_endpoint r;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        r = (struct register_endpoint){0};
        assert_int_equal(read_text(&r, &register_endpoint_struct, wrong[i].text), 1);
        assert_non_null(strstr(buf_cstr(&why), wrong[i].words));
    }
}

static void a_list_is_bounded(void **state)
{
    (void)state;
    struct register_endpoint r = {0};
    struct buf text = {0};

    buf_str(&text, "{\"tags\": [\"t\"");
    for (int i = 0; i < REGISTER_ENDPOINT_TAGS_MAX_ITEMS; i++)
        buf_str(&text, ",\"t\"");
    buf_str(&text, "]}");
    assert_int_equal(read_text(&r, &register_endpoint_struct, buf_cstr(&text)), 1);
    buf_deinit(&text);
}

#define CASE(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(fields_are_taken_by_their_names),
        CASE(texts_do_for_numbers_and_bools),
        CASE(an_ack_is_as_kith_takes_it),
        CASE(what_is_wrong_is_named),
        CASE(a_list_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
