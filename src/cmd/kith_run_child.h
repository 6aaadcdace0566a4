#ifndef KITH_CMD_KITH_RUN_CHILD_H
#define KITH_CMD_KITH_RUN_CHILD_H
/* The child's side of kith-run: becoming the user, making the data folder, starting the program. */
#include "wire/gen/run.h"
#include <sys/types.h>

/*
 * Starts the process of an intent. *ret_output is a non-blocking pipe with its stdout and stderr.
 * 0: the program runs. 1: it does not, *why says what is wrong; a child that was made is reaped, and
 * *ret_pid is 0.
 */
int child_start(const struct run_intent *intent, pid_t *ret_pid, int *ret_output, char *why,
                size_t why_size);

/* Becomes the program; returns only on failure, with the exit code 127 and a line on stderr. */
int child_check(const char *user, const char *dir, char **argv);

#endif
