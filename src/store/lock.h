#ifndef KITH_STORE_LOCK_H
#define KITH_STORE_LOCK_H
/*
 * One holder of a folder at a time: a locked file with the holder's pid in it. The lock goes with the
 * process, however it ends; the pid is only for the message.
 */
#include "base/buf.h"

enum { LOCK_HELD = 1 };

/* 0: locked, *ret_fd holds it until it is closed. LOCK_HELD: *ret_pid is the holder's (0: not known).
 * -errno: the file cannot be opened. */
int lock_take(int *ret_fd, const char *path, long *ret_pid);

#endif
