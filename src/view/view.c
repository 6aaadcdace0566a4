#include "view/view.h"

#include "view/safe.h"
#include "view/table.h"
#include "view/things.h"
#include "view/yaml.h"
#include "wire/frame.h"

#include <assert.h>
#include <string.h>

static const char *const format_names[] = {
    [VIEW_TABLE] = "table",
    [VIEW_WIDE] = "wide",
    [VIEW_JSON] = "json",
    [VIEW_YAML] = "yaml",
};

bool view_format_parse(enum view_format *ret, const char *text)
{
    for (unsigned i = 0; i < sizeof(format_names) / sizeof(format_names[0]); i++) {
        if (strcmp(text, format_names[i]) == 0) {
            *ret = (enum view_format)i;
            return true;
        }
    }
    return false;
}

/* The items of an answer; the answer itself if it is no list. */
static struct wire_list items_of(const struct thing *thing, const void *answer)
{
    if (thing->list == NULL)
        return (struct wire_list){answer, 1};
    const struct wire_kind_info *info = frame_kind((uint32_t)thing->kind);
    assert(info != NULL);
    return wire_load_list(column_field(info->type, thing->list), answer);
}

/* ---- for programs ---- */

static void write_value(struct buf *out, const json_t *value, struct view_style style)
{
    bool lines = style.shape == VIEW_MORE;

    if (style.format == VIEW_YAML) {
        yaml_write(out, value, 0);
        return;
    }
    json_write(out, value, lines ? JSON_COMPACT : JSON_INDENT(2));
    buf_byte(out, '\n');
}

static void structured(struct buf *out, const struct thing *thing, struct wire_list items,
                       struct view_style style)
{
    bool one = thing->list == NULL || style.shape == VIEW_ONE;
    json_t *array = json_array();

    for (uint32_t i = 0; i < items.n; i++)
        json_array_append_new(
            array, columns_object(thing->columns, items.items + i * thing->columns->type->size));
    if (one) {
        json_t *none = json_object();
        write_value(out, items.n > 0 ? json_array_get(array, 0) : none, style);
        json_decref(none);
    } else if (style.shape == VIEW_MORE && style.format == VIEW_JSON) {
        for (size_t i = 0; i < json_array_size(array); i++)
            write_value(out, json_array_get(array, i), style);
    } else if (style.shape != VIEW_MORE || items.n > 0) {
        write_value(out, array, style);
    }
    json_decref(array);
}

/* ---- for people ---- */

/* A column of rows, as a table under its name. */
static void print_section(struct buf *out, const struct column *c, const struct wire_struct *type,
                          const void *item, bool wide)
{
    struct wire_list rows = wire_load_list(column_field(type, c->field), item);

    if (rows.n == 0)
        return;
    buf_printf(out, "%s%s\n", out->len > 0 ? "\n" : "", c->name);
    table_print(out, c->rows, rows, (struct table_style){.titles = true, .wide = wide});
}

static void print_line(struct buf *out, const char *name, const json_t *value)
{
    if (json_object_size(value) > 0) {
        buf_printf(out, "%s:\n", name);
        yaml_write(out, value, 2);
        return;
    }
    buf_printf(out, "%-17s ", name);
    column_cell(out, value);
    buf_byte(out, '\n');
}

/* One item in full: a line for each field, then what has rows. */
static void in_full(struct buf *out, const struct columns *c, const void *item, bool wide)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct column *column = &c->items[i];
        if (column->name == NULL || column->as == COLUMN_ROWS)
            continue;
        json_t *value = column_value(column, c->type, item);
        if (value != NULL)
            print_line(out, column->name, value);
        json_decref(value);
    }
    for (size_t i = 0; i < c->n; i++) {
        if (c->items[i].as == COLUMN_ROWS)
            print_section(out, &c->items[i], c->type, item, wide);
    }
}

/* An answer that is a sentence, or some. */
static void print_text(struct buf *out, const struct thing *thing, const void *answer)
{
    const struct wire_field *f = column_field(thing->columns->type, thing->text);
    struct wire_list lines = {wire_field_at(f, answer), 1};

    if (f->list)
        lines = wire_load_list(f, answer);
    for (uint32_t i = 0; i < lines.n; i++) {
        struct bytes line = wire_load_bytes(lines.items + i * sizeof(struct bytes));
        if (line.len == 0)
            continue;
        safe_lines(out, line);
        buf_byte(out, '\n');
    }
}

static void for_people(struct buf *out, const struct thing *thing, const void *answer,
                       struct view_style style)
{
    struct wire_list items = items_of(thing, answer);
    bool wide = style.format == VIEW_WIDE;

    bool one = thing->list == NULL || style.shape == VIEW_ONE;

    if (thing->text != NULL)
        print_text(out, thing, answer);
    else if (!one)
        table_print(out, thing->columns, items,
                    (struct table_style){.titles = style.shape == VIEW_LIST, .wide = wide});
    else if (items.n > 0)
        in_full(out, thing->columns, items.items, wide);
}

int view_answer(struct buf *out, enum wire_kind kind, const void *answer, struct view_style style)
{
    const struct thing *thing = thing_find(kind);

    if (thing == NULL)
        return VIEW_UNKNOWN;
    if (style.format == VIEW_TABLE || style.format == VIEW_WIDE)
        for_people(out, thing, answer, style);
    else
        structured(out, thing, items_of(thing, answer), style);
    return 0;
}

/* ---- DOT ---- */

static void dot_text(struct buf *out, struct bytes text)
{
    struct buf line = {0};

    safe_line(&line, text);
    buf_byte(out, '"');
    for (size_t i = 0; i < line.len; i++) {
        if (line.data[i] == '"' || line.data[i] == '\\')
            buf_byte(out, '\\');
        buf_byte(out, line.data[i]);
    }
    buf_byte(out, '"');
    buf_deinit(&line);
}

static const char *dot_style(const struct edge_info *e)
{
    if (e->held)
        return " [style=dashed, color=red, label=\"held out\"]";
    if (e->missing)
        return " [style=dotted, color=gray]";
    return e->wants ? " [style=dashed]" : "";
}

void view_dot(struct buf *out, const struct service_graph *g)
{
    buf_str(out, "digraph services {\n    rankdir=LR;\n    node [shape=box];\n");
    for (uint32_t i = 0; i < g->nodes_n; i++) {
        const struct node_info *n = &g->nodes[i];
        buf_str(out, "    ");
        dot_text(out, n->name);
        if (n->healthy < n->count)
            buf_printf(out, " [color=red, xlabel=\"%u of %u\"]", n->healthy, n->count);
        buf_str(out, ";\n");
    }
    for (uint32_t i = 0; i < g->edges_n; i++) {
        const struct edge_info *e = &g->edges[i];
        buf_str(out, "    ");
        dot_text(out, e->from);
        buf_str(out, " -> ");
        dot_text(out, e->to);
        buf_printf(out, "%s;\n", dot_style(e));
    }
    buf_str(out, "}\n");
}
