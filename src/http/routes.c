#include "http/routes.h"

#include "http/consul.h"
#include "http/metrics.h"
#include "http/native.h"

const struct route routes[] = {
    {METHOD_GET, ROUTE_READS, "/v1/health/service/:", consul_health_service},
    {METHOD_GET, ROUTE_READS, "/v1/health/checks/:", consul_health_checks},
    {METHOD_GET, ROUTE_READS, "/v1/health/node/:", consul_health_node},
    {METHOD_GET, ROUTE_READS, "/v1/health/state/:", consul_health_state},
    {METHOD_GET, ROUTE_READS, "/v1/catalog/node/:", consul_catalog_node},
    {METHOD_GET, ROUTE_READS, "/v1/catalog/services", consul_catalog_services},
    {METHOD_GET, ROUTE_READS, "/v1/catalog/service/:", consul_catalog_service},
    {METHOD_GET, ROUTE_READS, "/v1/catalog/nodes", consul_catalog_nodes},
    {METHOD_GET, ROUTE_READS, "/v1/catalog/datacenters", consul_catalog_datacenters},
    {METHOD_GET, ROUTE_READS, "/v1/agent/self", consul_agent_self},
    {METHOD_GET, ROUTE_READS, "/v1/agent/members", consul_agent_members},
    {METHOD_GET, ROUTE_READS, "/v1/agent/services", consul_agent_services},
    {METHOD_GET, ROUTE_READS, "/v1/agent/checks", consul_agent_checks},
    {METHOD_GET, ROUTE_READS, "/v1/agent/service/:", consul_agent_service},
    {METHOD_PUT, ROUTE_CHANGES, "/v1/agent/check/update/:", consul_check_update},
    {METHOD_PUT, ROUTE_CHANGES, "/v1/agent/service/register", consul_service_register},
    {METHOD_GET | METHOD_PUT, ROUTE_CHANGES,
     "/v1/agent/service/deregister/:", consul_service_deregister},
    {METHOD_GET | METHOD_PUT, ROUTE_CHANGES, "/v1/agent/check/pass/:", consul_check_pass},
    {METHOD_GET | METHOD_PUT, ROUTE_CHANGES, "/v1/agent/check/warn/:", consul_check_warn},
    {METHOD_GET | METHOD_PUT, ROUTE_CHANGES, "/v1/agent/check/fail/:", consul_check_fail},
    {METHOD_GET | METHOD_PUT, ROUTE_CHANGES, "/v1/agent/join/:", consul_agent_join},
    {METHOD_PUT, ROUTE_CHANGES, "/v1/agent/leave", consul_agent_leave},
    {METHOD_GET | METHOD_PUT, ROUTE_CHANGES, "/v1/agent/force-leave/:", consul_agent_force_leave},
    {METHOD_PUT, ROUTE_CHANGES, "/v1/event/fire/:", consul_event_fire},
    {METHOD_GET, ROUTE_READS, "/v1/event/list", consul_event_list},
    {METHOD_GET, ROUTE_READS, "/v1/kv/*", consul_kv_get},
    {METHOD_PUT, ROUTE_CHANGES, "/v1/kv/*", consul_kv_put},
    {METHOD_DELETE, ROUTE_CHANGES, "/v1/kv/*", consul_kv_delete},
    {METHOD_PUT, ROUTE_CHANGES, "/v1/txn", consul_txn},
    {METHOD_PUT, ROUTE_CHANGES, "/v1/session/create", consul_session_create},
    {METHOD_PUT, ROUTE_CHANGES, "/v1/session/destroy/:", consul_session_destroy},
    {METHOD_PUT, ROUTE_CHANGES, "/v1/session/renew/:", consul_session_renew},
    {METHOD_GET, ROUTE_READS, "/v1/session/info/:", consul_session_info},
    {METHOD_GET, ROUTE_READS, "/v1/session/node/:", consul_session_node},
    {METHOD_GET, ROUTE_READS, "/v1/session/list", consul_session_list},
    {METHOD_GET, ROUTE_READS, "/v1/status/leader", consul_status_leader},
    {METHOD_GET, ROUTE_READS, "/v1/status/peers", consul_status_peers},
    {METHOD_GET, ROUTE_READS, "/api/v1/members", native_members},
    {METHOD_GET, ROUTE_READS, "/api/v1/services", native_services},
    {METHOD_GET, ROUTE_READS, "/api/v1/services/:/endpoints", native_endpoints},
    {METHOD_GET, ROUTE_READS, "/api/v1/prometheus", native_targets},
    {METHOD_GET, ROUTE_READS, "/metrics", metrics_show},
};

const size_t routes_n = sizeof(routes) / sizeof(routes[0]);
