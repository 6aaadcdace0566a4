#ifndef KITH_CONTROL_CONFIRM_H
#define KITH_CONTROL_CONFIRM_H
/*
 * Commands that are acknowledged when others have them too: `--ack N|majority|all` and `--wait converged`.
 *
 * The peer that took the command writes it as always; once that is on its own disk it sends the rows to the
 * members, which take them in, as they would from anybody, and answer when they are on theirs (for converged: when
 * they hold them). The answer to the client waits until enough have said so. Rows that lost to newer ones count: what was
 * written is no longer what anybody should hold.
 *
 *     here        on this peer's disk
 *     N           on N peers' disks, this one among them
 *     majority    on those of more than half of all members that are known, the dead among them, so that one side of a cut
 *                 cannot say so for both
 *     all         on those of all members that live
 *     converged   held by all members that live
 *
 * If they are not enough in time the client is told who is missing; the command stays done here, and reaches the others as all
 * rows do. The time is the client's (envelope.deadline_ms), less what the answer needs to reach it.
 *
 * Bounds: CONFIRMS_MAX commands wait at a time; one that writes more than CONFIRM_PARTS frames of rows cannot be confirmed; at
 * most CONFIRM_WINDOW members are asked at a time, and again after CONFIRM_RETRY.
 */
#include "state/turn.h"
#include "wire/gen/client.h"

#define CONFIRMS_MAX   64u
#define CONFIRM_PARTS  64u
#define CONFIRM_WINDOW 64u
#define CONFIRM_RETRY  (500 * KITH_MS)
#define CONFIRM_TIME   (4 * KITH_SEC) /* when the client names none */

struct control;
struct confirm;

struct confirms { /* a zeroed one is valid and empty */
    struct confirm *items[CONFIRMS_MAX];
    uint32_t count;
    uint64_t last;
};

void confirms_deinit(struct confirms *c);

/* What a command wrote, gathered while it is carried out. A zeroed one is valid and empty. */
struct confirm_rows {
    struct arena mem;
    struct bytes *records;
    uint32_t records_n, cap;
};

void confirm_rows_deinit(struct confirm_rows *r);
/* The row as it is held now, a tombstone too. Rows that are not there are left out. */
void confirm_row(struct confirm_rows *r, const struct turn *t, enum table_id table,
                 struct bytes key);

/* All that was written here and not told to others yet: of a command that another part carried out just now. */
void confirm_unpushed(struct confirm_rows *r, const struct turn *t);

/* Answers the request with this, as soon as `ack` is true of the rows; or with `failed`. */
void confirm_answer(struct control *c, struct turn *t, const struct incoming *in,
                    const struct ack *ack, const struct confirm_rows *rows, enum wire_kind kind,
                    struct bytes payload);

/* Messages between peers: `confirm_ask` and `confirmed`. */
void confirm_receive(struct control *c, struct turn *t, const struct incoming *in);
void confirm_received(struct control *c, struct turn *t, const struct incoming *in);

/* Asks those who have not answered, gives up what is late. Returns when to come again. */
kith_time confirm_settle(struct control *c, struct turn *t);

#endif
