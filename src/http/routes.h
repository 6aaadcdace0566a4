#ifndef KITH_HTTP_ROUTES_H
#define KITH_HTTP_ROUTES_H
/* All that this peer answers over HTTP, in one table. */
#include "http/route.h"

extern const struct route routes[];
extern const size_t routes_n;

#endif
