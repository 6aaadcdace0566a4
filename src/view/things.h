#ifndef KITH_VIEW_THINGS_H
#define KITH_VIEW_THINGS_H
/*
 * The things that people ask for, as data: which answer shows which fields, under which names, in
 * which columns. Names in JSON are a promise to scripts: docs/architecture.md and `kith --help` say
 * what is there at least; a field may be added, none is renamed.
 */
#include "view/column.h"
#include "wire/gen/kinds.h"

struct thing {
    enum wire_kind kind; /* of the answer */
    const char *list;    /* the answer's field that holds the items; NULL: the answer is the item */
    const struct columns *columns;
    const char *text; /* the field that is all there is to say to people, or NULL */
};

/* NULL when there is nothing to show of this kind. */
const struct thing *thing_find(enum wire_kind kind);

/* All of them, for tests. */
extern const struct thing things[];
extern const size_t things_n;

#endif
