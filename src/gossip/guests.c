#include "gossip/guests.h"

#include "state/state.h"

#include <string.h>

static void drop(struct guests *g, uint32_t i)
{
    g->n--;
    memmove(g->list + i, g->list + i + 1, (g->n - i) * sizeof(g->list[0]));
}

void guests_add(struct guests *g, kith_time now_us, uint64_t route, uint64_t token)
{
    for (uint32_t i = 0; i < g->n; i++) {
        if (g->list[i].route == route) {
            drop(g, i); /* it asked twice */
            break;
        }
    }
    if (g->n == GUESTS_MAX)
        drop(g, 0);
    g->list[g->n].route = route;
    g->list[g->n].token = token;
    g->list[g->n++].until_us = now_us + GUESTS_STAY;
}

bool guests_any(struct guests *g, kith_time now_us)
{
    while (g->n > 0 && g->list[0].until_us <= now_us)
        drop(g, 0);
    return g->n > 0;
}

void guests_tell(const struct guests *g, struct turn *t, struct bytes news, struct bytes host_uri)
{
    uint64_t unstored = state_unstored(t->state);
    uint64_t begin = effects_wait(t->out, unstored);
    if (host_uri.len > 0)
        post_send(t->post, t->out, host_uri, WIRE_NEWS, news, /* correlation= */ 0);
    for (uint32_t i = 0; i < g->n; i++) {
        uint64_t token = g->list[i].token > unstored ? g->list[i].token : unstored;
        effects_wait(t->out, token);
        post_reply(t->post, t->out, g->list[i].route, WIRE_NEWS, news, /* correlation= */ 0);
    }
    effects_wait(t->out, begin);
}
