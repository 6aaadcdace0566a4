#ifndef KITH_HTTP_STREAM_H
#define KITH_HTTP_STREAM_H
/*
 * What a client follows, and what it is to hear next: for server-sent events and WebSocket alike. Pure but for what the directory
 * reads.
 *
 * A stream tells of states, not of steps: of each service that is followed, and of the list of members, what it is now. So nothing is
 * kept for a client that is slow or away: it hears of what has changed since its position, each once, as it is when it is ready to
 * hear it, in the order of their last changes. Its position is the index of the last one that it was told of
 * (directory.h).
 *
 * A client without a position, or with one that says nothing here (it is of another peer, or of a time of which this one does not know
 * any more what went since), is told all: `begin`, each thing that is there, `whole`, which has a position again.
 *
 * Messages are JSON objects, beside their name:
 *     begin    {"index": 5}                              forget what you knew, what follows is all there is
 *     service  {"index": 7, "service": "web", "endpoints": [...]}    as /api/v1/services/NAME/endpoints; [] also when it is gone
 *     members  {"index": 8, "members": [...]}            as /api/v1/members
 *     whole    {"index": 8}                              and that was all
 *     end      {"text": "..."}                           why the peer ends the stream; come again with your position
 */
#include "http/exchange.h"

#define STREAM_SERVICES_MAX 16u

struct stream;
struct mailbox;

/* `names`: the services that are followed, and the members if they are; no names, no members: all of everything. Names are
 * copied. */
struct stream *stream_new(struct hub *hub, const struct bytes *names, unsigned names_n,
                          bool members);
/* Of messages (messages.h), which is taken over. */
struct stream *stream_of_messages(struct hub *hub, struct mailbox *box);
void stream_free(struct stream *s); /* may be NULL */

/* What changed later than this is told. Without it: all is. */
void stream_resume(struct stream *s, uint64_t position);
/* The next message is the last one. */
void stream_end(struct stream *s, const char *why);

struct stream_message {
    const char *name;
    uint64_t position; /* 0: it has none */
    struct buf json;   /* appended to */
};

/* False: there is nothing to tell now, or ever (stream_has_ended()). */
bool stream_next(struct stream *s, struct stream_message *ret);
bool stream_has_ended(const struct stream *s);

/* The owner is woken (directory_host.woken) when there is something again; watcher.owner is this. */
void stream_sleep(struct stream *s, void *owner);

#endif
