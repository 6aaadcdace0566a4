#include "shell/tcp.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static socklen_t make_address(struct sockaddr_storage *out, struct bytes addr, uint16_t port)
{
    char text[INET6_ADDRSTRLEN + 1];
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    snprintf(text, sizeof text, BYTES_FMT, BYTES_ARG(addr));
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return sizeof *v4;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        return sizeof *v6;
    }
    return 0;
}

static int try_once(const struct sockaddr_storage *at, socklen_t len, int reuse)
{
    int fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
    int rc = bind(fd, (const struct sockaddr *)at, len) < 0 || listen(fd, 1) < 0;
    int why = errno;
    close(fd);
    errno = why;
    return rc;
}

int tcp_try_port(struct bytes addr, uint16_t port)
{
    struct sockaddr_storage at;
    socklen_t len = make_address(&at, addr, port);
    if (len == 0) {
        errno = EINVAL;
        return 1;
    }
    if (try_once(&at, len, /* reuse= */ 0) == 0)
        return 0;
    /* What only connections of a former listener hold (TIME_WAIT) is free: every server sets
     * SO_REUSEADDR for that. A port that somebody listens on is refused either way. */
    return errno == EADDRINUSE ? try_once(&at, len, /* reuse= */ 1) : 1;
}

int tcp_connect(struct bytes addr, uint16_t port, int *ret_why)
{
    struct sockaddr_storage to;
    socklen_t len = make_address(&to, addr, port);
    int fd = len == 0 ? -1 : socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        *ret_why = len == 0 ? EINVAL : errno;
        return -1;
    }
    if (connect(fd, (struct sockaddr *)&to, len) == 0 || errno == EINPROGRESS)
        return fd;
    *ret_why = errno;
    close(fd);
    return -1;
}

int tcp_result(int fd)
{
    int why = 0;
    socklen_t len = sizeof why;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) < 0 ? errno : why;
}
