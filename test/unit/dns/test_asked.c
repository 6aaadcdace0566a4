#include "dns/asked.h"

#include "ask.h"
#include "test.h"

#include <arpa/inet.h>
#include <string.h>

static struct domain domains[2];
static struct message m;
static struct question q;

static struct asked asked(const char *name)
{
    ask_make(&m, name, DNS_A, 0);
    assert_int_equal(question_read(&q, m.data, m.len), 0);
    return asked_of(&q, domains, 2);
}

static void is(struct asked_text t, const char *text)
{
    assert_int_equal(t.len, strlen(text));
    assert_memory_equal(t.text, text, t.len);
}

static void services_are_asked_for_in_three_forms(void **state)
{
    (void)state;
    struct asked a = asked("Web.service.KITH.");

    assert_int_equal(a.kind, ASKED_SERVICE);
    is(a.name, "web");
    assert_int_equal(a.tag.len, 0);
    assert_int_equal(a.domain_at, 12);
    a = asked("v1.web.service.svc.example.com.");
    assert_int_equal(a.kind, ASKED_SERVICE);
    assert_int_equal(a.domain, 1);
    is(a.name, "web");
    is(a.tag, "v1");
    assert_false(a.tag_or_port);
    a = asked("_web._http.service.kith.");
    is(a.name, "web");
    is(a.tag, "http");
    assert_true(a.tag_or_port);
    a = asked("_web._tcp.service.kith.");
    is(a.name, "web");
    assert_int_equal(a.tag.len, 0);
    a = asked("_.web.service.kith."); /* an underscore alone is no RFC 2782 */
    is(a.tag, "_");
}

static void other_names_have_their_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum asked_kind kind;
    } names[] = {
        {"kith.", ASKED_ZONE},
        {"service.kith.", ASKED_FOLDER},
        {"node.kith.", ASKED_FOLDER},
        {"addr.kith.", ASKED_FOLDER},
        {"ns.kith.", ASKED_SERVER},
        {"h1.node.kith.", ASKED_NODE},
        {"a.h1.node.kith.", ASKED_NOTHING},
        {"7f000001.addr.kith.", ASKED_ADDRESS},
        {"7f00000.addr.kith.", ASKED_NOTHING},
        {"7f00000g.addr.kith.", ASKED_NOTHING},
        {"a.b.c.service.kith.", ASKED_NOTHING},
        {"web.kith.", ASKED_NOTHING},
        {"akith.", ASKED_ELSEWHERE},
        {"kith.example.", ASKED_ELSEWHERE},
        {".", ASKED_ELSEWHERE},
        {"example.com.", ASKED_ELSEWHERE},
        {"1.0.0.127.in-addr.arpa.", ASKED_REVERSE},
        {"0.0.127.in-addr.arpa.", ASKED_ELSEWHERE},
        {"256.0.0.127.in-addr.arpa.", ASKED_ELSEWHERE},
        {"01.0.0.127.in-addr.arpa.", ASKED_ELSEWHERE},
        {"x.0.0.127.in-addr.arpa.", ASKED_ELSEWHERE},
        {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
         ASKED_REVERSE},
        {"10.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
         ASKED_ELSEWHERE},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (asked(names[i].name).kind != names[i].kind)
            fail_msg("%s", names[i].name);
    }
}

static void addresses_are_read_from_names(void **state)
{
    (void)state;
    struct asked a = asked("0a00010f.addr.kith.");
    char text[INET6_ADDRSTRLEN];

    assert_string_equal(inet_ntop(a.family, &a.addr, text, sizeof(text)), "10.0.1.15");
    a = asked("20010DB8000000000000000000000001.addr.kith.");
    assert_string_equal(inet_ntop(a.family, &a.addr, text, sizeof(text)), "2001:db8::1");
    a = asked("4.3.2.1.in-addr.arpa.");
    assert_string_equal(inet_ntop(a.family, &a.addr, text, sizeof(text)), "1.2.3.4");
    a = asked("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.");
    assert_string_equal(inet_ntop(a.family, &a.addr, text, sizeof(text)), "2001:db8::1");
}

static void a_domain_has_to_leave_room(void **state)
{
    (void)state;
    struct domain d;
    char text[300];

    assert_int_equal(domain_read(&d, "a.B.c."), 0);
    assert_memory_equal(d.name, "\1a\1b\1c", d.len);
    assert_int_not_equal(domain_read(&d, "."), 0);
    assert_int_not_equal(domain_read(&d, ""), 0);
    assert_int_not_equal(domain_read(&d, "a..b"), 0);
    assert_int_not_equal(domain_read(&d, "-a"), 0);
    assert_int_not_equal(domain_read(&d, "a.b-.c"), 0);
    assert_int_not_equal(domain_read(&d, "a b"), 0);
    assert_int_not_equal(domain_read(&d, "a\\.b"), 0);
    assert_int_equal(domain_read(&d, "a-1._b"), 0);
    memset(text, 'a', sizeof(text));
    for (size_t i = 50; i < 250; i += 50)
        text[i] = '.';
    text[200] = '\0';
    assert_int_not_equal(domain_read(&d, text), 0);
}

static int start(void **state)
{
    (void)state;
    assert_int_equal(domain_read(&domains[0], "kith"), 0);
    assert_int_equal(domain_read(&domains[1], "svc.Example.com."), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services_are_asked_for_in_three_forms),
        cmocka_unit_test(other_names_have_their_kinds),
        cmocka_unit_test(addresses_are_read_from_names),
        cmocka_unit_test(a_domain_has_to_leave_room),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
