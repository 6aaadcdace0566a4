#include "native/routes.h"

#include "native/metrics.h"
#include "native/native.h"

static const struct route routes[] = {
    {METHOD_GET, ROUTE_READS, "/api/v1/members", native_members},
    {METHOD_GET, ROUTE_READS, "/api/v1/members/:", native_member},
    {METHOD_DELETE, ROUTE_CHANGES, "/api/v1/members/:", native_forget},
    {METHOD_GET, ROUTE_READS, "/api/v1/members/:/rtt", native_rtt},
    {METHOD_GET, ROUTE_READS, "/api/v1/info", native_info},
    {METHOD_GET, ROUTE_READS, "/api/v1/metrics", native_metrics},
    {METHOD_GET, ROUTE_READS, "/api/v1/services", native_services},
    {METHOD_PUT, ROUTE_CHANGES, "/api/v1/services", native_apply},
    {METHOD_GET, ROUTE_SECRETS, "/api/v1/services/:", native_service},
    {METHOD_DELETE, ROUTE_CHANGES, "/api/v1/services/:", native_remove},
    {METHOD_GET, ROUTE_READS, "/api/v1/services/:/endpoints", native_endpoints},
    {METHOD_POST, ROUTE_CHANGES, "/api/v1/services/:/scale", native_scale},
    {METHOD_POST, ROUTE_CHANGES, "/api/v1/services/:/stop", native_stop},
    {METHOD_POST, ROUTE_CHANGES, "/api/v1/services/:/start", native_start},
    {METHOD_POST, ROUTE_CHANGES, "/api/v1/services/:/restart", native_restart},
    {METHOD_POST, ROUTE_CHANGES, "/api/v1/validate", native_validate},
    {METHOD_POST, ROUTE_CHANGES, "/api/v1/stop", native_stop_all},
    {METHOD_GET, ROUTE_READS, "/api/v1/changes", native_changes},
    {METHOD_GET, ROUTE_READS, "/api/v1/instances", native_instances},
    {METHOD_GET, ROUTE_READS, "/api/v1/instances/:", native_instance},
    {METHOD_GET, ROUTE_SECRETS, "/api/v1/instances/:/logs", native_logs},
    {METHOD_POST, ROUTE_CHANGES, "/api/v1/registrations", native_register_any},
    {METHOD_PUT, ROUTE_CHANGES, "/api/v1/registrations/:", native_register},
    {METHOD_DELETE, ROUTE_CHANGES, "/api/v1/registrations/:", native_deregister},
    {METHOD_PUT, ROUTE_CHANGES, "/api/v1/registrations/:/health", native_report},
    {METHOD_GET, ROUTE_READS, "/api/v1/graph", native_graph},
    {METHOD_GET, ROUTE_READS, "/api/v1/why/:", native_why},
    {METHOD_GET, ROUTE_READS, "/api/v1/commands", native_commands},
    {METHOD_POST, ROUTE_CHANGES, "/api/v1/commands", native_submit},
    {METHOD_GET, ROUTE_READS, "/api/v1/commands/:", native_command},
    {METHOD_GET, ROUTE_READS, "/api/v1/conflicts", native_conflicts},
    {METHOD_POST, ROUTE_CHANGES, "/api/v1/conflicts/:/undo", native_undo},
    {METHOD_GET, ROUTE_READS, "/api/v1/events", native_events},
    {METHOD_POST, ROUTE_CHANGES, "/api/v1/topics/*", native_publish},
    {METHOD_GET, ROUTE_READS, "/api/v1/messages", native_messages},
    {METHOD_POST, ROUTE_CHANGES, "/api/v1/backup", native_backup},
    {METHOD_POST, ROUTE_CHANGES, "/api/v1/join", native_join},
    {METHOD_POST, ROUTE_CHANGES, "/api/v1/leave", native_leave},
    {METHOD_GET, ROUTE_READS, "/api/v1/prometheus", native_targets},
    {METHOD_GET, ROUTE_READS, "/metrics", metrics_show},
};

const struct route_table native_routes = {routes, sizeof(routes) / sizeof(routes[0])};
