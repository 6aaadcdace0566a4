#include "lookups.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX 4096

static struct lookup_service service_of(const char *name)
{
    return (struct lookup_service){.space = bytes_str("default"), .name = bytes_str(name)};
}

void lookups_put(struct lookup_file *f, const char *name, uint32_t endpoints, uint32_t round)
{
    struct lookup_endpoint *list = calloc(endpoints + 1, sizeof(*list));
    char addr[32], node[32];
    struct lookup_service s = service_of(name);
    struct bytes tags[] = {bytes_str("v1"), bytes_str("a-tag-of-some-length")};

    assert(endpoints <= MAX);
    snprintf(addr, sizeof(addr), "10.0.%u.%u", round / 256 % 256, round % 256);
    snprintf(node, sizeof(node), "node-%u", round);
    for (uint32_t i = 0; i < endpoints; i++) {
        list[i] = (struct lookup_endpoint){.node_name = bytes_str(node),
                                           .addr = bytes_str(addr),
                                           .port_name = bytes_str(i % 2 ? "http" : "admin"),
                                           .port = (uint16_t)i,
                                           .weight = round,
                                           .distance_us = LOOKUP_FAR};
        memcpy(list[i].instance.b, &round, sizeof(round));
        memcpy(list[i].node.b, &i, sizeof(i));
    }
    s.tags = tags;
    s.tags_n = 2;
    s.endpoints = list;
    s.endpoints_n = endpoints;
    int r = lookup_file_put(f, &s);

    assert(r == 0);
    free(list);
}

void lookups_remove(struct lookup_file *f, const char *name)
{
    struct lookup_service s = service_of(name);

    s.gone = true;
    int r = lookup_file_put(f, &s);

    assert(r == 0);
}

static bool see_endpoint(const struct lookup_row_ref *row, uint32_t i, uint32_t round)
{
    struct lookup_endpoint_ref e;
    uint8_t id[16] = {0};
    char addr[LOOKUP_ADDR_MAX + 8], node[LOOKUP_NAME_MAX + 8], want_addr[32], want_node[32];

    snprintf(want_addr, sizeof(want_addr), "10.0.%u.%u", round / 256 % 256, round % 256);
    snprintf(want_node, sizeof(want_node), "node-%u", round);
    if (!lookup_endpoint(row, i, &e))
        return false;
    lookup_id(&e, LOOKUP_ENDPOINT_INSTANCE, id);
    return e.weight == round && e.port == i && memcmp(id, &round, sizeof(round)) == 0 &&
           lookup_text(row, e.addr, addr) && lookup_text(row, e.node_name, node) &&
           strcmp(addr, want_addr) == 0 && strcmp(node, want_node) == 0 &&
           lookup_has_tag(row, &e, "v1", 2) &&
           lookup_text_is(row, e.port_name, i % 2 ? "http" : "admin", i % 2 ? 4 : 5);
}

struct lookups_seen lookups_see(const struct lookup_map *map, const char *name)
{
    struct lookup_name key = lookup_name("default", 7, name, strlen(name));
    struct lookup_row_ref row;
    struct lookups_seen seen;

    do {
        struct lookup_endpoint_ref first = {.weight = 0};

        seen = (struct lookups_seen){.problem = lookup_find(map, &key, &row), .whole = true};
        if (seen.problem)
            return seen;
        seen.gone = row.gone;
        seen.endpoints = row.endpoints;
        seen.index = row.stamp;
        if (row.endpoints && !lookup_endpoint(&row, 0, &first))
            seen.whole = false;
        seen.round = first.weight;
        for (uint32_t i = 0; i < row.endpoints; i++)
            seen.whole = seen.whole && see_endpoint(&row, i, first.weight);
    } while (!lookup_unchanged(&row));
    return seen;
}

struct lookup_map lookups_map(const char *folder)
{
    struct lookup_map map;
    char path[256];

    snprintf(path, sizeof(path), "%s/" LOOKUP_FILE_NAME, folder);
    int r = lookup_map_open(&map, path);

    assert(r == 0);
    return map;
}

struct lookup_file *lookups_file(const char *folder)
{
    struct lookup_file *f;
    struct lookup_file_config config = {.folder = folder};
    struct buf why = {0};
    int r = lookup_file_open(&f, &config, &why);

    if (r)
        fprintf(stderr, "%s\n", buf_cstr(&why));
    assert(r == 0);
    r = lookup_file_begin(f);
    assert(r == 0);
    buf_deinit(&why);
    return f;
}
