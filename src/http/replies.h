#ifndef KITH_HTTP_REPLIES_H
#define KITH_HTTP_REPLIES_H
/*
 * Answers as libmicrohttpd sends them, and the latest of them kept whole, headers too: who asks for the same to the letter
 * before anything at all has changed here (directory.index) gets the same response, and neither the question nor
 * what it is about is looked at again. Below it stands the cache of bodies (cache.h), which lasts as long as one resource.
 *
 * Only what stays the same until an index changes is kept (answer.lasting), and it is given only to those who may read
 * without a token and bring no If-None-Match. One in each of CACHE_SLOTS places, of up to REPLIES_BODY_MAX bytes: 4 MiB at most.
 *
 * An answer's age is rounded up to REPLIES_AGE_MS, so that one can be given for so long.
 */
#include "http/exchange.h"

#include <microhttpd.h>

#define REPLIES_BODY_MAX 16384u
#define REPLIES_AGE_MS   10

struct reply {
    struct MHD_Response *response;
    size_t bytes; /* of its body */
};

struct replies;

struct replies *replies_new(struct hub *hub); /* borrowed until replies_free() */
void replies_free(struct replies *r);

/* What was kept for this request, which is read but for its target, `raw`. False: nothing. Borrowed until the next call. */
bool replies_find(struct replies *r, const struct exchange *x, struct bytes raw, struct reply *ret);

/* The answer of x, whose body is taken over. Borrowed until the next call; a response of NULL: no memory. */
struct reply replies_make(struct replies *r, struct exchange *x);

#endif
