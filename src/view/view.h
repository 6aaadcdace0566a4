#ifndef KITH_VIEW_VIEW_H
#define KITH_VIEW_VIEW_H
/*
 * A peer's answer as people and programs see it. What is shown of each answer stands in things.c;
 * times are RFC 3339, durations milliseconds (`_ms`), ULIDs text. Nothing here can harm a terminal,
 * whoever wrote the values (safe.h).
 */
#include "base/buf.h"
#include "wire/gen/client.h"
#include "wire/gen/kinds.h"

enum view_format { VIEW_TABLE, VIEW_WIDE, VIEW_JSON, VIEW_YAML };

enum view_shape {
    VIEW_LIST, /* a table, or one array */
    VIEW_ONE,  /* the first item in full, or one object; {} or nothing if there is none */
    VIEW_MORE, /* items that follow earlier ones: rows without titles, or one object per line */
};

struct view_style {
    enum view_format format;
    enum view_shape shape; /* of an answer that is a list; others are one object anyway */
};

/* "table", "wide", "json", "yaml"; false for anything else. */
bool view_format_parse(enum view_format *ret, const char *text);

enum { VIEW_UNKNOWN = 1 };

/*
 * Appends the answer: answer is the decoded struct of this kind. 0, or VIEW_UNKNOWN for a kind that
 * is no answer to show.
 */
int view_answer(struct buf *out, enum wire_kind kind, const void *answer, struct view_style style);

/* The graph as DOT, the language of Graphviz: an arrow points to what is needed. */
void view_dot(struct buf *out, const struct service_graph *g);

#endif
