#ifndef KITH_TRUST_ARMOR_H
#define KITH_TRUST_ARMOR_H
/*
 * Bytes as a text file that people may copy, paste and mail: a BEGIN line, base64 (RFC 4648) in
 * lines of 64 characters, an END line. What stands before BEGIN and after END is skipped, so a file
 * may say in words what it is. The label tells what is inside ("KITH TOKEN").
 */
#include "base/buf.h"

/* The largest thing of ours is a token: two signed parts and 32 seeds. */
#define ARMOR_MAX_BYTES 65536

enum armor_problem {
    ARMOR_MISSING = 1, /* no BEGIN line with this label */
    ARMOR_CUT,         /* a BEGIN line, but no END line */
    ARMOR_BAD,         /* what stands between is not base64 */
    ARMOR_LONG,        /* more than ARMOR_MAX_BYTES */
};

void armor_write(struct buf *out, const char *label, struct bytes content);

/* Appends the content to *ret. 0 or an enum armor_problem, then *ret is as before. */
int armor_read(struct buf *ret, const char *label, struct bytes text);

#endif
