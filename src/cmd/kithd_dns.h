#ifndef KITH_CMD_KITHD_DNS_H
#define KITH_CMD_KITHD_DNS_H
/* kithd's flags about DNS. */
#include "base/arena.h"
#include "base/buf.h"
#include "cmd/kithd_given.h"
#include "dns/dns.h"

#define DNS_DOMAIN           "kith"
#define DNS_DOMAIN_OF_CONSUL "consul"
#define DNS_TTL_S            1
#define DNS_TTL_MAX_S        86400
#define DNS_RATE             5000 /* answers a second to one network */

struct flags_dns {
    const char *addresses[CONFIG_MAX_DNS]; /* ADDR:PORT */
    uint32_t addresses_n;
    bool by_default; /* nobody said so: a port that is taken is no reason to end */
    const char *forwards[CONFIG_MAX_FORWARDS]; /* ADDR:PORT */
    uint32_t forwards_n;
    struct domain domains[ASKED_DOMAINS_MAX];
    unsigned domains_n;
    uint32_t ttl_s, rate;
    bool near, rate_own;
};

extern const struct flag kithd_dns_flags[];
extern const size_t kithd_dns_flags_n;

/* Takes from the file what no flag has said. */
void kithd_dns_merge(struct config *c, const struct config *file);

/* `otherwise`: where it is answered when nobody says so, NULL: nowhere. 0, or 1 with what to write instead in *why. */
int kithd_dns_read(struct flags_dns *ret, const struct config *c, const char *otherwise,
                   struct arena *mem, struct buf *why);

#endif
