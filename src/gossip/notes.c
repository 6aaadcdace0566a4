#include "gossip/notes.h"

#include "base/mem.h"
#include "state/journal.h"

#include <string.h>

void notes_deinit(struct notes *n)
{
    mem_free(n->lost.list);
    mem_free(n->back.list);
}

static void tell_one(struct turn *t, struct bytes name, const struct member *now)
{
    static const char *const what[] = {
        [MEMBER_STATE_ALIVE] = "member-alive",
        [MEMBER_STATE_DEAD] = "member-dead",
        [MEMBER_STATE_LEFT] = "member-left",
    };
    journal_add(t->journal, t->wall_us / KITH_MS, what[now->state], name, "incarnation %llu",
                (unsigned long long)now->incarnation);
    effect_log(t->out, LOG_INFO_, BYTES_FMT " is %s", BYTES_ARG(name),
               now->forgotten ? "forgotten" : member_state_name(now->state));
}

static void name_them(const struct notes_burst *b, const struct core *core, struct buf *ret)
{
    struct ulid_text text;
    for (size_t i = 0; i < b->n && i < NOTES_NAMED; i++)
        buf_printf(ret, "%s" BYTES_FMT, i > 0 ? ", " : "",
                   BYTES_ARG(core_name(core, &b->list[i].id, &text)));
    if (b->n > NOTES_NAMED)
        buf_printf(ret, " and %zu more", b->n - NOTES_NAMED);
}

static void tell_each(const struct notes_burst *b, const struct core *core, struct turn *t)
{
    struct ulid_text text;
    for (size_t i = 0; i < b->n; i++) {
        const struct member *m = members_get(core->members, &b->list[i].id);
        if (m && !b->list[i].told)
            tell_one(t, core_name(core, &m->id, &text), m);
    }
}

/* Tells what has come together and was not told one by one. The burst is over. */
static void tell_burst(struct notes_burst *b, const struct core *core, struct turn *t,
                       const char *what, const char *happened, size_t of)
{
    struct buf names = {0}, subject = {0};
    if (b->n > NOTES_ALONE) {
        name_them(b, core, &names);
        buf_printf(&subject, "%zu members", b->n);
        journal_add(t->journal, t->wall_us / KITH_MS, what, buf_bytes(&subject),
                    "of %zu %s together: %s", of, happened, buf_cstr(&names));
        effect_log(t->out, LOG_INFO_, "%s: %zu members of %zu %s together: %s", what, b->n, of,
                   happened, buf_cstr(&names));
    } else {
        tell_each(b, core, t);
    }
    buf_deinit(&subject);
    buf_deinit(&names);
    b->n = b->told = 0;
}

static void tell_lost(struct notes *n, const struct core *core, struct turn *t)
{
    size_t of = members_alive(core->members) + n->lost.n;
    bool split = 100 * (size_t)n->lost.n >= NOTES_SPLIT_PERCENT * of;
    tell_burst(&n->lost, core, t, split ? "cluster-split" : "members-lost", "died or were cut off",
               of);
}

static void tell_back(struct notes *n, const struct core *core, struct turn *t)
{
    tell_burst(&n->back, core, t, "members-back", "are back", members_alive(core->members));
}

static bool is_over(const struct notes_burst *b, kith_time now_us)
{
    return b->n > 0 && now_us - b->last_us >= NOTES_QUIET;
}

/* One more of a burst. True: it is to be told for itself. */
static bool join(struct notes_burst *b, const struct ulid *id, kith_time now_us)
{
    bool alone = b->n < NOTES_ALONE && b->told < NOTES_ALONE;
    if (b->n == b->cap) {
        b->cap = b->cap ? 2 * b->cap : 16;
        b->list = mem_grow(b->list, b->cap, sizeof(*b->list));
    }
    b->list[b->n++] = (struct notes_one){.id = *id, .told = alone};
    b->told += alone;
    b->last_us = now_us;
    return alone;
}

enum undone { NOT_IN_IT, UNTOLD, TOLD };

/* It is no part of the burst after all. */
static enum undone undo(struct notes_burst *b, const struct ulid *id)
{
    for (size_t i = 0; i < b->n; i++) {
        if (!ulid_equal(&b->list[i].id, id))
            continue;
        enum undone ret = b->list[i].told ? TOLD : UNTOLD;
        b->told -= b->list[i].told;
        memmove(b->list + i, b->list + i + 1, (--b->n - i) * sizeof(*b->list));
        return ret;
    }
    return NOT_IN_IT;
}

/* It went, and another burst may have it as back; or the other way round. */
static bool move(struct notes_burst *from, struct notes_burst *to, const struct ulid *id,
                 kith_time now_us)
{
    enum undone undone = undo(from, id);
    return undone == TOLD || (undone == NOT_IN_IT && join(to, id, now_us));
}

void notes_member(struct notes *n, const struct core *core, struct turn *t,
                  const struct member *before, const struct member *now)
{
    struct ulid_text text;
    bool alone = true;
    if (now->state == before->state || now->state == MEMBER_STATE_UNKNOWN ||
        now->state == MEMBER_STATE_SUSPECT)
        return;
    struct bytes name = core_name(core, &now->id, &text);
    notes_time(n, core, t);
    if (now->state == MEMBER_STATE_DEAD && !now->forgotten)
        alone = move(&n->back, &n->lost, &now->id, t->now_us);
    else if (now->state == MEMBER_STATE_ALIVE && before->state == MEMBER_STATE_DEAD)
        alone = move(&n->lost, &n->back, &now->id, t->now_us);
    if (alone)
        tell_one(t, name, now);
}

void notes_time(struct notes *n, const struct core *core, struct turn *t)
{
    if (is_over(&n->lost, t->now_us))
        tell_lost(n, core, t);
    if (is_over(&n->back, t->now_us))
        tell_back(n, core, t);
}

kith_time notes_deadline(const struct notes *n)
{
    kith_time at_us = n->lost.n > 0 ? n->lost.last_us + NOTES_QUIET : KITH_NEVER;
    return n->back.n > 0 ? kith_time_min(at_us, n->back.last_us + NOTES_QUIET) : at_us;
}
