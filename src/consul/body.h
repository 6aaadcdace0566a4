#ifndef KITH_CONSUL_BODY_H
#define KITH_CONSUL_BODY_H
/*
 * Reads what Consul's clients send to register services and checks: JSON of agent/service/register, agent/check/register and update,
 * catalog/register and deregister. Pure but for the memory that jansson takes. Names are taken in either of the two forms that Consul takes ("DeregisterCriticalServiceAfter" and
 * "deregister_critical_service_after"), of any case.
 *
 * Refused, with words: what is no such JSON; checks that Kith would have to run (HTTP, TCP, gRPC, scripts, aliases), or more
 * than 16 of them; proxies, connect and namespaces. What only tells how Consul works inside (EnableTagOverride,
 * Weights, TaggedAddresses) is passed over.
 */
#include "base/arena.h"
#include "wire/wire.h"

/* A check with a TTL makes it one that is critical when not renewed; critical at first, as Consul has it, unless its
 * Status says otherwise. Of several, those without a CheckID are "service:ID:1" and so on, by where they stand. 0; or 1, and *why says what to write instead. All in `mem`. */
int consul_read_service(struct register_endpoint *ret, struct bytes body, struct arena *mem,
                        const char **why);
/* Of agent/check/update: Status and Output, which is cut to what a row holds. As above. */
int consul_read_report(struct report_endpoint *ret, struct bytes body, struct arena *mem,
                       const char **why);

/* What catalog/register and deregister say: a service on a node, with its checks, which have no TTL; or a node alone. */
struct consul_entry {
    struct bytes node, address;
    struct register_endpoint
        service; /* no name: the node alone. deregister: only its name, which may be empty: all of the node */
};

/* As above. */
int consul_read_entry(struct consul_entry *ret, struct bytes body, struct arena *mem,
                      const char **why);
int consul_read_ending(struct consul_entry *ret, struct bytes body, struct arena *mem,
                       const char **why);
/* Of agent/check/register: a check with a TTL of a service that is registered already, or without one, of the host. As above. */
int consul_read_check(struct check_endpoint *ret, struct bytes body, struct arena *mem,
                      const char **why);

#endif
