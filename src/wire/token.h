#ifndef KITH_WIRE_TOKEN_H
#define KITH_WIRE_TOKEN_H
/*
 * MessagePack read piece by piece, straight from the bytes: a number, a text, the head of a container. Nothing
 * is allocated, so what a frame costs to read is what it says. msgpack-c makes a tree of objects first, which
 * took two thirds of the time that a small message took to decode (docs/decisions/0034).
 *
 * Only of bytes that skim() took: then every value is whole, and no count is larger than the bytes left.
 * Source: the MessagePack specification (msgpack/spec.md, 2017).
 */
#include "base/bytes.h"

enum token_type {
    TOKEN_NIL,
    TOKEN_BOOL,
    TOKEN_UNSIGNED, /* a number that is not negative, in whatever format */
    TOKEN_NEGATIVE,
    TOKEN_STR,
    TOKEN_BIN,
    TOKEN_ARRAY, /* its values follow */
    TOKEN_MAP,   /* its keys and values follow, alternating */
    TOKEN_OTHER, /* float, ext: we write none */
};

struct token {
    enum token_type type;
    union {
        bool boolean;
        uint64_t number;    /* TOKEN_UNSIGNED */
        int64_t negative;   /* TOKEN_NEGATIVE */
        struct bytes bytes; /* TOKEN_STR, TOKEN_BIN: points into what is read */
        uint32_t count;     /* of values, or of pairs */
    };
};

struct tokens {
    struct bytes left;
};

/* The next one. Of a container only the head. */
struct token token_next(struct tokens *in);
/* Passes over a whole value, with all that is in it. */
void token_skip(struct tokens *in);
/* The next value is nil. It stays where it is. */
bool token_is_nil(const struct tokens *in);

#endif
