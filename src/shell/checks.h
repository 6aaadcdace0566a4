#ifndef KITH_SHELL_CHECKS_H
#define KITH_SHELL_CHECKS_H
/*
 * Health checks: an actor that runs those it is given, many at a time, each within its own time-out.
 *
 *     http   GET; 200 to 399 is good. By libcurl, which is loaded when the first one is run.
 *     tcp    a connection is accepted
 *     exec   a program ends with 0; run by `kith-run check` with the instance's user, folder and
 *            environment, killed with its process group when its time is over
 *
 * Takes jobs (mail.h): EFFECT_CHECK. Sends reports: EVENT_CHECKED, one for each.
 */
#include <czmq.h>

#define CHECKS_MAX     64   /* at a time; others wait their turn, and their time-out does not run */
#define CHECKS_WAITING 1024 /* in turn; beyond that a check fails as "too many checks" */

struct checks_config {
    const char *data;     /* DATA: the instance's user, folder and environment are in DATA/run */
    const char *kith_run; /* path of the program */
};

zactor_t *checks_new(const struct checks_config *c); /* copies */

#endif
