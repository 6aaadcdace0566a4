#ifndef KITH_SHELL_HOST_H
#define KITH_SHELL_HOST_H
/* What this host has to give: processors this process may use, memory, room on the data disk; and how busy it is. */
#include "wire/event.h"

struct resources host_capacity(const char *data_dir); /* what cannot be found out is 0 */

/* Of the whole host, from /proc/stat and /proc/meminfo: two reads, some 30 us. */
struct host_sampler {     /* a zeroed one is valid: the first sample tells of the time since boot */
    uint64_t busy, total; /* ticks, at the last sample */
};
struct event_sample host_sample(struct host_sampler *s);

#endif
