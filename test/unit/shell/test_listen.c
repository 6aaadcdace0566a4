#include "shell/listen.h"

#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static void an_address_that_is_none_is_refused_with_an_example(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "127.0.0.1", "localhost:80", "::1:80",
                                      ":80", "[::1]80",   "127.0.0.1:x",  "127.0.0.1:70000"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buf why = {0};

        assert_int_equal(listen_open(bad[i], SOCK_STREAM, &why), -1);
        assert_true(why.len > 0);
        buf_deinit(&why);
    }
}

static void the_other_end_is_of_this_host_when_its_address_is(void **state)
{
    (void)state;
    struct buf why = {0};
    struct sockaddr_in other = {.sin_family = AF_INET};
    char text[48];
    int fd = listen_open("127.0.0.1:0", SOCK_STREAM, &why);

    assert_true(fd >= 0);
    assert_int_equal(inet_pton(AF_INET, "127.8.9.1", &other.sin_addr), 1);
    assert_true(listen_is_own((struct sockaddr *)&other, fd));
    listen_address(text, sizeof(text), (struct sockaddr *)&other);
    assert_string_equal(text, "127.8.9.1");
    assert_int_equal(inet_pton(AF_INET, "10.1.2.3", &other.sin_addr), 1);
    assert_false(listen_is_own((struct sockaddr *)&other, fd));
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

    assert_true(listen_is_own((struct sockaddr *)&six, fd));
    six.sin6_addr.s6_addr[0] = 0xfe;
    assert_false(listen_is_own((struct sockaddr *)&six, fd));
    assert_false(listen_is_own(NULL, fd));
    listen_address(text, sizeof(text), NULL);
    assert_string_equal(text, "-");
    close(fd);
    buf_deinit(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_that_is_none_is_refused_with_an_example),
        cmocka_unit_test(the_other_end_is_of_this_host_when_its_address_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
