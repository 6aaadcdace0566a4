#ifndef KITH_SHELL_HOST_H
#define KITH_SHELL_HOST_H
/* What this host has to give: processors this process may use, memory, room on the data disk. */
#include "wire/gen/member.h"

struct resources host_capacity(const char *data_dir); /* what cannot be found out is 0 */

#endif
