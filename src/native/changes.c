/* Kith's own API: what changes, as it does. */
#include "http/messages.h"
#include "native/ask.h"
#include "native/native.h"

/* Where it goes on: 0; TARGET_ABSENT: with all; TARGET_BAD. */
static int read_position(const struct exchange *x, uint64_t *ret)
{
    struct bytes after = target_get(&x->target, "after");

    if (x->last_event.len) /* an EventSource that comes again asks by the same URL */
        after = x->last_event;
    if (!after.len)
        return TARGET_ABSENT;
    if (!bytes_equal_str(after, "now"))
        return read_number(after, ret);
    *ret = x->hub->directory.index;
    return 0;
}

void native_changes(struct exchange *x)
{
    struct bytes names[STREAM_SERVICES_MAX], name;
    uint64_t position;
    unsigned n = 0, at = 0;

    while (target_each(&x->target, "service", &at, &name)) {
        if (n == STREAM_SERVICES_MAX) {
            answer_error(x, 400, "bad_request",
                         "one stream follows %u services, or all: then leave them out",
                         STREAM_SERVICES_MAX);
            return;
        }
        names[n++] = name;
    }
    int r = read_position(x, &position);

    if (r == TARGET_BAD) {
        answer_error(x, 400, "bad_request", "after: write the position of the last event, or now");
        return;
    }
    x->stream = stream_new(x->hub, names, n, target_flag(&x->target, "members"));
    if (r == 0)
        stream_resume(x->stream, position);
    x->state = EXCHANGE_STREAMING;
}

/* ---- messages ---- */

static void subscribed(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    struct subscribe sent;
    struct wire_error err;

    (void)payload;
    if (kind != WIRE_SUBSCRIBED ||
        subscribe_decode(&sent, buf_bytes(&x->question), &x->mem, &err)) {
        answer_error(x, 500, "internal", "the peer's answer cannot be read");
        return;
    }
    x->stream = stream_of_messages(x->hub, mailbox_new(x->hub->messages, &sent));
    x->state = EXCHANGE_STREAMING;
}

void native_messages(struct exchange *x)
{
    struct bytes patterns[SUBSCRIBE_PATTERNS_MAX_ITEMS], pattern;
    struct subscribe request = {.subscription = messages_number(x->hub->messages),
                                .patterns = patterns};
    unsigned at = 0;

    while (target_each(&x->target, "pattern", &at, &pattern)) {
        if (request.patterns_n == SUBSCRIBE_PATTERNS_MAX_ITEMS) {
            answer_error(x, 400, "bad_request", "one stream has %u patterns at most",
                         SUBSCRIBE_PATTERNS_MAX_ITEMS);
            return;
        }
        patterns[request.patterns_n++] = pattern;
    }
    if (request.patterns_n == 0) {
        answer_error(x, 400, "bad_request",
                     "pattern: write the topics that are wanted, such as "
                     "deploy.*.web");
    } else if (request.subscription == 0) {
        x->answer.retry = "5";
        answer_error(x, 429, "busy",
                     "too many streams of messages: try again, or ask another peer");
    } else {
        native_ask(x, WIRE_SUBSCRIBE, &request, subscribed);
    }
}
