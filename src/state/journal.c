#include "state/journal.h"

#include "base/mem.h"
#include "wire/text.h"

#include <stdarg.h>
#include <string.h>

/* One allocation: the three texts stand in bytes, one after the other. */
struct journal_entry {
    int64_t at_ms;
    struct bytes what, subject, text;
    uint8_t bytes[];
};

struct journal {
    struct journal_entry *entries[JOURNAL_MAX]; /* position p stands at p % JOURNAL_MAX */
    uint64_t last;                              /* position of the newest; 0: none yet */
};

struct journal *journal_new(void)
{
    return mem_alloc(sizeof(struct journal));
}

void journal_free(struct journal *j)
{
    if (!j)
        return;
    for (size_t i = 0; i < JOURNAL_MAX; i++)
        mem_free(j->entries[i]);
    mem_free(j);
}

static struct bytes keep(struct journal_entry *e, size_t *used, struct bytes b)
{
    struct bytes kept = bytes_of(e->bytes + *used, b.len);

    if (b.len > 0)
        memcpy(e->bytes + *used, b.data, b.len);
    *used += b.len;
    return kept;
}

static struct journal_entry *entry_new(struct bytes what, struct bytes subject, struct bytes text)
{
    struct journal_entry *e = mem_alloc(sizeof(*e) + what.len + subject.len + text.len);
    size_t used = 0;

    e->what = keep(e, &used, what);
    e->subject = keep(e, &used, subject);
    e->text = keep(e, &used, text);
    return e;
}

void journal_add(struct journal *j, int64_t at_ms, const char *what, struct bytes subject,
                 const char *format, ...)
{
    struct arena mem = {0};
    va_list args;

    va_start(args, format);
    struct bytes text = wire_text_format(&mem, EVENT_INFO_TEXT_MAX, format, args);
    va_end(args);
    struct journal_entry *e =
        entry_new(wire_text_make(&mem, bytes_str(what), EVENT_INFO_WHAT_MAX),
                  wire_text_make(&mem, subject, EVENT_INFO_SUBJECT_MAX), text);
    struct journal_entry **place = &j->entries[++j->last % JOURNAL_MAX];

    e->at_ms = at_ms;
    mem_free(*place);
    *place = e;
    arena_deinit(&mem);
}

void journal_read(const struct journal *j, uint64_t after, uint32_t limit, struct events *ret,
                  struct arena *mem)
{
    uint64_t oldest = j->last > JOURNAL_MAX ? j->last - JOURNAL_MAX + 1 : 1;

    if (after > j->last) /* the reader remembers another life of this peer */
        after = 0;
    uint64_t first = after + 1 > oldest ? after + 1 : oldest;
    uint64_t n = j->last + 1 - first;
    if (n > limit)
        n = limit;

    struct event_info *items = arena_array(mem, (size_t)n, sizeof(*items));
    for (uint64_t i = 0; i < n; i++) {
        const struct journal_entry *e = j->entries[(first + i) % JOURNAL_MAX];

        items[i] = (struct event_info){
            .position = first + i,
            .at_ms = e->at_ms,
            .what = arena_bytes(mem, e->what),
            .subject = arena_bytes(mem, e->subject),
            .text = arena_bytes(mem, e->text),
        };
    }
    *ret = (struct events){.events = items, .events_n = (uint32_t)n, .dropped = first - after - 1};
}
