/* The verbs that change one service. */
#include "cmd/kith_halt.h"
#include "spec/units.h"

#include <stdlib.h>
#include <string.h>

/* Asks for it with what --ack and --wait say. */
static int ask_change(struct kith *k, struct change request)
{
    request.id = ask_fresh_id();
    int status = ask_ack(k, &request.ack);

    if (status == KITH_DONE && args_has(&k->args, FLAG_WAIT) &&
        request.ack.kind != ACK_KIND_CONVERGED)
        status = kith_usage(k, "only --wait converged goes with this");
    return status ? status : ask_and_show(k, WIRE_CHANGE, &request, WIRE_CHANGED, VIEW_ONE);
}

/* Of the service that the first word names. */
static int change(struct kith *k, struct change request)
{
    request.service = bytes_str(kith_word(k, 0));
    request.cascade = args_has(&k->args, FLAG_CASCADE);
    return ask_change(k, request);
}

int kith_scale(struct kith *k)
{
    uint64_t count;

    if (units_whole(bytes_str(kith_word(k, 1)), &count) || count > UINT32_MAX)
        return kith_usage(k, "'%s' is no count: write a whole number, such as `kith scale %s 3`",
                          kith_word(k, 1), kith_word(k, 0));
    return change(k, (struct change){.kind = COMMAND_KIND_SCALE, .count = (uint32_t)count});
}

int kith_stop(struct kith *k)
{
    bool all = args_has(&k->args, FLAG_ALL);

    if (all == (k->args.words_n == 1))
        return kith_usage(k, "stop one service by its NAME, or the whole cluster by --all");
    if (all)
        return halt_all(k);
    if (args_has(&k->args, FLAG_KEEP_DAEMONS))
        return kith_usage(k, "--keep-daemons goes with --all");
    return change(k, (struct change){.kind = COMMAND_KIND_STOP});
}

int kith_start(struct kith *k)
{
    return change(k, (struct change){.kind = COMMAND_KIND_START});
}

int kith_restart(struct kith *k)
{
    return change(k, (struct change){.kind = COMMAND_KIND_RESTART});
}

int kith_rm(struct kith *k)
{
    return change(k, (struct change){.kind = COMMAND_KIND_RM});
}

int kith_undo(struct kith *k)
{
    struct change request = {.kind = COMMAND_KIND_UNDO};
    const char *text = kith_word(k, 0);
    char *end;

    request.conflict = strtoull(text, &end, 16);
    if (strlen(text) != 16 || *end)
        return kith_usage(
            k, "'%s' is no conflict: its id has 16 digits, as `kith conflicts` prints them", text);
    return ask_change(k, request);
}
