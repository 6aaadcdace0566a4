/* Server-sent events: a stream's messages as the body of one answer that goes on. Source: WHATWG HTML, 9.2. */
#include "http/server_inside.h"
#include "http/stream.h"
#include "shell/clock.h"

#include <inttypes.h>
#include <string.h>

#define STREAM_BLOCK 512u /* of libmicrohttpd's for HTTP/1.0 only: each stream has one */
#define STREAM_QUIET_US                                                                            \
    (15 * KITH_SEC) /* then a comment goes out, so that what is between sees that it lives */

static void write_event(struct buf *out, const struct stream_message *m)
{
    if (m->position)
        buf_printf(out, "id: %" PRIu64 "\n", m->position);
    buf_printf(out, "event: %s\ndata: ", m->name);
    buf_append(out, m->json.data, m->json.len);
    buf_str(out, "\n\n");
}

/* What is to go out next. False: nothing now. */
static bool fill(struct visit *v)
{
    struct stream_message m = {0};

    buf_deinit(
        &v->pending); /* thousands of streams wait: none keeps the room of its largest message */
    v->pending_at = 0;
    if (server_is_ending(v))
        stream_end(v->x.stream, "this peer is stopping: ask another one");
    if (stream_next(v->x.stream, &m))
        write_event(&v->pending, &m);
    else if (v->quiet && !stream_has_ended(v->x.stream))
        buf_str(&v->pending, ":\n\n");
    v->quiet = false;
    buf_deinit(&m.json);
    return v->pending.len > 0;
}

static ssize_t more(void *cls, uint64_t position, char *room, size_t max)
{
    struct visit *v = cls;

    (void)position;
    if (v->x.gone)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (v->pending_at == v->pending.len && !fill(v)) {
        if (stream_has_ended(v->x.stream))
            return MHD_CONTENT_READER_END_OF_STREAM;
        v->x.until_us = clock_now_us() + STREAM_QUIET_US;
        stream_sleep(v->x.stream, v);
        server_suspend(v);
        return 0;
    }
    size_t left = v->pending.len - v->pending_at, n = left < max ? left : max;

    memcpy(room, v->pending.data + v->pending_at, n);
    v->pending_at += n;
    v->sent += n;
    return (ssize_t)n;
}

enum MHD_Result server_stream(struct visit *v)
{
    struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, more,
                                                               v, /* free= */ NULL);

    if (!r)
        return MHD_NO;
    v->x.answer.status = 200;
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result result = MHD_queue_response(v->connection, 200, r);

    MHD_destroy_response(r);
    return result;
}
