#include "state/restore.h"

#include "base/mem.h"
#include "state/hash.h"
#include "state/journal.h"
#include "state/state.h"

#include <string.h>

struct restore {
    const struct members *members;
    struct arena mem;
    struct bytes *records;
    size_t records_n;
    uint64_t digest;
    kith_time began_us, quiet_us; /* the first look, 0 before; since when nothing new has come */
    kith_time at_us;
    uint64_t merged;
};

struct restore *restore_new(const struct members *members)
{
    struct restore *r = mem_alloc(sizeof(*r));

    r->members = members;
    r->at_us = KITH_NEVER;
    return r;
}

void restore_free(struct restore *r)
{
    if (!r)
        return;
    arena_deinit(&r->mem);
    mem_free(r);
}

static uint64_t digest_of(const struct event_start *start)
{
    uint64_t digest = start->restored_n;

    for (size_t i = 0; i < start->restored_n; i++)
        digest ^= hash64(start->restored[i]);
    return digest;
}

void restore_start(struct restore *r, struct turn *t, const struct event_start *start,
                   struct bytes done)
{
    if (start->restored_n == 0)
        return;
    r->digest = digest_of(start);
    if (done.len == sizeof(r->digest) && memcmp(done.data, &r->digest, sizeof(r->digest)) == 0) {
        effect_log(t->out, LOG_WARN_, "this backup was restored here before: leave --restore out");
        return;
    }
    r->records = arena_array(&r->mem, start->restored_n, sizeof(*r->records));
    r->records_n = start->restored_n;
    for (size_t i = 0; i < r->records_n; i++)
        r->records[i] = arena_bytes(&r->mem, start->restored[i]);
    r->at_us = t->now_us;
}

static bool is_hosts_own(enum table_id table)
{
    switch (table) {
    case TABLE_ID_MEMBER:
    case TABLE_ID_INSTANCE:
    case TABLE_ID_REGISTRATION:
    case TABLE_ID_SESSION:
    case TABLE_ID_MAINTENANCE:
    case TABLE_ID_LOCK: /* of sessions that have ended */
    case TABLE_ID_INTEREST:
    case TABLE_ID_COORD:
    case TABLE_ID_CONFIRM:
        return true;
    default:
        return false;
    }
}

struct tally {
    size_t restored, here, left_out;
};

static void restore_one(struct turn *t, struct bytes bytes, bool alone, struct tally *tally)
{
    struct arena mem = {0};
    struct record record;
    struct wire_error err;

    if (record_decode(&record, bytes, &mem, &err) != 0 || is_hosts_own(record.table))
        ; /* not counted: it is not meant to come back */
    else if (!alone && !state_held(t->state, record.table, record.key))
        tally->left_out++;
    else if (state_merge(t->state, bytes) == STATE_DONE)
        tally->restored++;
    else
        tally->here++;
    arena_deinit(&mem);
}

static void restore_all(struct restore *r, struct turn *t, bool alone)
{
    struct tally tally = {0};

    for (size_t i = 0; i < r->records_n; i++)
        restore_one(t, r->records[i], alone, &tally);
    state_put_local(t->state, bytes_str(RESTORE_LOCAL), bytes_of(&r->digest, sizeof(r->digest)));
    effect_log(
        t->out, LOG_INFO_,
        "%s: %zu rows of the backup were restored, %zu were here as new or newer, %zu that the cluster "
        "does not have were left out",
        alone ? "there is no other registry, so the backup is it"
              : "others live, and what they hold decides",
        tally.restored, tally.here, tally.left_out);
    journal_add(t->journal, t->wall_us / KITH_MS, "restored", bytes_str("registry"),
                "%zu rows restored, %zu here already, %zu left out", tally.restored, tally.here,
                tally.left_out);
    arena_deinit(&r->mem);
    r->records_n = 0;
    r->at_us = KITH_NEVER;
}

/* Some member says that deleted rows are forgotten: what the backup holds may be among them. */
static bool has_collected(const struct state *state)
{
    struct bytes all = {0};
    struct confirm_row row = {0};
    struct wire_error err;
    const struct row *r = state_first(state, TABLE_ID_CONFIRM, all);

    for (; r; r = state_next(state, r, all)) {
        if (confirm_row_decode(&row, r->value, /* mem= */ NULL, &err) == 0 && row.collected_ms > 0)
            return true;
    }
    return false;
}

/* Nothing was ever asked of this cluster: hosts that are being set up again, and not one that goes on. */
static bool is_new_cluster(const struct state *state)
{
    struct bytes all = {0};

    return !state_first(state, TABLE_ID_COMMAND, all) &&
           !state_first(state, TABLE_ID_SERVICE, all) && !has_collected(state);
}

void restore_time(struct restore *r, struct turn *t, bool compared)
{
    if (r->records_n == 0 || t->now_us < r->at_us)
        return;
    bool others = members_alive(r->members) > 1, joined = !ulid_is_zero(&t->post->cluster);
    uint64_t merged = state_merged(t->state, STATE_DONE);

    if (r->began_us == 0) /* loading took its time, in which nobody could be heard */
        r->began_us = r->quiet_us = t->now_us;
    if (merged != r->merged || !joined)
        r->quiet_us = t->now_us;
    r->merged = merged;
    r->at_us = t->now_us + KITH_SEC / 2;
    if (!joined)
        return;
    if (others && compared && t->now_us - r->quiet_us >= RESTORE_QUIET)
        restore_all(r, t, is_new_cluster(t->state));
    else if (!others && t->now_us - r->began_us >= RESTORE_ALONE)
        restore_all(r, t, /* alone= */ true);
}

kith_time restore_deadline(const struct restore *r)
{
    return r->at_us;
}
