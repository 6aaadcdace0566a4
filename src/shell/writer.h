#ifndef KITH_SHELL_WRITER_H
#define KITH_SHELL_WRITER_H
/*
 * The only thread that writes to the store. Takes every batch that waits, writes them in one commit
 * (so the more there is to do, the less each costs; nothing waits for a timer), and then reports the
 * highest token of them. A second thread, the folder, takes over into the registry's file what has gathered in
 * the log (store.h), so that no answer waits for that; only when the log is at its bound do commits wait.
 *
 * Takes jobs (mail.h): EFFECT_STORE, EFFECT_BACKUP. Sends reports: EVENT_STORED, EVENT_STORE_FAILED,
 * EVENT_BACKED_UP. A backup holds what was given before it: the folder takes the log over and copies the file,
 * while commits go on.
 *
 * After a failure the machine takes that batch and all later ones back, and writes them again under
 * new tokens. What it had sent before it heard of the failure is dropped here: writer_resume() marks
 * the place in the queue from which batches count again.
 */
#include "store/store.h"
#include <czmq.h>

zactor_t *writer_new(struct store *store); /* uses it until the actor has ended */

/* To be called right after EVENT_STORE_FAILED was given to the machine, before its effects are run. */
void writer_resume(zactor_t *writer);

#endif
