#include "http/route.h"

#include <assert.h>
#include <string.h>

static const struct {
    unsigned method;
    const char *name;
} methods[] = {
    {METHOD_GET, "GET"},   {METHOD_GET, "HEAD"},      {METHOD_PUT, "PUT"},
    {METHOD_POST, "POST"}, {METHOD_DELETE, "DELETE"},
};

#define METHODS_COUNT (sizeof(methods) / sizeof(methods[0]))

unsigned route_method(const char *name)
{
    for (size_t i = 0; i < METHODS_COUNT; i++) {
        if (strcmp(methods[i].name, name) == 0)
            return methods[i].method;
    }
    return 0;
}

void route_allow(struct buf *out, unsigned set)
{
    const char *between = "";

    for (size_t i = 0; i < METHODS_COUNT; i++) {
        if (!(methods[i].method & set))
            continue;
        buf_printf(out, "%s%s", between, methods[i].name);
        between = ", ";
    }
}

/* Whether the path is of this pattern; *ret has what stands for its ":". */
static bool fits(const char *pattern, const struct target *t, struct route_match *ret)
{
    unsigned k = 0;

    ret->args_n = 0;
    while (*pattern == '/') {
        size_t len = strcspn(++pattern, "/");
        struct bytes want = bytes_of(pattern, len);

        if (bytes_equal_str(want, "*")) {
            ret->args[ret->args_n++] = target_rest(t, k);
            return true;
        }
        if (k == t->segments_n)
            return false;
        struct bytes is = t->segments[k++];

        if (bytes_equal_str(want, ":") && is.len > 0) {
            assert(ret->args_n < ROUTE_ARGS_MAX);
            ret->args[ret->args_n++] = is;
        } else if (!bytes_equal(want, is)) {
            return false;
        }
        pattern += len;
    }
    return k == t->segments_n && !t->longer;
}

/* Of one table; true: found. */
static bool find_in(struct route_match *ret, const struct route_table *table, unsigned method,
                    const struct target *t)
{
    for (size_t i = 0; i < table->n; i++) {
        const struct route *route = &table->routes[i];

        if (!fits(route->path, t, ret))
            continue;
        ret->methods |= route->methods;
        if (!(route->methods & method))
            continue;
        ret->route = route;
        return true;
    }
    return false;
}

int route_find(struct route_match *ret, const struct route_table *const *tables, unsigned method,
               const struct target *t)
{
    *ret = (struct route_match){0};
    for (; *tables; tables++) {
        if (find_in(ret, *tables, method, t))
            return 0;
    }
    return ret->methods ? ROUTE_METHOD : ROUTE_UNKNOWN;
}
