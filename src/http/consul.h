#ifndef KITH_HTTP_CONSUL_H
#define KITH_HTTP_CONSUL_H
/*
 * Consul's HTTP API, the part that finds services: what its clients call, answered from the directory. Source: Consul's
 * API documentation, 1.15. What Kith has no such thing for is refused, and never ignored.
 *
 * Answers about services list what runs on hosts that live: where Consul keeps the services of a failed node and
 * calls it critical, they are gone here, and back with their host.
 */
#include "http/exchange.h"

/* Reads. */
void consul_health_service(struct exchange *x);
void consul_health_checks(struct exchange *x);
void consul_health_node(struct exchange *x);
void consul_catalog_node(struct exchange *x);
void consul_catalog_services(struct exchange *x);
void consul_catalog_service(struct exchange *x);
void consul_catalog_nodes(struct exchange *x);
void consul_catalog_datacenters(struct exchange *x);
void consul_agent_self(struct exchange *x);
void consul_agent_members(struct exchange *x);
void consul_agent_services(struct exchange *x);
void consul_agent_service(struct exchange *x);
void consul_agent_checks(struct exchange *x);
void consul_status_leader(
    struct exchange *x); /* there is none: this peer, which takes everything */
void consul_status_peers(struct exchange *x);

/* Changes. */
void consul_service_register(struct exchange *x);
void consul_service_deregister(struct exchange *x);
void consul_check_pass(struct exchange *x);
void consul_check_warn(struct exchange *x);
void consul_check_fail(struct exchange *x);
void consul_check_update(struct exchange *x);

#endif
