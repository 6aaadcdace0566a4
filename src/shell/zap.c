#include "shell/zap.h"
#include "base/mem.h"
#include "base/tree.h"
#include "shell/sockets.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

#define ENDPOINT   "inproc://zeromq.zap.01"
#define FRAMES_MAX 16 /* a CURVE request has 9 */
#define PART_MAX   256
#define KEY_TEXT   41 /* Z85 of 32 bytes, and NUL */

struct admitted {
    struct key32 key;
    TREE_ENTRY(admitted) by_key;
};

static int compare_admitted(const struct admitted *a, const struct admitted *b)
{
    return key32_compare(&a->key, &b->key);
}

TREE_DEFINE(admitted_tree, admitted, by_key, compare_admitted)

struct request;

struct zap {
    void *ctx, *socket;
    kith_time fresh_at_us; /* when the socket is made anew; KITH_NEVER: nobody asked on this one */
    zap_refused *refused;
    zap_closing *closing;
    void *arg;
    struct admitted_tree keys;
    struct request *first, **end; /* that wait, the oldest first */
    size_t waiting;
};

/* One request: the parts of RFC 27, behind the routing id of the asking session. */
struct request {
    uint8_t part[FRAMES_MAX][PART_MAX];
    size_t len[FRAMES_MAX];
    size_t count;
    struct request *next;
    struct key32 key;
    kith_time until_us;
};

enum {
    PART_ROUTE,
    PART_EMPTY,
    PART_VERSION,
    PART_ID,
    PART_DOMAIN,
    PART_ADDRESS,
    PART_IDENTITY,
    PART_MECHANISM,
    PART_KEY,
    PART_COUNT
};

static void open_socket(struct zap *z)
{
    z->socket = zmq_socket(z->ctx, ZMQ_ROUTER);
    assert(z->socket != NULL);
    sockets_set(z->socket, ZMQ_LINGER, 0);
    sockets_set(z->socket, ZMQ_SNDHWM, 0);
    sockets_set(z->socket, ZMQ_RCVHWM, 0);
    int rc = zmq_bind(z->socket, ENDPOINT);
    assert(rc == 0); /* one peer, one context */
    z->fresh_at_us = KITH_NEVER;
}

struct zap *zap_new(void *ctx, zap_refused *refused, zap_closing *closing, void *arg)
{
    struct zap *z = mem_alloc(sizeof *z);
    z->ctx = ctx;
    z->refused = refused;
    z->closing = closing;
    z->arg = arg;
    z->end = &z->first;
    open_socket(z);
    return z;
}

void zap_free(struct zap *z)
{
    if (z == NULL)
        return;
    struct admitted *a, *next;
    TREE_FOREACH_SAFE(a, admitted_tree, &z->keys, next)
    {
        TREE_REMOVE(admitted_tree, &z->keys, a);
        mem_free(a);
    }
    while (z->first != NULL) {
        struct request *r = z->first;
        z->first = r->next;
        mem_free(r);
    }
    sockets_close(&z->socket);
    mem_free(z);
}

void *zap_socket(struct zap *z)
{
    return z->socket;
}

static bool is_admitted(const struct zap *z, const struct key32 *key)
{
    struct admitted a = {.key = *key};
    return TREE_FIND(admitted_tree, (struct admitted_tree *)&z->keys, &a) != NULL;
}

struct key32 zap_key(const char *user_id)
{
    struct key32 key = {{0}};
    if (user_id != NULL && strlen(user_id) == KEY_TEXT - 1)
        zmq_z85_decode(key.b, user_id);
    return key;
}

static bool receive(struct zap *z, struct request *r)
{
    r->count = 0;
    int more = 1;
    while (more) {
        zmq_msg_t msg;
        zmq_msg_init(&msg);
        if (zmq_msg_recv(&msg, z->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&msg);
            return false;
        }
        more = zmq_msg_more(&msg);
        if (r->count < FRAMES_MAX) {
            size_t len = zmq_msg_size(&msg);
            len = len < PART_MAX ? len : PART_MAX;
            memcpy(r->part[r->count], zmq_msg_data(&msg), len);
            r->len[r->count++] = len;
        }
        zmq_msg_close(&msg);
    }
    return true;
}

static struct bytes part(const struct request *r, size_t i)
{
    return i < r->count ? bytes_of(r->part[i], r->len[i]) : bytes_of(NULL, 0);
}

static void answer(struct zap *z, const struct request *r, const char *status, const char *text,
                   const char *user_id)
{
    struct bytes parts[] = {
        part(r, PART_ROUTE), bytes_of("", 0), bytes_str("1.0"),   part(r, PART_ID),
        bytes_str(status),   bytes_str(text), bytes_str(user_id), bytes_of("", 0),
    };
    size_t count = sizeof parts / sizeof *parts;
    for (size_t i = 0; i < count; i++)
        zmq_send(z->socket, parts[i].data, parts[i].len,
                 ZMQ_DONTWAIT | (i + 1 < count ? ZMQ_SNDMORE : 0));
}

static void refuse(struct zap *z, const struct request *r, const char *why)
{
    char address[PART_MAX + 1];
    snprintf(address, sizeof address, BYTES_FMT, BYTES_ARG(part(r, PART_ADDRESS)));
    z->refused(z->arg, address, why);
    answer(z, r, "400", why, "");
}

static void accept_key(struct zap *z, const struct request *r, const struct key32 *key)
{
    char text[KEY_TEXT];
    zmq_z85_encode(text, key->b, sizeof key->b);
    answer(z, r, "200", "OK", text);
}

/* Takes the request that *at points to off the list. */
static struct request *take_out(struct zap *z, struct request **at)
{
    struct request *r = *at;
    *at = r->next;
    if (z->end == &r->next)
        z->end = at;
    z->waiting--;
    return r;
}

static void hold(struct zap *z, const struct request *r, const struct key32 *key, kith_time now_us)
{
    struct request *held = mem_copy(r, sizeof *r);
    held->key = *key;
    held->until_us = now_us + ZAP_PATIENCE_US;
    held->next = NULL;
    *z->end = held;
    z->end = &held->next;
    z->waiting++;
}

static void let_in(struct zap *z, const struct key32 *key)
{
    struct request **at = &z->first;
    while (*at != NULL) {
        if (key32_compare(&(*at)->key, key) != 0) {
            at = &(*at)->next;
            continue;
        }
        struct request *r = take_out(z, at);
        accept_key(z, r, key);
        mem_free(r);
    }
}

bool zap_admit(struct zap *z, const struct key32 *key, bool on)
{
    struct admitted probe = {.key = *key};
    struct admitted *a = TREE_FIND(admitted_tree, &z->keys, &probe);
    if ((a != NULL) == on)
        return false;
    if (on) {
        TREE_INSERT(admitted_tree, &z->keys, mem_copy(&probe, sizeof probe));
        let_in(z, key);
    } else {
        TREE_REMOVE(admitted_tree, &z->keys, a);
        mem_free(a);
    }
    return true;
}

/* A handshake that asks between the two finds nobody, fails, and is tried again by its client. */
static void renew(struct zap *z)
{
    z->closing(z->arg);
    zmq_unbind(z->socket, ENDPOINT); /* at once; the close is done by another thread, later */
    sockets_close(&z->socket);
    open_socket(z);
}

bool zap_time(struct zap *z, kith_time now_us)
{
    while (z->first != NULL && z->first->until_us <= now_us) {
        struct request *r = take_out(z, &z->first);
        refuse(z, r, "key is not admitted");
        mem_free(r);
    }
    if (z->first != NULL || now_us < z->fresh_at_us)
        return false;
    renew(z);
    return true;
}

kith_time zap_deadline(const struct zap *z)
{
    return kith_time_min(z->fresh_at_us, z->first != NULL ? z->first->until_us : KITH_NEVER);
}

static void decide(struct zap *z, const struct request *r, kith_time now_us)
{
    struct bytes key_bytes = part(r, PART_KEY);
    if (r->count != PART_COUNT || !bytes_equal_str(part(r, PART_MECHANISM), "CURVE") ||
        key_bytes.len != sizeof(struct key32)) {
        refuse(z, r, "comes without a key");
        return;
    }
    struct key32 key;
    memcpy(key.b, key_bytes.data, sizeof key.b);
    if (bytes_equal_str(part(r, PART_DOMAIN), ZAP_ROUTER) || is_admitted(z, &key))
        accept_key(z, r, &key);
    else if (z->waiting < ZAP_WAITING_MAX)
        hold(z, r, &key, now_us);
    else
        refuse(z, r, "key is not admitted");
}

void zap_answer(struct zap *z, kith_time now_us)
{
    struct request r;
    while (receive(z, &r)) {
        decide(z, &r, now_us);
        z->fresh_at_us = now_us + ZAP_QUIET_US;
    }
}
