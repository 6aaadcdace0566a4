#ifndef KITH_TEST_SHELL_RIG_H
#define KITH_TEST_SHELL_RIG_H
/* Helpers of the shell's tests: addresses of their own, key pairs, a turn of a transport, folders. */
#include "shell/pollset.h"
#include "shell/transport.h"
#include <stdbool.h>

#define RIG_DEADLINE_US (20 * KITH_SEC) /* nothing here takes as long on a healthy machine */

/* A loopback address that no other test process uses; n from 1 to 250. Static text per n. */
const char *rig_address(unsigned n);

struct rig_keys {
    struct key32 public, secret;
};
struct rig_keys rig_key_pair(void);

/* Keys of a member of this ring: it may connect and bind. */
struct curve rig_member(const struct rig_keys *own, const struct rig_keys *ring);

/* A transport on rig_address(n) with the standard ports, without an ipc socket. */
struct transport *rig_transport(unsigned n, const struct curve *keys);

void rig_turn(struct transport *t); /* one turn of at most 20 ms */

/* What transports are told the time is: the clock's, but while it is held, when it stands still. So a test of
 * what happens before some time is over does not depend on how fast this machine is. */
kith_time rig_now_us(void);
void rig_hold_time(void);
void rig_let_time_go(void);

long rig_resident_kib(void);
int rig_descriptors(void);

/* A fresh folder under the temporary directory, and its removal with all in it. */
char *rig_folder(void); /* caller frees (free) */
void rig_remove(const char *path);

#endif
