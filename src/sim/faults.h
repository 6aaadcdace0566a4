#ifndef KITH_SIM_FAULTS_H
#define KITH_SIM_FAULTS_H
/*
 * The kinds of faults, and how often each took effect: counted where it does (a frame that was held
 * up, a batch that was lost), not where it was planned.
 */
#include <stdint.h>

enum fault {
    FAULT_KILL,        /* the daemon is killed; host and services live on */
    FAULT_POWER,       /* the host is gone with all that runs there; unsynced writes are lost */
    FAULT_PAUSE,       /* the daemon stands still, then goes on */
    FAULT_CUT,         /* no frame between two groups of hosts */
    FAULT_CUT_ONE_WAY, /* the same, in one direction */
    FAULT_LOSS,        /* packets are lost: frames come late, in order */
    FAULT_LATENCY,     /* everything from one host takes longer */
    FAULT_BREAK,       /* connections are reset */
    FAULT_CLOCK,       /* a wall clock is stepped */
    FAULT_DISK_SLOW,
    FAULT_DISK_FULL,
    FAULT_LOST_WRITES, /* power was cut before a batch was synced */
    FAULT_EXIT,        /* a process ends by itself */
    FAULT_SICK,        /* a process runs, but its checks fail */
    FAULT_PORT_TAKEN,  /* somebody else holds a port */
    FAULT_CLOSE_WAY,   /* nothing by one of the ways that a host listens by; in scenarios only */
    FAULT_ANEW, /* a host that was forgotten exported what it wrote and began anew; likewise */
    FAULT_KINDS
};

const char *fault_name(enum fault f);

struct fault_counts {
    uint64_t n[FAULT_KINDS];
};

#endif
