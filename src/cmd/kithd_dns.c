#include "cmd/kithd_dns.h"

#include "shell/listen.h"
#include "spec/units.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define DNS_PORT "53" /* of servers that are given without */

/* ---- one flag each ---- */

static int read_text(struct bytes *field, const char *value)
{
    *field = bytes_str(value);
    return value[0] == '\0';
}

static int read_address(struct given *g, const char *value)
{
    if (g->config.dnses_n == CONFIG_MAX_DNS || value[0] == '\0')
        return 1;
    g->dnses[g->config.dnses_n++] = bytes_str(value);
    g->config.dnses = g->dnses;
    return 0;
}

static int read_forward(struct given *g, const char *value)
{
    if (g->config.dns_forwards_n == CONFIG_MAX_FORWARDS || value[0] == '\0')
        return 1;
    g->dns_forwards[g->config.dns_forwards_n++] = bytes_str(value);
    g->config.dns_forwards = g->dns_forwards;
    return 0;
}

static int read_domain(struct given *g, const char *value)
{
    return read_text(&g->config.dns_domain, value);
}

static int read_consul(struct given *g, const char *value)
{
    (void)value;
    g->config.dns_consul = true;
    return 0;
}

static int read_ttl(struct given *g, const char *value)
{
    return read_text(&g->config.dns_ttl, value);
}

static int read_order(struct given *g, const char *value)
{
    return read_text(&g->config.dns_order, value);
}

static int read_rate(struct given *g, const char *value)
{
    return read_text(&g->config.dns_rate, value);
}

const struct flag kithd_dns_flags[] = {
    {"--dns", "ADDR:PORT", "where DNS is answered, or none (default: --bind, 3 above --port-base)",
     read_address},
    {"--dns-domain", "NAME", "below which services are found (default " DNS_DOMAIN ")",
     read_domain},
    {"--dns-consul", NULL, "answer below " DNS_DOMAIN_OF_CONSUL ", too", read_consul},
    {"--dns-ttl", "TIME", "how long answers may be kept, whole seconds (default 1s)", read_ttl},
    {"--dns-order", "rotate|near", "of endpoints in an answer (default rotate)", read_order},
    {"--dns-forward", "ADDR", "send other names on to this server (default: refuse); up to three",
     read_forward},
    {"--dns-rate", "N", "answers a second to one network (default 5000, own host free); 0: all",
     read_rate},
};
const size_t kithd_dns_flags_n = sizeof kithd_dns_flags / sizeof *kithd_dns_flags;

/* ---- the file ---- */

static void prefer(struct bytes *field, struct bytes other)
{
    if (field->len == 0)
        *field = other;
}

void kithd_dns_merge(struct config *c, const struct config *file)
{
    prefer(&c->dns_domain, file->dns_domain);
    prefer(&c->dns_ttl, file->dns_ttl);
    prefer(&c->dns_order, file->dns_order);
    prefer(&c->dns_rate, file->dns_rate);
    c->dns_consul = c->dns_consul || file->dns_consul;
    if (c->dnses_n == 0) {
        c->dnses = file->dnses;
        c->dnses_n = file->dnses_n;
    }
    if (c->dns_forwards_n == 0) {
        c->dns_forwards = file->dns_forwards;
        c->dns_forwards_n = file->dns_forwards_n;
    }
}

/* ---- checks and defaults ---- */

static int read_domains(struct flags_dns *f, const struct config *c, struct arena *mem,
                        struct buf *why)
{
    const char *name = c->dns_domain.len > 0 ? arena_str(mem, c->dns_domain) : DNS_DOMAIN;

    if (domain_read(&f->domains[f->domains_n++], name) != 0) {
        buf_printf(why, "--dns-domain \"%s\": write a name such as kith or svc.example.com\n",
                   name);
        return 1;
    }
    if (c->dns_consul && strcmp(name, DNS_DOMAIN_OF_CONSUL) != 0)
        (void)domain_read(&f->domains[f->domains_n++], DNS_DOMAIN_OF_CONSUL);
    return 0;
}

static int read_order_of(struct flags_dns *f, struct bytes text, struct buf *why)
{
    f->near = bytes_equal_str(text, "near");
    if (text.len == 0 || f->near || bytes_equal_str(text, "rotate"))
        return 0;
    buf_printf(why, "--dns-order \"" BYTES_FMT "\": write rotate or near\n", BYTES_ARG(text));
    return 1;
}

static int read_ttl_of(struct flags_dns *f, struct bytes text, struct buf *why)
{
    kith_time ttl_us = DNS_TTL_S * KITH_SEC;

    if ((text.len > 0 && units_duration_us(text, &ttl_us) != 0) || ttl_us < 0 ||
        ttl_us % KITH_SEC != 0 || ttl_us > DNS_TTL_MAX_S * KITH_SEC) {
        buf_printf(why, "--dns-ttl \"" BYTES_FMT "\": write whole seconds, such as 5s; up to 24h\n",
                   BYTES_ARG(text));
        return 1;
    }
    f->ttl_s = (uint32_t)(ttl_us / KITH_SEC);
    return 0;
}

static int read_rate_of(struct flags_dns *f, struct bytes text, struct arena *mem, struct buf *why)
{
    char rest;
    const char *s = arena_str(mem, text);

    f->rate = DNS_RATE;
    f->rate_own = text.len > 0;
    if (text.len == 0 || (isdigit(text.data[0]) && sscanf(s, "%7u%c", &f->rate, &rest) == 1))
        return 0;
    buf_printf(why, "--dns-rate \"%s\": write a number of answers a second, or 0\n", s);
    return 1;
}

/* ADDR[:PORT] as ADDR:PORT. */
static const char *server_address(struct bytes text, struct arena *mem)
{
    const char *s = arena_str(mem, text);
    const char *colon = strchr(s, ':');

    if (colon == NULL)
        return arena_printf(mem, "%s:" DNS_PORT, s);
    if (s[0] == '[' ? s[strlen(s) - 1] == ']' : strchr(colon + 1, ':') != NULL)
        return arena_printf(mem, s[0] == '[' ? "%s:" DNS_PORT : "[%s]:" DNS_PORT, s);
    return s;
}

static int read_forwards(struct flags_dns *f, const struct config *c, struct arena *mem,
                         struct buf *why)
{
    struct sockaddr_storage addr;
    socklen_t len;

    for (uint32_t i = 0; i < c->dns_forwards_n; i++) {
        const char *server = server_address(c->dns_forwards[i], mem);

        if (listen_parse(server, &addr, &len) != 0) {
            buf_printf(why,
                       "--dns-forward \"" BYTES_FMT "\": write ADDR or ADDR:PORT, in numbers\n",
                       BYTES_ARG(c->dns_forwards[i]));
            return 1;
        }
        f->forwards[f->forwards_n++] = server;
    }
    return 0;
}

int kithd_dns_read(struct flags_dns *ret, const struct config *c, const char *otherwise,
                   struct arena *mem, struct buf *why)
{
    bool none = c->dnses_n == 1 && bytes_equal_str(c->dnses[0], "none");

    *ret = (struct flags_dns){.by_default = c->dnses_n == 0};
    if (ret->by_default && otherwise != NULL)
        ret->addresses[ret->addresses_n++] = otherwise;
    for (uint32_t i = 0; !none && i < c->dnses_n; i++)
        ret->addresses[ret->addresses_n++] = arena_str(mem, c->dnses[i]);
    return read_domains(ret, c, mem, why) != 0 || read_forwards(ret, c, mem, why) != 0 ||
           read_order_of(ret, c->dns_order, why) != 0 || read_ttl_of(ret, c->dns_ttl, why) != 0 ||
           read_rate_of(ret, c->dns_rate, mem, why) != 0;
}
