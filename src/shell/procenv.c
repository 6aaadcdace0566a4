#include "shell/procenv.h"
#include "base/buf.h"
#include "shell/rundir.h"
#include <string.h>

static const char variable[] = "${data}";

static bool is_folder_name(struct bytes name)
{
    if (name.len == 0 || name.data[0] == '.')
        return false;
    return memchr(name.data, '/', name.len) == NULL && memchr(name.data, 0, name.len) == NULL;
}

char *procenv_data_dir(struct arena *mem, const char *data, struct bytes service, struct bytes slot)
{
    if (!is_folder_name(service) || !is_folder_name(slot))
        return NULL;
    return arena_printf(mem, "%s/data/" BYTES_FMT "/" BYTES_FMT, data, BYTES_ARG(service),
                        BYTES_ARG(slot));
}

struct bytes procenv_resolve(struct arena *mem, struct bytes text, const char *data_dir)
{
    size_t len = sizeof variable - 1;
    struct buf out = {0};
    size_t at = 0;
    while (at < text.len) {
        if (text.len - at >= len && memcmp(text.data + at, variable, len) == 0) {
            buf_str(&out, data_dir);
            at += len;
        } else {
            buf_byte(&out, text.data[at++]);
        }
    }
    struct bytes resolved = arena_bytes(mem, buf_bytes(&out));
    buf_deinit(&out);
    return resolved;
}

static void add(struct run_intent *r, struct pair *env, struct bytes key, struct bytes value)
{
    for (uint32_t i = 0; i < r->env_n; i++) {
        if (bytes_equal(env[i].key, key)) {
            env[i].value = value;
            return;
        }
    }
    env[r->env_n++] = (struct pair){.key = key, .value = value};
}

void procenv_fill(struct run_intent *ret, struct arena *mem, const struct bytes *argv,
                  uint32_t argv_n, const struct pair *env, uint32_t env_n)
{
    const char *dir = arena_str(mem, ret->data_dir);
    struct bytes *args = arena_array(mem, argv_n, sizeof *args);
    for (uint32_t i = 0; i < argv_n; i++)
        args[i] = procenv_resolve(mem, argv[i], dir);
    struct ulid_text *id = arena_alloc(mem, sizeof *id);
    *id = ulid_text(&ret->instance);
    struct pair *all = arena_array(mem, env_n + 4, sizeof *all);
    ret->env_n = 0;
    add(ret, all, bytes_str("PATH"),
        bytes_str("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
    add(ret, all, bytes_str("LANG"), bytes_str("C.UTF-8"));
    add(ret, all, bytes_str("HOME"), ret->data_dir);
    for (uint32_t i = 0; i < env_n; i++)
        add(ret, all, env[i].key, procenv_resolve(mem, env[i].value, dir));
    add(ret, all, bytes_str(RUNDIR_MARKER), bytes_str(id->s));
    ret->argv = args;
    ret->argv_n = argv_n;
    ret->env = all;
}
