/* Kith's own API: what changes, as it does. */
#include "http/native.h"
#include "http/stream.h"

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
