#ifndef KITH_CONTROL_DRAFT_H
#define KITH_CONTROL_DRAFT_H
/*
 * A command while it is carried out: what is recorded of it, and the rows it writes. All of it goes
 * into the batch of the step, after everything was checked.
 */
#include "control/command.h"

/* What a thing is that a command creates, so that its id is the same wherever the command arrives. */
enum derived { DERIVED_SERVICE = 1, DERIVED_SPEC = 2 };
struct ulid draft_derive(const struct ulid *command, enum derived what, uint32_t index);

struct draft {
    struct control *control;
    struct turn *turn;
    const struct incoming *in;
    struct ulid id;
    enum command_kind kind;
    struct ack ack;
    struct pair args[COMMAND_ROW_ARGS_MAX_ITEMS];
    uint32_t args_n;
    struct ulid *services; /* in mem */
    uint32_t services_n;
    struct buf text; /* what it did, or why not */
    struct arena mem;
};

/* `max` services at most. A zero id is replaced by a new one. `ack`: when it is answered. */
void draft_begin(struct draft *r, struct control *c, struct turn *t, const struct incoming *in,
                 const struct ulid *id, enum command_kind kind, const struct ack *ack,
                 uint32_t max);
void draft_deinit(struct draft *r);
void draft_arg(struct draft *r, const char *name, struct bytes value);
void draft_service(struct draft *r, const struct ulid *id);
/* The service's row as it is but for what `change` says. */
void draft_put_service(struct draft *r, const struct ulid *id, const struct service_row *row);
void draft_put_count(struct draft *r, const struct ulid *id, uint32_t count, bool every_host);
void draft_put_spec(struct draft *r, const struct ulid *id, const struct ulid *spec_id,
                    const struct service_spec *spec);
void draft_put_name(struct draft *r, struct bytes name, const struct ulid *id);

/* True: a command of this id is here, and has been answered. */
bool draft_answer_known(struct draft *r);
/* Writes the command and its history, answers when that is stored. */
void draft_accept(struct draft *r);
void draft_reject(struct draft *r, struct bytes service);
/* An event of a command's history, by this peer. */
void draft_event(struct control *c, struct turn *t, const struct ulid *command, uint32_t number,
                 enum command_state state, struct bytes why);

#endif
