/* Consul's agent: checks of services that are registered here, and maintenance. */
#include "consul/check.h"
#include "consul/body.h"
#include "consul/consul.h"
#include "http/json.h"
#include "wire/text.h"

static const char *const check_prefix = "service:";

static void done(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    (void)kind;
    (void)payload;
    answer_text(x, "text/plain; charset=utf-8", "");
}

/* The instance here that `is` says yes to. */
static bool find_own(struct exchange *x, struct bytes wanted,
                     bool (*is)(const struct consul_group *g, struct bytes wanted),
                     struct consul_group *ret)
{
    struct directory *d = &x->hub->directory;

    for (const struct dir_service *s = directory_first_on(d, &x->hub->self); s;
         s = directory_next_on(s, &x->hub->self)) {
        uint32_t at = 0;

        while (consul_next(s, &at, ret)) {
            if (ulid_equal(&ret->ports->node, &x->hub->self) && is(ret, wanted))
                return true;
        }
    }
    return false;
}

static bool has_check(const struct consul_group *g, struct bytes id)
{
    return bytes_equal(consul_meta_of(g, LOOKUP_META_CHECK), id);
}

int consul_find_check(struct exchange *x, struct bytes *ret_name)
{
    struct bytes id = x->match.args[0], prefix = bytes_str(check_prefix);
    struct consul_group g;

    if (bytes_starts(id, prefix) && id.len - prefix.len <= REPORT_ENDPOINT_NAME_MAX) {
        *ret_name = bytes_of(id.data + prefix.len, id.len - prefix.len);
        return 0;
    }
    if (find_own(x, id, has_check, &g)) {
        *ret_name = arena_bytes(&x->mem, g.ports->registration);
        return 0;
    }
    answer_error(x, 404, "not_found", "this peer knows no check " BYTES_FMT, BYTES_ARG(id));
    return 1;
}

/* ---- checks of their own ---- */

static bool is_shown(const struct consul_group *g, struct bytes question)
{
    struct arena mem = {0};
    struct check_endpoint asked;
    struct wire_error err;
    bool shown = check_endpoint_decode(&asked, question, &mem, &err) == 0 &&
                 bytes_equal(g->ports->registration, asked.name) && has_check(g, asked.check);

    arena_deinit(&mem);
    return shown;
}

/* What it has to wait for until others' questions find the check here; NULL: nothing. */
static struct resource *behind(struct exchange *x)
{
    struct dir_member *m = directory_named(&x->hub->directory, bytes_str(x->hub->name));
    struct consul_group g;

    return !m || find_own(x, buf_bytes(&x->question), is_shown, &g) ? NULL : &m->resource;
}

static void registered(struct exchange *x, enum wire_kind kind, struct bytes payload)
{
    done(x, kind, payload);
    exchange_until(x, behind);
}

/* An ID that would be read as another service's. */
static bool is_others(const struct check_endpoint *c)
{
    struct bytes prefix = bytes_str(check_prefix);

    return bytes_starts(c->check, prefix) &&
           !bytes_equal(bytes_of(c->check.data + prefix.len, c->check.len - prefix.len), c->name);
}

void consul_check_register(struct exchange *x)
{
    struct check_endpoint request;
    struct buf question = {0};
    const char *why = NULL;

    if (consul_read_check(&request, buf_bytes(&x->body), &x->mem, &why) == 0 && is_others(&request))
        why = "service:ID is the check of the service ID";
    if (why) {
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

    if (consul_find_check(x, &request.name))
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
