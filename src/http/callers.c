#include "http/callers.h"

#include "base/mem.h"
#include "shell/listen.h"

#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

static inline int compare(const struct caller_host *a, const struct caller_host *b)
{
    return a->len != b->len ? (a->len > b->len) - (a->len < b->len)
                            : memcmp(a->address, b->address, a->len);
}

TREE_FUNCTIONS(callers_hosts, caller_host, by_address, compare)

void callers_init(struct callers *c, uint32_t max)
{
    *c = (struct callers){.max = max};
    TAILQ_INIT(&c->idle);
}

void callers_deinit(struct callers *c)
{
    assert(!c->count && TAILQ_EMPTY(&c->idle));
}

/* ---- hosts ---- */

/* Its address alone. False: it is none of the internet. */
static bool key_of(struct caller_host *ret, const struct sockaddr *from)
{
    const void *address = NULL;

    *ret = (struct caller_host){0};
    if (from->sa_family == AF_INET) {
        address = &((const struct sockaddr_in *)from)->sin_addr;
        ret->len = sizeof(struct in_addr);
    } else if (from->sa_family == AF_INET6) {
        address = &((const struct sockaddr_in6 *)from)->sin6_addr;
        ret->len = sizeof(struct in6_addr);
    }
    if (!address)
        return false;
    memcpy(ret->address, address, ret->len);
    return true;
}

static struct caller_host *count_host(struct callers *c, const struct sockaddr *from,
                                      const struct sockaddr *own)
{
    struct caller_host key, *h;

    if (listen_is_same_host(from, own) || !key_of(&key, from))
        return NULL;
    h = TREE_FIND(callers_hosts, &c->hosts, &key);
    if (!h) {
        h = mem_alloc(sizeof(*h));
        *h = key;
        TREE_INSERT(callers_hosts, &c->hosts, h);
    }
    h->count++;
    return h;
}

static void uncount_host(struct callers *c, struct caller_host *h)
{
    if (!h || --h->count > 0)
        return;
    TREE_REMOVE(callers_hosts, &c->hosts, h);
    mem_free(h);
}

/* ---- connections ---- */

void callers_busy(struct callers *c, struct caller *one)
{
    if (one->idle && c->unseen == one)
        c->unseen = TAILQ_NEXT(one, by_age);
    if (one->idle)
        TAILQ_REMOVE(&c->idle, one, by_age);
    one->idle = false;
}

void callers_idle(struct callers *c, struct caller *one, kith_time now_us)
{
    if (one->idle)
        return;
    one->idle = true;
    one->since_us = now_us;
    TAILQ_INSERT_TAIL(&c->idle, one, by_age);
    if (!c->unseen)
        c->unseen = one;
}

static void send_away(struct callers *c, struct caller *one)
{
    shutdown(one->fd, SHUT_RDWR);
    callers_busy(c, one); /* once is enough */
    c->sent_away++;
}

bool callers_admit(struct callers *c, const struct sockaddr *from)
{
    struct caller_host key;
    const struct caller_host *h =
        key_of(&key, from) ? TREE_FIND(callers_hosts, &c->hosts, &key) : NULL;
    bool full = c->count >= c->max || (h && h->count >= CALLERS_ADDRESS_MAX);

    c->turned_away += full;
    return !full;
}

struct caller *callers_add(struct callers *c, int fd, const struct sockaddr *from,
                           const struct sockaddr *own, kith_time now_us)
{
    struct caller *one = mem_alloc(sizeof(*one));

    one->fd = fd;
    one->host = count_host(c, from, own);
    if (++c->count + CALLERS_SPARE > c->max && !TAILQ_EMPTY(&c->idle))
        send_away(c, TAILQ_FIRST(&c->idle));
    callers_idle(c, one, now_us);
    return one;
}

void callers_remove(struct callers *c, struct caller *one)
{
    callers_busy(c, one);
    uncount_host(c, one->host);
    c->count--;
    mem_free(one);
}

/* Nothing comes any more from who has closed his side; that this one is told so makes epoll speak of it again. */
static void look_at(const struct caller *one)
{
    struct pollfd side = {.fd = one->fd, .events = POLLRDHUP};

    if (poll(&side, 1, 0) > 0 && side.revents & POLLRDHUP)
        shutdown(one->fd, SHUT_RD);
}

void callers_drop(struct callers *c, kith_time now_us)
{
    struct caller *one;

    while ((one = c->unseen) && one->since_us + CALLERS_LOOK_US <= now_us) {
        look_at(one);
        c->unseen = TAILQ_NEXT(one, by_age);
    }
    while ((one = TAILQ_FIRST(&c->idle)) && one->since_us + CALLERS_IDLE_US <= now_us)
        send_away(c, one);
}

kith_time callers_deadline(const struct callers *c)
{
    const struct caller *one = TAILQ_FIRST(&c->idle);

    kith_time at_us = one ? one->since_us + CALLERS_IDLE_US : KITH_NEVER;

    return c->unseen ? kith_time_min(at_us, c->unseen->since_us + CALLERS_LOOK_US) : at_us;
}
