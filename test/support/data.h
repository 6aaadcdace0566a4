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

static inline void test_data_path(char *name, size_t size, const char *path)
{
    const char *dir = getenv("KITH_DATA");
    if (dir != NULL)
        snprintf(name, size, "%s/%s", dir, path);
    else
        snprintf(name, size, "%s/../shared/data/%s", KITH_SOURCE_ROOT, path);
}

/* The whole file with a 0 after it, owned by the caller (free); NULL, and a line on stderr, when it is absent.
 * length may be NULL. */
static inline char *test_data(const char *path, size_t *length)
{
    char name[4096];
    test_data_path(name, sizeof name, path);
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

/* The same for a file that gzip has packed. */
static inline char *test_data_unpacked(const char *path)
{
    char name[4096], command[4200];
    test_data_path(name, sizeof name, path);
    snprintf(command, sizeof command, "gzip -dc '%s' 2>/dev/null", name);
    FILE *pipe = popen(command, "r");
    size_t room = 1 << 16, length = 0;
    char *text = malloc(room);
    for (size_t got;
         pipe != NULL && (got = fread(text + length, 1, room - length - 1, pipe)) > 0;) {
        length += got;
        if (room - length < 2)
            text = realloc(text, room *= 2);
    }
    if (pipe != NULL && pclose(pipe) == 0 && length > 0) {
        text[length] = '\0';
        return text;
    }
    fprintf(stderr, "skipped: no %s (set KITH_DATA)\n", name);
    free(text);
    return NULL;
}

#endif
