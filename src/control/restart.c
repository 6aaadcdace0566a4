#include "control/restart.h"

static void forget_old(struct restarts *r, kith_time before_us)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < r->count; i++) {
        if (r->at_us[i] > before_us)
            r->at_us[kept++] = r->at_us[i];
    }
    r->count = kept;
}

static void remember(struct restarts *r, kith_time now_us)
{
    if (r->count == RESTARTS_KEPT) {
        for (uint32_t i = 1; i < RESTARTS_KEPT; i++)
            r->at_us[i - 1] = r->at_us[i];
        r->count--;
    }
    r->at_us[r->count++] = now_us;
}

bool restart_again(struct restarts *r, const struct restart_policy *policy, kith_time now_us,
                   kith_time *ret_wait_us)
{
    uint32_t max = policy->max < RESTARTS_KEPT ? policy->max : RESTARTS_KEPT;

    if (policy->per_ms)
        forget_old(r, now_us - policy->per_ms * KITH_MS);
    if (max && r->count >= max)
        return false;
    uint32_t n = policy->backoff_ms_n;
    uint32_t index = r->count < n ? r->count : n - 1;

    *ret_wait_us = n ? policy->backoff_ms[index] * KITH_MS : RESTART_WAIT;
    remember(r, now_us);
    return true;
}

void restart_forget(struct restarts *r)
{
    *r = (struct restarts){0};
}
