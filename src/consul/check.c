/* Consul's agent: checks of this host and of services that are registered here, and maintenance. */
#include "consul/body.h"
#include "consul/consul.h"
#include "consul/shape.h"
#include "http/json.h"
#include "wire/text.h"

static void done(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    (void)kind;
    (void)payload;
    answer_text(x, "text/plain; charset=utf-8", "");
}

/* ---- how they do ---- */

/* 0, or 1: the answer is that there is no check of the ID that the path names. */
static int find_check(struct exchange *x, struct bytes *ret)
{
    *ret = x->match.args[0];
    if (ret->len <= REPORT_ENDPOINT_CHECK_MAX)
        return 0;
    answer_error(x, 404, "not_found", "this peer knows no check of such an ID");
    return 1;
}

static void ask(struct exchange *x, const struct report_endpoint *request)
{
    struct buf question = {0};

    report_endpoint_encode(&question, request);
    exchange_ask(x, WIRE_REPORT_ENDPOINT, question, done);
}

static void report(struct exchange *x, enum endpoint_health health)
{
    struct report_endpoint request = {
        .health = health,
        .output = wire_text_clip(target_get(&x->target, "note"), REPORT_ENDPOINT_OUTPUT_MAX)};

    if (find_check(x, &request.check) == 0)
        ask(x, &request);
}

void consul_check_pass(struct exchange *x)
{
    report(x, ENDPOINT_HEALTH_PASSING);
}

void consul_check_warn(struct exchange *x)
{
    report(x, ENDPOINT_HEALTH_WARNING);
}

void consul_check_fail(struct exchange *x)
{
    report(x, ENDPOINT_HEALTH_CRITICAL);
}

void consul_check_update(struct exchange *x)
{
    struct report_endpoint request;
    struct bytes check;
    const char *why;

    if (find_check(x, &check))
        return;
    if (consul_read_report(&request, buf_bytes(&x->body), &x->mem, &why)) {
        answer_error(x, 400, "bad_request", "%s", why);
        return;
    }
    request.check = check;
    ask(x, &request);
}

/* ---- coming and going ---- */

static bool has_check(struct exchange *x, const struct consul_group *g,
                      const struct check_endpoint *asked)
{
    const struct endpoint_check *checks;
    uint32_t n = consul_checks(g, &checks, &x->mem);

    for (uint32_t i = 0; i < n; i++) {
        if (bytes_equal(checks[i].id, asked->check))
            return bytes_equal(g->ports->registration, asked->name);
    }
    return false;
}

static bool has_host_check(const struct lookup_member *m, struct bytes id)
{
    for (uint32_t i = 0; i < m->checks_n; i++) {
        if (bytes_equal(m->checks[i].id, id))
            return true;
    }
    return false;
}

static bool is_shown(struct exchange *x, const struct check_endpoint *asked)
{
    struct directory *d = &x->hub->directory;
    const struct dir_member *m = directory_member(d, &x->hub->self);

    if (!asked->name.len)
        return m && has_host_check(&m->says, asked->check);

    for (const struct dir_service *s = directory_first_on(d, &x->hub->self); s;
         s = directory_next_on(s, &x->hub->self)) {
        struct consul_group g;
        uint32_t at = 0;

        while (consul_next(s, &at, &g)) {
            if (ulid_equal(&g.ports->node, &x->hub->self) && has_check(x, &g, asked))
                return true;
        }
    }
    return false;
}

/* What it has to wait for until others' questions find the check here; NULL: nothing. */
static struct resource *behind(struct exchange *x)
{
    struct dir_member *m = directory_named(&x->hub->directory, bytes_str(x->hub->name));
    struct check_endpoint asked;
    struct wire_error err;

    if (!m || check_endpoint_decode(&asked, buf_bytes(&x->question), &x->mem, &err) ||
        is_shown(x, &asked))
        return NULL;
    return &m->resource;
}

static void registered(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    done(x, kind, payload);
    exchange_until(x, behind);
}

void consul_check_register(struct exchange *x)
{
    struct check_endpoint request;
    struct buf question = {0};
    const char *why;

    if (consul_read_check(&request, buf_bytes(&x->body), &x->mem, &why)) {
        answer_error(x, 400, "bad_request", "%s", why);
        return;
    }
    check_endpoint_encode(&question, &request);
    exchange_ask(x, WIRE_CHECK_ENDPOINT, question, registered);
}

void consul_check_deregister(struct exchange *x)
{
    struct check_endpoint request = {0};
    struct buf question = {0};

    if (find_check(x, &request.check))
        return;
    check_endpoint_encode(&question, &request);
    exchange_ask(x, WIRE_CHECK_ENDPOINT, question, done);
}

/* ---- maintenance ---- */

static void maintain(struct exchange *x, struct bytes name)
{
    struct bytes enable = target_get(&x->target, "enable");
    struct maintain request = {
        .name = name,
        .on = bytes_equal_str(enable, "true"),
        .reason = wire_text_clip(target_get(&x->target, "reason"), MAINTAIN_REASON_MAX)};
    struct buf question = {0};

    if (!request.on && !bytes_equal_str(enable, "false")) {
        answer_error(x, 400, "bad_request", "enable: write true or false");
        return;
    }
    if (name.len > MAINTAIN_NAME_MAX) {
        answer_error(x, 404, "not_found", "there is no service of such an ID");
        return;
    }
    maintain_encode(&question, &request);
    exchange_ask(x, WIRE_MAINTAIN, question, done);
}

void consul_agent_maintenance(struct exchange *x)
{
    maintain(x, (struct bytes){0});
}

void consul_service_maintenance(struct exchange *x)
{
    maintain(x, x->match.args[0]);
}
