#ifndef KITH_CONTROL_INSIDE_H
#define KITH_CONTROL_INSIDE_H
/*
 * The inside of control; for the .c files of this folder only.
 *
 * One struct holds the parts, each defined in its own header. The parts read the catalog and write rows;
 * they never call each other to make something happen: what one writes, the others see when they settle.
 */
#include "control/backup.h"
#include "control/catalog.h"
#include "control/check_now.h"
#include "control/checkroll.h"
#include "control/confirm.h"
#include "control/control.h"
#include "control/counters.h"
#include "control/handover.h"
#include "control/holder.h"
#include "control/keeper.h"
#include "control/keyfeed.h"
#include "control/keys.h"
#include "control/local.h"
#include "control/logs.h"
#include "control/lookups.h"
#include "control/maintenance.h"
#include "control/place.h"
#include "control/registration.h"
#include "control/sessions.h"
#include "control/watch.h"

struct control {
    struct catalog catalog;
    struct ulid self;
    char *addr; /* that services of this host bind and are reached at */
    struct resources capacity;
    kith_time started_us;
    int64_t started_ms;        /* wall clock */
    bool awake;                /* since the start there was an event that found time passed */
    kith_time joined_us;       /* when somebody last became alive, as seen here; the start, too */
    int64_t joined_ms;         /* the same by the wall clock */
    kith_time joining_from_us; /* the first of a row of such moments */
    struct locals locals;      /* what runs here */
    struct place place;        /* where things go */
    struct watch watch;
    struct registrations registrations; /* endpoints that Kith did not start */
    struct checkroll roll;              /* checks of these */
    struct maintenance maintenance;     /* what is not to be used */
    struct lookups lookups;             /* what is told to applications */
    struct log_waits logs;
    struct check_asks check_asks; /* who waits for checks that were asked for */
    struct backups backups;
    struct confirms confirms;   /* commands that wait for other peers */
    struct handovers handovers; /* requests that other peers answer */
    struct keys keys;
    struct keyfeed keyfeed;
    struct keeper keeper; /* what this peer decides about keys */
    struct holder holder; /* what it holds of what keepers decide */
    struct sessions sessions;
    struct control_counts counts;
    bool leaving;
    bool halting; /* the cluster is to stop: the halt row is younger than this start */
    bool dirty;   /* something changed since the last settling */
    kith_time deadline_us;
};

/* Writes a row, and the catalog knows it at once. A value that is held already is not written again.
 * As state_put(). */
int control_put(struct control *c, struct turn *t, enum table_id table, struct bytes key,
                struct bytes value, uint64_t major);
int control_delete(struct control *c, struct turn *t, enum table_id table, struct bytes key,
                   uint64_t major);

#endif
