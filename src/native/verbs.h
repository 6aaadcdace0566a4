#ifndef KITH_NATIVE_VERBS_H
#define KITH_NATIVE_VERBS_H
/*
 * Which way over HTTP does what which verb of `kith` does, so that neither can do what the other cannot. Two tests read this: every
 * route below /api/v1 stands here and is a route (test_native_verbs), and every verb of `kith` stands here and is one
 * (scripts/lint/verbs.py). What is there on one side only stands here with its reason.
 */
#include "http/route.h"

struct native_verb {
    const char *verb; /* as in kith_verbs.c; NULL: over HTTP only, `why` says why */
    unsigned method;  /* 0: not over HTTP, `why` says why */
    const char *path; /* of the route */
    const char *why;
};

extern const struct native_verb native_verbs[];
extern const size_t native_verbs_n;

#endif
