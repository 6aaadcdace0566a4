#ifndef KITH_CLIENT_ADDRESS_H
#define KITH_CLIENT_ADDRESS_H
/* What people write for an address, as a ZeroMQ endpoint. */
#include "base/buf.h"

enum { ADDRESS_BAD = 1 };

/*
 * ipc://PATH, tcp://HOST:PORT and ws://... as they are; a PATH (with a slash) becomes ipc://PATH; HOST,
 * HOST:PORT, an IPv6 address with or without brackets becomes tcp://HOST:PORT with the default port where
 * there is none. Appends it. ADDRESS_BAD: none of these.
 */
int address_uri(struct buf *out, struct bytes text);

/* The path of an ipc:// endpoint, NUL-terminated within `uri`; NULL for another kind. */
const char *address_ipc_path(const char *uri);

#endif
