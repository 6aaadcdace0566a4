#include "test.h"

#include "rig.h"
#include "shell/tcp.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_on(const char *addr, uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, addr, &at.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 5), 0);
    return fd;
}

static void a_port_somebody_listens_on_is_taken(void **state)
{
    (void)state;
    struct bytes addr = bytes_str(rig_address(1));
    assert_int_equal(tcp_try_port(addr, 20100), 0);
    int fd = listen_on(rig_address(1), 20100);
    assert_int_equal(tcp_try_port(addr, 20100), 1);
    assert_int_equal(tcp_try_port(bytes_str(rig_address(2)), 20100), 0);
    close(fd);
    assert_int_equal(tcp_try_port(addr, 20100), 0);
}

static void a_port_that_only_waits_for_old_packets_is_free(void **state)
{
    (void)state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(20101)};
    inet_pton(AF_INET, rig_address(1), &at.sin_addr);
    int listener = listen_on(rig_address(1), 20101);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&at, sizeof at), 0);
    int server = accept(listener, NULL, NULL);
    close(server); /* this side closes first, and keeps the TIME_WAIT */
    close(client);
    close(listener);
    assert_int_equal(tcp_try_port(bytes_str(rig_address(1)), 20101), 0);
}

static void an_address_of_another_host_is_refused(void **state)
{
    (void)state;
    assert_int_equal(tcp_try_port(bytes_str("192.0.2.1"), 20100), 1);
    assert_int_equal(tcp_try_port(bytes_str("not an address"), 20100), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_somebody_listens_on_is_taken),
        cmocka_unit_test(a_port_that_only_waits_for_old_packets_is_free),
        cmocka_unit_test(an_address_of_another_host_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
