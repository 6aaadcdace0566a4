/* The verbs that read this host's look-up file, and ask no peer: lookup, and watch service. */
#include "base/mem.h"
#include "base/time.h"
#include "cmd/kith.h"
#include "kith/kith.h"
#include "view/view.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define TRIES 8 /* the list may grow between counting and copying */

struct looked { /* a service as it was read */
    struct kith_endpoint *list;
    int count;
    int64_t age_us;
};

/* All endpoints, however many; or a kith_error. */
static int look(struct kith_reader *reader, const char *service, struct looked *ret)
{
    int max = 0;

    for (int tries = 0; tries < TRIES; tries++) {
        int count = kith_lookup(reader, service, NULL, ret->list, (size_t)max, &ret->age_us);

        ret->count = count < max ? count : max;
        if (count <= max)
            return count < 0 ? count : 0;
        max = count;
        ret->list = mem_grow(ret->list, (size_t)max, sizeof(*ret->list));
    }
    return 0;
}

/* As `kith endpoints` lists them; the age on stderr, so that stdout is the same thing for programs. */
static int print(struct kith *k, const struct looked *looked)
{
    struct endpoint_info *items = arena_array(&k->mem, (size_t)looked->count, sizeof(*items));
    struct endpoints answer = {.endpoints = items, .endpoints_n = (uint32_t)looked->count};

    for (int i = 0; i < looked->count; i++) {
        const struct kith_endpoint *e = &looked->list[i];

        memcpy(items[i].instance.b, e->instance, sizeof(e->instance));
        memcpy(items[i].node.b, e->node, sizeof(e->node));
        items[i].addr = bytes_str(e->addr);
        items[i].port_name = bytes_str(e->port_name);
        items[i].port = e->port;
    }
    view_answer(&k->out, WIRE_ENDPOINTS, &answer, (struct view_style){k->args.format, VIEW_LIST});
    int status = kith_print(k);

    arena_reset(&k->mem);
    kith_tell("kith: as of %lld ms ago", (long long)(looked->age_us / KITH_MS));
    return status;
}

static int show(struct kith *k, struct kith_reader *reader, const char *service)
{
    struct looked looked = {.count = 0};
    int error = look(reader, service, &looked);
    int status = error ? kith_failed("%s: %s", service, kith_error_text(error)) : print(k, &looked);

    mem_free(looked.list);
    return status;
}

static struct kith_reader *open_reader(const struct kith *k)
{
    return kith_open(k->args.text[FLAG_LOOKUP]);
}

int kith_show_lookup(struct kith *k)
{
    struct kith_reader *reader = open_reader(k);
    int status = reader ? show(k, reader, kith_word(k, 0)) : kith_failed("no memory");

    kith_close(reader);
    return status;
}

/* A service that is gone may come back: the watch goes on. */
int kith_watch_service(struct kith *k)
{
    struct kith_reader *reader = open_reader(k);
    const char *service = kith_word(k, 0);
    int64_t timeout_ms = args_has(&k->args, FLAG_TIMEOUT) ? k->args.number[FLAG_TIMEOUT] : -1;
    uint64_t index = 0;
    int error = reader ? kith_watch(reader, NULL, service, &index, 0) : KITH_SYSTEM;
    int status = KITH_DONE;

    if (error == 0 || error == KITH_TIMED_OUT)
        (void)show(k, reader, service);
    while (status == KITH_DONE && (error == 0 || error == KITH_TIMED_OUT)) {
        error = kith_watch(reader, NULL, service, &index,
                           timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms);
        if (error == 0 && index)
            status = show(k, reader, service);
        else if (error == 0)
            kith_tell("kith: %s is gone", service);
        else
            status = kith_failed("%s: %s", service, kith_error_text(error));
    }
    if (status == KITH_DONE && error)
        status = kith_failed("%s: %s", service, kith_error_text(error));
    kith_close(reader);
    return status;
}
