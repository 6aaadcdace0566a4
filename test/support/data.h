#ifndef KITH_TEST_DATA_H
#define KITH_TEST_DATA_H
/* Reference data that is not part of the repository: $KITH_DATA, or ../shared/data beside the source tree.
 * A test whose data is absent says so and skips:
 *
 *     size_t length;
 *     char *text = test_data("ulid/ulid_vectors.json", &length);
 *     if (text == NULL)
 *         skip();
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* The whole file with a 0 after it, owned by the caller (free); NULL, and a line on stderr, when it is absent.
 * length may be NULL. */
static inline char *test_data(const char *path, size_t *length)
{
    const char *dir = getenv("KITH_DATA");
    char name[4096];
    if (dir != NULL)
        snprintf(name, sizeof name, "%s/%s", dir, path);
    else
        snprintf(name, sizeof name, "%s/../shared/data/%s", KITH_SOURCE_ROOT, path);
    FILE *file = fopen(name, "rb");
    if (file == NULL) {
        fprintf(stderr, "skipped: no %s (set KITH_DATA)\n", name);
        return NULL;
    }
    fseek(file, 0, SEEK_END);
    long end = ftell(file);
    rewind(file);
    char *text = malloc((size_t)end + 1);
    size_t got = text != NULL ? fread(text, 1, (size_t)end, file) : 0;
    fclose(file);
    if (text == NULL || got != (size_t)end) {
        free(text);
        return NULL;
    }
    text[got] = '\0';
    if (length != NULL)
        *length = got;
    return text;
}

#endif
