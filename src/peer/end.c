#include "peer/end.h"

void end_stop(struct end *e)
{
    if (e->stage == END_OVER)
        return;
    e->stage = END_EXIT;
    e->at_us = 0;
}

void end_leave(struct end *e, kith_time now_us)
{
    if (e->stage != END_NONE)
        return;
    e->stage = END_LEAVING;
    e->at_us = now_us + PEER_END_PATIENCE;
}

enum end_stage end_next(struct end *e, kith_time now_us, bool idle)
{
    switch (e->stage) {
    case END_LEAVING:
        if (!idle && now_us < e->at_us)
            return END_NONE;
        e->stage = END_GOODBYE;
        e->at_us = now_us + PEER_END_LINGER;
        return END_GOODBYE;
    case END_GOODBYE:
        if (now_us < e->at_us)
            return END_NONE;
        e->stage = END_OVER;
        return END_EXIT;
    case END_EXIT:
        e->stage = END_OVER;
        return END_EXIT;
    case END_NONE:
    case END_OVER:
        break;
    }
    return END_NONE;
}

kith_time end_deadline(const struct end *e)
{
    bool timed = e->stage == END_LEAVING || e->stage == END_GOODBYE || e->stage == END_EXIT;
    return timed ? e->at_us : KITH_NEVER;
}
