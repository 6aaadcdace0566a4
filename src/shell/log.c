#include "shell/log.h"
#include "shell/clock.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static enum log_level lowest_level = LOG_INFO_;

void log_set_level(enum log_level lowest)
{
    lowest_level = lowest;
}

int log_parse_level(enum log_level *ret, const char *name)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (strcmp(level_names[i], name) == 0) {
            *ret = (enum log_level)i;
            return 0;
        }
    }
    return 1;
}

size_t log_format(char *out, size_t size, enum log_level level, kith_time wall_us,
                  struct bytes text)
{
    time_t seconds = (time_t)(wall_us / KITH_SEC);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t len = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
    int more = snprintf(out + len, size - len, ".%03dZ %-5s ", (int)(wall_us / KITH_MS % 1000),
                        level_names[level]);
    len += (size_t)more;
    for (size_t i = 0; i < text.len && len < size - 1; i++)
        out[len++] = text.data[i] < ' ' || text.data[i] == 127 ? '?' : (char)text.data[i];
    out[len++] = '\n';
    return len;
}

void log_bytes(enum log_level level, struct bytes text)
{
    if (level < lowest_level)
        return;
    char line[LOG_LINE_MAX];
    size_t len = log_format(line, sizeof line, level, clock_wall_us(), text);
    /* Nobody can be told that the log itself cannot be written. */
    ssize_t ignored = write(STDERR_FILENO, line, len);
    (void)ignored;
}

void log_line(enum log_level level, const char *format, ...)
{
    char text[LOG_LINE_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t used = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    log_bytes(level, bytes_of(text, used));
}
