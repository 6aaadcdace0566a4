#ifndef KITH_CONSUL_ROUTES_H
#define KITH_CONSUL_ROUTES_H
/* All of Consul's API that this peer answers, and what it refuses in words. */
#include "http/route.h"

extern const struct route_table consul_routes;

#endif
