#include "view/rfc3339.h"

#include <stdio.h>
#include <time.h>

struct rfc3339 rfc3339_text(int64_t wall_ms)
{
    struct rfc3339 ret;
    int64_t ms = wall_ms % 1000;
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;

    if (ms < 0) {
        ms += 1000;
        seconds--;
    }
    if (gmtime_r(&seconds, &tm) == NULL) { /* a year that does not fit an int */
        snprintf(ret.s, sizeof(ret.s), "?");
        return ret;
    }
    size_t n = strftime(ret.s, sizeof(ret.s), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(ret.s + n, sizeof(ret.s) - n, ".%03dZ", (int)ms);
    return ret;
}
