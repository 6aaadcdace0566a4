#ifndef KITH_CONTROL_LIFE_H
#define KITH_CONTROL_LIFE_H
/*
 * The life of one instance on its host: ports, start, checks, end, and what follows it. Each function
 * moves it one step, writes its row, and gives the effects that go with it.
 *
 *   pending --ports claimed--> starting --checks pass--> running <--> unhealthy
 *   any of these --told to end--> stopping --> stopped, or pending again
 *   any of these --ended by itself--> pending after a back-off, or failed
 *
 * The intent is on disk before a process is: the start waits for the store of the row and of the local
 * row host/INSTANCE, which goes when the exit status is in the row.
 */
#include "control/inside.h"

/* A told process that ignores SIGKILL is told again. */
#define LIFE_KILL_AGAIN (5 * KITH_SEC)
#define LIFE_GRACE      (10 * KITH_SEC) /* where the specification says nothing */

/* PHASE_IDLE, all it needs is there: gives it ports and starts it. */
void life_begin(struct control *c, struct turn *t, struct local *i);
void life_claimed(struct control *c, struct turn *t, struct local *i,
                  const struct event_claimed *e);
void life_started(struct control *c, struct turn *t, struct local *i,
                  const struct event_started *e);
void life_checked(struct control *c, struct turn *t, struct local *i,
                  const struct event_checked *e);
void life_exited(struct control *c, struct turn *t, struct local *i, int64_t exit_status);

/* PHASE_UP: tells it to end; `again`: it is started anew after that. */
void life_stop(struct control *c, struct turn *t, struct local *i, bool again, const char *why);
/* PHASE_IDLE: it is not to be started; `state` is what it ends as. */
void life_rest(struct control *c, struct turn *t, struct local *i, enum instance_state state);
/* Does what is due: a check, a kill. */
void life_time(struct control *c, struct turn *t, struct local *i);
/* PHASE_UP, with a check: runs it now, unless one is under way, which *ret_shared tells. Returns its number (health.h). */
uint64_t life_check_now(struct control *c, struct turn *t, struct local *i, bool *ret_shared);
kith_time life_deadline(const struct local *i);
/* Resolves its environment and checks anew: it was found running after a restart of the daemon. */
void life_resolve(struct control *c, struct local *i);
void life_signal(struct turn *t, const struct ulid *id, int signal);
void life_clean(struct turn *t,
                const struct ulid *id); /* after what is written in this step is stored */

#endif
