#include "http/event_list.h"

#include "base/mem.h"

#include <ctype.h>
#include <string.h>

struct event_name {
    TAILQ_ENTRY(event_name) by_use;
    struct bytes name; /* behind it */
    struct resource resource;
};

void event_list_init(struct event_list *e, struct directory *directory)
{
    *e = (struct event_list){.directory = directory, .all = {.index = directory->index}};
    TAILQ_INIT(&e->seen);
    TAILQ_INIT(&e->names);
}

static void drop_oldest(struct event_list *e)
{
    struct event_seen *s = TAILQ_FIRST(&e->seen);

    TAILQ_REMOVE(&e->seen, s, others);
    e->seen_n--;
    arena_deinit(&s->mem);
    mem_free(s);
}

static void drop_name(struct event_list *e, struct event_name *n)
{
    TAILQ_REMOVE(&e->names, n, by_use);
    e->names_n--;
    mem_free(n);
}

void event_list_deinit(struct event_list *e)
{
    while (e->seen_n)
        drop_oldest(e);
    while (e->names_n)
        drop_name(e, TAILQ_FIRST(&e->names));
}

/* ---- names ---- */

static struct event_name *find(const struct event_list *e, struct bytes name)
{
    struct event_name *n;

    TAILQ_FOREACH(n, &e->names, by_use)
    {
        // cppcheck-suppress uninitvar ; it does not see TAILQ_FOREACH set n
        if (bytes_equal(n->name, name))
            return n;
    }
    return NULL;
}

static void forget_some(struct event_list *e)
{
    struct event_name *n, *next;

    for (n = TAILQ_FIRST(&e->names); n && e->names_n >= EVENTS_NAMES_MAX; n = next) {
        next = TAILQ_NEXT(n, by_use);
        if (LIST_EMPTY(&n->resource.watchers))
            drop_name(e, n);
    }
}

static struct event_name *add_name(struct event_list *e, struct bytes name)
{
    struct event_name *n = mem_alloc(sizeof(*n) + name.len);

    memcpy(n + 1, name.data, name.len);
    n->name = bytes_of(n + 1, name.len);
    n->resource.index = ++e->directory->index;
    e->names_n++;
    return n;
}

struct resource *event_list_resource(struct event_list *e, struct bytes name)
{
    if (!name.len)
        return &e->all;
    struct event_name *n = find(e, name);

    if (n) {
        TAILQ_REMOVE(&e->names, n, by_use);
    } else {
        forget_some(e);
        n = add_name(e, name);
    }
    TAILQ_INSERT_TAIL(&e->names, n, by_use);
    return &n->resource;
}

/* ---- what came ---- */

static void change_name(struct event_list *e, struct bytes name)
{
    struct event_name *n = find(e, name);

    if (n)
        directory_change(e->directory, &n->resource);
}

void event_list_add(struct event_list *e, const struct user_event *says)
{
    struct event_seen *s = mem_alloc(sizeof(*s));

    s->says = (struct user_event){.id = says->id,
                                  .name = arena_bytes(&s->mem, says->name),
                                  .payload = arena_bytes(&s->mem, says->payload),
                                  .node_filter = arena_bytes(&s->mem, says->node_filter),
                                  .service_filter = arena_bytes(&s->mem, says->service_filter),
                                  .tag_filter = arena_bytes(&s->mem, says->tag_filter)};
    TAILQ_INSERT_TAIL(&e->seen, s, others);
    e->seen_n++;
    if (e->seen_n > EVENTS_MAX) {
        struct event_seen *oldest = TAILQ_FIRST(&e->seen);

        if (!bytes_equal(oldest->says.name, says->name))
            change_name(e, oldest->says.name);
        drop_oldest(e);
    }
    change_name(e, says->name);
    directory_change(e->directory, &e->all);
    s->index = e->all.index;
}

/* ---- filters ---- */

static bool is_plain(uint8_t c)
{
    return isalnum(c) || c == '-' || c == '_' || c == ' ' || c == '/' || c == ':';
}

/* What stands between ^ and $. */
static struct bytes inner(struct bytes filter, bool *ret_begin, bool *ret_end)
{
    *ret_begin = filter.len && filter.data[0] == '^';
    filter = bytes_of(filter.data + *ret_begin, filter.len - *ret_begin);
    *ret_end = filter.len && filter.data[filter.len - 1] == '$';
    return bytes_of(filter.data, filter.len - *ret_end);
}

bool event_filter_ok(struct bytes filter)
{
    bool begin, end;
    struct bytes text = inner(filter, &begin, &end);

    for (size_t i = 0; i < text.len; i++) {
        if (!is_plain(text.data[i]))
            return false;
    }
    return true;
}

bool event_match(struct bytes filter, struct bytes text)
{
    bool begin, end;
    struct bytes want = inner(filter, &begin, &end);

    if (want.len > text.len)
        return false;
    for (size_t i = begin || !end ? 0 : text.len - want.len; i + want.len <= text.len; i++) {
        bool here = bytes_equal(bytes_of(text.data + i, want.len), want);

        if (here && (!end || i + want.len == text.len))
            return true;
        if (begin)
            break;
    }
    return false;
}
