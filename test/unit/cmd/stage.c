#include "stage.h"

#include "test.h"
#include "wire/frame.h"

#include <czmq.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void stage_init(struct stage *s)
{
    *s = (struct stage){0};
    strcpy(s->dir, "/tmp/kith-test-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    snprintf(s->socket, sizeof(s->socket), "%s/kithd.sock", s->dir);
}

void stage_deinit(struct stage *s)
{
    for (unsigned i = 0; i < s->lines_n; i++)
        buf_deinit(&s->lines[i].payload);
    for (unsigned i = 0; i < s->asked_n; i++)
        buf_deinit(&s->asked[i].payload);
    buf_deinit(&s->out);
    unlink(s->socket);
    rmdir(s->dir);
}

void stage_say(struct stage *s, enum wire_kind to, enum wire_kind kind, const void *answer)
{
    struct stage_line *line = &s->lines[s->lines_n++];

    assert_true(s->lines_n <= STAGE_MAX);
    *line = (struct stage_line){.to = to, .kind = kind, .times = 1};
    wire_encode(&line->payload, frame_kind(kind)->type, answer);
}

void stage_leave(struct stage *s)
{
    s->lines[s->lines_n - 1].then_leave = true;
}

/* The line to say now: the first that was not said yet, or the last of its kind. */
static struct stage_line *next_line(struct stage *s, enum wire_kind to)
{
    struct stage_line *last = NULL;

    for (unsigned i = 0; i < s->lines_n; i++) {
        if (s->lines[i].to != to)
            continue;
        last = &s->lines[i];
        if (last->times)
            break;
    }
    if (last)
        last->times = 0;
    return last;
}

static void keep(struct stage *s, const struct frame *f)
{
    if (s->asked_n == STAGE_MAX)
        return;
    s->asked[s->asked_n].kind = f->info->kind;
    buf_append(&s->asked[s->asked_n++].payload, f->payload.data, f->payload.len);
}

static void answer(struct stage *s, zframe_t **id, const struct frame *f,
                   const struct stage_line *line)
{
    struct envelope e = f->envelope;
    struct buf out = {0};

    e.cluster = (struct ulid){{7}};
    e.kind = (uint16_t)line->kind;
    e.lane = WIRE_LANE_CLIENT;
    if (s->proto_max != 0) {
        e.proto_min = s->proto_min;
        e.proto_max = s->proto_max;
    }
    frame_pack(&out, &e, buf_bytes(&line->payload));
    zframe_send(id, s->router, ZFRAME_MORE);
    zmq_send(zsock_resolve(s->router), out.data, out.len, 0);
    buf_deinit(&out);
}

/* True: the daemon ends. */
static bool serve(struct stage *s)
{
    zmsg_t *msg = zmsg_recv(s->router);
    zframe_t *id = zmsg_pop(msg), *body = zmsg_pop(msg);
    struct ulid any = {{0}};
    struct wire_error err;
    struct frame f;
    int r = frame_unpack(&f, bytes_of(zframe_data(body), zframe_size(body)), &any, &err);
    struct stage_line *line = r == 0 ? next_line(s, f.info->kind) : NULL;

    if (r == 0)
        keep(s, &f);
    if (line)
        answer(s, &id, &f, line);
    zframe_destroy(&id);
    zframe_destroy(&body);
    zmsg_destroy(&msg);
    return line && line->then_leave;
}

static void loop(zsock_t *pipe, void *arg)
{
    struct stage *s = arg;
    zpoller_t *poller = zpoller_new(pipe, s->router, NULL);

    zsock_signal(pipe, 0);
    while (zpoller_wait(poller, -1) == s->router)
        if (serve(s)) {
            zclock_sleep(50); /* lets the answer leave */
            break;
        }
    zpoller_destroy(&poller);
    zsock_destroy((zsock_t **)&s->router);
}

static void raise_curtain(struct stage *s)
{
    for (unsigned i = 0; i < s->asked_n; i++)
        buf_deinit(&s->asked[i].payload);
    memset(s->asked, 0, sizeof(s->asked));
    s->asked_n = 0;
    buf_reset(&s->out);
    s->router = zsock_new(ZMQ_ROUTER);
    zsock_set_linger(s->router, 100);
    assert_int_equal(zsock_bind(s->router, "ipc://%s", s->socket), 0);
    s->actor = zactor_new(loop, s);
}

int stage_kith(struct stage *s, const char *args)
{
    char line[1024];
    int c;

    raise_curtain(s);
    snprintf(line, sizeof(line), "%s -a %s %s 2>&1", getenv("KITH_PROGRAM"), s->socket, args);
    FILE *pipe = popen(line, "r");

    assert_non_null(pipe);
    while ((c = fgetc(pipe)) != EOF)
        buf_byte(&s->out, (uint8_t)c);
    int status = pclose(pipe);

    zactor_destroy((zactor_t **)&s->actor);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void stage_expect(struct stage *s, const char *words)
{
    if (!strstr(buf_cstr(&s->out), words))
        fail_msg("'%s' is not in:\n%s", words, buf_cstr(&s->out));
}

void stage_asked(struct stage *s, enum wire_kind kind, void *ret, struct arena *mem)
{
    struct wire_error err;

    for (unsigned i = 0; i < s->asked_n; i++)
        if (s->asked[i].kind == kind) {
            assert_int_equal(wire_decode(ret, frame_kind(kind)->type,
                                         buf_bytes(&s->asked[i].payload), mem, &err),
                             0);
            return;
        }
    fail_msg("it never asked for %s", frame_kind_name(kind));
}
