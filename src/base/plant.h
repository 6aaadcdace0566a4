#ifndef KITH_BASE_PLANT_H
#define KITH_BASE_PLANT_H
/*
 * Planted faults: the simulator's checkers are tested by a program that breaks one promise at a time,
 * kith-sim-planted. Only what is compiled with -DKITH_PLANT has them (`planted` in src/cmd/meson.build lists
 * the files that use PLANTED), and there kith_plant says which one is active; whoever links it defines it.
 */
enum kith_plant {
    PLANT_NONE,
    PLANT_REPLY_BEFORE_STORE,  /* an answer leaves before the batch it waits for is on disk */
    PLANT_DROPPED_TOMBSTONE,   /* a deleted row is forgotten at once, so a stale copy revives it */
    PLANT_EARLY_COLLECTION,    /* tombstones go before all members have confirmed them */
    PLANT_PORT_TWICE,          /* a port is given to two instances of one host */
    PLANT_START_BEFORE_NEEDS,  /* an instance starts before what it needs is healthy */
    PLANT_UNORDERED_ITERATION, /* something is decided in the order of addresses */
};

#ifdef KITH_PLANT
extern int kith_plant;
#define PLANTED(fault) (kith_plant == (fault))
#else
#define PLANTED(fault) 0
#endif

#endif
