#include "cmd/kith_beside.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static bool is_beside(struct bytes program)
{
    return (program.len > 2 && memcmp(program.data, "./", 2) == 0) ||
           (program.len > 3 && memcmp(program.data, "../", 3) == 0);
}

/* The absolute folder of the file; NULL: it cannot be told, programs stay as they are written. */
static const char *folder_of(const char *path, struct arena *mem)
{
    char real[PATH_MAX];
    char *copy = arena_str(mem, bytes_str(strcmp(path, "-") == 0 ? "./-" : path));

    if (!realpath(dirname(copy), real))
        return NULL;
    return arena_str(mem, bytes_str(real));
}

static const struct bytes *resolve(const struct bytes *argv, uint32_t n, const char *folder,
                                   struct arena *mem)
{
    struct bytes program = argv[0];

    if (memcmp(program.data, "./", 2) == 0)
        program = bytes_of(program.data + 2, program.len - 2);
    struct bytes *copy = arena_array(mem, n, sizeof(*copy));

    memcpy(copy, argv, n * sizeof(*copy));
    copy[0] = bytes_str(arena_printf(mem, "%s/" BYTES_FMT, folder, BYTES_ARG(program)));
    return copy;
}

void beside_resolve(struct service_file *file, const char *path, struct arena *mem)
{
    const char *folder = folder_of(path, mem);
    struct service_spec *specs = arena_array(mem, file->count + 1, sizeof(*specs));

    if (!folder)
        return;
    memcpy(specs, file->specs, file->count * sizeof(*specs));
    for (uint32_t i = 0; i < file->count; i++) {
        struct service_spec *s = &specs[i];

        if (s->argv_n > 0 && is_beside(s->argv[0]))
            s->argv = resolve(s->argv, s->argv_n, folder, mem);
        if (s->check.argv_n > 0 && is_beside(s->check.argv[0]))
            s->check.argv = resolve(s->check.argv, s->check.argv_n, folder, mem);
    }
    file->specs = specs;
}
