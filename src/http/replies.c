#include "http/replies.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>

struct kept { /* empty when nothing was asked */
    struct buf asked;
    struct reply reply;
    uint64_t index; /* the directory's, when it was made */
    int64_t age_ms; /* that it says */
};

struct replies {
    struct hub *hub;
    struct kept kept[CACHE_SLOTS];
    struct MHD_Response *last; /* one that is not kept */
};

struct replies *replies_new(struct hub *hub)
{
    struct replies *r = mem_alloc(sizeof(*r));

    r->hub = hub;
    return r;
}

static void drop(struct MHD_Response **response)
{
    if (*response)
        MHD_destroy_response(*response); /* those that are being sent hold it */
    *response = NULL;
}

void replies_free(struct replies *r)
{
    for (unsigned i = 0; i < CACHE_SLOTS; i++) {
        drop(&r->kept[i].reply.response);
        buf_deinit(&r->kept[i].asked);
    }
    drop(&r->last);
    mem_free(r);
}

static int64_t age_ms(const struct replies *r)
{
    int64_t age = r->hub->age_us(r->hub->arg) / KITH_MS;

    return (age / REPLIES_AGE_MS + 1) * REPLIES_AGE_MS;
}

/* ---- headers ---- */

static void add_number(struct MHD_Response *r, const char *name, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    MHD_add_response_header(r, name, text);
}

static void add_tag(struct MHD_Response *r, uint64_t tag)
{
    char text[24];

    snprintf(text, sizeof(text), "\"%" PRIu64 "\"", tag);
    MHD_add_response_header(r, MHD_HTTP_HEADER_ETAG, text);
}

static void add_headers(struct MHD_Response *r, const struct exchange *x, int64_t age)
{
    const struct answer *a = &x->answer;

    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
    if (a->allow)
        MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, a->allow);
    if (a->retry)
        MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER, a->retry);
    if (a->next)
        MHD_add_response_header(r, "X-Kith-Cursor", a->next);
    if (a->tag)
        add_tag(r, a->tag);
    add_number(r, "X-Kith-Age-Ms", (uint64_t)age);
    if (!a->about) {
        if (a->tag)
            add_number(r, "X-Kith-Index", a->tag);
        return;
    }
    if (!x->consul) {
        add_number(r, "X-Kith-Index", a->index);
        return;
    }
    add_number(r, "X-Consul-Index", a->index);
    add_number(r, "X-Consul-LastContact", (uint64_t)age);
    MHD_add_response_header(r, "X-Consul-KnownLeader", "true");
}

/* ---- what is kept ---- */

bool replies_find(struct replies *r, const struct exchange *x, struct bytes raw, struct reply *ret)
{
    const struct kept *k = &r->kept[cache_place(raw)];

    if (x->method != METHOD_GET || x->known.len || (r->hub->token.len && !x->from_here) ||
        k->index != r->hub->directory.index || !k->reply.response ||
        !bytes_equal(buf_bytes(&k->asked), raw) || k->age_ms != age_ms(r))
        return false;
    *ret = k->reply;
    return true;
}

static void keep(struct replies *r, const struct exchange *x, const struct reply *made, int64_t age)
{
    struct kept *k = &r->kept[cache_place(x->raw)];

    drop(&k->reply.response);
    buf_reset(&k->asked);
    buf_append(&k->asked, x->raw.data, x->raw.len);
    k->reply = *made;
    k->index = r->hub->directory.index;
    k->age_ms = age;
}

struct reply replies_make(struct replies *r, struct exchange *x)
{
    struct answer *a = &x->answer;
    struct reply made = {.bytes = a->body.len};
    int64_t age = age_ms(r);

    drop(&r->last);
    made.response =
        MHD_create_response_from_buffer_with_free_callback(a->body.len, a->body.data, mem_free);
    if (!made.response)
        return made;
    a->body = (struct buf){0}; /* taken over */
    add_headers(made.response, x, age);
    if (a->lasting && a->status == 200 && x->method == METHOD_GET && !x->waited &&
        made.bytes <= REPLIES_BODY_MAX)
        keep(r, x, &made, age);
    else
        r->last = made.response;
    return made;
}
