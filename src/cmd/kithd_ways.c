#include "cmd/kithd_ways.h"
#include "shell/doors.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IPC_PATH_MAX 100 /* the kernel takes 107, with what is put behind it */

struct way {
    const char *scheme; /* "tcp", "ws", "ipc" */
    const char *host;   /* an address without brackets, or a path */
    unsigned port;
    bool plain; /* written as an address alone */
};

static bool is_address(const char *text)
{
    struct in6_addr any;
    return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

static bool is_wildcard(const char *text)
{
    return strcmp(text, "0.0.0.0") == 0 || strcmp(text, "::") == 0;
}

/* ADDR[:PORT], with brackets around an IPv6 address that has a port. */
static bool read_host(struct way *w, char *text)
{
    char *end = text[0] == '[' ? strchr(text, ']') : strrchr(text, ':');
    if (text[0] == '[' && end != NULL) {
        *end++ = '\0';
        text++;
        end = *end != '\0' ? end : NULL;
    } else if (end != NULL && strchr(text, ':') != end) {
        end = NULL; /* IPv6 without a port */
    }
    if (end != NULL) {
        char *rest;
        if (*end != ':')
            return false;
        *end++ = '\0';
        w->port = (unsigned)strtoul(end, &rest, 10);
        if (*end == '\0' || *rest != '\0')
            return false;
    }
    w->host = text;
    return is_address(text) && w->port > 0 && w->port <= UINT16_MAX - DOORS_PORT_BULK;
}

static bool read_way(struct way *w, struct bytes told, uint16_t port_base, struct arena *mem)
{
    char *text = arena_str(mem, told);
    *w = (struct way){.scheme = "tcp", .host = text, .port = port_base, .plain = true};
    if (strstr(text, "://") == NULL)
        return is_address(text);
    w->plain = false;
    if (strncmp(text, "tcp://", 6) == 0)
        return read_host(w, text + 6);
    if (strncmp(text, "ws://", 5) == 0) {
        w->scheme = "ws";
        w->port += DOORS_PORT_WS;
        return read_host(w, text + 5);
    }
    w->scheme = "ipc";
    w->host = text + 6;
    return strncmp(text, "ipc:///", 7) == 0 && strlen(w->host) <= IPC_PATH_MAX;
}

static int refuse(struct buf *why, const char *flag, struct bytes told)
{
    buf_printf(why,
               "%s \"" BYTES_FMT "\": write an IP address of this host, tcp://ADDR[:PORT], "
               "ws://ADDR[:PORT] or ipc:///PATH (of up to %d characters)\n",
               flag, BYTES_ARG(told), IPC_PATH_MAX);
    return 1;
}

static int read_all(struct way ways[WAYS_MAX], const char *flag, const struct bytes *told,
                    uint32_t n, const struct ways_told *t, struct arena *mem, struct buf *why)
{
    if (n > WAYS_MAX) {
        buf_printf(why, "%s: %d ways at most\n", flag, WAYS_MAX);
        return 1;
    }
    for (uint32_t i = 0; i < n; i++)
        if (!read_way(&ways[i], told[i], t->port_base, mem))
            return refuse(why, flag, told[i]);
    return 0;
}

static bool has_address(const struct way *w)
{
    return strcmp(w->scheme, "ipc") != 0;
}

static const char *first_address(const struct way *ways, size_t n, const char *otherwise)
{
    for (size_t i = 0; i < n; i++)
        if (has_address(&ways[i]))
            return ways[i].host;
    return otherwise;
}

/* So many above the ports of tcp, by whichever way. */
static const char *address_beside(const struct way *ways, size_t n, unsigned above,
                                  struct arena *mem)
{
    for (size_t i = 0; i < n; i++) {
        const struct way *w = &ways[i];
        unsigned ws = strcmp(w->scheme, "ws") == 0 && w->port > DOORS_PORT_WS ? DOORS_PORT_WS : 0;
        if (has_address(w))
            return arena_printf(mem, strchr(w->host, ':') != NULL ? "[%s]:%u" : "%s:%u", w->host,
                                w->port - ws + above);
    }
    return NULL;
}

static void add(struct ways_list *list, const struct way *w, struct arena *mem)
{
    bool ipv6 = strchr(w->host, ':') != NULL;
    list->bases[list->n++] = !has_address(w) ? arena_printf(mem, "ipc://%s", w->host)
                             : ipv6 ? arena_printf(mem, "%s://[%s]:%u", w->scheme, w->host, w->port)
                                    : arena_printf(mem, "%s://%s:%u", w->scheme, w->host, w->port);
}

static int check_wildcards(const struct ways_read *r, const struct way *advertised, size_t n,
                           struct buf *why)
{
    for (size_t i = 0; i < n; i++) {
        if (!has_address(&advertised[i]) || !is_wildcard(advertised[i].host))
            continue;
        buf_printf(why, "--bind %s: say with --advertise at which address others reach this host\n",
                   r->bind);
        return 1;
    }
    return 0;
}

int ways_read(struct ways_read *ret, const struct ways_told *told, struct arena *mem,
              struct buf *why)
{
    static const struct bytes loopback = {(const uint8_t *)"127.0.0.1", 9};
    const struct bytes *binds_told = told->binds_n > 0 ? told->binds : &loopback;
    size_t binds_n = told->binds_n > 0 ? told->binds_n : 1, n = told->advertises_n;
    struct way binds[WAYS_MAX], advertised[WAYS_MAX];
    *ret = (struct ways_read){0};
    if (read_all(binds, "--bind", binds_told, (uint32_t)binds_n, told, mem, why) != 0 ||
        read_all(advertised, "--advertise", told->advertises, told->advertises_n, told, mem, why) !=
            0)
        return 1;
    ret->bind = first_address(binds, binds_n, "127.0.0.1");
    ret->http = address_beside(binds, binds_n, DOORS_PORT_HTTP, mem);
    ret->dns = address_beside(binds, binds_n, DOORS_PORT_DNS, mem);
    const char *host = n == 1 && advertised[0].plain ? advertised[0].host : NULL;
    if (n == 0 || host != NULL) { /* what is bound, perhaps at another host */
        n = binds_n;
        memcpy(advertised, binds, sizeof advertised);
        for (size_t i = 0; host != NULL && i < n; i++)
            advertised[i].host = has_address(&advertised[i]) ? host : advertised[i].host;
    }
    ret->advertise = first_address(advertised, n, ret->bind);
    for (size_t i = 0; i < binds_n; i++)
        add(&ret->binds, &binds[i], mem);
    for (size_t i = 0; i < n; i++)
        add(&ret->advertised, &advertised[i], mem);
    return check_wildcards(ret, advertised, n, why);
}
