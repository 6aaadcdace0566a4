/* What several peers should see alike, and do not: a partition, a split brain, or news under way. */
#include "cmd/kith_probe.h"

#include <stdlib.h>
#include <string.h>

#define CLOCKS_APART (500 * KITH_MS) /* beyond what a measured round trip explains */

static int by_id(const void *a, const void *b)
{
    return ulid_compare(a, b);
}

static void add(struct kith *k, struct probe_report *r, const char *what, const char **saw)
{
    /* The list at most doubles; what it outgrew goes with k->mem. */
    if ((r->differences_n & (r->differences_n - 1)) == 0) {
        struct probe_difference *list =
            arena_array(&k->mem, 2 * (size_t)r->differences_n + 1, sizeof(*list));
        if (r->differences_n > 0)
            memcpy(list, r->differences, r->differences_n * sizeof(*list));
        r->differences = list;
    }
    r->differences[r->differences_n++] = (struct probe_difference){.what = what, .saw = saw};
}

/* Not all of those that answered say the same. */
static bool differ(const struct probe_report *r, const char **saw)
{
    const char *first = NULL;

    for (uint32_t i = 0; i < r->peers_n; i++) {
        if (saw[i] && first && strcmp(first, saw[i]) != 0)
            return true;
        first = saw[i] ? saw[i] : first;
    }
    return false;
}

static const char **blank(struct kith *k, const struct probe_report *r)
{
    return arena_array(&k->mem, r->peers_n, sizeof(const char *));
}

static const struct member_info *find(const struct member_list *list, const struct ulid *id)
{
    for (uint32_t i = 0; i < list->members_n; i++)
        if (ulid_equal(&list->members[i].id, id))
            return &list->members[i];
    return NULL;
}

static void compare_member(struct kith *k, struct probe_report *r, const struct ulid *id)
{
    const char **saw = blank(k, r);
    struct bytes name = {0};

    for (uint32_t i = 0; i < r->peers_n; i++) {
        if (!r->peers[i].members)
            continue;
        const struct member_info *m = find(r->peers[i].members, id);

        saw[i] = member_state_name(m ? m->state : MEMBER_STATE_UNKNOWN);
        if (m && m->name.len > 0)
            name = m->name;
    }
    if (!differ(r, saw))
        return;
    struct ulid_text text = ulid_text(id);

    add(k, r,
        name.len > 0 ? arena_printf(&k->mem, "member " BYTES_FMT, BYTES_ARG(name))
                     : arena_printf(&k->mem, "member %s", text.s),
        saw);
}

static void compare_members(struct kith *k, struct probe_report *r)
{
    size_t n = 0, room = 0;

    for (uint32_t i = 0; i < r->peers_n; i++)
        room += r->peers[i].members ? r->peers[i].members->members_n : 0;
    struct ulid *ids = arena_array(&k->mem, room, sizeof(*ids));

    for (uint32_t i = 0; i < r->peers_n; i++) {
        const struct member_list *list = r->peers[i].members;

        for (uint32_t j = 0; list && j < list->members_n; j++)
            ids[n++] = list->members[j].id;
    }
    if (n > 0)
        qsort(ids, n, sizeof(*ids), by_id);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || !ulid_equal(&ids[i], &ids[i - 1]))
            compare_member(k, r, &ids[i]);
}

static void compare_clusters(struct kith *k, struct probe_report *r)
{
    const char **saw = blank(k, r);

    for (uint32_t i = 0; i < r->peers_n; i++)
        if (r->peers[i].info)
            saw[i] = arena_str(&k->mem, bytes_str(ulid_text(&r->peers[i].info->cluster).s));
    if (differ(r, saw))
        add(k, r, "cluster", saw);
}

static void compare_clocks(struct kith *k, struct probe_report *r)
{
    const char **saw = blank(k, r);
    int64_t first = INT64_MAX, last = INT64_MIN;

    for (uint32_t i = 0; i < r->peers_n; i++) {
        const struct probe_peer *p = &r->peers[i];

        if (p->result != PROBE_OK)
            continue;
        first = p->ahead_us < first ? p->ahead_us : first;
        last = p->ahead_us > last ? p->ahead_us : last;
        saw[i] = arena_printf(&k->mem, "%+.3f s", (double)p->ahead_us / (double)KITH_SEC);
    }
    if (first != INT64_MAX && last - first > CLOCKS_APART)
        add(k, r, "clock", saw);
}

void probe_compare(struct kith *k, struct probe_report *r)
{
    compare_clusters(k, r);
    compare_clocks(k, r);
    compare_members(k, r);
}
