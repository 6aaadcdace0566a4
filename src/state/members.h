#ifndef KITH_STATE_MEMBERS_H
#define KITH_STATE_MEMBERS_H
/*
 * Who is in the cluster, derived from the tables member and verdict: alive unless a verdict stands at
 * the member's incarnation or a higher one and was not withdrawn, or it left. Kept up to date row by
 * row; gossip writes the rows, control only reads this.
 *
 * Whoever left stays LEFT when others then accuse it of silence. What it hands out it holds a
 * reference to: it stays when the state lets go of it.
 */
#include "base/rng.h"
#include "state/state.h"

struct members;

struct member {
    struct ulid id;
    /* ALIVE, DEAD or LEFT; UNKNOWN when nothing is known any more. Suspicion is gossip's own. */
    enum member_state state;
    uint64_t incarnation;      /* of the member row; 0 when only a verdict is known */
    kith_time changed_wall_us; /* when `state` last changed, as seen here */
    bool forgotten;
    uint32_t way; /* by which of its addresses it is talked to from here; 0: the first */
    const struct member_row *row; /* decoded; NULL when only a verdict is known */
};

struct members *members_new(void);
void members_free(struct members *m);

/* A row of table member or verdict changed (others are ignored). True: `*ret` tells what it was before
 * and the member is in another state, at another incarnation, or has another row. `ret_before` is
 * readable until the next call. */
bool members_changed(struct members *m, const struct row *row, kith_time wall_us,
                     struct member *ret_before);

const struct member *members_get(const struct members *m, const struct ulid *id);
/* By ULID, else by name, of the living first; NULL: none, or several. */
const struct member *members_find(const struct members *m, struct bytes name_or_id);
const struct member *members_first(const struct members *m); /* in order of id */
const struct member *members_next(const struct members *m, const struct member *member);
/* Any live member but this one, each as likely; NULL when there is no other. */
const struct member *members_draw(const struct members *m, struct rng *rng,
                                  const struct ulid *except);
size_t members_alive(const struct members *m); /* count, self included */
size_t members_dead(const struct members *m);  /* count: a row is known, and it is not forgotten */
size_t members_count(const struct members *m);
/* Ways of a member: the n-th addresses of all its roles are one. Counted by the role probe; at least 1 when
 * it has any address of that role. */
uint32_t member_ways(const struct member *member);
/* From now on it is talked to by this way. A row with other addresses sets it back to the first. */
void members_use_way(struct members *m, const struct ulid *id, uint32_t way);
/* The advertised URI of a role by the way in use; by the role's last one where it has fewer. len 0 when there
 * is none. */
struct bytes member_uri(const struct member *member, enum addr_role role);
struct bytes member_uri_of_way(const struct member *member, enum addr_role role, uint32_t way);

#endif
