#ifndef KITH_CMD_SIM_HEAP_H
#define KITH_CMD_SIM_HEAP_H
#include <stddef.h>

/* What this process has allocated and not freed, in any build: with sanitizers without what they add, which is most of
 * such a process. */
size_t sim_heap(void);

#endif
