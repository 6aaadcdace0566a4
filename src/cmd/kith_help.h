#ifndef KITH_CMD_KITH_HELP_H
#define KITH_CMD_KITH_HELP_H
/* Help texts, made from the tables of verbs and flags, and the finding of a verb by its words. */
#include "cmd/kith.h"

void help_program(struct buf *out);
void help_verb(struct buf *out, const struct verb *verb);

/* The verb that the words begin with, and how many words its name takes. NULL: none; *why then names the nearest. */
const struct verb *help_find(const struct args *args, int *ret_words, struct buf *why);

/* 0, or KITH_USAGE and *why: a flag that the verb does not take, too few words or too many. */
int help_check(const struct verb *verb, const struct args *args, int name_words, struct buf *why);

#endif
