#ifndef KITH_STATE_JOURNAL_H
#define KITH_STATE_JOURNAL_H
/*
 * What this peer saw happen, for `kith events`: a ring of the last JOURNAL_MAX entries in memory.
 * The oldest are dropped; positions go on counting, so a reader knows what it missed.
 */
#include "wire/wire.h"

#define JOURNAL_MAX 4096

struct journal;

struct journal *journal_new(void);
void journal_free(struct journal *j);
void journal_add(struct journal *j, int64_t at_ms, const char *what, struct bytes subject,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Entries after position `after`, oldest first, at most `limit`, into `ret` (lists in `mem`). */
void journal_read(const struct journal *j, uint64_t after, uint32_t limit, struct events *ret,
                  struct arena *mem);

#endif
