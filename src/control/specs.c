#include "control/specs.h"

#include "base/mem.h"

#include <string.h>

#define NOTED    64u     /* of so many is known where they were decoded */
#define KEPT_MAX 262144u /* bytes that are kept from step to step */

struct specs {
    const struct content *of[NOTED]; /* by their address */
    const struct service_spec *at[NOTED];
    struct arena mem;
};

struct specs *specs_new(void)
{
    return mem_alloc(sizeof(struct specs));
}

void specs_free(struct specs *s)
{
    arena_deinit(&s->mem);
    mem_free(s);
}

void specs_forget(struct specs *s)
{
    memset(s->of, 0, sizeof(s->of));
}

void specs_rest(struct specs *s)
{
    if (!s->mem.used_bytes)
        return;
    specs_forget(s);
    if (s->mem.used_bytes > KEPT_MAX)
        arena_deinit(&s->mem);
    else
        arena_reset(&s->mem);
}

const struct service_spec *specs_decode(const struct content *of, struct arena *mem)
{
    struct spec_row *value = arena_alloc(mem, sizeof(*value));
    struct wire_error err;

    return spec_row_decode(value, content_value(of), mem, &err) ? NULL : &value->spec;
}

const struct service_spec *specs_get(struct specs *s, const struct content *of)
{
    size_t k = ((uintptr_t)of >> 4) % NOTED;

    if (s->of[k] != of) {
        s->at[k] = specs_decode(of, &s->mem);
        s->of[k] = of;
    }
    return s->at[k];
}
