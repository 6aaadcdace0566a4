/* Real dependency graphs (packages, units, microservices) against results computed by others; see
 * the README beside the data. */
#include "graph/cycles.h"
#include "graph/query.h"

#include "data.h"
#include "test.h"

#include <jansson.h>
#include <string.h>

#define MOST_NAMES 1024

struct depgraph {
    struct graph *graph;
    json_t *ref;
    char *text;                    /* of the edges; the names point into it */
    const char *names[MOST_NAMES]; /* by the number in the id */
    unsigned count;
    struct arena mem;
};

static struct ulid intern(struct depgraph *d, const char *name)
{
    unsigned i = 0;

    while (i < d->count && strcmp(d->names[i], name))
        i++;
    if (i == d->count) {
        assert_true(d->count < MOST_NAMES);
        d->names[d->count++] = name;
    }
    return (struct ulid){.b = {[14] = (uint8_t)(i >> 8), [15] = (uint8_t)i}};
}

static const char *name_of(const struct depgraph *d, const struct ulid *id)
{
    return d->names[id->b[14] << 8 | id->b[15]];
}

static void load(struct depgraph *d, const char *name)
{
    char path[128], *line, *rest;
    uint64_t number = 0;

    memset(d, 0, sizeof(*d));
    snprintf(path, sizeof(path), "depgraphs/%s.tsv", name);
    d->text = test_data(path, NULL);
    snprintf(path, sizeof(path), "depgraphs/%s.ref.json", name);
    char *ref = test_data(path, NULL);

    if (!d->text || !ref)
        skip();
    d->ref = json_loads(ref, 0, NULL);
    assert_non_null(d->ref);
    free(ref);
    d->graph = graph_new();
    for (line = strtok_r(d->text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *tab = strchr(line, '\t');

        *tab = '\0';
        struct ulid from = intern(d, line), to = intern(d, tab + 1);

        graph_set_edge(d->graph, &from, &to, (struct graph_rank){.minor = ++number});
    }
}

static void unload(struct depgraph *d)
{
    graph_free(d->graph);
    json_decref(d->ref);
    free(d->text);
    arena_deinit(&d->mem);
}

static size_t expected(const struct depgraph *d, const char *member)
{
    return (size_t)json_integer_value(json_object_get(d->ref, member));
}

static bool has_name(json_t *list, const char *name)
{
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (!strcmp(json_string_value(item), name))
            return true;
    }
    return false;
}

/* The reference lists the components of more than one node. */
static void check_members(const struct depgraph *d, struct graph_ids members)
{
    json_t *scc = NULL, *sccs = json_object_get(d->ref, "sccs");
    size_t i;

    json_array_foreach(sccs, i, scc)
    {
        if (has_name(scc, name_of(d, &members.ids[0])))
            break;
    }
    assert_true(i < json_array_size(sccs));
    assert_int_equal(json_array_size(scc), members.count);
    for (size_t k = 0; k < members.count; k++)
        assert_true(has_name(scc, name_of(d, &members.ids[k])));
}

static void check_components(struct depgraph *d)
{
    struct graph_components all = graph_components(d->graph, &d->mem);
    size_t entangled = 0, in_cycles = 0;

    for (size_t i = 0; i < all.count; i++) {
        if (all.components[i].members.count < 2)
            continue;
        check_members(d, all.components[i].members);
        entangled++;
        in_cycles += all.components[i].members.count;
    }
    assert_int_equal(all.count, expected(d, "scc_total"));
    assert_int_equal(entangled, expected(d, "scc_nontrivial"));
    assert_int_equal(in_cycles, expected(d, "nodes_in_cycles"));
    assert_int_equal(all.components[all.count - 1].level + 1,
                     expected(d, "condensation_depth_levels"));
}

static void check_acyclic(struct depgraph *d)
{
    if (expected(d, "scc_nontrivial")) {
        assert_true(graph_held_count(d->graph) >= expected(d, "scc_nontrivial"));
        return;
    }
    assert_int_equal(graph_held_count(d->graph), 0);
    assert_int_equal(graph_layers(d->graph, &d->mem).count,
                     expected(d, "condensation_depth_levels"));
    assert_int_equal(graph_roots(d->graph, &d->mem).count, expected(d, "roots"));
    assert_int_equal(graph_leaves(d->graph, &d->mem).count, expected(d, "leaves"));
}

static void check(const char *name)
{
    struct depgraph d;

    load(&d, name);
    assert_int_equal(graph_node_count(d.graph), expected(&d, "nodes"));
    assert_int_equal(graph_edge_count(d.graph), expected(&d, "edges"));
    check_components(&d);
    check_acyclic(&d);
    unload(&d);
}

static void test_online_boutique(void **state)
{
    (void)state;
    check("online-boutique");
}

static void test_deathstarbench(void **state)
{
    (void)state;
    check("deathstarbench-socialNetwork");
}

static void test_systemd_ordering(void **state)
{
    (void)state;
    check("systemd-ordering");
}

static void test_systemd_requirement(void **state)
{
    (void)state;
    check("systemd-requirement");
}

static void test_debian_packages(void **state)
{
    (void)state;
    check("debian-required-important-standard");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_online_boutique),  cmocka_unit_test(test_deathstarbench),
        cmocka_unit_test(test_systemd_ordering), cmocka_unit_test(test_systemd_requirement),
        cmocka_unit_test(test_debian_packages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
