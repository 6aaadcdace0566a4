#ifndef KITH_TRUST_KEYFILE_H
#define KITH_TRUST_KEYFILE_H
/*
 * The text form of the secrets that are kept in files: an identity (a node's in its data folder, an
 * operator's or client's key file) and a cluster's keys (the operator's folder only). BEGIN line, base64,
 * END line; see armor.h.
 */
#include "wire/gen/trust.h"

#define KEYFILE_IDENTITY_LABEL "KITH IDENTITY"
#define KEYFILE_CLUSTER_LABEL  "KITH CLUSTER KEYS"

/* No key file of ours is larger. */
#define KEYFILE_MAX_BYTES 32768

enum { KEYFILE_BAD = 1 };

void keyfile_write_identity(struct buf *out, const struct identity *identity);
void keyfile_write_cluster(struct buf *out, const struct cluster_keys *keys);

/* 0; or KEYFILE_BAD: no such file, damaged, or of the other sort. *ret points into mem. */
int keyfile_read_identity(struct identity *ret, struct bytes text, struct arena *mem);
int keyfile_read_cluster(struct cluster_keys *ret, struct bytes text, struct arena *mem);

#endif
