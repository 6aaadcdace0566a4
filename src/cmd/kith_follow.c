/* The verbs that can go on: events and logs. */
#include "cmd/kith_ask.h"
#include "view/safe.h"

#include <stdio.h>
#include <unistd.h>

/* Prints what came after request->after, and moves it on. */
static int print_events(struct kith *k, struct get_events *request, enum view_shape shape)
{
    int status;
    const struct events *answer = ask(k, WIRE_GET_EVENTS, request, WIRE_EVENTS, &status);

    if (!answer)
        return status;
    if (answer->dropped && request->after)
        kith_tell("kith: %llu events in between are no longer kept by this peer",
                  (unsigned long long)answer->dropped);
    if (answer->events_n || shape != VIEW_MORE)
        view_answer(&k->out, WIRE_EVENTS, answer, (struct view_style){k->args.format, shape});
    if (answer->events_n)
        request->after = answer->events[answer->events_n - 1].position;
    return kith_print(k);
}

int kith_events(struct kith *k)
{
    struct get_events request = {.limit = (uint32_t)k->args.number[FLAG_LIMIT]};
    bool follow = args_has(&k->args, FLAG_FOLLOW);
    bool titles = k->args.format == VIEW_TABLE || k->args.format == VIEW_WIDE;
    int status = print_events(k, &request, follow && !titles ? VIEW_MORE : VIEW_LIST);

    request.limit = 0;
    while (follow && status == KITH_DONE) {
        arena_reset(&k->mem);
        ask_pause();
        status = print_events(k, &request, VIEW_MORE);
    }
    return status;
}

/* A terminal gets harmless text, a file or pipe the bytes as they are. */
static int print_log(struct kith *k, struct bytes data)
{
    if (isatty(STDOUT_FILENO))
        safe_lines(&k->out, data);
    else
        buf_append(&k->out, data.data, data.len);
    return kith_print(k);
}

int kith_logs(struct kith *k)
{
    struct get_logs request = {.instance = bytes_str(kith_word(k, 0)),
                               .tail_bytes = (uint32_t)k->args.number[FLAG_TAIL]};
    bool follow = args_has(&k->args, FLAG_FOLLOW);
    struct ulid_text id;
    int status;

    if (k->args.format != VIEW_TABLE && k->args.format != VIEW_WIDE)
        return kith_usage(k, "logs are what a program printed: they come as they are, without -o");
    do {
        const struct logs *answer = ask(k, WIRE_GET_LOGS, &request, WIRE_LOGS, &status);

        if (!answer)
            return status;
        bool more = answer->data.len > 0;

        id = ulid_text(
            &answer->instance); /* a service's only instance may be another one next time */
        request = (struct get_logs){.instance = bytes_str(id.s), .offset = answer->next};
        status = print_log(k, answer->data);
        arena_reset(&k->mem);
        if (follow && !more)
            ask_pause();
    } while (follow && status == KITH_DONE);
    return status;
}
