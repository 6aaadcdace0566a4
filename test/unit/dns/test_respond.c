/* Queries against a look-up file that a real writer writes. */
#include "dns/respond.h"

#include "ask.h"
#include "store/lookup_file.h"
#include "test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[64];
static struct lookup_file *file;
static struct respond_config config;
static struct responder *responder;
static struct message m;
static uint8_t out[DNS_MESSAGE];
static kith_time now_us;

/* ---- what the daemon tells ---- */

static struct ulid id_of(uint8_t n)
{
    return (struct ulid){.b = {1, [15] = n}};
}

static void tell_member(uint8_t n, const char *name, const char *host, enum member_state state)
{
    struct pair tags[] = {{.key = bytes_str("zone"), .value = bytes_str("eu")}};
    struct lookup_member member = {.id = id_of(n),
                                   .state = state,
                                   .name = bytes_str(name),
                                   .host = bytes_str(host),
                                   .incarnation = 1,
                                   .tags = tags,
                                   .tags_n = 1};

    assert_int_equal(lookup_file_put_member(file, &member), 0);
}

/* `n` endpoints on 10.0.0.1, 10.0.0.2, ..., on ports from 8000; the odd ones have the tag v2, all have v1. */
static void tell_service(const char *name, uint32_t n, uint16_t port)
{
    static struct lookup_endpoint list[5000];
    static char addrs[5000][16];
    struct bytes tags[] = {bytes_str("v1"), bytes_str("v2")};

    for (uint32_t i = 0; i < n; i++) {
        snprintf(addrs[i], sizeof(addrs[i]), "10.0.%u.%u", i / 250, i % 250 + 1);
        list[i] = (struct lookup_endpoint){.instance = id_of((uint8_t)i),
                                           .node_name = bytes_str("h1"),
                                           .addr = bytes_str(addrs[i]),
                                           .port_name = bytes_str(i % 2 ? "admin" : "http"),
                                           .port = (uint16_t)(port + i),
                                           .weight = 100,
                                           .distance_us = i * 1000,
                                           .own_tags = true,
                                           .tags = tags,
                                           .tags_n = 1 + i % 2};
    }
    struct lookup_service s = {.space = bytes_str("default"),
                               .name = bytes_str(name),
                               .endpoints = list,
                               .endpoints_n = n};

    assert_int_equal(lookup_file_put(file, &s), 0);
}

static void tell_one(const char *name, const char *addr, uint16_t port)
{
    struct lookup_endpoint e = {.instance = id_of(9),
                                .node_name = bytes_str("h1"),
                                .addr = bytes_str(addr),
                                .port_name = bytes_str(port ? "main" : ""),
                                .port = port,
                                .weight = 70000,
                                .distance_us = LOOKUP_FAR};
    struct lookup_service s = {
        .space = bytes_str("default"), .name = bytes_str(name), .endpoints = &e, .endpoints_n = 1};

    assert_int_equal(lookup_file_put(file, &s), 0);
}

static void tell_gone(const char *name)
{
    struct lookup_service s = {
        .space = bytes_str("default"), .name = bytes_str(name), .gone = true};

    assert_int_equal(lookup_file_put(file, &s), 0);
}

/* ---- asking ---- */

static enum respond_verdict ask_by(bool tcp, const char *name, uint16_t type, uint16_t edns,
                                   ldns_pkt **ret)
{
    size_t len = 0;

    ask_make(&m, name, type, edns);
    responder_begin(responder, now_us);
    enum respond_verdict verdict = responder_answer(responder, m.data, m.len, tcp, out, &len);

    responder_end(responder);
    *ret = verdict == RESPOND_ANSWER ? ask_read(out, len) : NULL;
    return verdict;
}

static ldns_pkt *ask(const char *name, uint16_t type)
{
    ldns_pkt *pkt;

    assert_int_equal(ask_by(false, name, type, 1232, &pkt), RESPOND_ANSWER);
    return pkt;
}

/* Answered with this code and so many records; the first one as text. */
static void expect(const char *name, uint16_t type, unsigned rcode, size_t n, const char *first)
{
    ldns_pkt *pkt = ask(name, type);

    if (ldns_pkt_get_rcode(pkt) != rcode || ldns_pkt_ancount(pkt) != n)
        fail_msg("%s: %s, %u records", name,
                 ldns_lookup_by_id(ldns_rcodes, ldns_pkt_get_rcode(pkt))->name,
                 ldns_pkt_ancount(pkt));
    if (n && ask_count(ldns_pkt_answer(pkt), first) != 1)
        fail_msg("%s: no %s but %s", name, first, ask_text(ldns_pkt_answer(pkt), 0));
    if (n == 0 && rcode != DNS_REFUSED)
        assert_int_equal(ldns_pkt_nscount(pkt), 1); /* the zone, for how long it is so */
    assert_int_equal(ldns_pkt_aa(pkt), rcode != DNS_REFUSED);
    assert_false(ldns_pkt_ra(pkt));
    ldns_pkt_free(pkt);
}

/* ---- stories ---- */

static void endpoints_are_found_by_each_type(void **state)
{
    (void)state;
    tell_service("web", 3, 8000);
    expect("web.service.kith.", DNS_A, 0, 3, "A 10.0.0.2");
    expect("WEB.Service.Kith.", DNS_A, 0, 3, "A 10.0.0.2");
    expect("web.service.kith.", DNS_AAAA, 0, 0, NULL);
    expect("web.service.kith.", DNS_SRV, 0, 3, "SRV 1 100 8001 0a000002.addr.kith.");
    expect(
        "web.service.kith.", DNS_TXT, 0, 3,
        "TXT \"instance=01000000000000000000000000\" \"node=h1\" \"addr=10.0.0.1\" \"port=8000\" "
        "\"port_name=http\" \"tag=v1\"");
    expect("web.service.kith.", DNS_ANY, 0, 1, "HINFO \"RFC8482\" \"\"");
    expect("web.service.kith.", DNS_PTR, 0, 0, NULL);
    expect("0a000002.addr.kith.", DNS_A, 0, 1, "A 10.0.0.2");
    expect("0a000002.addr.kith.", DNS_AAAA, 0, 0, NULL);
}

static void tags_and_ports_choose(void **state)
{
    (void)state;
    tell_service("web", 3, 8000);
    expect("v1.web.service.kith.", DNS_SRV, 0, 3, "SRV 1 100 8000 0a000001.addr.kith.");
    expect("v2.web.service.kith.", DNS_SRV, 0, 1, "SRV 1 100 8001 0a000002.addr.kith.");
    expect("_web._v2.service.kith.", DNS_SRV, 0, 1, "SRV 1 100 8001 0a000002.addr.kith.");
    expect("_web._http.service.kith.", DNS_SRV, 0, 2, "SRV 1 100 8002 0a000003.addr.kith.");
    expect("http.web.service.kith.", DNS_SRV, DNS_NXDOMAIN, 0, NULL); /* a port is no tag */
    expect("_web._tcp.service.kith.", DNS_SRV, 0, 3, "SRV 1 100 8002 0a000003.addr.kith.");
    expect("v3.web.service.kith.", DNS_SRV, DNS_NXDOMAIN, 0, NULL);
    expect("v2.web.service.kith.", DNS_AAAA, 0, 0, NULL);
}

static void what_is_there_and_has_nothing_is_not_what_is_not_there(void **state)
{
    (void)state;
    tell_service("empty", 0, 1);
    expect("empty.service.kith.", DNS_A, 0, 0, NULL);
    expect("service.kith.", DNS_A, 0, 0, NULL);
    expect("nothing.service.kith.", DNS_A, DNS_NXDOMAIN, 0, NULL);
    expect("nothing.kith.", DNS_A, DNS_NXDOMAIN, 0, NULL);
    expect("example.com.", DNS_A, DNS_REFUSED, 0, NULL);
}

/* What was answered is kept, and not for longer than it is so. */
static void a_change_is_answered_at_once(void **state)
{
    (void)state;
    tell_service("web", 2, 8000);
    expect("web.service.kith.", DNS_SRV, 0, 2, "SRV 1 100 8000 0a000001.addr.kith.");
    uint64_t made = responder_counts(responder)->made;

    for (int i = 0; i < 10; i++)
        expect("web.service.kith.", DNS_SRV, 0, 2, "SRV 1 100 8000 0a000001.addr.kith.");
    assert_int_equal(responder_counts(responder)->made, made);
    for (uint16_t type = 40; type < 50; type++) /* types that there are none of are not kept */
        ldns_pkt_free(ask("web.service.kith.", type));
    assert_int_equal(responder_counts(responder)->cached, 10);
    made = responder_counts(responder)->made;
    tell_service("other", 1, 1);
    expect("web.service.kith.", DNS_SRV, 0, 2, "SRV 1 100 8000 0a000001.addr.kith.");
    assert_int_equal(responder_counts(responder)->made,
                     made); /* another service's change is none */
    tell_service("web", 1, 9000);
    expect("web.service.kith.", DNS_SRV, 0, 1, "SRV 1 100 9000 0a000001.addr.kith.");
    tell_gone("web");
    expect("web.service.kith.", DNS_SRV, DNS_NXDOMAIN, 0, NULL);
    tell_service("web", 1, 9001);
    expect("web.service.kith.", DNS_SRV, 0, 1, "SRV 1 100 9001 0a000001.addr.kith.");
}

/* The file is replaced as it grows: answers that were kept point into the former one. */
static void a_new_file_is_taken(void **state)
{
    (void)state;
    char name[32];

    tell_service("web", 2, 8000);
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        tell_service(name, 2, (uint16_t)i);
        if (i % 100)
            continue;
        now_us += KITH_SEC;
        expect("web.service.kith.", DNS_SRV, 0, 2, "SRV 1 100 8000 0a000001.addr.kith.");
    }
}

static void capitals_are_found_as_they_are_asked_for(void **state)
{
    (void)state;
    tell_one("Data_Base", "10.1.1.1", 5432);
    expect("Data_Base.service.kith.", DNS_A, 0, 1, "A 10.1.1.1");
    expect("data_base.service.kith.", DNS_A, DNS_NXDOMAIN, 0, NULL);
    expect("_Data_Base._main.service.kith.", DNS_SRV, 0, 1, "SRV 1 65535 5432 0a010101.addr.kith.");
}

static void addresses_of_other_kinds_have_their_records(void **state)
{
    (void)state;
    tell_one("six", "2001:db8::7", 80);
    expect("six.service.kith.", DNS_AAAA, 0, 1, "AAAA 2001:db8::7");
    expect("six.service.kith.", DNS_A, 0, 0, NULL);
    expect("six.service.kith.", DNS_SRV, 0, 1,
           "SRV 1 65535 80 20010db8000000000000000000000007.addr.kith.");
    expect("20010db8000000000000000000000007.addr.kith.", DNS_AAAA, 0, 1, "AAAA 2001:db8::7");
    tell_one("named", "db.example.com", 80);
    expect("named.service.kith.", DNS_A, 0, 1, "CNAME db.example.com.");
    expect("named.service.kith.", DNS_SRV, 0, 1, "SRV 1 65535 80 db.example.com.");
    tell_one("odd", "no name..at all", 80);
    expect("odd.service.kith.", DNS_A, 0, 0, NULL);
    expect("odd.service.kith.", DNS_SRV, 0, 0, NULL);
    tell_one("silent", "10.1.1.1", 0);
    expect("silent.service.kith.", DNS_SRV, 0, 0, NULL);
    expect("silent.service.kith.", DNS_A, 0, 1, "A 10.1.1.1");
}

static void members_are_found_by_name_and_address(void **state)
{
    (void)state;
    tell_member(1, "Host-1", "10.9.0.1", MEMBER_STATE_ALIVE);
    tell_member(2, "host-2", "2001:db8::2", MEMBER_STATE_ALIVE);
    tell_member(3, "host-3", "10.9.0.3", MEMBER_STATE_LEFT);
    now_us += KITH_MIN;
    expect("host-1.node.kith.", DNS_A, 0, 1, "A 10.9.0.1");
    expect("host-1.node.kith.", DNS_TXT, 0, 1,
           "TXT \"id=01000000000000000000000001\" \"name=Host-1\" \"state=alive\" \"zone=eu\"");
    expect("host-2.node.kith.", DNS_AAAA, 0, 1, "AAAA 2001:db8::2");
    expect("host-2.node.kith.", DNS_A, 0, 0, NULL);
    expect("host-3.node.kith.", DNS_A, DNS_NXDOMAIN, 0, NULL);
    expect("1.0.9.10.in-addr.arpa.", DNS_PTR, 0, 1, "PTR Host-1.node.kith.");
    expect("2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.", DNS_PTR, 0,
           1, "PTR host-2.node.kith.");
    expect("9.0.9.10.in-addr.arpa.", DNS_PTR, DNS_REFUSED, 0, NULL);
}

static void the_zone_tells_of_itself(void **state)
{
    (void)state;
    expect("kith.", DNS_NS, 0, 1, "NS ns.kith.");
    expect("ns.kith.", DNS_A, 0, 1, "A 10.0.0.9");
    expect("kith.", DNS_A, 0, 0, NULL);
    ldns_pkt *pkt = ask("kith.", DNS_SOA);

    assert_memory_equal(ask_text(ldns_pkt_answer(pkt), 0), "SOA ns.kith. hostmaster.kith. ", 30);
    ldns_pkt_free(pkt);
    expect("web.service.consul.", DNS_A, DNS_NXDOMAIN, 0, NULL); /* of the second domain */
}

/* Half of the members are gone for this one: it is the one that is cut off, for all that it knows. */
static void while_cut_off_answers_say_that_they_may_be_old(void **state)
{
    (void)state;
    tell_service("web", 2, 8000);
    tell_member(1, "h1", "10.9.0.1", MEMBER_STATE_ALIVE);
    tell_member(2, "h2", "10.9.0.2", MEMBER_STATE_DEAD);
    now_us += KITH_MIN;
    ldns_pkt *pkt = ask("web.service.kith.", DNS_SRV);

    assert_int_equal(ldns_pkt_ancount(pkt), 2);
    assert_int_equal(ldns_rr_ttl(ldns_rr_list_rr(ldns_pkt_answer(pkt), 0)), RESPOND_OLD_TTL_S);
    assert_non_null(ldns_pkt_edns_data(pkt));
    assert_memory_equal(ldns_rdf_data(ldns_pkt_edns_data(pkt)), "\0\17\0\2\0\3", 6);
    ldns_pkt_free(pkt);
    tell_member(3, "h3", "10.9.0.3", MEMBER_STATE_ALIVE);
    now_us += KITH_MIN;
    pkt = ask("web.service.kith.", DNS_SRV);
    assert_int_equal(ldns_rr_ttl(ldns_rr_list_rr(ldns_pkt_answer(pkt), 0)), 30);
    assert_null(ldns_pkt_edns_data(pkt));
    ldns_pkt_free(pkt);
}

/* More than a message holds: as many as fit by UDP and TCP, and all of them in time. */
static void a_service_of_thousands_is_answered_in_parts(void **state)
{
    (void)state;
    static bool seen[5000];
    size_t n = 0;
    ldns_pkt *pkt;

    tell_service("huge", 5000, 1);
    for (int round = 0; round < 200 && n < 5000; round++) {
        now_us += 2 * KEPT_PART_US;
        assert_int_equal(ask_by(true, "huge.service.kith.", DNS_A, 0, &pkt), RESPOND_ANSWER);
        assert_true(ldns_pkt_ancount(pkt) > 4000);
        for (size_t i = 0; i < ldns_pkt_ancount(pkt); i++) {
            const uint8_t *a =
                ldns_rdf_data(ldns_rr_a_address(ldns_rr_list_rr(ldns_pkt_answer(pkt), i)));
            unsigned at = a[2] * 250u + a[3] - 1u;

            n += !seen[at];
            seen[at] = true;
        }
        ldns_pkt_free(pkt);
    }
    assert_int_equal(n, 5000);
    pkt = ask("huge.service.kith.", DNS_A);
    assert_true(ldns_pkt_tc(pkt));
    ldns_pkt_free(pkt);
}

static void what_cannot_be_answered_is_refused_by_its_code(void **state)
{
    (void)state;
    size_t len;

    expect("web.service.kith.", 65, DNS_NXDOMAIN, 0,
           NULL);                      /* HTTPS: a type that there is none of here */
    ldns_pkt *pkt = ask("kith.", 252); /* a transfer */

    assert_int_equal(ldns_pkt_get_rcode(pkt), DNS_NOTIMP);
    ldns_pkt_free(pkt);
    ask_make(&m, "version.bind.", DNS_TXT, 0);
    m.data[m.len - 1] = 3; /* class CH */
    assert_int_equal(responder_answer(responder, m.data, m.len, false, out, &len), RESPOND_ANSWER);
    assert_int_equal(out[3] & 15, DNS_REFUSED);
    m.data[5] = 2; /* questions */
    assert_int_equal(responder_answer(responder, m.data, m.len, false, out, &len), RESPOND_ANSWER);
    assert_int_equal(out[3] & 15, DNS_FORMERR);
    assert_int_equal(len, DNS_HEADER);
    m.data[2] |= 0x80;
    assert_int_equal(responder_answer(responder, m.data, m.len, false, out, &len), RESPOND_NOTHING);
    ask_make(&m, "web.service.kith.", DNS_A, 1232);
    len = responder_slip(responder, m.data, m.len, out);
    assert_true(len > 0 && out[2] & 2);
}

static void what_is_elsewhere_is_sent_on_when_it_may_be(void **state)
{
    (void)state;
    ldns_pkt *pkt;

    config.forwards = true;
    tell_member(1, "h1", "10.9.0.1", MEMBER_STATE_ALIVE);
    now_us += KITH_MIN;
    assert_int_equal(ask_by(false, "example.com.", DNS_A, 0, &pkt), RESPOND_FORWARD);
    assert_int_equal(ask_by(false, "7.7.7.7.in-addr.arpa.", DNS_PTR, 0, &pkt), RESPOND_FORWARD);
    assert_int_equal(ask_by(false, "1.0.9.10.in-addr.arpa.", DNS_PTR, 0, &pkt), RESPOND_ANSWER);
    assert_true(ldns_pkt_ra(pkt));
    ldns_pkt_free(pkt);
    size_t len = responder_fail(responder, m.data, m.len, out);

    pkt = ask_read(out, len);
    assert_int_equal(ldns_pkt_get_rcode(pkt), DNS_SERVFAIL);
    ldns_pkt_free(pkt);
    ask_make(&m, "example.com.", DNS_A, 0);
    m.data[2] = 0; /* the client does not want that */
    assert_int_equal(responder_answer(responder, m.data, m.len, false, out, &len), RESPOND_ANSWER);
    assert_int_equal(out[3] & 15, DNS_REFUSED);
}

static void nearest_first_keeps_its_order(void **state)
{
    (void)state;
    tell_service("web", 3, 8000);
    config.zone.near = true;
    for (int i = 0; i < 3; i++) {
        ldns_pkt *pkt = ask("web.service.kith.", DNS_SRV);

        assert_string_equal(ask_text(ldns_pkt_answer(pkt), 0),
                            "SRV 1 100 8000 0a000001.addr.kith.");
        assert_string_equal(ask_text(ldns_pkt_answer(pkt), 2),
                            "SRV 4 100 8002 0a000003.addr.kith.");
        ldns_pkt_free(pkt);
    }
}

/* A file that was not there when the thread began. */
static void before_there_is_a_file_the_answer_is_a_failure(void **state)
{
    (void)state;
    struct respond_config other = config;

    other.lookups = "/nonexistent";
    struct responder *r = responder_new(&other);
    size_t len;

    ask_make(&m, "web.service.kith.", DNS_A, 1232);
    responder_begin(r, 0);
    assert_int_equal(responder_answer(r, m.data, m.len, false, out, &len), RESPOND_ANSWER);
    responder_end(r);
    assert_int_equal(out[3] & 15, DNS_SERVFAIL);
    responder_free(r);
}

/* ---- around each ---- */

static int start(void **state)
{
    (void)state;
    struct lookup_file_config files = {.folder = folder};
    struct buf why = {0};

    strcpy(folder, "/tmp/kith-dns-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(lookup_file_open(&file, &files, &why), 0);
    assert_int_equal(lookup_file_begin(file), 0);
    assert_int_equal(lookup_file_publish(file), 0);
    config = (struct respond_config){.zone = {.domains_n = 2,
                                              .ttl_s = 30,
                                              .negative_ttl_s = 5,
                                              .family = AF_INET,
                                              .addr = {10, 0, 0, 9}},
                                     .lookups = folder};
    assert_int_equal(domain_read(&config.zone.domains[0], "kith"), 0);
    assert_int_equal(domain_read(&config.zone.domains[1], "consul"), 0);
    responder = responder_new(&config);
    now_us = KITH_SEC;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int end(void **state)
{
    (void)state;
    responder_free(responder);
    lookup_file_close(file);
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(endpoints_are_found_by_each_type),
        STORY(tags_and_ports_choose),
        STORY(what_is_there_and_has_nothing_is_not_what_is_not_there),
        STORY(a_change_is_answered_at_once),
        STORY(a_new_file_is_taken),
        STORY(capitals_are_found_as_they_are_asked_for),
        STORY(addresses_of_other_kinds_have_their_records),
        STORY(members_are_found_by_name_and_address),
        STORY(the_zone_tells_of_itself),
        STORY(while_cut_off_answers_say_that_they_may_be_old),
        STORY(a_service_of_thousands_is_answered_in_parts),
        STORY(what_cannot_be_answered_is_refused_by_its_code),
        STORY(what_is_elsewhere_is_sent_on_when_it_may_be),
        STORY(nearest_first_keeps_its_order),
        STORY(before_there_is_a_file_the_answer_is_a_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
