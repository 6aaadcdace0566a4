#ifndef KITH_CMD_KITH_FOLDER_H
#define KITH_CMD_KITH_FOLDER_H
/*
 * The operator's folder: --dir, else $KITH_DIR, else $XDG_CONFIG_HOME/kith, else ~/.config/kith.
 *
 *     cluster.keys    struct cluster_keys: the issuer's and the ring's secrets; makes tokens
 *     operator.key    struct identity: who the operator is; connects and is admitted
 */
#include "cmd/kith.h"
#include "trust/keyfile.h"
#include "trust/keys.h"

#define FOLDER_CLUSTER_FILE  "cluster.keys"
#define FOLDER_OPERATOR_FILE "operator.key"

/* Appends the path of a file in the folder; false: nothing says where the folder is. */
bool folder_path(const struct kith *k, struct buf *out, const char *file);

/* The key file for connecting: --key, or operator.key. False: there is none that can be read; the client knows
 * whether it needs one, and says so. */
bool folder_read_key(const struct kith *k, struct buf *ret);

/* The cluster's keys; 0, or KITH_FAILED and said why. *ret points into k->mem. */
int folder_read_cluster(struct kith *k, struct cluster_keys *ret);

/* Writes a secret, mode 0600; makes the folder. Replaces only with --force. 0, or KITH_FAILED and said why. */
int folder_write(struct kith *k, const char *path, struct bytes content);

#endif
