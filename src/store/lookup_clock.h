#ifndef KITH_STORE_LOOKUP_CLOCK_H
#define KITH_STORE_LOOKUP_CLOCK_H
/*
 * The clocks by which a look-up file's age is told. Within one boot of the host that is the time since boot
 * (it also runs while the host sleeps, and nobody can set it); across boots, and in a time namespace
 * whose clock has an offset of its own, it is the wall clock. Needs only libc.
 */
#include <stdbool.h>
#include <stdint.h>

struct lookup_boot {
    uint64_t id[2]; /* zero: this system does not tell */
};

struct lookup_boot lookup_boot_now(void);
int64_t lookup_boot_us(void); /* no system call on the usual clock sources */
int64_t lookup_wall_us(void);
int64_t lookup_mono_us(void);     /* since boot, but for the time that the host slept */
int64_t lookup_coarse_us(void);   /* the same, some milliseconds late, in a fraction of the time */
bool lookup_boot_is_offset(void); /* this process's time since boot is not the host's */

#endif
