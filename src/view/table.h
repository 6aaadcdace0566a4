#ifndef KITH_VIEW_TABLE_H
#define KITH_VIEW_TABLE_H
/* Rows under titles, in columns as wide as their widest cell, two blanks between them. */
#include "view/column.h"

/* Whether the first line is the titles, and whether the wide columns are shown. */
struct table_style {
    bool titles;
    bool wide;
};

/* The items of a list, each of the columns' struct. */
void table_print(struct buf *out, const struct columns *c, struct wire_list items,
                 struct table_style style);

#endif
