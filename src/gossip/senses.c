#include "gossip/senses.h"

bool senses_wake(struct senses *s, kith_time now_us, kith_time due_us)
{
    /* The frames of the backlog may come before the late deadline: one pause is told once. */
    if (senses_in_grace(s, now_us) || due_us > now_us - SENSES_PAUSE)
        return false;
    s->grace_until_us = now_us + SENSES_GRACE;
    return true;
}

bool senses_in_grace(const struct senses *s, kith_time now_us)
{
    return now_us < s->grace_until_us;
}

void senses_round(struct senses *s, size_t probed, size_t missed)
{
    /* Of one or two nothing can be learnt about oneself. */
    bool most = probed > 2 && 2 * missed > probed;
    if (most && s->doubt < SENSES_DOUBT_MAX)
        s->doubt++;
    else if (!most && s->doubt > 0)
        s->doubt--;
}

kith_time senses_stretch(const struct senses *s, kith_time patience_us)
{
    return patience_us * (1 + (kith_time)s->doubt);
}
