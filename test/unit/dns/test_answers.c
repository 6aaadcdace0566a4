#include "dns/answers.h"

#include "ask.h"
#include "base/mem.h"
#include "test.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct message m;
static struct question q;
static uint8_t out[DNS_MESSAGE];

static const struct answer_how plain = {.room = DNS_UDP_PLAIN, .ede = -1, .ttl_max_s = UINT32_MAX};

static void ask(uint16_t type, uint16_t edns)
{
    ask_make(&m, "Web.Service.kith.", type, edns);
    assert_int_equal(question_read(&q, m.data, m.len), 0);
}

static ldns_pkt *write_read(struct answers *a, const struct answer_how *how)
{
    memset(out, 0xee, sizeof(out));
    size_t len = answers_write(out, &q, a, how);

    assert_true(len <= how->room);
    for (size_t i = how->room; i < sizeof(out); i++)
        assert_int_equal(out[i], 0xee);
    return ask_read(out, len);
}

static struct bytes target(unsigned i)
{
    static uint8_t name[32];
    int len = snprintf((char *)name, sizeof(name), "\010%08x\004addr\004kith", 0x0a000000 + i);

    return bytes_of(name, (size_t)len + 1);
}

/* `n` ports of `hosts` hosts. */
static struct answers *srvs(unsigned n, unsigned hosts, bool ordered)
{
    struct answers_draft *d = answers_begin(30);

    for (unsigned i = 0; i < n; i++) {
        uint32_t addr = htonl(0x0a000000 + i % hosts);

        (void)answers_add_srv(d, 1, 100, (uint16_t)(1000 + i), target(i % hosts), AF_INET, &addr);
    }
    return answers_end(d, ordered);
}

static void an_answer_repeats_the_question_to_the_letter(void **state)
{
    (void)state;
    ask(DNS_SRV, 0);
    struct answers *a = srvs(2, 2, true);
    ldns_pkt *pkt = write_read(a, &plain);

    assert_memory_equal(out + DNS_HEADER, "\3Web\7Service\4kith", 18);
    assert_int_equal(ldns_pkt_id(pkt), 0x1234);
    assert_true(ldns_pkt_qr(pkt) && ldns_pkt_rd(pkt));
    assert_false(ldns_pkt_tc(pkt));
    assert_int_equal(ldns_pkt_ancount(pkt), 2);
    assert_int_equal(ldns_pkt_arcount(pkt), 2);
    assert_string_equal(ask_text(ldns_pkt_answer(pkt), 0), "SRV 1 100 1000 0a000000.addr.kith.");
    assert_int_equal(ldns_rr_ttl(ldns_rr_list_rr(ldns_pkt_answer(pkt), 0)), 30);
    char *owner = ldns_rdf2str(ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_additional(pkt), 1)));

    assert_string_equal(owner, "0a000001.addr.kith.");
    assert_string_equal(ask_text(ldns_pkt_additional(pkt), 1), "A 10.0.0.1");
    free(owner);
    ldns_pkt_free(pkt);
    mem_free(a);
}

static void each_answer_begins_with_another_record(void **state)
{
    (void)state;
    char first[4][64];

    ask(DNS_SRV, 1232);
    struct answers *a = srvs(3, 3, false);

    for (int i = 0; i < 4; i++) {
        ldns_pkt *pkt =
            write_read(a, &(struct answer_how){.room = 1232, .ede = -1, .ttl_max_s = UINT32_MAX});

        assert_int_equal(ldns_pkt_ancount(pkt), 3);
        assert_int_equal(ask_count(ldns_pkt_additional(pkt), "A 10.0.0.2"), 1);
        snprintf(first[i], sizeof(first[i]), "%s", ask_text(ldns_pkt_answer(pkt), 0));
        ldns_pkt_free(pkt);
    }
    assert_string_not_equal(first[0], first[1]);
    assert_string_not_equal(first[1], first[2]);
    assert_string_equal(first[0], first[3]);
    mem_free(a);
}

static void a_host_with_several_ports_has_its_address_told_once(void **state)
{
    (void)state;
    ask(DNS_SRV, 1232);
    struct answers *a = srvs(9, 2, false);

    for (int i = 0; i < 3; i++) {
        ldns_pkt *pkt =
            write_read(a, &(struct answer_how){.room = 1232, .ede = -1, .ttl_max_s = UINT32_MAX});

        assert_int_equal(ldns_pkt_ancount(pkt), 9);
        assert_int_equal(ldns_pkt_arcount(pkt), 2); /* ldns does not count OPT */
        ldns_pkt_free(pkt);
    }
    mem_free(a);
}

/* At each size that a client may take: additional records go first and silently, then records of the answer, with TC. */
static void what_does_not_fit_is_left_out(void **state)
{
    (void)state;
    struct answers *a = srvs(20, 20, false);

    for (uint16_t room = 512; room <= 1232; room++) {
        ask(DNS_SRV, room);
        struct answer_how how = {.room = room, .ede = 3, .ttl_max_s = UINT32_MAX};
        ldns_pkt *pkt = write_read(a, &how);

        assert_int_equal(ldns_pkt_tc(pkt), ldns_pkt_ancount(pkt) < 20);
        if (ldns_pkt_tc(pkt))
            assert_int_equal(ldns_pkt_arcount(pkt), 0);
        assert_true(ldns_pkt_edns(pkt));
        ldns_pkt_free(pkt);
    }
    ask(DNS_SRV, 0);
    ldns_pkt *pkt =
        write_read(a, &(struct answer_how){.room = DNS_MESSAGE, .ede = 3, .ttl_max_s = UINT32_MAX});

    assert_false(ldns_pkt_tc(pkt) || ldns_pkt_edns(pkt));
    assert_int_equal(ldns_pkt_ancount(pkt), 20);
    assert_int_equal(ldns_pkt_arcount(pkt), 20);
    ldns_pkt_free(pkt);
    mem_free(a);
}

/* Ten thousand endpoints: what one message can hold is kept, and pointers never lead beyond where they can. */
static void very_many_records_fill_a_message(void **state)
{
    (void)state;
    struct answers *a = srvs(10000, 10000, false);

    assert_in_range(a->bytes_n, DNS_MESSAGE - 100, DNS_MESSAGE);
    ask(DNS_SRV, 0);
    for (int i = 0; i < 3; i++) {
        ldns_pkt *pkt = write_read(
            a, &(struct answer_how){.room = DNS_MESSAGE, .ede = -1, .ttl_max_s = UINT32_MAX});

        assert_int_equal(ldns_pkt_ancount(pkt), a->records_n);
        ldns_pkt_free(pkt);
    }
    mem_free(a);
}

static void an_address_is_told_once(void **state)
{
    (void)state;
    struct answers_draft *d = answers_begin(1);
    struct in6_addr six = {.s6_addr = {0x20, 1}};

    for (unsigned i = 0; i < 1000; i++) {
        uint32_t addr = htonl(0x0a000000 + i % 100);

        assert_int_equal(answers_add_address(d, AF_INET, &addr), i < 100);
    }
    assert_true(answers_add_address(d, AF_INET6, &six));
    assert_false(answers_add_address(d, AF_INET6, &six));
    struct answers *a = answers_end(d, false);

    assert_int_equal(a->records_n, 101);
    mem_free(a);
}

static void an_old_answer_has_a_short_life_and_says_so(void **state)
{
    (void)state;
    ask(DNS_SRV, 1232);
    struct answers *a = srvs(1, 1, false);
    ldns_pkt *pkt =
        write_read(a, &(struct answer_how){
                          .room = 1232, .ede = ANSWER_EDE_STALE, .ttl_max_s = 5, .flags = DNS_AA});

    assert_true(ldns_pkt_aa(pkt));
    assert_int_equal(ldns_rr_ttl(ldns_rr_list_rr(ldns_pkt_answer(pkt), 0)), 5);
    assert_int_equal(ldns_rr_ttl(ldns_rr_list_rr(ldns_pkt_additional(pkt), 0)), 5);
    const ldns_rdf *options = ldns_pkt_edns_data(pkt);

    assert_non_null(options);
    assert_int_equal(ldns_rdf_size(options), 6);
    assert_memory_equal(ldns_rdf_data(options), "\0\17\0\2\0\3", 6);
    ldns_pkt_free(pkt);
    mem_free(a);
}

static void a_negative_answer_has_the_zone(void **state)
{
    (void)state;
    struct answers_draft *d = answers_begin(7);

    ask(DNS_A, 0);
    assert_true(answers_add_soa(d, bytes_of("\2ns\4kith", 9), bytes_of("\4mail\4kith", 11), 42, 7));
    struct answers *soa = answers_end(d, true);
    ldns_pkt *pkt = write_read(NULL, &(struct answer_how){.rcode = DNS_NXDOMAIN,
                                                          .room = 512,
                                                          .ede = -1,
                                                          .ttl_max_s = UINT32_MAX,
                                                          .authority = soa,
                                                          .authority_at = 12});

    assert_int_equal(ldns_pkt_get_rcode(pkt), LDNS_RCODE_NXDOMAIN);
    assert_int_equal(ldns_pkt_nscount(pkt), 1);
    assert_string_equal(ask_text(ldns_pkt_authority(pkt), 0),
                        "SOA ns.kith. mail.kith. 42 3600 600 86400 7");
    char *owner = ldns_rdf2str(ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_authority(pkt), 0)));

    assert_string_equal(owner, "kith.");
    free(owner);
    ldns_pkt_free(pkt);
    mem_free(soa);
}

static void texts_are_cut_and_a_version_of_edns_is_refused(void **state)
{
    (void)state;
    static char text[300];
    struct bytes texts[] = {bytes_str("a=b"), {(const uint8_t *)text, sizeof(text)}};
    struct answers_draft *d = answers_begin(1);

    memset(text, 'x', sizeof(text));
    assert_true(answers_add_texts(d, texts, 2));
    assert_true(answers_add_texts(d, NULL, 0));
    assert_true(answers_add_hinfo(d));
    assert_true(answers_add_name(d, DNS_CNAME, target(1)));
    struct answers *a = answers_end(d, true);

    assert_int_equal(a->records[0].len, 12 + 4 + 256);
    ask(DNS_TXT, 1232);
    ldns_pkt *pkt =
        write_read(a, &(struct answer_how){
                          .rcode = DNS_BADVERS, .room = 512, .ede = -1, .ttl_max_s = UINT32_MAX});

    assert_int_equal(ldns_pkt_edns_extended_rcode(pkt), 1);
    assert_int_equal(ldns_pkt_get_rcode(pkt), 0);
    assert_string_equal(ask_text(ldns_pkt_answer(pkt), 1), "TXT \"\"");
    assert_string_equal(ask_text(ldns_pkt_answer(pkt), 2), "HINFO \"RFC8482\" \"\"");
    assert_string_equal(ask_text(ldns_pkt_answer(pkt), 3), "CNAME 0a000001.addr.kith.");
    ldns_pkt_free(pkt);
    mem_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_repeats_the_question_to_the_letter),
        cmocka_unit_test(each_answer_begins_with_another_record),
        cmocka_unit_test(a_host_with_several_ports_has_its_address_told_once),
        cmocka_unit_test(what_does_not_fit_is_left_out),
        cmocka_unit_test(very_many_records_fill_a_message),
        cmocka_unit_test(an_address_is_told_once),
        cmocka_unit_test(an_old_answer_has_a_short_life_and_says_so),
        cmocka_unit_test(a_negative_answer_has_the_zone),
        cmocka_unit_test(texts_are_cut_and_a_version_of_edns_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
