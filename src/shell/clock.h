#ifndef KITH_SHELL_CLOCK_H
#define KITH_SHELL_CLOCK_H
/* The clocks of the world outside the machine. */
#include "base/time.h"

kith_time clock_now_us(void);  /* monotonic; stands still while the host is suspended */
kith_time clock_wall_us(void); /* since 1970 */

#endif
