#include "http/stream.h"

#include "base/mem.h"
#include "http/json.h"
#include "http/messages.h"
#include "http/show.h"

struct follow {
    struct watcher watcher;
    struct bytes name;
};

struct stream {
    struct hub *hub;
    uint64_t position; /* all that changed until then has been told */
    uint64_t whole;    /* telling all: the position that has been reached with that; 0: it is not */
    bool begun;        /* of telling all */
    bool told_members; /* likewise */
    unsigned told;     /* likewise: follows */
    struct bytes at;   /* likewise: the service told last, of all */
    struct arena at_mem;
    bool members, all;
    struct watcher others; /* of the members, or of everything */
    struct follow *follows;
    unsigned follows_n;
    struct mailbox *box; /* of a stream of messages; then nothing else is followed */
    const char *end;
    bool ended;
    struct arena mem;
};

static void tell_all(struct stream *s)
{
    s->whole = s->hub->directory.index;
    s->begun = s->told_members = false;
    s->told = 0;
    s->at = (struct bytes){0};
}

static size_t room_of(const struct bytes *names, unsigned n)
{
    size_t room = ARENA_ROOM(n * sizeof(struct follow));

    for (unsigned i = 0; i < n; i++)
        room += ARENA_ROOM(names[i].len);
    return room;
}

struct stream *stream_new(struct hub *hub, const struct bytes *names, unsigned names_n,
                          bool members)
{
    struct stream *s = mem_alloc(sizeof(*s));

    s->hub = hub;
    s->all = names_n == 0 && !members;
    s->members = members || s->all;
    arena_reserve(&s->mem, room_of(names, names_n)); /* thousands of these wait */
    s->follows = arena_array(&s->mem, names_n, sizeof(*s->follows));
    s->follows_n = names_n;
    for (unsigned i = 0; i < names_n; i++)
        s->follows[i].name = arena_bytes(&s->mem, names[i]);
    tell_all(s);
    return s;
}

struct stream *stream_of_messages(struct hub *hub, struct mailbox *box)
{
    struct stream *s = mem_alloc(sizeof(*s));

    s->hub = hub;
    s->box = box;
    return s;
}

static void wake_up(struct stream *s)
{
    directory_unwatch(&s->others);
    for (unsigned i = 0; i < s->follows_n; i++)
        directory_unwatch(&s->follows[i].watcher);
}

void stream_free(struct stream *s)
{
    if (!s)
        return;
    wake_up(s);
    if (s->box)
        mailbox_free(s->box);
    arena_deinit(&s->at_mem);
    arena_deinit(&s->mem);
    mem_free(s);
}

void stream_resume(struct stream *s, uint64_t position)
{
    const struct directory *d = &s->hub->directory;

    if (position < d->floor || position > d->index)
        return;
    s->position = position;
    s->whole = 0;
}

void stream_end(struct stream *s, const char *why)
{
    s->end = why;
}

bool stream_has_ended(const struct stream *s)
{
    return s->ended;
}

/* ---- messages ---- */

static void open(struct stream_message *m, const char *name, uint64_t index)
{
    m->name = name;
    m->position = index;
    json_open(&m->json, '{');
    json_unsigned_of(&m->json, "index", index);
}

static void tell_service(struct stream *s, struct bytes name, uint64_t index,
                         struct stream_message *m)
{
    open(m, "service", index);
    json_text_of(&m->json, "service", name);
    json_name(&m->json, "endpoints");
    show_endpoints(&m->json, directory_service(&s->hub->directory, name));
    json_close(&m->json, '}');
}

static void tell_members(struct stream *s, uint64_t index, struct stream_message *m)
{
    open(m, "members", index);
    json_name(&m->json, "members");
    show_members(&m->json, &s->hub->directory);
    json_close(&m->json, '}');
}

static void tell_mark(const char *name, uint64_t index, struct stream_message *m)
{
    open(m, name, index);
    json_close(&m->json, '}');
}

static void tell_end(struct stream *s, struct stream_message *m)
{
    m->name = "end";
    m->position = 0;
    json_open(&m->json, '{');
    json_string_of(&m->json, "text", s->end);
    json_close(&m->json, '}');
    s->ended = true;
}

/* ---- all there is ---- */

/* Behind the one that was told last, which may have gone since. */
static const struct dir_name *next_name(struct stream *s)
{
    const struct dir_name *n = directory_name_after(&s->hub->directory, s->at);

    if (!n)
        return NULL;
    arena_reset(&s->at_mem);
    s->at = arena_bytes(&s->at_mem, n->name);
    return n;
}

/* The next thing that is there; false: that was all. Only the last message has a position. */
static bool next_of_all(struct stream *s, struct stream_message *m)
{
    struct directory *d = &s->hub->directory;
    const struct dir_name *n = NULL;

    if (!s->begun) {
        s->begun = true;
        tell_mark("begin", s->whole, m);
    } else if (s->members && !s->told_members) {
        s->told_members = true;
        tell_members(s, d->nodes.index, m);
    } else if (s->told < s->follows_n) {
        struct bytes name = s->follows[s->told++].name;

        tell_service(s, name, directory_resource(d, name)->index, m);
    } else if (s->all && (n = next_name(s)) != NULL) {
        tell_service(s, s->at, n->resource.index, m);
    } else {
        return false;
    }
    m->position = 0;
    return true;
}

/* ---- what has changed ---- */

/* Of all that changed behind the position, what changed first. */
static bool next_change(struct stream *s, struct stream_message *m)
{
    struct directory *d = &s->hub->directory;
    uint64_t index = UINT64_MAX;
    struct bytes name = {0};
    const struct dir_name *n = s->all ? directory_changed_after(d, s->position) : NULL;

    if (n) {
        index = n->resource.index;
        name = n->name;
    }
    for (unsigned i = 0; i < s->follows_n; i++) {
        uint64_t at = directory_resource(d, s->follows[i].name)->index;

        if (at <= s->position || at >= index)
            continue;
        index = at;
        name = s->follows[i].name;
    }
    if (s->members && d->nodes.index > s->position && d->nodes.index < index)
        tell_members(s, index = d->nodes.index, m);
    else if (index != UINT64_MAX)
        tell_service(s, name, index, m);
    else
        return false;
    s->position = index;
    return true;
}

static bool next(struct stream *s, struct stream_message *m)
{
    if (s->box)
        return mailbox_next(s->box, m);
    if (!s->whole)
        return next_change(s, m);
    if (next_of_all(s, m))
        return true;
    s->position = s->whole;
    s->whole = 0;
    tell_mark("whole", s->position, m);
    return true;
}

bool stream_next(struct stream *s, struct stream_message *m)
{
    struct directory *d = &s->hub->directory;

    if (s->ended)
        return false;
    d->torn = false;
    bool some = !s->end && next(s, m);

    if (d->torn) { /* an empty list would say that there is nothing */
        buf_reset(&m->json);
        s->end = "the look-up file of this host cannot be read";
    }
    if (s->end)
        tell_end(s, m);
    return some || s->end;
}

void stream_sleep(struct stream *s, void *owner)
{
    struct directory *d = &s->hub->directory;

    s->others.owner = owner;
    if (s->box)
        directory_watch(mailbox_news(s->box), &s->others);
    if (s->members)
        directory_watch(s->all ? &d->any : &d->nodes, &s->others);
    for (unsigned i = 0; i < s->follows_n; i++) {
        s->follows[i].watcher.owner = owner;
        directory_watch(directory_resource(d, s->follows[i].name), &s->follows[i].watcher);
    }
}
