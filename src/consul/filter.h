#ifndef KITH_CONSUL_FILTER_H
#define KITH_CONSUL_FILTER_H
/*
 * The parameter `filter` of Consul's HTTP API: which objects of a list are wanted. Source: Consul's documentation of filtering, 1.15.
 *
 *     Service.Meta.team == "web" and (not "v1" in Service.Tags or Checks.Status != passing)
 *
 * Comparisons are SELECTOR == VALUE, !=, VALUE in SELECTOR, not in, SELECTOR contains VALUE, not contains, is empty, is not empty, joined by
 * `and`, `or` (which binds least), `not` and parentheses. A value is a word, or stands in "double quotes" or `these`. A key of a map is a further
 * name behind a dot, or ["in brackets"]. A selector that goes through a list of objects is true of one that it is true of any of.
 * `matches` is refused: patterns of others are not run here.
 *
 * What may be selected is said beforehand, so that a wrong name is an error and not an empty list. Pure but for the memory that jansson takes;
 * reading and asking cost as much as the text is long, FILTER_TESTS_MAX comparisons at most, nested FILTER_DEPTH_MAX deep.
 */
#include "base/arena.h"

#include <jansson.h>

#define FILTER_TESTS_MAX 64u
#define FILTER_DEPTH_MAX 16u
#define FILTER_NAMES_MAX 4u /* in a selector */

enum filter_kind {
    FILTER_TEXT,   /* ==, in (part of it), empty */
    FILTER_LIST,   /* of texts: in, empty */
    FILTER_MAP,    /* in (a key), empty */
    FILTER_NUMBER, /* == */
    FILTER_BOOL,   /* == */
};

struct filter_selector {
    const char *path; /* "Service.Meta.*"; a "*" is any one name. NULL ends a list */
    enum filter_kind kind;
};

struct filter;

/* 0; or 1, and *why says what is wrong. All in `mem`; `text` is borrowed for as long. */
int filter_parse(const struct filter **ret, struct bytes text,
                 const struct filter_selector *selectors, struct arena *mem, const char **why);

bool filter_matches(const struct filter *f, const json_t *object);

#endif
