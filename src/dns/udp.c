#include "dns/udp.h"

#include "base/mem.h"
#include "shell/clock.h"
#include "shell/listen.h"

#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_BYTES (1 << 21) /* of queries that wait in the kernel: a burst of some thousands */

struct udp {
    struct desk *desk;
    int fd;
    struct sockaddr_storage own;
    bool anywhere; /* bound to any address: where a query came in is asked for */
    struct mmsghdr in[UDP_BATCH], out[UDP_BATCH];
    struct iovec in_iov[UDP_BATCH], out_iov[UDP_BATCH];
    struct sockaddr_storage from[UDP_BATCH];
    uint8_t control[UDP_BATCH][FORWARD_CONTROL];
    uint8_t query[UDP_BATCH][UDP_QUERY_MAX];
    uint8_t answer[UDP_BATCH][DNS_UDP_MAX];
};

static bool is_any(const struct sockaddr_storage *a)
{
    struct sockaddr_in6 six;
    struct sockaddr_in four;

    memcpy(&six, a, sizeof(six));
    memcpy(&four, a, sizeof(four));
    if (a->ss_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&six.sin6_addr);
    return four.sin_addr.s_addr == INADDR_ANY;
}

static void ask_where(struct udp *u, int family)
{
    int on = 1;

    u->anywhere = true;
    if (family == AF_INET6)
        setsockopt(u->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
    else
        setsockopt(u->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
}

struct udp *udp_open(const char *address, struct desk *desk, struct buf *why)
{
    socklen_t len = sizeof(struct sockaddr_storage);
    int bytes = SOCKET_BYTES, fd = listen_open(address, SOCK_DGRAM, why);

    if (fd < 0)
        return NULL;
    struct udp *u = mem_alloc(sizeof(*u));

    u->fd = fd;
    u->desk = desk;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    if (getsockname(fd, (struct sockaddr *)&u->own, &len) == 0 && is_any(&u->own))
        ask_where(u, u->own.ss_family);
    for (size_t i = 0; i < UDP_BATCH; i++) {
        u->in_iov[i] = (struct iovec){u->query[i], UDP_QUERY_MAX};
        u->in[i].msg_hdr =
            (struct msghdr){.msg_name = &u->from[i], .msg_iov = &u->in_iov[i], .msg_iovlen = 1};
    }
    return u;
}

void udp_close(struct udp *u)
{
    if (!u)
        return;
    close(u->fd);
    mem_free(u);
}

int udp_fd(const struct udp *u)
{
    return u->fd;
}

static int receive(struct udp *u)
{
    for (size_t i = 0; i < UDP_BATCH; i++) {
        struct msghdr *h = &u->in[i].msg_hdr;

        h->msg_namelen = sizeof(u->from[i]);
        h->msg_control = u->anywhere ? u->control[i] : NULL;
        h->msg_controllen = u->anywhere ? FORWARD_CONTROL : 0;
    }
    return recvmmsg(u->fd, u->in, UDP_BATCH, 0, /* timeout= */ NULL);
}

static void send_on(struct udp *u, const struct msghdr *from, struct bytes query)
{
    struct forward_client client = {.fd = u->fd, .addr_len = from->msg_namelen};

    memcpy(&client.addr, from->msg_name, from->msg_namelen);
    client.control_len = from->msg_controllen;
    if (client.control_len)
        memcpy(client.control, from->msg_control, client.control_len);
    if (forward_send(u->desk->forward, &client, query, u->desk->now_us) == 0) {
        u->desk->counts.forwarded += 1;
        return;
    }
    uint8_t out[DNS_UDP_MAX];
    size_t len = responder_fail(u->desk->responder, query.data, query.len, out);

    u->desk->counts.unforwarded += 1;
    if (len)
        udp_send(&client, bytes_of(out, len));
}

static enum rate_verdict judge(struct udp *u, const struct sockaddr *from)
{
    struct desk *d = u->desk;

    if (!d->rate || (!d->rate_own && listen_is_same_host(from, (const struct sockaddr *)&u->own)))
        return RATE_PASS;
    return rate_take(d->rate, from, d->now_us);
}

/* The answer's length; 0: none. */
static size_t answer(struct udp *u, size_t i, uint8_t *out)
{
    struct desk *d = u->desk;
    const struct msghdr *from = &u->in[i].msg_hdr;
    size_t size = u->in[i].msg_len, len = 0;

    if (from->msg_namelen == 0)
        return 0;
    switch (judge(u, from->msg_name)) {
    case RATE_DROP:
        d->counts.dropped += 1;
        return 0;
    case RATE_SLIPS:
        d->counts.slipped += 1;
        return responder_slip(d->responder, u->query[i], size, out);
    case RATE_PASS:
        break;
    }
    switch (responder_answer(d->responder, u->query[i], size, /* tcp= */ false, out, &len)) {
    case RESPOND_ANSWER:
        return len;
    case RESPOND_FORWARD:
        send_on(u, from, bytes_of(u->query[i], size));
        return 0;
    case RESPOND_NOTHING:
        break;
    }
    return 0;
}

/* What the kernel does not take now is lost, as datagrams may be: its client asks again. One that cannot be sent does not keep
 * the others back. */
static void send_all(struct udp *u, unsigned n)
{
    unsigned sent = 0;

    while (sent < n) {
        int r = sendmmsg(u->fd, u->out + sent, n - sent, 0);

        sent += r > 0 ? (unsigned)r : 1;
    }
}

static void run_batch(struct udp *u, int count)
{
    unsigned n = 0;

    for (int i = 0; i < count; i++) {
        struct msghdr *from = &u->in[i].msg_hdr;
        size_t len = answer(u, (size_t)i, u->answer[n]);

        if (len == 0)
            continue;
        u->out_iov[n] = (struct iovec){u->answer[n], len};
        u->out[n].msg_hdr =
            (struct msghdr){.msg_name = from->msg_name,
                            .msg_namelen = from->msg_namelen,
                            .msg_iov = &u->out_iov[n],
                            .msg_iovlen = 1,
                            .msg_control = from->msg_controllen ? from->msg_control : NULL,
                            .msg_controllen = from->msg_controllen};
        n++;
    }
    send_all(u, n);
}

void udp_run(struct udp *u)
{
    int count = UDP_BATCH;

    for (unsigned round = 0; round < UDP_ROUNDS && count == UDP_BATCH; round++) {
        count = receive(u);
        if (count <= 0)
            return;
        kith_time begun_us = clock_now_us();

        run_batch(u, count);
        u->desk->counts.udp += (uint64_t)count;
        times_add_n(&u->desk->times, clock_now_us() - begun_us, (uint64_t)count);
    }
}

void udp_send(const struct forward_client *client, struct bytes message)
{
    struct iovec iov = {(void *)(uintptr_t)message.data, message.len};
    struct forward_client to = *client;
    struct msghdr h = {.msg_name = &to.addr,
                       .msg_namelen = to.addr_len,
                       .msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = to.control_len ? to.control : NULL,
                       .msg_controllen = to.control_len};

    (void)sendmsg(to.fd, &h, 0);
}
