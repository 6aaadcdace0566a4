#ifndef KITH_HTTP_TARGET_H
#define KITH_HTTP_TARGET_H
/*
 * What a request asks for: the segments of its path and the parameters of its query, with their escapes undone.
 * Source: RFC 3986; in the query a "+" is a blank, as HTML forms write it. Pure.
 *
 * A target is refused as a whole when an escape is none, when what it stands for is no text (wire/text.h), or when it
 * has more of anything than is allowed here.
 */
#include "base/arena.h"
#include "base/time.h"

#define TARGET_BYTES_MAX    8192 /* longer ones are nobody's honest question */
#define TARGET_SEGMENTS_MAX 16
#define TARGET_PARAMS_MAX   32

struct target_param {
    struct bytes name, value; /* value: empty also where there is no "=" */
};

struct
    target { /* all of it lives in the arena it was read with: thousands of targets wait at once */
    struct bytes path; /* all of it behind the first slash */
    struct bytes *segments;
    unsigned segments_n;
    bool longer; /* the path goes on behind these */
    struct target_param *params;
    unsigned params_n;
};

enum { TARGET_BAD = 1, TARGET_LONG = 2, TARGET_ABSENT = 3 };

/* What the path says behind so many segments, which there are. */
struct bytes target_rest(const struct target *t, unsigned segments);

/* `raw` as it stands in the request's first line, "/a/b?c=d" or "http://host/a/b". Empty segments at the end do not
 * count. 0, TARGET_BAD, or TARGET_LONG. */
int target_parse(struct target *ret, struct bytes raw, struct arena *mem);
/* The most that it takes of the arena. */
size_t target_room(struct bytes raw);

bool target_has(const struct target *t, const char *name);
/* The first of this name; empty when there is none. */
struct bytes target_get(const struct target *t, const char *name);
/* One after the other: begin with *at 0. False: no more. */
bool target_each(const struct target *t, const char *name, unsigned *at, struct bytes *ret);
/* Given, and neither "0" nor "false". */
bool target_flag(const struct target *t, const char *name);

/* 0; TARGET_ABSENT: not given, or empty; TARGET_BAD: something else. *ret is set when 0 only. */
int target_number(const struct target *t, const char *name, uint64_t *ret);
int target_duration(const struct target *t, const char *name, kith_time *ret);

/* A whole number of decimal digits. 0 or TARGET_BAD. */
int read_number(struct bytes text, uint64_t *ret);
/* As Go writes it, and so Consul's clients: "10s", "1m30s", "0.5h", "250ms". Up to READ_DURATION_MAX. 0 or TARGET_BAD. */
#define READ_DURATION_MAX (366 * 24 * KITH_HOUR)
int read_duration(struct bytes text, kith_time *ret);

#endif
