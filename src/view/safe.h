#ifndef KITH_VIEW_SAFE_H
#define KITH_VIEW_SAFE_H
/*
 * Text from other peers, made harmless for a terminal. A service's name or a log line can hold
 * escape sequences that clear the screen, change the title or turn the reading direction, so that a
 * person reads something else than what is there. What is dangerous is shown as \xNN or \uNNNN:
 * C0 and C1 control characters, DEL, the characters that change direction (Unicode TR 9) and line
 * and paragraph separators. Bytes that are no UTF-8 are shown as \xNN.
 */
#include "base/buf.h"

/* One line: tab and newline are shown as \x09 and \x0a too. */
void safe_line(struct buf *out, struct bytes text);

/* Several lines: tab and newline stay. For output that a person asked to read. */
void safe_lines(struct buf *out, struct bytes text);

/*
 * Text that is JSON already, in which every dangerous character stands in a string: they become
 * \uNNNN, so the JSON means the same.
 */
void safe_json(struct buf *out, struct bytes json);

/* Columns that a safe line takes on a terminal; wide characters count as one. */
size_t safe_width(struct bytes line);

#endif
