#include "bench_services.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define NODES     3000
#define TEXT_SIZE 16

struct made { /* a service, and what it points to */
    struct lookup_service service;
    struct lookup_endpoint list[SERVICE_ENDPOINTS];
    char addr[SERVICE_ENDPOINTS][TEXT_SIZE], node_name[SERVICE_ENDPOINTS][TEXT_SIZE];
    char name[SERVICE_NAME_SIZE];
};

uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

void service_name(char *ret, unsigned service)
{
    snprintf(ret, SERVICE_NAME_SIZE, "service-%u", service);
}

static void make(struct made *m, unsigned service, uint32_t round)
{
    static const struct bytes tags[] = {{(const uint8_t *)"v1", 2}, {(const uint8_t *)"eu", 2}};

    service_name(m->name, service);
    for (unsigned i = 0; i < SERVICE_ENDPOINTS; i++) {
        unsigned node = (service * 7 + i * 31) % NODES;

        snprintf(m->addr[i], TEXT_SIZE, "10.%u.%u.%u", node / 250, node % 250, 1 + i);
        snprintf(m->node_name[i], TEXT_SIZE, "host-%u", node);
        m->list[i] = (struct lookup_endpoint){.node_name = bytes_str(m->node_name[i]),
                                              .addr = bytes_str(m->addr[i]),
                                              .port_name = bytes_str("http"),
                                              .port = (uint16_t)(SERVICE_FIRST_PORT + i),
                                              .weight = 100 + round % 100,
                                              .distance_us = i * 100};
        memcpy(m->list[i].instance.b, &service, sizeof(service));
        memcpy(m->list[i].node.b, &node, sizeof(node));
    }
    m->service = (struct lookup_service){.space = bytes_str("default"),
                                         .name = bytes_str(m->name),
                                         .tags = tags,
                                         .tags_n = 2,
                                         .endpoints = m->list,
                                         .endpoints_n = SERVICE_ENDPOINTS};
}

int service_put(struct lookup_file *f, unsigned service, uint32_t round)
{
    struct made m;

    make(&m, service, round);
    return lookup_file_put(f, &m.service);
}

void packed_row(struct packed_row *ret, unsigned service, uint32_t round)
{
    struct made m;

    make(&m, service, round);
    lookup_pack_service(&ret->pack, &m.service);
    lookup_pack_stamp(&ret->pack, (uint64_t)round << 32 | (service + 1));
    service_name(ret->name, service);
    ret->data = ret->pack.words;
    ret->len = ret->pack.count * sizeof(*ret->pack.words);
}

void packed_row_deinit(struct packed_row *row)
{
    lookup_pack_deinit(&row->pack);
}
