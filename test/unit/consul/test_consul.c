#include "consul/consul.h"

#include "../http/stand.h"
#include "consul/shape.h"
#include "test.h"

#include <stdio.h>

static struct stand s;

static const struct bytes own_tags[] = {{(const uint8_t *)"Blue", 4}};
static const struct pair own_meta[] = {{{(const uint8_t *)"team", 4}, {(const uint8_t *)"web", 3}}};

/* api: two instances that Kith runs (one has two ports), one fails; and one that was registered, with a warning. */
static int begin(void **state)
{
    (void)state;
    stand_init(&s);
    struct lookup_endpoint e[] = {
        stand_endpoint(1, &stand_b, ENDPOINT_HEALTH_PASSING),
        stand_endpoint(1, &stand_b, ENDPOINT_HEALTH_PASSING),
        stand_endpoint(2, &stand_a, ENDPOINT_HEALTH_CRITICAL),
        stand_endpoint(3, &stand_a, ENDPOINT_HEALTH_WARNING),
    };

    e[1].port_name = bytes_str("admin");
    e[1].port = 9001;
    e[2].output = bytes_str("GET / -> 503");
    e[3].registration = bytes_str("api-3");
    e[3].ttl_ms = 10000;
    e[3].own_tags = true;
    e[3].tags = own_tags;
    e[3].tags_n = 1;
    e[3].meta = own_meta;
    e[3].meta_n = 1;
    stand_tell(&s, "api", e, 4);
    return 0;
}

static int end(void **state)
{
    (void)state;
    stand_deinit(&s);
    return 0;
}

static void health_shows_nodes_services_and_checks(void **state)
{
    (void)state;
    assert_int_equal(stand_get(&s, "/v1/health/service/api"), 200);
    assert_int_equal(stand_count(&s), 3);
    /* In order of node, a's first. */
    assert_string_equal(stand_text(&s, "0/Node/Node"), "a");
    assert_string_equal(stand_text(&s, "0/Node/Address"), "10.0.0.1");
    assert_string_equal(stand_text(&s, "0/Node/Meta/zone"), "eu");
    assert_string_equal(stand_text(&s, "0/Service/Service"), "api");
    assert_string_equal(stand_text(&s, "0/Service/Tags/0"), "v1");
    assert_string_equal(stand_text(&s, "0/Checks/0/CheckID"), "serfHealth");
    assert_string_equal(stand_text(&s, "0/Checks/0/Status"), "passing");
    assert_string_equal(stand_text(&s, "0/Checks/1/Status"), "critical");
    assert_string_equal(stand_text(&s, "0/Checks/1/Output"), "GET / -> 503");
    assert_string_equal(stand_text(&s, "1/Service/ID"), "api-3");
    assert_string_equal(stand_text(&s, "1/Service/Meta/team"), "web");
    assert_string_equal(stand_text(&s, "1/Checks/1/CheckID"), "service:api-3");
    assert_string_equal(stand_text(&s, "1/Checks/1/Type"), "ttl");
    assert_string_equal(stand_text(&s, "2/Node/Node"), "b");
    assert_int_equal(stand_number(&s, "2/Service/Port"), 8001);
    assert_string_equal(stand_text(&s, "2/Service/Meta/kith-port-admin"), "9001");
}

static void what_is_asked_for_is_what_comes(void **state)
{
    (void)state;
    assert_int_equal(stand_get(&s, "/v1/health/service/api?passing"), 200);
    assert_int_equal(stand_count(&s), 1); /* a warning is not passing */
    stand_get(&s, "/v1/health/service/api?passing=false");
    assert_int_equal(stand_count(&s), 3);
    stand_get(&s, "/v1/health/service/api?tag=blue");
    assert_int_equal(stand_count(&s), 1);
    stand_get(&s, "/v1/health/service/api?tag=v1&tag=blue");
    assert_int_equal(stand_count(&s), 0);
    stand_get(&s, "/v1/health/service/api?node-meta=zone:eu");
    assert_int_equal(stand_count(&s), 2);
    stand_get(&s, "/v1/health/service/api?node-meta=zone:us");
    assert_int_equal(stand_count(&s), 0);
    stand_get(&s, "/v1/health/service/api?near=_agent");
    assert_string_equal(stand_text(&s, "0/Node/Node"), "a");
    assert_string_equal(stand_text(&s, "2/Node/Node"), "b");
    assert_int_equal(stand_get(&s, "/v1/health/service/none"), 200);
    assert_int_equal(stand_count(&s), 0);
}

static void what_is_not_understood_is_refused(void **state)
{
    (void)state;
    assert_int_equal(stand_get(&s, "/v1/health/service/api?dc=kith"), 200);
    assert_int_equal(stand_get(&s, "/v1/health/service/api?dc=mars"), 500);
    assert_int_equal(stand_get(&s, "/v1/health/service/api?consistent"), 400);
    assert_int_equal(stand_get(&s, "/v1/health/service/api?filter=Node.Name==a"), 400);
    assert_int_equal(stand_get(&s, "/v1/catalog/services?filter=a==b"), 400);
    assert_int_equal(stand_get(&s, "/v1/health/service/api?near=elsewhere"), 400);
}

static void the_catalog_lists_services_and_nodes(void **state)
{
    (void)state;
    stand_tell(&s, "idle", NULL, 0); /* Kith knows it, and nothing runs */
    assert_int_equal(stand_get(&s, "/v1/catalog/services"), 200);
    assert_int_equal(stand_count(&s), 1);
    assert_string_equal(stand_text(&s, "api/0"), "Blue");
    assert_string_equal(stand_text(&s, "api/1"), "v1");
    stand_get(&s, "/v1/catalog/services?node-meta=zone:us");
    assert_int_equal(stand_count(&s), 0);
    assert_int_equal(stand_get(&s, "/v1/catalog/service/api"), 200);
    assert_int_equal(stand_count(&s), 3);
    assert_string_equal(stand_text(&s, "1/ServiceID"), "api-3");
    assert_string_equal(stand_text(&s, "1/ServiceAddress"), "10.0.0.1");
    assert_string_equal(stand_text(&s, "1/NodeMeta/zone"), "eu");
    assert_int_equal(stand_get(&s, "/v1/catalog/nodes"), 200);
    assert_int_equal(stand_count(&s), 2);
    assert_string_equal(stand_text(&s, "1/Node"), "b");
    stand_tell_member(&s, &stand_b, MEMBER_STATE_LEFT, "b");
    stand_get(&s, "/v1/catalog/nodes");
    assert_int_equal(stand_count(&s), 1);
    assert_int_equal(stand_get(&s, "/v1/catalog/datacenters"), 200);
    assert_string_equal(stand_text(&s, "0"), CONSUL_DATACENTER);
}

static void a_node_is_shown_with_what_runs_there(void **state)
{
    (void)state;
    assert_int_equal(stand_get(&s, "/v1/catalog/node/a"), 200);
    assert_string_equal(stand_text(&s, "Node/Address"), "10.0.0.1");
    assert_string_equal(stand_text(&s, "Services/api-3/Service"), "api");
    assert_int_equal(stand_get(&s, "/v1/health/node/b"), 200);
    assert_int_equal(stand_count(&s), 2);
    assert_string_equal(stand_text(&s, "0/CheckID"), "serfHealth");
    assert_string_equal(stand_text(&s, "1/Status"), "passing");
    assert_int_equal(stand_get(&s, "/v1/health/node/none"), 200);
    assert_int_equal(stand_count(&s), 0);
    assert_int_equal(stand_get(&s, "/v1/catalog/node/none"), 200);
    assert_string_equal(stand_body(&s), "null");
}

static void the_agent_shows_itself_and_what_is_its_own(void **state)
{
    (void)state;
    assert_int_equal(stand_get(&s, "/v1/agent/self"), 200);
    assert_string_equal(stand_text(&s, "Config/NodeName"), "a");
    assert_string_equal(stand_text(&s, "Config/NodeID"), "00016100-0000-0000-0000-000000000000");
    assert_string_equal(stand_text(&s, "Config/Datacenter"), CONSUL_DATACENTER);
    assert_int_equal(stand_number(&s, "Member/Port"), 5486);
    assert_int_equal(stand_get(&s, "/v1/agent/services"), 200);
    assert_int_equal(stand_count(&s), 2);
    assert_string_equal(stand_text(&s, "api-3/Service"), "api");
    assert_int_equal(stand_get(&s, "/v1/agent/checks"), 200);
    assert_string_equal(stand_text(&s, "service:api-3/Status"), "warning");
    assert_int_equal(stand_get(&s, "/v1/agent/service/api-3"), 200);
    assert_string_equal(stand_text(&s, "Service"), "api");
    assert_int_equal(stand_get(&s, "/v1/agent/service/api-4"), 404);
    stand_tell_member(&s, &stand_b, MEMBER_STATE_DEAD, "b");
    assert_int_equal(stand_get(&s, "/v1/agent/members"), 200);
    assert_int_equal(stand_number(&s, "0/Status"), 1);
    assert_int_equal(stand_number(&s, "1/Status"), 4);
    assert_int_equal(stand_get(&s, "/v1/status/leader"), 200);
    assert_string_equal(stand_body(&s), "\"10.0.0.1:5486\"");
    stand_get(&s, "/v1/status/peers");
    assert_string_equal(stand_body(&s), "[\"10.0.0.1:5486\"]");
}

static struct arena mem;

static void a_registration_is_asked_of_the_peer(void **state)
{
    (void)state;
    struct register_endpoint r;
    struct wire_error err;

    s.hub.token = (struct bytes){0};
    assert_int_equal(stand_ask(&s, "PUT", "/v1/agent/service/register", NULL,
                               "{\"Name\":\"db\",\"Port\":5432,\"Check\":{\"TTL\":\"5s\"}}"),
                     0);
    assert_int_equal(s.x.ask, WIRE_REGISTER_ENDPOINT);
    assert_int_equal(register_endpoint_decode(&r, buf_bytes(&s.x.question), &mem, &err), 0);
    assert_true(bytes_equal_str(r.name, "db"));
    assert_int_equal(r.ttl_ms, 5000);
    struct registered done = {.name = bytes_str("db")};
    struct buf payload = {0};

    registered_encode(&payload, &done);
    assert_int_equal(stand_reply(&s, WIRE_REGISTERED, buf_bytes(&payload)), 200);
    assert_string_equal(stand_body(&s), "");
    buf_deinit(&payload);
    assert_int_equal(stand_ask(&s, "PUT", "/v1/agent/service/register", NULL, "{}"), 400);
    arena_deinit(&mem);
}

static void a_check_is_reported_with_its_note(void **state)
{
    (void)state;
    struct report_endpoint r;
    struct wire_error err;

    s.hub.token = (struct bytes){0};
    assert_int_equal(
        stand_ask(&s, "PUT", "/v1/agent/check/warn/service:api-3?note=slow%20disk", NULL, NULL), 0);
    assert_int_equal(s.x.ask, WIRE_REPORT_ENDPOINT);
    assert_int_equal(report_endpoint_decode(&r, buf_bytes(&s.x.question), &mem, &err), 0);
    assert_true(r.name.len == 0 && bytes_equal_str(r.check, "service:api-3"));
    assert_int_equal(r.health, ENDPOINT_HEALTH_WARNING);
    assert_true(bytes_equal_str(r.output, "slow disk"));
    assert_int_equal(stand_ask(&s, "PUT", "/v1/agent/check/pass/other", NULL, NULL), 0);
    struct buf failed = {0};

    failed_encode(&failed, &(struct failed){.code = FAIL_CODE_NOT_FOUND});
    assert_int_equal(stand_reply(&s, WIRE_FAILED, buf_bytes(&failed)), 404);
    buf_deinit(&failed);
    assert_int_equal(stand_ask(&s, "PUT", "/v1/agent/check/update/service:api-3", NULL,
                               "{\"Status\":\"critical\",\"Output\":\"gone\"}"),
                     0);
    assert_int_equal(report_endpoint_decode(&r, buf_bytes(&s.x.question), &mem, &err), 0);
    assert_true(bytes_equal_str(r.check, "service:api-3"));
    assert_int_equal(r.health, ENDPOINT_HEALTH_CRITICAL);
    assert_true(bytes_equal_str(r.output, "gone"));
    assert_int_equal(stand_ask(&s, "PUT", "/v1/agent/check/update/service:api-3", NULL, "{}"), 400);
    arena_deinit(&mem);
}

/* api-4 has two checks, and api-5 stands for a host that is no member. */
static void tell_more(void)
{
    const struct endpoint_check checks[] = {
        {.id = bytes_str("memory"), .ttl_ms = 1000, .health = ENDPOINT_HEALTH_WARNING},
        {.id = bytes_str("service:api-4"),
         .name = bytes_str("alive"),
         .notes = bytes_str("of its own"),
         .ttl_ms = 1000}};
    static const struct pair host[] = {
        {{(const uint8_t *)"kith-host", 9}, {(const uint8_t *)"attic", 5}},
        {{(const uint8_t *)"kith-host-address", 17}, {(const uint8_t *)"192.0.2.7", 9}}};
    struct lookup_endpoint e[] = {stand_endpoint(4, &stand_a, ENDPOINT_HEALTH_PASSING),
                                  stand_endpoint(5, &stand_a, ENDPOINT_HEALTH_PASSING)};

    for (unsigned i = 0; i < 2; i++) {
        e[i].own_tags = true;
        e[i].registration = bytes_str(i ? "attic/api-5" : "api-4");
    }
    e[0].health = ENDPOINT_HEALTH_WARNING;
    e[0].checks = checks;
    e[0].checks_n = 2;
    e[1].meta = host;
    e[1].meta_n = 2;
    stand_tell(&s, "more", e, 2);
}

static void a_check_has_the_id_that_it_was_registered_with(void **state)
{
    struct report_endpoint r;
    struct check_endpoint c;
    struct wire_error err;

    (void)state;
    s.hub.token = (struct bytes){0};
    tell_more();
    stand_get(&s, "/v1/health/checks/more");
    assert_int_equal(stand_count(&s), 2);
    assert_string_equal(stand_text(&s, "0/CheckID"), "memory");
    assert_string_equal(stand_text(&s, "0/Name"), "Service 'more' check");
    assert_string_equal(stand_text(&s, "1/CheckID"), "service:api-4");
    assert_string_equal(stand_text(&s, "1/Name"), "alive");
    assert_string_equal(stand_text(&s, "1/Notes"), "of its own");
    assert_int_equal(stand_ask(&s, "PUT", "/v1/agent/check/pass/memory", NULL, NULL), 0);
    assert_int_equal(report_endpoint_decode(&r, buf_bytes(&s.x.question), &mem, &err), 0);
    assert_true(bytes_equal_str(r.check, "memory"));
    assert_int_equal(stand_ask(&s, "PUT", "/v1/agent/check/deregister/memory", NULL, NULL), 0);
    assert_int_equal(s.x.ask, WIRE_CHECK_ENDPOINT);
    assert_int_equal(check_endpoint_decode(&c, buf_bytes(&s.x.question), &mem, &err), 0);
    assert_int_equal(c.ttl_ms, 0);
    assert_true(c.name.len == 0 && bytes_equal_str(c.check, "memory"));
    arena_deinit(&mem);
}

static void of_several_checks_each_is_in_every_list(void **state)
{
    (void)state;
    tell_more();
    stand_get(&s, "/v1/health/service/more?filter=Service.ID==api-4");
    assert_string_equal(stand_text(&s, "0/Checks/0/CheckID"), "serfHealth");
    assert_string_equal(stand_text(&s, "0/Checks/1/Status"), "warning");
    assert_string_equal(stand_text(&s, "0/Checks/2/Status"), "passing");
    stand_get(&s, "/v1/health/service/more?passing&filter=Service.ID==api-4");
    assert_int_equal(stand_count(&s), 0); /* it is as its worst */
    stand_get(&s, "/v1/health/node/a?filter=ServiceName==more");
    assert_int_equal(stand_count(&s), 2);
    stand_get(&s, "/v1/health/state/warning?filter=ServiceName==more");
    assert_int_equal(stand_count(&s), 1);
    assert_string_equal(stand_text(&s, "0/CheckID"), "memory");
    stand_get(&s, "/v1/health/state/passing?filter=ServiceName==more");
    assert_int_equal(stand_count(&s), 1);
    stand_get(&s, "/v1/agent/checks?filter=ServiceID==api-4");
    assert_int_equal(stand_count(&s), 2);
    assert_string_equal(stand_text(&s, "memory/ServiceID"), "api-4");
    assert_string_equal(stand_text(&s, "service:api-4/Status"), "passing");
}

/* The answer comes when others' questions find the check. */
static void a_registered_check_is_there_when_it_is_answered(void **state)
{
    struct buf reply = {0};

    (void)state;
    s.hub.token = (struct bytes){0};
    registered_encode(&reply, &(struct registered){.name = bytes_str("api-4")});
    assert_int_equal(stand_ask(&s, "PUT", "/v1/agent/check/register", NULL,
                               "{\"Name\": \"memory\", \"ServiceID\": \"api-4\", \"TTL\": \"1s\"}"),
                     0);
    assert_int_equal(stand_reply(&s, WIRE_REGISTERED, buf_bytes(&reply)), 0);
    tell_more();
    assert_int_equal(s.woken, 1);
    assert_int_equal(stand_resume(&s), 200);
    buf_deinit(&reply);
}

static void a_host_that_is_no_member_is_shown_by_its_name(void **state)
{
    (void)state;
    tell_more();
    stand_get(&s, "/v1/health/service/more?filter=Node.Node==attic");
    assert_int_equal(stand_count(&s), 1);
    assert_string_equal(stand_text(&s, "0/Node/Address"), "192.0.2.7");
    assert_string_equal(stand_text(&s, "0/Service/ID"), "api-5");
    assert_string_equal(stand_text(&s, "0/Service/Meta/kith-host"), "");
    assert_string_equal(stand_text(&s, "0/Checks/0/Status"), "");
    stand_get(&s, "/v1/agent/services?filter=Service==more");
    assert_int_equal(stand_count(&s), 1);
    stand_get(&s, "/v1/catalog/node/a");
    assert_string_equal(stand_text(&s, "Services/api-5/ID"), "");
}

/* The one of so many that the question is about. */
static struct register_endpoint asked_for(uint32_t i, uint32_t n)
{
    struct register_endpoints all;
    struct register_endpoint one;
    struct wire_error err;

    assert_int_equal(s.x.ask, WIRE_REGISTER_ENDPOINTS);
    assert_int_equal(register_endpoints_decode(&all, buf_bytes(&s.x.question), &mem, &err), 0);
    assert_int_equal(all.endpoints_n, n);
    assert_int_equal(register_endpoint_decode(&one, all.endpoints[i], &mem, &err), 0);
    return one;
}

static void the_catalog_registers_and_ends_for_others(void **state)
{
    struct register_endpoint r;
    struct deregister_endpoint d;
    struct wire_error err;
    const char *printer =
        "{\"Node\": \"attic\", \"Address\": \"192.0.2.7\", \"Service\": {\"Service\": "
        "\"print\"}, \"Check\": {\"Status\": \"warning\"}}";

    (void)state;
    s.hub.token = (struct bytes){0};
    assert_int_equal(stand_ask(&s, "PUT", "/v1/catalog/register", NULL, printer), 0);
    r = asked_for(0, 2); /* its host, whether it was known or not */
    assert_true(bytes_equal_str(r.name, "attic/") && r.service.len == 0);
    r = asked_for(1, 2);
    assert_true(bytes_equal_str(r.name, "attic/print"));
    assert_true(bytes_equal_str(r.addr, "192.0.2.7"));
    assert_int_equal(r.checks_n, 1);
    assert_true(bytes_equal_str(r.checks[0].id, "service:print"));
    assert_int_equal(r.checks[0].health, ENDPOINT_HEALTH_WARNING);
    assert_int_equal(
        stand_ask(&s, "PUT", "/v1/catalog/register", NULL,
                  "{\"Node\": \"b\", \"Address\": \"x\", \"Service\": {\"Service\": \"y\"}}"),
        400);
    assert_int_equal(stand_ask(&s, "PUT", "/v1/catalog/deregister", NULL, "{\"Node\": \"a\"}"),
                     400);
    tell_more();
    assert_int_equal(stand_ask(&s, "PUT", "/v1/catalog/deregister", NULL, "{\"Node\": \"attic\"}"),
                     0);
    assert_int_equal(deregister_endpoint_decode(&d, buf_bytes(&s.x.question), &mem, &err), 0);
    assert_true(bytes_equal_str(d.name, "attic/api-5"));
    assert_int_equal(stand_reply(&s, WIRE_REGISTERED, (struct bytes){0}), 200);
    assert_string_equal(stand_body(&s), "true");
    arena_deinit(&mem);
}

/* "attic", which is no member; gone again with an address of NULL. */
static void tell_attic(const char *address)
{
    struct lookup_member m = {.id = {{9}}};
    struct effect_lookup e = {.members = &m, .members_n = 1};

    if (address) {
        m.foreign = true;
        m.state = MEMBER_STATE_ALIVE;
        m.name = bytes_str("attic");
        m.host = bytes_str(address);
    }
    directory_tell(&s.hub.directory, &e);
}

static void a_host_without_a_service_is_a_node(void **state)
{
    struct register_endpoint r;

    (void)state;
    s.hub.token = (struct bytes){0};
    assert_int_equal(stand_ask(&s, "PUT", "/v1/catalog/register", NULL,
                               "{\"Node\": \"attic\", \"Address\": \"192.0.2.7\"}"),
                     0);
    r = asked_for(0, 1);
    assert_true(bytes_equal_str(r.name, "attic/") && r.service.len == 0);
    assert_true(bytes_equal_str(r.meta[1].value, "192.0.2.7"));
    assert_int_equal(stand_ask(&s, "PUT", "/v1/catalog/register", NULL, "{\"Node\": \"attic\"}"),
                     400);
    assert_int_equal(stand_ask(&s, "PUT", "/v1/catalog/register", NULL,
                               "{\"Node\": \"a\", \"Address\": \"10.0.0.1\"}"),
                     200); /* this one, which is there */
    tell_attic("192.0.2.7");
    stand_get(&s, "/v1/catalog/nodes?filter=Node==attic");
    assert_int_equal(stand_count(&s), 1);
    assert_string_equal(stand_text(&s, "0/Address"), "192.0.2.7");
    stand_get(&s, "/v1/catalog/node/attic");
    assert_string_equal(stand_text(&s, "Node/Address"), "192.0.2.7");
    assert_string_equal(stand_text(&s, "Services/api-5/ID"), "");
    stand_get(&s, "/v1/health/node/attic");
    assert_int_equal(stand_count(&s), 0);
    stand_get(&s, "/v1/agent/members");
    assert_int_equal(stand_count(&s), 2);
    tell_more();
    stand_get(&s, "/v1/catalog/node/attic");
    assert_string_equal(stand_text(&s, "Services/api-5/Service"), "more");
    assert_int_equal(stand_ask(&s, "PUT", "/v1/catalog/deregister", NULL, "{\"Node\": \"attic\"}"),
                     0);
    struct deregister_endpoint d;
    struct wire_error err;

    assert_int_equal(deregister_endpoint_decode(&d, buf_bytes(&s.x.question), &mem, &err), 0);
    assert_true(bytes_equal_str(d.name, "attic/"));
    assert_int_equal(stand_reply(&s, WIRE_REGISTERED, (struct bytes){0}), 0); /* its service */
    tell_attic(NULL);
    stand_get(&s, "/v1/catalog/node/attic");
    assert_string_equal(stand_body(&s), "null");
    arena_deinit(&mem);
}

/* Who waits for that host is told of what is there, and who waits for the list of nodes of hosts that come and go. */
static void who_waits_for_a_host_without_services_is_woken(void **state)
{
    char target[96];

    (void)state;
    tell_attic("192.0.2.7");
    stand_get(&s, "/v1/catalog/node/attic");
    snprintf(target, sizeof(target), "/v1/catalog/node/attic?index=%llu",
             (unsigned long long)s.x.answer.index);
    assert_int_equal(stand_get(&s, target), 0);
    tell_attic("192.0.2.7");              /* the same */
    stand_tell(&s, "elsewhere", NULL, 0); /* nothing there */
    assert_int_equal(s.woken, 0);
    tell_more();
    assert_int_equal(s.woken, 1);
    assert_int_equal(stand_resume(&s), 200);
    stand_get(&s, "/v1/catalog/nodes");
    snprintf(target, sizeof(target), "/v1/catalog/nodes?index=%llu",
             (unsigned long long)s.x.answer.index);
    assert_int_equal(stand_get(&s, target), 0);
    tell_attic("192.0.2.8");
    assert_int_equal(s.woken, 2);
    assert_int_equal(stand_resume(&s), 200);
    snprintf(target, sizeof(target), "/v1/catalog/nodes?index=%llu",
             (unsigned long long)s.x.answer.index);
    assert_int_equal(stand_get(&s, target), 0);
    tell_attic(NULL);
    assert_int_equal(s.woken, 3);
}

static void maintenance_is_asked_of_the_peer(void **state)
{
    struct maintain m;
    struct wire_error err;

    (void)state;
    s.hub.token = (struct bytes){0};
    assert_int_equal(
        stand_ask(&s, "PUT", "/v1/agent/maintenance?enable=true&reason=power", NULL, NULL), 0);
    assert_int_equal(maintain_decode(&m, buf_bytes(&s.x.question), &mem, &err), 0);
    assert_true(m.on && m.name.len == 0 && bytes_equal_str(m.reason, "power"));
    assert_int_equal(
        stand_ask(&s, "PUT", "/v1/agent/service/maintenance/api-3?enable=false", NULL, NULL), 0);
    assert_int_equal(maintain_decode(&m, buf_bytes(&s.x.question), &mem, &err), 0);
    assert_true(!m.on && bytes_equal_str(m.name, "api-3"));
    assert_int_equal(stand_ask(&s, "PUT", "/v1/agent/maintenance", NULL, NULL), 400);
    arena_deinit(&mem);
}

static void what_there_is_none_of_is_said(void **state)
{
    (void)state;
    assert_int_equal(stand_get(&s, "/v1/acl/list"), 401);
    assert_int_equal(stand_get(&s, "/v1/query"), 501);
    assert_int_equal(stand_ask(&s, "POST", "/v1/query", NULL, "{}"), 501);
    assert_int_equal(stand_get(&s, "/v1/coordinate/nodes"), 501);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

static void all_checks_are_listed_by_their_state(void **state)
{
    (void)state;
    assert_int_equal(stand_get(&s, "/v1/health/state/any"), 200);
    assert_int_equal(stand_count(&s), 5); /* two hosts, three instances */
    uint64_t any = s.x.answer.index;

    stand_get(&s, "/v1/health/state/any");
    assert_int_equal(s.x.answer.index, any);
    stand_get(&s, "/v1/health/state/critical");
    assert_int_equal(stand_count(&s), 1);
    assert_string_equal(stand_text(&s, "0/Output"), "GET / -> 503");
    stand_get(&s, "/v1/health/state/warning");
    assert_int_equal(stand_count(&s), 1);
    stand_tell_member(&s, &stand_b, MEMBER_STATE_DEAD, "b");
    stand_get(&s, "/v1/health/state/critical");
    assert_int_equal(stand_count(&s), 2);
    stand_get(&s, "/v1/health/state/any");
    assert_true(s.x.answer.index > any);
    assert_int_equal(stand_get(&s, "/v1/health/state/bad"), 400);
}

/* Asks for a state with the index that it has. */
static unsigned wait_for(const char *state_name)
{
    char target[96];

    snprintf(target, sizeof(target), "/v1/health/state/%s", state_name);
    stand_get(&s, target);
    snprintf(target, sizeof(target), "/v1/health/state/%s?index=%llu", state_name,
             (unsigned long long)s.x.answer.index);
    return stand_get(&s, target);
}

static void who_waits_for_a_state_is_woken_by_that(void **state)
{
    struct lookup_endpoint e = stand_endpoint(9, &stand_a, ENDPOINT_HEALTH_PASSING);

    (void)state;
    assert_int_equal(wait_for("critical"), 0);
    stand_tell(&s, "other", &e, 1);
    assert_int_equal(s.woken, 0);
    e.health = ENDPOINT_HEALTH_CRITICAL;
    stand_tell(&s, "other", &e, 1);
    assert_int_equal(s.woken, 1);
    assert_int_equal(stand_resume(&s), 200);
    assert_int_equal(stand_count(&s), 2);
    assert_int_equal(wait_for("warning"), 0);
    stand_tell_gone(&s, "other");
    stand_tell_member(&s, &stand_b, MEMBER_STATE_DEAD, "b");
    assert_int_equal(s.woken, 1);
    assert_int_equal(wait_for("any"), 0);
    stand_tell_member(&s, &stand_b, MEMBER_STATE_ALIVE, "b");
    assert_int_equal(s.woken, 2);
}

/* One of several changes its state: who waits for the others' states is not told. */
static void a_check_of_several_wakes_who_waits_for_its_state(void **state)
{
    struct endpoint_check checks[] = {{.id = bytes_str("a"), .ttl_ms = 1000},
                                      {.id = bytes_str("b"), .ttl_ms = 1000}};
    struct lookup_endpoint e = stand_endpoint(9, &stand_a, ENDPOINT_HEALTH_PASSING);

    (void)state;
    e.registration = bytes_str("two");
    e.checks = checks;
    e.checks_n = 2;
    stand_tell(&s, "two", &e, 1);
    assert_int_equal(wait_for("warning"), 0);
    checks[1].output = bytes_str("fine");
    stand_tell(&s, "two", &e, 1);
    assert_int_equal(s.woken, 0);
    checks[1].health = e.health = ENDPOINT_HEALTH_WARNING;
    stand_tell(&s, "two", &e, 1);
    assert_int_equal(s.woken, 1);
    assert_int_equal(stand_resume(&s), 200);
    assert_string_equal(stand_text(&s, "1/CheckID"), "b");
    assert_int_equal(wait_for("passing"), 0);
    stand_tell(&s, "two", &e, 1); /* the same */
    assert_int_equal(s.woken, 1);
    checks[0].health = e.health = ENDPOINT_HEALTH_CRITICAL;
    stand_tell(&s, "two", &e, 1);
    assert_int_equal(s.woken, 2);
}

/* Host a, with a check of itself. */
static void tell_host(enum endpoint_health health)
{
    const struct endpoint_check power = {.id = bytes_str("power"),
                                         .name = bytes_str("Power"),
                                         .notes = bytes_str("both lines"),
                                         .ttl_ms = 1000,
                                         .health = health};
    struct lookup_member m = directory_member(&s.hub.directory, &stand_a)->says;
    struct effect_lookup e = {.members = &m, .members_n = 1};

    m.checks = &power;
    m.checks_n = 1;
    directory_tell(&s.hub.directory, &e);
}

static void a_check_of_the_host_is_shown_with_all_that_runs_there(void **state)
{
    struct lookup_endpoint e = stand_endpoint(9, &stand_a, ENDPOINT_HEALTH_CRITICAL);

    (void)state;
    tell_host(ENDPOINT_HEALTH_CRITICAL);
    e.registration = bytes_str("one");
    e.by_host = true; /* by its own checks, of which it has none, it passes */
    stand_tell(&s, "one", &e, 1);
    stand_get(&s, "/v1/health/service/one");
    assert_int_equal(stand_count(&s), 1);
    assert_string_equal(stand_text(&s, "0/Checks/0/CheckID"), "serfHealth");
    assert_string_equal(stand_text(&s, "0/Checks/1/CheckID"), "power");
    assert_string_equal(stand_text(&s, "0/Checks/1/Status"), "critical");
    assert_string_equal(stand_text(&s, "0/Checks/1/Notes"), "both lines");
    assert_string_equal(stand_text(&s, "0/Checks/1/ServiceID"), "");
    assert_string_equal(stand_text(&s, "0/Checks/2/CheckID"), "");
    stand_get(&s, "/v1/health/service/one?passing");
    assert_int_equal(stand_count(&s), 0);
    stand_get(&s, "/v1/health/checks/one");
    assert_int_equal(stand_count(&s), 0);
    e.ttl_ms = 1000;
    stand_tell(&s, "one", &e, 1);
    stand_get(&s, "/v1/health/checks/one");
    assert_string_equal(stand_text(&s, "0/Status"), "passing");
    stand_get(&s, "/v1/health/node/a?filter=CheckID==power");
    assert_int_equal(stand_count(&s), 1);
    stand_get(&s, "/v1/health/state/critical?filter=CheckID==power");
    assert_int_equal(stand_count(&s), 1);
    stand_get(&s, "/v1/health/state/passing?filter=CheckID==power");
    assert_int_equal(stand_count(&s), 0);
    stand_get(&s, "/v1/agent/checks");
    assert_string_equal(stand_text(&s, "power/Node"), "a");
}

/* Those who see the check are told: of its state, of its node and of what runs there; the list of nodes is as it was. */
static void a_check_of_the_host_wakes_who_sees_it(void **state)
{
    static const char *const seen[] = {"/v1/health/state/critical", "/v1/health/node/a",
                                       "/v1/health/service/api"};
    char target[96];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        tell_host(ENDPOINT_HEALTH_PASSING);
        stand_get(&s, seen[i]);
        snprintf(target, sizeof(target), "%s?index=%llu", seen[i],
                 (unsigned long long)s.x.answer.index);
        s.woken = 0;
        assert_int_equal(stand_get(&s, target), 0);
        tell_host(ENDPOINT_HEALTH_PASSING); /* the same */
        assert_int_equal(s.woken, 0);
        tell_host(ENDPOINT_HEALTH_CRITICAL);
        assert_int_equal(s.woken, 1);
        assert_int_equal(stand_resume(&s), 200);
    }
    stand_get(&s, "/v1/catalog/nodes");
    uint64_t index = s.x.answer.index;

    tell_host(ENDPOINT_HEALTH_PASSING);
    stand_get(&s, "/v1/catalog/nodes");
    assert_int_equal(s.x.answer.index, index);
}

/* Registered without a TTL and well: nobody sees a check of it, so no list of checks changes. */
static void what_has_no_check_changes_no_state(void **state)
{
    struct lookup_endpoint e = stand_endpoint(9, &stand_a, ENDPOINT_HEALTH_PASSING);

    (void)state;
    e.registration = bytes_str("static");
    assert_int_equal(wait_for("passing"), 0);
    stand_tell(&s, "static", &e, 1);
    assert_int_equal(s.woken, 0);
    e.ttl_ms = 1000;
    stand_tell(&s, "static", &e, 1);
    assert_int_equal(s.woken, 1);
}

static void filters_choose_from_each_list(void **state)
{
    static const struct {
        const char *target;
        size_t count;
    } cases[] = {
        {"/v1/health/service/api?filter=Node.Node==a", 2},
        {"/v1/health/service/api?filter=Service.Meta.team==web", 1},
        {"/v1/health/service/api?filter=v1+in+Service.Tags+and+Checks.Status!=critical", 2},
        {"/v1/health/service/api?passing&filter=Node.Node==a", 0},
        {"/v1/health/checks/api?filter=Status==critical", 1},
        {"/v1/health/node/a?filter=CheckID==serfHealth", 1},
        {"/v1/health/node/a?filter=CheckID!=serfHealth", 2},
        {"/v1/health/state/any?filter=ServiceName==api", 3},
        {"/v1/catalog/service/api?filter=ServicePort==8001", 1},
        {"/v1/catalog/nodes?filter=Meta.zone==eu", 1},
        {"/v1/agent/services?filter=ID==api-3", 1},
        {"/v1/agent/services?filter=Port==1", 0},
        {"/v1/agent/checks?filter=Status==warning", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(stand_get(&s, cases[i].target), 200);
        assert_int_equal(stand_count(&s), cases[i].count);
    }
}

static void members_come_and_go_as_the_command_line_says(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        enum wire_kind kind;
    } cases[] = {{"/v1/agent/join/10.0.0.9", WIRE_JOIN},
                 {"/v1/agent/leave", WIRE_LEAVE},
                 {"/v1/agent/force-leave/b", WIRE_FORGET}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(stand_ask(&s, "PUT", cases[i].target, "a-long-enough-secret", NULL), 0);
        assert_int_equal(s.x.ask, cases[i].kind);
        assert_int_equal(stand_ask(&s, "PUT", cases[i].target, NULL, NULL), 403);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(health_shows_nodes_services_and_checks),
        CASE(what_is_asked_for_is_what_comes),
        CASE(what_is_not_understood_is_refused),
        CASE(the_catalog_lists_services_and_nodes),
        CASE(a_node_is_shown_with_what_runs_there),
        CASE(the_agent_shows_itself_and_what_is_its_own),
        CASE(a_registration_is_asked_of_the_peer),
        CASE(a_check_is_reported_with_its_note),
        CASE(a_check_has_the_id_that_it_was_registered_with),
        CASE(of_several_checks_each_is_in_every_list),
        CASE(a_registered_check_is_there_when_it_is_answered),
        CASE(a_host_that_is_no_member_is_shown_by_its_name),
        CASE(the_catalog_registers_and_ends_for_others),
        CASE(a_host_without_a_service_is_a_node),
        CASE(who_waits_for_a_host_without_services_is_woken),
        CASE(maintenance_is_asked_of_the_peer),
        CASE(what_there_is_none_of_is_said),
        CASE(all_checks_are_listed_by_their_state),
        CASE(who_waits_for_a_state_is_woken_by_that),
        CASE(a_check_of_several_wakes_who_waits_for_its_state),
        CASE(a_check_of_the_host_is_shown_with_all_that_runs_there),
        CASE(a_check_of_the_host_wakes_who_sees_it),
        CASE(what_has_no_check_changes_no_state),
        CASE(filters_choose_from_each_list),
        CASE(members_come_and_go_as_the_command_line_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
