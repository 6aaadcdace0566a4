#include "spec/service_file.h"

#include "graph/cycles.h"
#include "spec/service_check.h"
#include "spec/service_keys.h"

/* The services of a file while it is checked as a whole. */
struct file {
    struct schema_context *c;
    struct service_spec *specs;
    const struct yaml_node **documents; /* of specs[i] */
    uint32_t count;
    struct graph *graph; /* of needs; a service's id is its number */
};

static struct ulid id_of(uint32_t number)
{
    return (struct ulid){.b = {[14] = (uint8_t)(number >> 8), [15] = (uint8_t)number}};
}

static uint32_t number_of(const struct ulid *id)
{
    return (uint32_t)(id->b[14] << 8 | id->b[15]);
}

/* The first service of that name; f->count when there is none. */
static uint32_t find(const struct file *f, struct bytes name)
{
    uint32_t i = 0;

    while (i < f->count && !bytes_equal(f->specs[i].name, name))
        i++;
    return i;
}

static void read_document(struct file *f, const struct yaml_node *document)
{
    struct service_spec *spec = &f->specs[f->count];

    *spec = service_defaults;
    if (document->kind == YAML_NULL) {
        spec_error(f->c->errors, document->at, "an empty document: remove one of the --- lines");
        return;
    }
    if (document->kind != YAML_MAP) {
        spec_error(f->c->errors, document->at,
                   "a service is a map of keys, not %s; begin with "
                   "service: NAME",
                   yaml_kind_name(document->kind));
        return;
    }
    schema_read(f->c, &service_schema, document, spec);
    service_check(f->c, spec, document);
    if (!spec->name.len)
        return;
    uint32_t other = find(f, spec->name);

    if (other < f->count)
        spec_error(f->c->errors, yaml_get(document, "service")->at,
                   "service: " BYTES_FMT " is defined twice, first in line %u: remove one",
                   BYTES_ARG(spec->name), f->documents[other]->at.line);
    f->documents[f->count++] = document;
}

/* ---- cycles ---- */

static void report_cycle(struct file *f, struct graph_ids path, struct spec_at at)
{
    struct buf names = {0};

    for (size_t i = 0; i < path.count; i++) {
        const struct service_spec *spec = &f->specs[number_of(&path.ids[i])];

        buf_printf(&names, "%s" BYTES_FMT, i ? " -> " : "", BYTES_ARG(spec->name));
    }
    spec_error(f->c->errors, at,
               "needs: this closes a cycle, %s; remove one of them, or make it a "
               "want",
               buf_cstr(&names));
    buf_deinit(&names);
}

static void add_needs(struct file *f, uint32_t from)
{
    const struct yaml_node *needs = yaml_get(f->documents[from], "needs");
    struct ulid from_id = id_of(from);

    if (!needs)
        return;
    for (const struct yaml_node *item = needs->items; item; item = item->next) {
        uint32_t to = find(f, item->text);
        struct ulid to_id = id_of(to);

        if (to == f->count)
            continue; /* a service of another file */
        struct graph_rank rank = {.minor = graph_edge_count(f->graph) + 1};

        if (graph_set_edge(f->graph, &from_id, &to_id, rank) == GRAPH_HELD)
            report_cycle(f, graph_cycle_path(f->graph, &from_id, &to_id, f->c->mem), item->at);
    }
}

static void check_cycles(struct file *f)
{
    f->graph = graph_new();
    for (uint32_t i = 0; i < f->count; i++)
        add_needs(f, i);
    graph_free(f->graph);
}

/* ---- the file ---- */

static uint32_t count_documents(const struct yaml_node *documents)
{
    uint32_t count = 0;

    for (; documents; documents = documents->next)
        count++;
    return count;
}

static void read_documents(struct file *f, const struct yaml_node *documents)
{
    uint32_t count = count_documents(documents);

    if (!count)
        spec_error(f->c->errors, (struct spec_at){0},
                   "there is no service in it; begin with "
                   "service: NAME");
    if (count > SERVICE_FILE_MAX_SERVICES) {
        spec_error(f->c->errors, (struct spec_at){0}, "more than %d services: split the file",
                   SERVICE_FILE_MAX_SERVICES);
        return;
    }
    f->specs = arena_array(f->c->mem, count, sizeof(*f->specs));
    f->documents = arena_array(f->c->mem, count, sizeof(*f->documents));
    for (; documents; documents = documents->next)
        read_document(f, documents);
    check_cycles(f);
}

int service_file_read(struct service_file *ret, struct bytes text, struct arena *mem,
                      struct spec_errors *errors)
{
    struct schema_context context = {.mem = mem, .errors = errors, .prefix = ""};
    struct file f = {.c = &context};
    struct yaml_node *documents;
    int result = yaml_parse(&documents, text, mem, errors);

    if (result)
        return result;
    read_documents(&f, documents);
    if (errors->count)
        return SPEC_BAD;
    *ret = (struct service_file){.specs = f.specs, .count = f.count};
    return 0;
}
