#ifndef KITH_HTTP_PASS_H
#define KITH_HTTP_PASS_H
/*
 * The token of a peer's HTTP API: a secret in a file that only the daemon's user can read, made at its first start. Whoever
 * can read it may do what the owner of the daemon's socket may. A token of one's own can be put there instead: one
 * line, of PASS_MIN to PASS_MAX printable characters.
 */
#include "base/buf.h"

#define PASS_FILE  "http.token" /* in the data folder */
#define PASS_BYTES 32           /* random ones, in hexadecimal */
#define PASS_MIN   16u
#define PASS_MAX   1024u

/* Reads it, or makes it. 0, or 1 with the reason in *why. */
int pass_open(const char *folder, struct buf *ret, struct buf *why);

#endif
