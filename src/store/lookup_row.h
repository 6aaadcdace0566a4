#ifndef KITH_STORE_LOOKUP_ROW_H
#define KITH_STORE_LOOKUP_ROW_H
/*
 * Reading one row of a look-up file (lookup_format.h) where it stands, while somebody may be writing over it. All
 * that is copied counts only once lookup_unchanged() says so; before, it may be a mixture, so nothing is
 * followed that leads out of the row.
 *
 * Here rather than in lookup_map.c because these few lines are what a look-up costs.
 */
#include "store/lookup_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct lookup_row_ref {  /* a row as it was found; the texts it leads to are in the map */
    const uint64_t *end; /* of the file */
    const uint64_t *slot, *at;
    uint64_t pointer, stamp; /* what the slot was, and the row's STAMP */
    uint32_t words, endpoints;
    uint32_t endpoints_at; /* in words from its start */
    uint8_t space_len, name_len;
    bool gone; /* there is no such service (any more) */
};

struct lookup_text_ref {
    uint32_t at; /* in words from the row's start */
    uint8_t len;
};

struct lookup_endpoint_ref {
    const uint64_t *at; /* in the file */
    uint32_t weight, distance_us;
    uint16_t port;
    uint8_t tags_n;
    uint32_t tags_at;
    struct lookup_text_ref addr, port_name, node_name;
};

/* Room for a text of so many bytes and its zero: whole words are copied. */
#define lookup_room(len) (((size_t)(len) + 8) / 8 * 8)

/* The row that was found is still the one, so all that was read of it belongs together. */
static inline bool lookup_unchanged(const struct lookup_row_ref *row)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    /* The slot first: if another row came to stand in the same place meanwhile, its stamp is seen after. */
    return lookup_get_acquire(row->slot) == row->pointer &&
           lookup_get(&row->at[LOOKUP_ROW_STAMP]) == row->stamp;
}

static inline bool lookup_inside(const struct lookup_row_ref *row, uint64_t at, uint64_t words)
{
    return at >= LOOKUP_ROW_HEAD && at + words <= row->words; /* of 32 bits, so the sum is right */
}

/* These return false for what lies outside of the row: a mixture, or a damaged file. */
static inline bool lookup_endpoint(const struct lookup_row_ref *row, uint32_t i,
                                   struct lookup_endpoint_ref *ret)
{
    if (i >= row->endpoints)
        return false;
    const uint64_t *e = row->at + row->endpoints_at + (uint64_t)i * LOOKUP_ENDPOINT_WORDS;
    uint64_t weight = lookup_get(&e[LOOKUP_ENDPOINT_WEIGHT]);
    uint64_t port = lookup_get(&e[LOOKUP_ENDPOINT_PORT]);
    uint64_t texts = lookup_get(&e[LOOKUP_ENDPOINT_TEXTS]);
    uint64_t more = lookup_get(&e[LOOKUP_ENDPOINT_MORE]);

    ret->at = e;
    ret->weight = (uint32_t)weight;
    ret->distance_us = (uint32_t)(weight >> 32);
    ret->port = (uint16_t)port;
    ret->addr = (struct lookup_text_ref){(uint32_t)texts, (uint8_t)(port >> 16)};
    ret->port_name = (struct lookup_text_ref){(uint32_t)(texts >> 32), (uint8_t)(port >> 24)};
    ret->node_name = (struct lookup_text_ref){(uint32_t)more, (uint8_t)(port >> 32)};
    ret->tags_n = (uint8_t)(port >> 40);
    ret->tags_at = (uint32_t)(more >> 32);
    return ret->addr.len <= LOOKUP_ADDR_MAX && ret->port_name.len <= LOOKUP_NAME_MAX &&
           ret->node_name.len <= LOOKUP_NAME_MAX && ret->tags_n <= LOOKUP_TAGS_MAX;
}

/* Copies the 16 bytes of the instance's or the node's ULID. Straight from the file: by way of a structure, the compiler
 * would fetch as one what was stored as two, for which a processor waits. */
static inline void lookup_id(const struct lookup_endpoint_ref *endpoint,
                             enum lookup_endpoint_words which, uint8_t *ret)
{
    for (unsigned k = 0; k < 2; k++) {
        uint64_t word = lookup_get(&endpoint->at[which + k]);

        memcpy(ret + (size_t)k * 8, &word, 8);
    }
}

/* Copies the text and a zero: lookup_room() bytes, but at least LOOKUP_TEXT_ROOM, of which anything may come after the
 * zero. Addresses and names are mostly of one word or two, so two are copied: which it is, no processor foresees. */
#define LOOKUP_TEXT_ROOM 17
static inline bool lookup_text(const struct lookup_row_ref *row, struct lookup_text_ref text,
                               char *ret)
{
    if (text.len <= 16 && lookup_inside(row, text.at, 2)) {
        for (unsigned i = 0; i < 2; i++) {
            uint64_t word = lookup_get(&row->at[text.at + i]);

            memcpy(ret + (size_t)i * 8, &word, 8);
        }
        ret[text.len] = '\0';
        return true;
    }
    uint64_t words = lookup_words_of(text.len);

    if (!lookup_inside(row, text.at, words))
        return false;
    for (uint64_t i = 0; i < words; i++) {
        uint64_t word = lookup_get(&row->at[text.at + i]);

        memcpy(ret + i * 8, &word, 8);
    }
    ret[text.len] = '\0';
    return true;
}

static inline bool lookup_text_is(const struct lookup_row_ref *row, struct lookup_text_ref text,
                                  const char *what, size_t len)
{
    if (text.len != len || !lookup_inside(row, text.at, lookup_words_of(len)))
        return false;
    const uint64_t *at = row->at + text.at;

    for (; len >= 8; len -= 8, what += 8) {
        uint64_t word;

        memcpy(&word, what, 8);
        if (lookup_get(at++) != word)
            return false;
    }
    return len == 0 || lookup_get(at) == lookup_last_word(what, len);
}

static inline bool lookup_has_tag(const struct lookup_row_ref *row,
                                  const struct lookup_endpoint_ref *endpoint, const char *tag,
                                  size_t len)
{
    uint64_t at = endpoint->tags_at;

    for (uint8_t i = 0; i < endpoint->tags_n; i++) {
        if (!lookup_inside(row, at, 1))
            return false;
        uint8_t tag_len = (uint8_t)lookup_get(&row->at[at]);

        if (lookup_text_is(row, (struct lookup_text_ref){(uint32_t)at + 1, tag_len}, tag, len))
            return true;
        at += 1 + lookup_words_of(tag_len);
    }
    return false;
}

static inline struct lookup_text_ref lookup_row_space(const struct lookup_row_ref *row)
{
    return (struct lookup_text_ref){LOOKUP_ROW_HEAD, row->space_len};
}

static inline struct lookup_text_ref lookup_row_name(const struct lookup_row_ref *row)
{
    return (struct lookup_text_ref){(uint32_t)(LOOKUP_ROW_HEAD + lookup_words_of(row->space_len)),
                                    row->name_len};
}

#endif
