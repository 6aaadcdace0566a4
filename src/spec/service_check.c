#include "spec/service_check.h"

#include "base/variables.h"
#include "spec/service_file.h"

/* ---- variables ---- */

static bool has_port(const struct service_spec *spec, struct bytes name)
{
    for (uint32_t i = 0; i < spec->ports_n; i++) {
        if (bytes_equal(spec->ports[i].name, name))
            return true;
    }
    return false;
}

static bool is_among(struct bytes name, const struct bytes *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (bytes_equal(list[i], name))
            return true;
    }
    return false;
}

/* Where a byte of a scalar stands; of one over several lines only the begin is known. */
static struct spec_at inside(const struct yaml_node *node, size_t offset)
{
    struct spec_at at = node->at;

    if (node->block)
        return at;
    for (size_t i = 0; i < offset; i++)
        at.column += (node->text.data[i] & 0xc0) != 0x80;
    return at;
}

static void check_variable(struct schema_context *c, const struct service_spec *spec,
                           const struct variable *v, struct spec_at at)
{
    static const char *const plain[] = {"addr", "instance", "slot", "data"};

    if (!v->closed) {
        spec_error(c->errors, at, "${ without }: write ${addr}, for example");
        return;
    }
    for (size_t i = 0; i < SCHEMA_COUNT(plain); i++) {
        if (bytes_equal_str(v->name, plain[i]) && !v->arg.len)
            return;
    }
    if (bytes_equal_str(v->name, "port")) {
        if (!has_port(spec, v->arg))
            spec_error(c->errors, at, "${port." BYTES_FMT "}: no such port; declare it under ports",
                       BYTES_ARG(v->arg));
    } else if (bytes_equal_str(v->name, "endpoint")) {
        if (!is_among(v->arg, spec->needs, spec->needs_n) &&
            !is_among(v->arg, spec->wants, spec->wants_n))
            spec_error(c->errors, at,
                       "${endpoint." BYTES_FMT "}: not in needs or wants; list it in one of them",
                       BYTES_ARG(v->arg));
    } else {
        spec_error(c->errors, at,
                   "unknown variable; there are ${addr}, ${port.NAME}, ${instance}, ${slot}, "
                   "${data} and ${endpoint.SERVICE}");
    }
}

static void check_text(struct schema_context *c, const struct service_spec *spec,
                       const struct yaml_node *node)
{
    struct variable v = {0};

    while (variable_next(node->text, v.end, &v))
        check_variable(c, spec, &v, inside(node, v.start));
}

static void check_texts(struct schema_context *c, const struct service_spec *spec,
                        const struct yaml_node *map, const char *key)
{
    const struct yaml_node *texts = map ? yaml_get(map, key) : NULL;

    if (!texts)
        return;
    for (const struct yaml_node *item = texts->items; item; item = item->next)
        check_text(c, spec, item);
}

/* ---- programs ---- */

static void check_program(struct schema_context *c, const struct yaml_node *map, const char *prefix)
{
    const struct yaml_node *exec = map ? yaml_get(map, "exec") : NULL;

    if (!exec || exec->kind != YAML_LIST)
        return;
    if (!exec->items || !exec->items->text.len)
        spec_error(c->errors, exec->at, "%s.exec: the first item is the program; write [prog, arg]",
                   prefix);
}

static bool is_env_name(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t letter = name.data[i];
        bool good = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                    letter == '_' || (i && letter >= '0' && letter <= '9');

        if (!good)
            return false;
    }
    return true;
}

static void check_env(struct schema_context *c, const struct yaml_node *document)
{
    const struct yaml_node *env = yaml_get(document, "env");

    if (!env)
        return;
    for (const struct yaml_node *item = env->items; item; item = item->next) {
        if (!is_env_name(item->key))
            spec_error(c->errors, item->key_at,
                       "env: a variable's name has letters, digits and _, and no digit first");
    }
}

/* ---- check ---- */

static void check_check(struct schema_context *c, struct service_spec *spec,
                        const struct yaml_node *document)
{
    const struct yaml_node *map = yaml_get(document, "check");
    struct check_spec *check = &spec->check;

    if (!map || map->kind != YAML_MAP)
        return;
    if (check->kind == CHECK_KIND_NONE && !yaml_get(map, "ttl"))
        spec_error(c->errors, map->at,
                   "check: of what? Write one of http: /, tcp: PORTNAME, "
                   "exec: [prog]");
    if (check->kind != CHECK_KIND_HTTP && check->kind != CHECK_KIND_TCP)
        return;
    if (!check->port.len && spec->ports_n == 1)
        check->port = spec->ports[0].name;
    if (!check->port.len)
        spec_error(c->errors, map->at, "check: of which port? Write port: NAME, as in ports");
    else if (!has_port(spec, check->port))
        spec_error(c->errors, map->at, "check: there is no port " BYTES_FMT "; declare it in ports",
                   BYTES_ARG(check->port));
}

/* ---- needs ---- */

static void check_needs(struct schema_context *c, const struct service_spec *spec,
                        const struct yaml_node *document)
{
    const struct yaml_node *wants = yaml_get(document, "wants");

    if (!wants)
        return;
    for (const struct yaml_node *item = wants->items; item; item = item->next) {
        if (is_among(item->text, spec->needs, spec->needs_n))
            spec_error(c->errors, item->at, "wants: " BYTES_FMT " is in needs already: remove one",
                       BYTES_ARG(item->text));
        if (bytes_equal(item->text, spec->name))
            spec_error(c->errors, item->at, "wants: a service cannot want itself: remove it");
    }
}

static void check_size(struct schema_context *c, const struct service_spec *spec,
                       const struct yaml_node *document)
{
    struct buf encoded = {0};

    if (c->errors->count)
        return; /* half filled */
    service_spec_encode(&encoded, spec);
    if (encoded.len > SERVICE_FILE_MAX_SPEC_BYTES)
        spec_error(c->errors, document->at, "this service takes more than %d KiB: make it smaller",
                   SERVICE_FILE_MAX_SPEC_BYTES / 1024);
    buf_deinit(&encoded);
}

void service_check(struct schema_context *c, struct service_spec *spec,
                   const struct yaml_node *document)
{
    const struct yaml_node *run = yaml_get(document, "run"), *check = yaml_get(document, "check");

    check_program(c, run, "run");
    check_program(c, check, "check");
    check_env(c, document);
    check_check(c, spec, document);
    check_needs(c, spec, document);
    check_texts(c, spec, run, "exec");
    check_texts(c, spec, check, "exec");
    check_texts(c, spec, document, "env");
    check_size(c, spec, document);
}
