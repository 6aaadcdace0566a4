#ifndef KITH_BENCH_SERVICES_H
#define KITH_BENCH_SERVICES_H
/*
 * The registry that scripts/bench lookup measures: so many services of ten instances each, as a cluster has them (IPv4
 * addresses, one port, two tags), and the same rows for whoever else holds them.
 */
#include "store/lookup_file.h"

#define SERVICE_ENDPOINTS  10
#define SERVICE_NAME_SIZE  32
#define SERVICE_FIRST_PORT 20000

uint64_t now_ns(void);                 /* monotonic */
uint64_t next_random(uint64_t *state); /* not from 0 */

void service_name(char *ret, unsigned service); /* SERVICE_NAME_SIZE bytes */

/* Takes in one service; `round` is how often it has changed. 0 or -errno. */
int service_put(struct lookup_file *f, unsigned service, uint32_t round);

/* The same, in the words of the look-up file. */
struct packed_row {
    struct lookup_pack pack;
    char name[SERVICE_NAME_SIZE];
    const void *data;
    size_t len;
};

void packed_row(struct packed_row *ret, unsigned service, uint32_t round);
void packed_row_deinit(struct packed_row *row);

#endif
