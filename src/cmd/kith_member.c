/* The verbs about members: join, leave, forget. */
#include "cmd/kith_halt.h"

#define LEAVE_TIMEOUT_MS 120000

int kith_join(struct kith *k)
{
    struct join request = {.addr = bytes_str(kith_word(k, 0))};

    return ask_and_show(k, WIRE_JOIN, &request, WIRE_DONE, VIEW_ONE);
}

int kith_leave(struct kith *k)
{
    kith_time deadline_us = ask_now() + ask_timeout_ms(k, LEAVE_TIMEOUT_MS) * KITH_MS;
    int status = ask_and_show(k, WIRE_LEAVE, &(struct leave){0}, WIRE_DONE, VIEW_ONE);

    if (status == KITH_DONE)
        status = halt_wait_for_peer(k, deadline_us);
    if (status == KITH_DONE)
        kith_tell("this host has left, its daemon has ended");
    return status;
}

int kith_forget(struct kith *k)
{
    struct forget request = {.id = ask_fresh_id(),
                             .node = bytes_str(kith_word(k, 0)),
                             .revoke = args_has(&k->args, FLAG_REVOKE)};
    int status = ask_ack(k, &request.ack);

    return status ? status : ask_and_show(k, WIRE_FORGET, &request, WIRE_CHANGED, VIEW_ONE);
}
