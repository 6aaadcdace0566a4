#ifndef KITH_TEST_DOCUMENTED_H
#define KITH_TEST_DOCUMENTED_H
/* Counters of `kith info` stand in docs/info.md. */
#include "test.h"

#include "wire/gen/client.h"
#include <stdio.h>
#include <string.h>

/* "lane.bulk.queued" is documented as "lane.L.queued". */
static inline void documented_name(const struct counter *c, char *ret, size_t size)
{
    static const char lane[] = "lane.";
    char name[128];
    snprintf(name, sizeof name, BYTES_FMT, BYTES_ARG(c->name));
    const char *last = strrchr(name, '.');
    if (strncmp(name, lane, sizeof lane - 1) == 0 && last != NULL)
        snprintf(ret, size, "`lane.L%s`", last);
    else
        snprintf(ret, size, "`%s`", name);
}

static inline void assert_documented(const struct counter *counters, uint32_t n)
{
    static char page[64 * 1024];
    FILE *file = fopen(KITH_SOURCE_ROOT "/docs/info.md", "r");
    assert_non_null(file);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    fclose(file);
    for (uint32_t i = 0; i < n; i++) {
        char name[160];
        documented_name(&counters[i], name, sizeof name);
        if (strstr(page, name) == NULL)
            fail_msg("docs/info.md says nothing of %s", name);
    }
}

#endif
