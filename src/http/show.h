#ifndef KITH_HTTP_SHOW_H
#define KITH_HTTP_SHOW_H
/* Members and endpoints as Kith's own API has them in JSON, in its lists and in streams alike (docs/openapi.yaml). */
#include "http/directory.h"

/* All of them, as an array. */
void show_members(struct buf *out, struct directory *d);
/* As an array; NULL: a service that is not there. */
void show_endpoints(struct buf *out, const struct dir_service *s);
/* One of this service's. */
void show_endpoint(struct buf *out, const struct dir_service *s, const struct lookup_endpoint *e);

#endif
