#ifndef KITH_SIM_CONVERGE_H
#define KITH_SIM_CONVERGE_H
/*
 * Has the cluster come to rest where it should? Every host alive in everybody's eyes, the same rows
 * everywhere, every service at its count and healthy, as many processes as that takes and no more.
 */
#include "sim/site.h"

/* True, or false and *ret_why says what is still wrong (one line). */
bool converge_look(struct site_world *w, struct buf *ret_why);

#endif
