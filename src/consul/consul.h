#ifndef KITH_CONSUL_CONSUL_H
#define KITH_CONSUL_CONSUL_H
/*
 * Consul's HTTP API, the parts that find services and keep keys: what its clients call, answered from the directory and the shelf. Source: Consul's
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
/* All checks, or those that are passing, warning or critical. */
void consul_health_state(struct exchange *x);
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

void consul_event_list(struct exchange *x);

void consul_kv_get(struct exchange *x);
void consul_session_list(struct exchange *x);
void consul_session_info(struct exchange *x);
void consul_session_node(struct exchange *x);

/* Changes. */
void consul_event_fire(struct exchange *x);
void consul_agent_join(struct exchange *x);
void consul_agent_leave(struct exchange *x);
void consul_agent_force_leave(struct exchange *x);
void consul_kv_put(struct exchange *x);
void consul_kv_delete(struct exchange *x);
void consul_txn(struct exchange *x);
void consul_session_create(struct exchange *x);
void consul_session_destroy(struct exchange *x);
void consul_session_renew(struct exchange *x);
void consul_service_register(struct exchange *x);
void consul_service_deregister(struct exchange *x);
void consul_check_pass(struct exchange *x);
void consul_check_warn(struct exchange *x);
void consul_check_fail(struct exchange *x);
void consul_check_update(struct exchange *x);
void consul_check_register(struct exchange *x);
void consul_check_deregister(struct exchange *x);
void consul_agent_maintenance(struct exchange *x);
void consul_service_maintenance(struct exchange *x);
void consul_catalog_register(struct exchange *x);
void consul_catalog_deregister(struct exchange *x);

/* What there is none of here: answered with words, whatever the method. */
void consul_no_acl(struct exchange *x);
void consul_absent(struct exchange *x);

#endif
