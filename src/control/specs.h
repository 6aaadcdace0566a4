#ifndef KITH_CONTROL_SPECS_H
#define KITH_CONTROL_SPECS_H
/*
 * Specifications decoded where they are used, and kept for the step: decoded ones of all services would be 500 bytes
 * each, and a step asks for those of a few services, mostly of one several times.
 */
#include "state/content.h"
#include "wire/gen/service.h"

struct specs;

struct specs *specs_new(void);
void specs_free(struct specs *s);

/* What the row of a specification says, decoded now or before in this step; NULL: it cannot be read. Borrowed until
 * specs_rest(), and as long as somebody holds the content. */
const struct service_spec *specs_get(struct specs *s, const struct content *of);

/* A content may be let go, and another come to stand in its place. */
void specs_forget(struct specs *s);

/* Frees what was decoded. */
void specs_rest(struct specs *s);

/* The same without keeping it: in `mem` and the content. */
const struct service_spec *specs_decode(const struct content *of, struct arena *mem);

#endif
