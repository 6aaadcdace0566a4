#ifndef KITH_CMD_KITH_BESIDE_H
#define KITH_CMD_KITH_BESIDE_H
/*
 * Programs beside their service file. A program or check that starts with ./ or ../ is meant relative to
 * the folder of the file that names it; a host knows nothing of that folder, so `kith apply` sends the
 * absolute path. It must be the same on every host, as any path must.
 */
#include "spec/service_file.h"

/* Replaces such programs in the specifications. `path` is the service file's; "-": the current folder.
 * New lists and texts lie in mem. */
void beside_resolve(struct service_file *file, const char *path, struct arena *mem);

#endif
