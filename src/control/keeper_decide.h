#ifndef KITH_CONTROL_KEEPER_DECIDE_H
#define KITH_CONTROL_KEEPER_DECIDE_H
/*
 * The part of keeper.h between what members have said and what they are to hold: which requests are decided together, what
 * becomes of each, and what their clients are told. For keeper.c alone.
 */
#include "control/keeper.h"

/* The next batch out of the queue, and what has to be read for it; texts are the requests', lists in the keeper's mem. Those
 * that cannot be read are taken, too. */
void keeper_batch(struct keeper *k, struct keys_ask *ask);

/* What is to become of each request of the batch: those that write nothing are answered; those about keys that others before
 * them change go back into the queue. True: the rest is in the batch, and the rows to be held in k->records. */
bool keeper_decide(struct control *c, struct turn *t);

/* The rest of the batch is done. */
void keeper_answer(struct control *c, struct turn *t);

/* Records that were left by another keeper, less those of keys that nobody has heard of since tombstones of that time were
 * dropped: they were deleted. What was stamped by a clock so wrong that nobody could show it is stamped anew, or nothing could be
 * decided until that time comes. False: this peer cannot write now. */
bool keeper_adopt(struct keeper *k, struct turn *t);

/* Answers one request that was not done. */
void keeper_fail_one(struct turn *t, uint64_t route, uint64_t correlation, bool forwarded,
                     enum fail_code code, const char *text);

#endif
