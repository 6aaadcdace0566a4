#include "control/health.h"

void health_begin(struct health *h, kith_time now_us)
{
    *h = (struct health){.number = h->number, .began = true, .next_us = now_us};
}

void health_end(struct health *h)
{
    *h = (struct health){.number = h->number};
}

void health_soon(struct health *h, kith_time now_us)
{
    if (h->began && !h->asked)
        h->next_us = kith_time_min(h->next_us, now_us);
}

uint32_t health_timeout_ms(const struct check_spec *check)
{
    return check->timeout_ms ? check->timeout_ms : (uint32_t)(HEALTH_TIMEOUT / KITH_MS);
}

uint64_t health_ask(struct health *h, const struct check_spec *check, kith_time now_us)
{
    if (!h->began || now_us < h->next_us)
        return 0;
    h->asked = true;
    h->next_us = now_us + health_timeout_ms(check) * KITH_MS + HEALTH_LOST;
    return ++h->number;
}

kith_time health_deadline(const struct health *h)
{
    return h->began ? h->next_us : KITH_NEVER;
}

static uint32_t threshold(uint32_t n)
{
    return n ? n : 1;
}

bool health_result(struct health *h, const struct check_spec *check, uint64_t number, bool ok,
                   bool starting, kith_time now_us)
{
    kith_time every_us = check->every_ms ? check->every_ms * KITH_MS : HEALTH_EVERY;
    bool was = h->healthy;

    if (!h->began || !h->asked || number != h->number)
        return false;
    h->asked = false;
    h->passes = ok ? h->passes + 1 : 0;
    h->fails = ok ? 0 : h->fails + 1;
    if (h->passes >= threshold(check->pass))
        h->healthy = true;
    else if (h->fails >= threshold(check->fail))
        h->healthy = false;
    if (starting && !h->healthy)
        every_us = kith_time_min(every_us, HEALTH_QUICK);
    h->next_us = now_us + every_us;
    return h->healthy != was;
}
