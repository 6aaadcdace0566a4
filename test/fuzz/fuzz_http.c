/* What clients of HTTP send, beyond what libmicrohttpd reads: the first byte says which. */
#include "consul/body.h"
#include "consul/filter.h"
#include "consul/keys_body.h"
#include "consul/routes.h"
#include "native/routes.h"

#include "wire/text.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct route_table *const routes[] = {&consul_routes, &native_routes, NULL};

/* What is taken has bounds, and only text in it. */
static void read_target(struct bytes in)
{
    struct arena mem = {0};
    struct target t;
    struct route_match match;
    uint64_t number;
    kith_time span = 0;

    if (target_parse(&t, in, &mem) == 0) {
        assert(t.segments_n <= TARGET_SEGMENTS_MAX && t.params_n <= TARGET_PARAMS_MAX);
        for (unsigned i = 0; i < t.segments_n; i++)
            assert(wire_text_ok(t.segments[i]));
        for (unsigned i = 0; i < t.params_n; i++)
            assert(wire_text_ok(t.params[i].name) && wire_text_ok(t.params[i].value));
        (void)target_number(&t, "index", &number);
        if (target_duration(&t, "wait", &span) == 0)
            assert(span >= 0 && span <= READ_DURATION_MAX);
        int r = route_find(&match, routes, METHOD_GET, &t);

        assert((match.route != NULL) == (r == 0));
    }
    arena_deinit(&mem);
}

static void read_span(struct bytes in)
{
    kith_time span = 0;

    if (read_duration(in, &span) == 0)
        assert(span >= 0 && span <= READ_DURATION_MAX);
}

/* What is taken can be sent to the peer as it is. */
static void read_service(struct bytes in)
{
    struct arena mem = {0};
    struct register_endpoint request;
    struct wire_error err;
    const char *why = NULL;

    if (consul_read_service(&request, in, &mem, &why) == 0)
        assert(wire_check(&register_endpoint_struct, &request, &err) == 0);
    else
        assert(why != NULL);
    struct report_endpoint report;

    if (consul_read_report(&report, in, &mem, &why) == 0)
        assert(report.output.len <= REPORT_ENDPOINT_OUTPUT_MAX && wire_text_ok(report.output));
    else
        assert(why != NULL);
    struct consul_entry entry;
    struct check_endpoint check;

    why = NULL;
    if (consul_read_entry(&entry, in, &mem, &why) == 0)
        assert(wire_check(&register_endpoint_struct, &entry.service, &err) == 0);
    else
        assert(why != NULL);
    why = NULL;
    if (consul_read_check(&check, in, &mem, &why) == 0)
        assert(wire_check(&check_endpoint_struct, &check, &err) == 0);
    else
        assert(why != NULL);
    why = NULL;
    assert(consul_read_ending(&entry, in, &mem, &why) == 0 || why != NULL);
    arena_deinit(&mem);
}

static void read_keys(struct bytes in)
{
    struct arena mem = {0};
    struct change_keys request;
    struct open_session open = {0};
    struct wire_error err;
    const char *why = NULL;

    if (consul_read_txn(&request, in, &mem, &why) == 0)
        assert(wire_check(&change_keys_struct, &request, &err) == 0);
    else
        assert(why != NULL);
    why = NULL;
    if (consul_read_session(&open.session, in, bytes_str("here"), &mem, &why) == 0)
        assert(wire_check(&open_session_struct, &open, &err) == 0);
    else
        assert(why != NULL);
    arena_deinit(&mem);
}

/* What can be read can be asked. */
static void read_filter(struct bytes in)
{
    static const struct filter_selector selectors[] = {
        {"Node", FILTER_TEXT},     {"Meta", FILTER_MAP},    {"Meta.*", FILTER_TEXT},
        {"Tags", FILTER_LIST},     {"Port", FILTER_NUMBER}, {"On", FILTER_BOOL},
        {"Checks.A", FILTER_TEXT}, {NULL, FILTER_TEXT},
    };
    static const char *object = "{\"Node\": \"a\", \"Meta\": {\"k\": \"v\"}, \"Tags\": [\"t\"],"
                                " \"Port\": 1, \"On\": true, \"Checks\": [{\"A\": \"b\"}]}";
    struct arena mem = {0};
    const struct filter *f;
    const char *why = NULL;

    if (filter_parse(&f, in, selectors, &mem, &why) == 0) {
        json_t *json = json_loads(object, 0, NULL);

        (void)filter_matches(f, json);
        json_decref(json);
    } else {
        assert(why != NULL);
    }
    arena_deinit(&mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct bytes in = bytes_of(data + 1, size - 1);

    switch (data[0] % 8) {
    case 0:
        read_target(in);
        break;
    case 1:
        read_span(in);
        break;
    case 3:
        read_keys(in);
        break;
    case 4:
        read_filter(in);
        break;
    default:
        read_service(in);
        break;
    }
    return 0;
}
