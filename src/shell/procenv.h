#ifndef KITH_SHELL_PROCENV_H
#define KITH_SHELL_PROCENV_H
/*
 * What a process of an instance gets: its data folder, its environment, and ${data} resolved in its
 * arguments and values. Everything else was resolved by the machine; only the host knows its paths.
 */
#include "base/arena.h"
#include "wire/effect.h"
#include "wire/gen/run.h"

/* DATA/data/SERVICE/SLOT; NULL when service or slot cannot be names of folders. */
char *procenv_data_dir(struct arena *mem, const char *data, struct bytes service,
                       struct bytes slot);

/* `text` with every ${data} replaced. */
struct bytes procenv_resolve(struct arena *mem, struct bytes text, const char *data_dir);

/*
 * Fills argv and env of *ret. The environment is PATH, LANG, HOME, the marker of the instance
 * (rundir.h) and then `env`; nothing of the daemon's own gets through. Lies in mem.
 */
void procenv_fill(struct run_intent *ret, struct arena *mem, const struct bytes *argv,
                  uint32_t argv_n, const struct pair *env, uint32_t env_n);

#endif
