#ifndef KITH_HTTP_MESSAGES_H
#define KITH_HTTP_MESSAGES_H
/*
 * Streams of topics' messages, as `kith subscribe` has them: each is a subscription of the HTTP thread's at the peer, renewed for
 * as long as its client is there. A message is told once, and to those only who are there when it comes: such a stream has no
 * positions.
 *
 * The peer hears that messages were taken when the client has taken them. So no more than the peer's window
 * (gossip/listener.h: 1,024 messages or 1 MiB) is held here for one that is slow. What comes beyond waits with the peer, and when
 * that is full, too, the oldest go: the client is told how many, by `dropped`.
 *
 *     message  {"at": ..., "topic": "deploy.eu", "payload": "v2", ...}      as `kith -o json subscribe` prints it
 *     dropped  {"messages": 12}                                             so far
 */
#include "http/stream.h"

#define MESSAGES_STREAMS_MAX 256u

struct ask;
struct mailbox;

LIST_HEAD(mailboxes, mailbox);

struct messages { /* a zeroed one is valid and empty; the HTTP thread's */
    struct hub *hub;
    struct ask *ask; /* NULL: nobody hears what is sent */
    struct mailboxes all;
    uint64_t last; /* number given */
    uint32_t n;
};

/* For a subscription; 0: there are as many as there may be. */
uint64_t messages_number(struct messages *m);

/* A message of the peer. False: none for this. */
bool messages_take(struct messages *m, enum wire_kind kind, struct bytes payload);

/* Renews what it is time for. */
void messages_run(struct messages *m);
kith_time messages_deadline(const struct messages *m);

/* The peer has taken the subscription, which is copied. */
struct mailbox *mailbox_new(struct messages *m, const struct subscribe *request);
void mailbox_free(struct mailbox *b); /* and ends the subscription */

/* As stream_next(). */
bool mailbox_next(struct mailbox *b, struct stream_message *ret);
/* Woken when there is something again. */
struct resource *mailbox_news(struct mailbox *b);

#endif
