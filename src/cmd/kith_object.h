#ifndef KITH_CMD_KITH_OBJECT_H
#define KITH_CMD_KITH_OBJECT_H
/*
 * What a verb has to say that is no peer's answer, as -o wants it for programs: one object, as JSON or YAML. A
 * peer's answers are shown by src/view.
 */
#include "cmd/kith.h"

#include <jansson.h>

/* -o json or yaml; otherwise it is text for people, which the verb writes itself. */
bool object_wanted(const struct kith *k);

/* Adds it to k->out and lets go of it. */
void object_show(struct kith *k, json_t *object);

/* A text of it: what is not UTF-8, such as a file's name, is made so. */
json_t *object_text(struct bytes text);

#endif
