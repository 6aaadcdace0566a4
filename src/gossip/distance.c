#include "gossip/distance.h"

#include "state/state.h"

#include <stdlib.h>

static struct bytes name_of(const struct member *m)
{
    return m->row ? m->row->name : (struct bytes){0};
}

static void fill(const struct request *r, const struct turn *t, const struct member *from,
                 const struct member *to, struct rtt_info *ret)
{
    const struct atlas *atlas = r->core->atlas;
    struct coord a = atlas_place(atlas, t->state, &from->id);
    struct coord b = atlas_place(atlas, t->state, &to->id);
    *ret = (struct rtt_info){
        .from = from->id,
        .from_name = name_of(from),
        .to = to->id,
        .to_name = name_of(to),
        .estimate_us = atlas_rtt_us(atlas, t->state, &from->id, &to->id),
        .error = a.error > b.error ? a.error : b.error,
    };
    if (ulid_equal(&from->id, &r->core->self))
        ret->measured_us = detect_rtt_us(r->detect, &to->id);
    else if (ulid_equal(&to->id, &r->core->self))
        ret->measured_us = detect_rtt_us(r->detect, &from->id);
}

/* What is measured counts more than what is estimated; what is not known comes last. */
static uint64_t nearness(const struct rtt_info *i)
{
    uint64_t us = i->measured_us > 0 ? i->measured_us : i->estimate_us;
    return us > 0 ? us : UINT64_MAX;
}

static int nearer(const void *a, const void *b)
{
    const struct rtt_info *x = a, *y = b;
    uint64_t m = nearness(x), n = nearness(y);
    return m != n ? (m < n ? -1 : 1) : ulid_compare(&x->to, &y->to);
}

/* NULL: answered that there is none. */
static const struct member *find(const struct request *r, struct turn *t, const struct incoming *in,
                                 struct bytes name)
{
    const struct member *m = members_find(r->core->members, name);
    if (!m)
        turn_fail(t, in, FAIL_CODE_NOT_FOUND,
                  "there is no member \"" BYTES_FMT "\", or several of that name: give its id",
                  BYTES_ARG(name));
    return m;
}

static void reply(struct turn *t, const struct incoming *in, const struct rtts *rtts)
{
    struct buf payload = {0};
    rtts_encode(&payload, rtts);
    turn_reply(t, in, WIRE_RTTS, buf_bytes(&payload), /* wait= */ 0);
    buf_deinit(&payload);
}

static void pair_asked(const struct request *r, struct turn *t, const struct incoming *in,
                       const struct member *from, const struct member *to)
{
    struct rtt_info info;
    fill(r, t, from, to, &info);
    if (from == to)
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "these are the same member");
    else if (info.estimate_us == 0 && info.measured_us == 0)
        turn_fail(t, in, FAIL_CODE_NOT_READY,
                  "not known yet: both have to run, and to be probed for some seconds");
    else
        reply(t, in, &(struct rtts){.rtts = &info, .rtts_n = 1});
}

static void all_asked(const struct request *r, struct turn *t, const struct incoming *in,
                      const struct member *from)
{
    struct arena mem = {0};
    size_t room = members_count(r->core->members);
    if (room > RTTS_RTTS_MAX_ITEMS)
        room = RTTS_RTTS_MAX_ITEMS;
    struct rtt_info *infos = arena_array(&mem, room, sizeof(*infos));
    uint32_t n = 0;
    const struct member *m = members_first(r->core->members);
    for (; m && n < room; m = members_next(r->core->members, m)) {
        if (m != from && m->row && m->state == MEMBER_STATE_ALIVE)
            fill(r, t, from, m, &infos[n++]);
    }
    if (n > 0)
        qsort(infos, n, sizeof(*infos), nearer);
    reply(t, in, &(struct rtts){.rtts = infos, .rtts_n = n});
    arena_deinit(&mem);
}

void distance_asked(const struct request *r, struct turn *t, const struct incoming *in)
{
    struct get_rtt get;
    struct wire_error err;
    if (get_rtt_decode(&get, in->payload, /* mem= */ NULL, &err) != 0) {
        turn_fail(t, in, FAIL_CODE_BAD_REQUEST, "%s: %s", err.field, err.why);
        return;
    }
    const struct member *from = find(r, t, in, get.from);
    const struct member *to = from && get.to.len > 0 ? find(r, t, in, get.to) : NULL;
    if (!from || (get.to.len > 0 && !to))
        return;
    if (to)
        pair_asked(r, t, in, from, to);
    else
        all_asked(r, t, in, from);
}
