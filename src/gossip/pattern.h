#ifndef KITH_GOSSIP_PATTERN_H
#define KITH_GOSSIP_PATTERN_H
/*
 * Topics and the patterns that subscribers give: those of AMQP 0-9-1 topic exchanges. A topic is words with
 * separators between; in a pattern the word `*` stands for exactly one word and `#` for any number, none
 * included. `.` and `/` both separate words and mean the same, so `load/eu/db` and `load.eu.db` are one topic,
 * and `load/#` matches `load.eu`. The empty topic has no words; `a..b` has three, the second one empty.
 *
 * A match takes one pass over the topic's words with the set of reachable pattern words in one integer (the
 * shift-and automaton of Baeza-Yates and Gonnet, 1992, with `#` as a loop): at most words(topic) * words(pattern)
 * comparisons of words whatever the pattern, also with many `#`; nothing is tried twice.
 */
#include "base/bytes.h"

#define TOPIC_MAX_BYTES 255 /* of a topic and of a pattern */
#define TOPIC_MAX_WORDS 63  /* one bit each, and one for the end */

struct topic { /* points into the text it was split from */
    struct bytes words[TOPIC_MAX_WORDS];
    uint32_t words_n;
};

struct pattern {
    uint8_t text[TOPIC_MAX_BYTES]; /* its words, one after the other */
    uint8_t end[TOPIC_MAX_WORDS];  /* where in the text each word ends */
    uint8_t words_n;               /* repeated `#` are one */
    uint64_t any, one;             /* bits of the words that are `#` and `*` */
};

enum { PATTERN_TOO_LONG = 1, PATTERN_TOO_MANY_WORDS = 2, PATTERN_WILD = 3, PATTERN_BYTES = 4 };

/* What is wrong, for people; NULL for 0. */
const char *pattern_problem(int result);

/* 0, or PATTERN_TOO_LONG, PATTERN_TOO_MANY_WORDS, PATTERN_BYTES (control characters: topics are shown to people);
 * topic_split also PATTERN_WILD (a word that is `*` or `#`, which only patterns may have). */
int topic_split(struct topic *ret, struct bytes text);
int pattern_parse(struct pattern *ret, struct bytes text);

bool pattern_match(const struct pattern *p, const struct topic *t);

#endif
