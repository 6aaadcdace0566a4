#include "dns/question.h"

#include "ask.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

static struct message m;
static struct question q;

/* From memory of exactly that size, so that AddressSanitizer sees who reads on. */
static int read_exactly(void)
{
    uint8_t *copy = malloc(m.len ? m.len : 1);

    assert_non_null(copy);
    memcpy(copy, m.data, m.len);
    int r = question_read(&q, copy, m.len);

    free(copy);
    return r;
}

static void a_question_is_read_in_lower_case(void **state)
{
    (void)state;
    size_t len;

    ask_make(&m, "WeB.SerVice.kith.", DNS_SRV, 0);
    assert_int_equal(read_exactly(), 0);
    assert_int_equal(q.id, 0x1234);
    assert_int_equal(q.type, DNS_SRV);
    assert_int_equal(q.class, DNS_IN);
    assert_int_equal(q.labels, 3);
    assert_int_equal(q.end, m.len);
    assert_false(q.edns);
    assert_int_equal(q.room, DNS_UDP_PLAIN);
    assert_memory_equal(q.lower, "\3web\7service\4kith", q.name_len);
    assert_memory_equal(question_label(&q, 1, &len), "service", 7);
    assert_int_equal(len, 7);
    ask_make(&m, ".", DNS_NS, 0);
    assert_int_equal(read_exactly(), 0);
    assert_int_equal(q.labels, 0);
    assert_int_equal(q.name_len, 1);
}

static void what_a_client_takes_is_bounded(void **state)
{
    (void)state;
    static const uint16_t told[] = {1, 512, 900, 1232, 4096, 65535};
    static const uint16_t room[] = {512, 512, 900, 1232, 1232, 1232};

    for (size_t i = 0; i < 6; i++) {
        ask_make(&m, "web.service.kith.", DNS_A, told[i]);
        assert_int_equal(read_exactly(), 0);
        assert_true(q.edns);
        assert_int_equal(q.room, room[i]);
    }
}

static void what_is_no_query_is_not_answered(void **state)
{
    (void)state;
    ask_make(&m, "web.service.kith.", DNS_A, 0);
    m.data[2] |= 0x80; /* a response: two servers would send each other answers for ever */
    assert_int_equal(read_exactly(), QUESTION_IGNORED);
    for (m.len = 0; m.len < DNS_HEADER; m.len++)
        assert_int_equal(read_exactly(), QUESTION_IGNORED);
    ask_make(&m, "web.service.kith.", DNS_A, 0);
    m.data[2] |= 5 << 3; /* an update */
    assert_int_equal(read_exactly(), QUESTION_OTHER);
    assert_int_equal(q.id, 0x1234);
}

/* Cut off anywhere, or with something behind: a reason to say so, and none to read on. */
static void what_is_cut_off_is_broken(void **state)
{
    (void)state;
    ask_make(&m, "web.service.kith.", DNS_A, 1232);
    for (size_t len = m.len - 1; len >= DNS_HEADER; len--) {
        m.len = len;
        assert_int_equal(read_exactly(), QUESTION_BROKEN);
        assert_int_equal(q.end, DNS_HEADER);
    }
    ask_make(&m, "web.service.kith.", DNS_A, 0);
    m.len++;
    assert_int_equal(read_exactly(), QUESTION_BROKEN);
}

static void names_that_lead_in_circles_are_broken(void **state)
{
    (void)state;
    static const uint8_t loops[][4] = {{0xc0, 12},   {0xc0, 0}, {1, 'a', 0xc0, 12},
                                       {0xff, 0xff}, {0x40, 0}, {0x80, 1}};

    for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++) {
        ask_make(&m, "aaaa.service.kith.", DNS_A, 0);
        memcpy(m.data + DNS_HEADER, loops[i], sizeof(loops[i]));
        assert_int_equal(read_exactly(), QUESTION_BROKEN);
    }
}

static void names_that_are_too_long_are_broken(void **state)
{
    (void)state;
    size_t at = DNS_HEADER;

    ask_make(&m, "a.", DNS_A, 0);
    for (; at < DNS_HEADER + 256; at += 64) { /* four labels of 63 and one of nothing: 257 bytes */
        m.data[at] = 63;
        memset(m.data + at + 1, 'a', 63);
    }
    memcpy(m.data + at, "\0\0\1\0\1", 5);
    m.len = at + 5;
    assert_int_equal(read_exactly(), QUESTION_BROKEN);
    /* The longest: 255 bytes, of 127 labels. */
    for (at = DNS_HEADER; at < DNS_HEADER + 254; at += 2)
        memcpy(m.data + at, "\1A", 2);
    memcpy(m.data + at, "\0\0\1\0\1", 5);
    m.len = at + 5;
    assert_int_equal(read_exactly(), 0);
    assert_int_equal(q.name_len, DNS_NAME_MAX);
    assert_int_equal(q.labels, DNS_LABELS_MAX);
    assert_int_equal(q.lower[q.at[126] + 1], 'a');
    memcpy(m.data + at, "\1A\0\0\1\0\1", 7);
    m.len = at + 7;
    assert_int_equal(read_exactly(), QUESTION_BROKEN);
}

static void there_is_one_question(void **state)
{
    (void)state;
    static const uint8_t counts[] = {0, 2, 255};

    for (size_t i = 0; i < sizeof(counts); i++) {
        ask_make(&m, "a.", DNS_A, 0);
        m.data[5] = counts[i];
        assert_int_equal(read_exactly(), QUESTION_BROKEN);
    }
    ask_make(&m, "a.", DNS_A, 0);
    m.data[4] = 255; /* 65,281 of them */
    assert_int_equal(read_exactly(), QUESTION_BROKEN);
}

static void add(const void *data, size_t len)
{
    memcpy(m.data + m.len, data, len);
    m.len += len;
}

/* Other records behind the question (here an A whose owner is a pointer to itself) are passed over; OPT is found. */
static void edns_is_found_among_other_records(void **state)
{
    (void)state;
    static const uint8_t self[] = {0xc0, 19, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4};
    static const uint8_t opt[] = {0, 0, 41, 4, 0, 0, 1, 0, 0, 0, 2, 9, 9};

    ask_make(&m, "a.", DNS_A, 0);
    m.data[11] = 2;
    add(self, sizeof(self));
    add(opt, sizeof(opt));
    assert_int_equal(read_exactly(), 0);
    assert_true(q.edns);
    assert_int_equal(q.version, 1);
    assert_int_equal(q.room, 1024);
    m.data[11] = 3;
    add(opt, sizeof(opt)); /* one more: which counts? */
    assert_int_equal(read_exactly(), QUESTION_BROKEN);
    ask_make(&m, "a.", DNS_A, 0);
    m.data[8] = 0xff; /* 65,280 records that are not there */
    assert_int_equal(read_exactly(), QUESTION_BROKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_read_in_lower_case),
        cmocka_unit_test(what_a_client_takes_is_bounded),
        cmocka_unit_test(what_is_no_query_is_not_answered),
        cmocka_unit_test(what_is_cut_off_is_broken),
        cmocka_unit_test(names_that_lead_in_circles_are_broken),
        cmocka_unit_test(names_that_are_too_long_are_broken),
        cmocka_unit_test(there_is_one_question),
        cmocka_unit_test(edns_is_found_among_other_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
