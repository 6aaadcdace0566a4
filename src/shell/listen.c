#include "shell/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Takes "[ADDR]:PORT" and "ADDR:PORT" apart; false: it is neither. */
static bool split(const char *address, char *host, size_t size, const char **port)
{
    const char *colon = strrchr(address, ':');
    size_t len = colon ? (size_t)(colon - address) : 0;

    if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
        address++;
        len -= 2;
    } else if (memchr(address, ':', len)) {
        return false; /* IPv6 without brackets */
    }
    if (len == 0 || len >= size)
        return false;
    memcpy(host, address, len);
    host[len] = '\0';
    *port = colon + 1;
    unsigned number; /* getaddrinfo() would take one that is too large */
    char rest;

    return strspn(*port, "0123456789") == strlen(*port) && strlen(*port) <= 5 &&
           sscanf(*port, "%5u%c", &number, &rest) == 1 && number <= UINT16_MAX;
}

static int bind_to(const struct sockaddr *a, socklen_t len, int type)
{
    int on = 1;
    int fd = socket(a->sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (type == SOCK_STREAM)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (a->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, a, len) == 0 && (type != SOCK_STREAM || listen(fd, LISTEN_BACKLOG) == 0))
        return fd;
    int error = errno;

    close(fd);
    errno = error;
    return -1;
}

int listen_parse(const char *address, struct sockaddr_storage *ret, socklen_t *ret_len)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    const char *port;
    char host[128];

    if (!split(address, host, sizeof(host), &port) || getaddrinfo(host, port, &hints, &found) != 0)
        return 1;
    memcpy(ret, found->ai_addr, found->ai_addrlen);
    *ret_len = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

int listen_open(const char *address, int type, struct buf *why)
{
    struct sockaddr_storage a;
    socklen_t len;

    if (listen_parse(address, &a, &len) != 0) {
        buf_printf(why,
                   "\"%s\" is no address to listen on: write ADDR:PORT, such as "
                   "127.0.0.1:5486 or [::1]:5486",
                   address);
        return -1;
    }
    int fd = bind_to((const struct sockaddr *)&a, len, type);

    if (fd < 0)
        buf_printf(why, "cannot listen on %s: %s", address, strerror(errno));
    return fd;
}

bool listen_is_loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24 == 127;
    return a->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

bool listen_is_same_host(const struct sockaddr *other, const struct sockaddr *own)
{
    if (listen_is_loopback(other))
        return true;
    if (own->sa_family != other->sa_family)
        return false;
    if (other->sa_family == AF_INET)
        return ((const struct sockaddr_in *)other)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)own)->sin_addr.s_addr;
    return other->sa_family == AF_INET6 &&
           IN6_ARE_ADDR_EQUAL(&((const struct sockaddr_in6 *)other)->sin6_addr,
                              &((const struct sockaddr_in6 *)own)->sin6_addr);
}

bool listen_is_own(const struct sockaddr *other, int fd)
{
    struct sockaddr_storage own = {0};
    socklen_t len = sizeof(own);

    if (!other)
        return false;
    if (listen_is_loopback(other))
        return true;
    return getsockname(fd, (struct sockaddr *)&own, &len) == 0 &&
           listen_is_same_host(other, (const struct sockaddr *)&own);
}

void listen_address(char *out, size_t size, const struct sockaddr *a)
{
    const void *in = NULL;

    if (a && a->sa_family == AF_INET)
        in = &((const struct sockaddr_in *)a)->sin_addr;
    else if (a && a->sa_family == AF_INET6)
        in = &((const struct sockaddr_in6 *)a)->sin6_addr;
    if (!in || !inet_ntop(a->sa_family, in, out, (socklen_t)size))
        snprintf(out, size, "-");
}
