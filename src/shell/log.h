#ifndef KITH_SHELL_LOG_H
#define KITH_SHELL_LOG_H
/*
 * The daemon's log: lines on stderr, `2026-01-31T12:00:00.123Z warn  text`, one write each, so that
 * lines of several threads and programs never mix. Control characters in the text become '?': a
 * line stays a line, whoever wrote it.
 */
#include "wire/effect.h"

#define LOG_LINE_MAX 2048 /* bytes; a longer text is cut */

void log_set_level(enum log_level lowest); /* before threads start; LOG_INFO_ at first */
int log_parse_level(enum log_level *ret, const char *name); /* 0, or 1: no such level */

void log_bytes(enum log_level level, struct bytes text);
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The line as it would be written, newline included; returns its length. For tests. */
size_t log_format(char *out, size_t size, enum log_level level, kith_time wall_us,
                  struct bytes text);

#endif
