#ifndef KITH_VIEW_RFC3339_H
#define KITH_VIEW_RFC3339_H
/* Times as people and programs read them: RFC 3339 in UTC with milliseconds. */
#include "base/time.h"

struct rfc3339 { /* a value, for printing: rfc3339_text(ms).s */
    char s[40];
};

/* wall_ms: milliseconds since 1970, any value; "2026-11-21T10:04:05.678Z". */
struct rfc3339 rfc3339_text(int64_t wall_ms);

#endif
