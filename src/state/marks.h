#ifndef KITH_STATE_MARKS_H
#define KITH_STATE_MARKS_H
/*
 * A list of rows to which something is still to be done: each once, in the order of their first
 * marking, always with the row's newest content. Internal to src/state.
 */
#include "state/table.h"

struct marks {
    enum mark which;
    struct entry **items; /* NULL where one was taken out */
    size_t count, cap;
};

void marks_deinit(struct marks *m);
void marks_add(struct marks *m, struct entry *e);
void marks_remove(struct marks *m, struct entry *e);
/* `to` stands from now on where `from` stood, if it did. */
void marks_move(struct marks *m, struct entry *from, struct entry *to);
/* Takes the marks off all of them; the list is empty then. */
void marks_clear(struct marks *m);

#endif
