#ifndef KITH_NATIVE_ROUTES_H
#define KITH_NATIVE_ROUTES_H
/* All of Kith's own API, and /metrics. */
#include "http/route.h"

extern const struct route_table native_routes;

#endif
