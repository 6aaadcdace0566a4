#include "view/table.h"

#include "base/mem.h"
#include "view/safe.h"

#include <string.h>

struct table {
    const struct column **columns; /* those that are shown */
    size_t columns_n;
    size_t *widths;
    struct buf *cells; /* row after row */
    size_t rows_n;
};

static void choose(struct table *t, const struct columns *c, struct table_style style)
{
    t->columns = mem_alloc(c->n * sizeof(*t->columns));
    t->widths = mem_alloc(c->n * sizeof(*t->widths));
    for (size_t i = 0; i < c->n; i++) {
        const struct column *column = &c->items[i];
        if (column->title == NULL || (column->wide && !style.wide))
            continue;
        size_t title = style.titles ? strlen(column->title) : 0;
        t->columns[t->columns_n] = column;
        t->widths[t->columns_n++] = column->width > title ? column->width : title;
    }
}

static void fill_cell(struct table *t, const struct columns *c, const void *item, size_t row,
                      size_t column)
{
    struct buf *cell = &t->cells[row * t->columns_n + column];
    json_t *value = column_value(t->columns[column], c->type, item);

    column_cell(cell, value);
    json_decref(value);
    size_t width = safe_width(buf_bytes(cell));
    if (width > t->widths[column])
        t->widths[column] = width;
}

static void print_cell(struct buf *out, const struct table *t, size_t column, struct bytes text)
{
    size_t width = safe_width(text);

    buf_append(out, text.data, text.len);
    if (column + 1 == t->columns_n) {
        buf_byte(out, '\n');
        return;
    }
    for (size_t i = width; i < t->widths[column] + 2; i++)
        buf_byte(out, ' ');
}

static void print_rows(struct buf *out, const struct table *t)
{
    for (size_t row = 0; row < t->rows_n; row++) {
        for (size_t i = 0; i < t->columns_n; i++)
            print_cell(out, t, i, buf_bytes(&t->cells[row * t->columns_n + i]));
    }
}

static void deinit(struct table *t)
{
    for (size_t i = 0; i < t->rows_n * t->columns_n; i++)
        buf_deinit(&t->cells[i]);
    mem_free(t->cells);
    mem_free(t->widths);
    mem_free(t->columns);
}

void table_print(struct buf *out, const struct columns *c, struct wire_list items,
                 struct table_style style)
{
    struct table t = {.rows_n = items.n};

    choose(&t, c, style);
    t.cells = mem_alloc(t.rows_n * t.columns_n * sizeof(*t.cells));
    for (size_t row = 0; row < t.rows_n; row++) {
        for (size_t i = 0; i < t.columns_n; i++)
            fill_cell(&t, c, items.items + row * c->type->size, row, i);
    }
    for (size_t i = 0; style.titles && i < t.columns_n; i++)
        print_cell(out, &t, i, bytes_str(t.columns[i]->title));
    print_rows(out, &t);
    deinit(&t);
}
