#ifndef KITH_CONTROL_CONTROL_H
#define KITH_CONTROL_CONTROL_H
/*
 * Services as one part of the machine: what is wanted (catalog.h), commands (command.h), where it goes
 * (place.h), what runs on this host (host.h), health (health.h), requests about them (request.h).
 * This header is all that src/peer needs; the others say what each decides.
 */
#include "state/members.h"
#include "state/turn.h"

struct control;

struct control *control_new(const struct members *members);
void control_free(struct control *c);

/* EVENT_START: after the state is loaded; adopts found instances, starts what this host last ran. */
void control_start(struct control *c, struct turn *t, const struct event_start *start);
bool control_receive(struct control *c, struct turn *t,
                     const struct incoming *in); /* false: not its kind */
/* Answers a command that another part has carried out in this step, once others have what it wrote, as `ack` says. */
void control_confirm(struct control *c, struct turn *t, const struct incoming *in,
                     const struct ack *ack, enum wire_kind kind, struct bytes payload);
void control_changed(struct control *c, struct turn *t, const struct row *row,
                     const struct member *before);
void control_claimed(struct control *c, struct turn *t, const struct event_claimed *e);
void control_started(struct control *c, struct turn *t, const struct event_started *e);
void control_exited(struct control *c, struct turn *t, const struct event_exited *e);
void control_checked(struct control *c, struct turn *t, const struct event_checked *e);
void control_log_read(struct control *c, struct turn *t, const struct event_log_read *e);
void control_backed_up(struct control *c, struct turn *t, const struct event_backed_up *e);
void control_lookup_failed(struct control *c, const struct turn *t);
/* Decides, once all rows that changed in this step are told; writes more rows. src/peer calls
 * control_changed() and this in turn until nothing changes any more. True: there may be more changes.
 * (Where it is not called, control_deadline() is due at once and control_time() does the same.) */
bool control_settle(struct control *c, struct turn *t);
/* Once all is settled: tells the applications of this host what has changed (lookups.h). */
void control_tell(struct control *c, struct turn *t);
/* The host leaves: no new instances, those here stop, dependants first. */
void control_leave(struct control *c, struct turn *t);
/* True: nothing runs here any more (leave), or all is stopped everywhere (halt). */
bool control_idle(const struct control *c);
/* A halt row younger than this start asks the daemon to end once nothing runs. */
bool control_halted(const struct control *c);
void control_time(struct control *c, struct turn *t);
kith_time control_deadline(const struct control *c);
void control_counters(const struct control *c, struct info *ret, struct arena *mem);

#endif
