#include "cmd/kith_reach.h"

#include "base/mem.h"
#include "cmd/kith_ask.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS  500
#define GREETING_MS 1000
/* ZMTP's greeting: a signature of ten bytes, version, mechanism. Who has told its version is told the rest. */
#define GREETING        "\xff\0\0\0\0\0\0\0\x01\x7f\x03"
#define GREETING_LEN    11
#define MECHANISM_AT    12
#define MECHANISM_LEN   20
#define MECHANISM_CURVE "CURVE"

/* HOST:PORT, tcp://HOST:PORT, brackets around IPv6; false: something else. */
static bool split(struct reach_address *ret, struct bytes text)
{
    char *copy = bytes_to_str(text);
    char *host = strncmp(copy, "tcp://", 6) == 0 ? copy + 6 : copy;
    char *colon = strrchr(host, ':');
    bool ok = colon && colon > host && colon[1];

    if (ok) {
        *colon = '\0';
        if (*host == '[' && colon[-1] == ']') {
            colon[-1] = '\0';
            host++;
        }
        *ret = (struct reach_address){mem_str(host), mem_str(colon + 1)};
    }
    mem_free(copy);
    return ok;
}

int reach_find(struct kith *k, struct reach *ret)
{
    int status;
    const struct member_list *answer =
        ask(k, WIRE_GET_MEMBERS, &(struct get_members){0}, WIRE_MEMBER_LIST, &status);

    if (!answer)
        return status;
    ret->items = mem_alloc((answer->members_n + 1) * sizeof(*ret->items));
    for (uint32_t i = 0; i < answer->members_n; i++) {
        const struct member_info *m = &answer->members[i];
        bool live = m->state == MEMBER_STATE_ALIVE || m->state == MEMBER_STATE_SUSPECT;

        if (live && split(&ret->items[ret->count], m->addr))
            ret->count++;
    }
    return KITH_DONE;
}

void reach_deinit(struct reach *r)
{
    for (size_t i = 0; i < r->count; i++) {
        mem_free(r->items[i].host);
        mem_free(r->items[i].port);
    }
    mem_free(r->items);
    *r = (struct reach){0};
}

/* A connected descriptor, or -1. */
static int dial(const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = 0;
    socklen_t len = sizeof(error);

    if (fd < 0)
        return -1;
    bool ok = connect(fd, ai->ai_addr, ai->ai_addrlen) == 0;

    if (!ok && errno == EINPROGRESS) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};

        ok = poll(&p, 1, CONNECT_MS) == 1 &&
             getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
    }
    if (ok)
        return fd;
    close(fd);
    return -1;
}

static int dial_address(const struct reach_address *a)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;

    if (getaddrinfo(a->host, a->port, &hints, &found))
        return -1;
    int fd = dial(found);

    freeaddrinfo(found);
    return fd;
}

static bool listens(const struct reach_address *a)
{
    int fd = dial_address(a);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* How many bytes came before the other end said no more, up to `size`. */
static size_t read_greeting(int fd, uint8_t *ret, size_t size)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t n = 0;

    while (n < size && poll(&p, 1, GREETING_MS) == 1) {
        ssize_t r = read(fd, ret + n, size - n);

        if (r <= 0)
            break;
        n += (size_t)r;
    }
    return n;
}

static enum reach_greeting judge_greeting(const uint8_t *greeting, size_t n)
{
    if (n == 0 || greeting[0] != (uint8_t)GREETING[0])
        return REACH_STRANGER;
    if (n < MECHANISM_AT + MECHANISM_LEN)
        return REACH_UNKNOWN;
    return memcmp(greeting + MECHANISM_AT, MECHANISM_CURVE, sizeof(MECHANISM_CURVE)) == 0
               ? REACH_KEYS
               : REACH_NO_KEYS;
}

enum reach_greeting reach_greeting(const char *uri)
{
    struct reach_address a;
    uint8_t greeting[MECHANISM_AT + MECHANISM_LEN];
    enum reach_greeting found = REACH_UNKNOWN;

    if (strncmp(uri, "tcp://", 6) != 0 || !split(&a, bytes_str(uri)))
        return REACH_UNKNOWN;
    int fd = dial_address(&a);

    if (fd >= 0 && send(fd, GREETING, GREETING_LEN, MSG_NOSIGNAL) == GREETING_LEN)
        found = judge_greeting(greeting, read_greeting(fd, greeting, sizeof(greeting)));
    mem_free(a.host);
    mem_free(a.port);
    if (fd >= 0)
        close(fd);
    return found;
}

size_t reach_count(const struct reach *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->count; i++)
        n += listens(&r->items[i]);
    return n;
}
