#include "cmd/sim_heap.h"

#include <malloc.h>

/* There in builds with AddressSanitizer only, which has an allocator of its own (sanitizer/allocator_interface.h). */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

size_t sim_heap(void)
{
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    struct mallinfo2 all = mallinfo2();
    return all.uordblks + all.hblkhd;
}
