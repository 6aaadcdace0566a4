#ifndef KITH_SIM_SWIM_H
#define KITH_SIM_SWIM_H
/*
 * One member of a cluster that runs SWIM, to compare with: plain, or with Lifeguard. No part of kithd.
 *
 * Sources: SWIM (Das, Gupta and Motivala, 2002); Lifeguard (Dadgar, Phillips and Currey, 2017); the figures
 * are the LAN defaults of memberlist, which serf and consul use.
 * - Each period one member is pinged, in an order that is shuffled anew when all had their turn. After a
 *   time-out three others are asked to ping it. Without any answer by the end of the period it is suspected.
 * - Who is suspected for a time that grows with log10 of the members is dead, unless it says that it lives, at a
 *   higher incarnation. What is new travels in all frames, and in gossip of its own to three at random.
 * - Lifeguard: who misses answers, or is suspected itself, takes more time (0 to 8 times); a relay that gets no
 *   answer says so; suspicion lasts six times as long until two others confirm it; the suspect hears of it
 *   first, in the ping it gets.
 * Left out of memberlist: the ping by TCP, and the exchange of all state every 30 s, so what is lost in all
 * copies stays lost and halves do not merge again.
 *
 * Members are numbers. A machine as the peers are: frames and time in, frames and changed views out.
 */
#include "base/rng.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>

#define SWIM_PERIOD    KITH_SEC
#define SWIM_TIMEOUT   (500 * KITH_MS)
#define SWIM_INDIRECT  3
#define SWIM_GOSSIP    (200 * KITH_MS)
#define SWIM_GOSSIP_TO 3
#define SWIM_SUSPICION 4 /* times log10 of the members, in periods */
#define SWIM_LONGER    6 /* Lifeguard: suspicion that nobody confirms lasts so many times as long */
#define SWIM_CONFIRM   2
#define SWIM_HEALTH    8 /* at most so many times slower */
#define SWIM_REPEAT    4 /* times log10 of the members: how often an update is sent */
/* What a datagram of 1,400 bytes holds of memberlist's messages. */
#define SWIM_UPDATES 16

enum swim_state { SWIM_ALIVE, SWIM_SUSPECT, SWIM_DEAD };
enum swim_kind { SWIM_PING, SWIM_PING_FOR, SWIM_ACK, SWIM_NACK, SWIM_NEWS };

struct swim_update {
    uint32_t member, incarnation;
    uint32_t by; /* who suspects it */
    uint32_t state;
};

struct swim_frame {
    uint32_t kind, from;
    uint32_t about; /* SWIM_PING_FOR */
    uint32_t number;
    uint32_t updates_n;
    struct swim_update updates[SWIM_UPDATES];
};

/* What came of a step. The caller empties it. */
struct swim_out {
    struct swim_letter {
        uint32_t to;
        struct swim_frame frame;
    } * letters;
    size_t letters_n, letters_cap;
    struct swim_view {
        uint32_t member, incarnation;
        bool alive;
    } * views; /* members that turned dead, or alive again, in its eyes */
    size_t views_n, views_cap;
};

void swim_out_deinit(struct swim_out *out);
/* Bytes of a frame that are in use. */
size_t swim_frame_size(const struct swim_frame *f);

struct swim;

/* It knows all `members` and holds them for alive. rng: borrowed. */
struct swim *swim_new(uint32_t self, uint32_t members, bool lifeguard, struct rng *rng);
void swim_free(struct swim *s);

void swim_receive(struct swim *s, const struct swim_frame *f, kith_time now_us,
                  struct swim_out *ret);
void swim_time(struct swim *s, kith_time now_us, struct swim_out *ret);
kith_time swim_deadline(const struct swim *s);

#endif
