#ifndef KITH_GOSSIP_COORD_H
#define KITH_GOSSIP_COORD_H
/*
 * Network coordinates: a place for each peer such that the distance of two places estimates their round
 * trip, also of two that never spoke. Every peer moves its own place a little with each round trip that it
 * measures, as if a spring of that length hung between it and the other's place.
 *
 * Source: Vivaldi (Dabek, Cox, Kaashoek and Morris, SIGCOMM 2004), sections 2.6 and 5.4: three axes and a
 * height, which stands for what all ways to a host share; a step is the smaller the better the own place
 * is beside the other's. Three axes: more do not pay (docs/decisions/0023).
 *
 * All in integers. Bounds: a round trip counts as 1 us to COORD_RTT_MAX, so neither a zero nor a stopped
 * clock can throw a place about; no axis leaves COORD_AXIS_MAX, so no product overflows 64 bits.
 * Round trips that break the triangle inequality cannot be held by any places: they show as a larger
 * error, which makes the others' steps towards this place smaller.
 *
 * struct coord, of proto/member.toml, is a place as others hear of it, in whole microseconds.
 */
#include "base/rng.h"
#include "base/time.h"
#include "wire/wire.h"

#define COORD_AXES     3
#define COORD_FINE     256 /* parts of a microsecond: short ways move by less than one */
#define COORD_RTT_MAX  (10 * KITH_SEC)
#define COORD_AXIS_MAX (60 * KITH_SEC)
/* Of a height, in microseconds. What leaves a host has to pass its own stack. */
#define COORD_HEIGHT_MIN 5
/* Of an error, in thousandths. No place is so good that it moves no more. */
#define COORD_ERROR_MIN 10
#define COORD_ERROR_MAX 1500

/* The own place. */
struct coord_self {
    int64_t axes[COORD_AXES]; /* COORD_FINEs of a microsecond, as is height */
    int64_t height;
    int64_t error; /* 1/65536 */
};

void coord_init(struct coord_self *self);

/* A round trip to a peer at `there` was measured. Places that coincide are pushed apart by `rng`. What is
 * no known place, or has a number out of bounds, is ignored. */
void coord_update(struct coord_self *self, const struct coord *there, kith_time rtt_us,
                  struct rng *rng);

/* As others are to hear of it. */
struct coord coord_told(const struct coord_self *self);

bool coord_is_known(const struct coord *c);
/* Round trip of peers at these places; 0: one of them is not known. */
uint64_t coord_rtt_us(const struct coord *a, const struct coord *b);
/* How far it is from one place to another, both of the same peer: its height counts as a way too. */
uint64_t coord_moved_us(const struct coord *before, const struct coord *now);

#endif
