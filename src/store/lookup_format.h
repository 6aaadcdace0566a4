#ifndef KITH_STORE_LOOKUP_FORMAT_H
#define KITH_STORE_LOOKUP_FORMAT_H
/*
 * The look-up file, word by word: what a daemon tells the applications of its host about every service.
 * docs/lookup-file.md is the same for people who read it in another language.
 *
 * The file is an array of 64-bit words in the host's byte order. One daemon writes it, anybody whom its
 * permissions let may map it read-only. Every word is written and read as one (relaxed) atomic, so the
 * only question is which words belong together, and that is settled by three rules:
 *
 *   - A row is never changed where it stands. The new one is written elsewhere, and then the service's slot
 *     points to it. A writer that dies at any word leaves the former row in its place.
 *   - The place of a former row may be written again at once: nobody waits for readers. A reader therefore
 *     looks at the slot and at the row's STAMP (which no two rows ever share, and which is 0 while
 *     the place is being written) again after it has copied what it wants, and starts anew if either
 *     changed.
 *   - A file is complete before it gets its name. What outgrows it goes into a new one, which takes over the
 *     name; then RETIRED in the old one says so.
 *
 * So readers need no lock, write nothing, and one that is stopped holds nothing up.
 *
 *     words 0 .. 511              header
 *     SLOTS_AT, SLOTS words       hash index: linear probing from hash & (SLOTS - 1)
 *     after these, SLOTS words    for each slot the STAMP of its row: a watcher sleeps on the lower half
 *     HEAP_AT ..                  rows, each at a multiple of 8 words
 */
#include <endian.h>
#include <stdint.h>

#define LOOKUP_FILE_NAME "services" /* in the folder that a daemon and its readers agree on */

/* "KITHLOOK", and the order of the bytes with it. */
#define LOOKUP_MAGIC   UINT64_C(0x4b4f4f4c4854494b)
#define LOOKUP_VERSION UINT64_C(4) /* raised when what is written below changes */

enum lookup_header {
    /* Written once, before the file has its name. */
    LOOKUP_AT_MAGIC = 0,
    LOOKUP_AT_VERSION = 1,
    LOOKUP_AT_FILE_WORDS = 2, /* length of the file; never changes */
    LOOKUP_AT_SLOTS_AT = 3,
    LOOKUP_AT_SLOTS = 4, /* a power of two */
    LOOKUP_AT_HEAP_AT = 5,
    LOOKUP_AT_GENERATION = 6, /* the former file's and one */
    LOOKUP_AT_BOOT = 7,       /* and 8: the kernel's boot id */
    LOOKUP_AT_CHECK = 9,      /* lookup_check() of words 0 to 8 */
    LOOKUP_FIXED_WORDS = 10,
    /* Change all the time; each in a cache line of its own. */
    LOOKUP_AT_BEAT_BOOT_US = 16, /* when the daemon last said that all of this is so: since boot */
    LOOKUP_AT_BEAT_WALL_US = 17, /* the same since 1970 */
    LOOKUP_AT_BEAT_MONO_US = 18, /* the same by the clock that stands still while the host sleeps */
    LOOKUP_AT_RETIRED = 24,      /* 1: a newer file has the name */
    LOOKUP_AT_INDEX = 32,        /* the last STAMP given */
    LOOKUP_AT_SERVICES = 33,     /* rows of services that are not GONE */
    LOOKUP_AT_NAMES = 64,        /* counters of names that were new, by hash: what those watch who
                                    wait for a service that is not there */
    LOOKUP_NAMES = 64,
    LOOKUP_HEADER_WORDS = 512
};

/*
 * A slot is one word, so that many fit into a processor's cache: where the row begins, in units of LOOKUP_ROW_ALIGN from
 * the file's start (32 bits); how many of these it has, for fetching it early (8; 255: that or more); upper bits of
 * the name's hash (24), which stay as they are once there. 0: the slot was never used.
 */
#define LOOKUP_SLOT_TAG       (UINT64_C(0xffffff) << 40)
#define LOOKUP_SLOT_UNITS_MAX 255

/* A text begins at a word, ends with zeros up to the next word, and is as long as is said elsewhere. */
enum lookup_row {
    LOOKUP_ROW_STAMP = 0,
    LOOKUP_ROW_SIZE = 1,  /* words of the row (32 bits), endpoints (32) */
    LOOKUP_ROW_NAMES = 2, /* bytes of the namespace (8 bits), of the name (8), flags (16) */
    LOOKUP_ROW_CHECK = 3, /* lookup_check() of all words but this */
    LOOKUP_ROW_HEAD = 4,  /* then the namespace, the name, the endpoints, texts */
    LOOKUP_ROW_ALIGN = 8  /* words */
};

#define LOOKUP_ROW_GONE  (UINT64_C(1) << 16) /* in NAMES: there is no such service any more */
#define LOOKUP_ROW_OTHER (UINT64_C(1) << 17) /* it is about something else: see below */
#define LOOKUP_ROW_NONE  (LOOKUP_ROW_GONE | LOOKUP_ROW_OTHER) /* no service, whatever its name is */

/* Nearest first. An instance with several ports is listed once for each. */
enum lookup_endpoint_words {
    LOOKUP_ENDPOINT_INSTANCE = 0, /* and 1: the ULID's bytes */
    LOOKUP_ENDPOINT_NODE = 2,     /* and 3 */
    LOOKUP_ENDPOINT_WEIGHT = 4,   /* weight (32 bits), distance in us (32; all ones: not known) */
    LOOKUP_ENDPOINT_PORT = 5, /* port (16), bytes of the address (8), of the port's name (8), of the
                                 node's name (8), tags (8) */
    LOOKUP_ENDPOINT_TEXTS = 6, /* from the row's start, in words: address (32), port's name (32) */
    LOOKUP_ENDPOINT_MORE =
        7, /* node's name (32), tags (32): each a word with its length, then text */
    LOOKUP_ENDPOINT_WORDS = 8
};

/*
 * Rows of three further kinds are for those who show more than where services answer: HTTP, DNS. They have the flag OTHER,
 * and what no namespace begins with in place of one, so that who looks services up never comes upon them. Nobody
 * sleeps on their words.
 *
 *   WHOLE, a service's namespace and name: all that there is to know of it, if that is more than its own row
 *   says. After the healthy endpoints come those that fail; after all endpoints the words of lookup_whole_words, and for
 *   each of them those of lookup_more_words.
 *
 *   MEMBER, the 16 bytes of its ULID: a host of the cluster, in the words of lookup_member_words.
 *
 *   NAMED, the name of members: their ULIDs, two words each.
 *
 * A span is one word: where something begins, in words from the row's start (32 bits), and how many bytes it has, or items
 * (32). Items are texts, each a word with its length, then text; or pairs, each a word with the lengths of key (32) and
 * value (32), then these.
 */
#define LOOKUP_WHOLE  "\1" /* followed by the namespace */
#define LOOKUP_MEMBER "\2"
#define LOOKUP_NAMED  "\3"

enum lookup_whole_words {
    LOOKUP_WHOLE_HEALTHY = 0, /* how many endpoints are */
    LOOKUP_WHOLE_TAGS = 1,    /* of every endpoint without its own: span of texts */
    LOOKUP_WHOLE_META = 2,    /* likewise: span of pairs */
    LOOKUP_WHOLE_WORDS = 3
};

enum lookup_more_words { /* of an endpoint */
                         LOOKUP_MORE_HEALTH =
                             0, /* enum endpoint_health (8), OWN (1), CHECKS (1), HOST (1); at 16 its health without its
                                    host's checks (8); its TTL in ms (32, above 32) */
                         LOOKUP_MORE_NAME = 1,   /* of its registration: span of bytes */
                         LOOKUP_MORE_OUTPUT = 2, /* what is said to its health: span of bytes */
                         LOOKUP_MORE_META = 3,   /* span of pairs */
                         LOOKUP_MORE_WORDS = 4
};

#define LOOKUP_MORE_OWN    (UINT64_C(1) << 8)  /* it has tags and meta of its own */
#define LOOKUP_MORE_CHECKS (UINT64_C(1) << 9)  /* the word behind NAME's text is a span of checks */
#define LOOKUP_MORE_HOST   (UINT64_C(1) << 10) /* its health is that of its host's checks */

/* A check: a word with its health (8) and its TTL in ms (32, above 32); then its ID, name, notes and output, each a word with its
 * length, then text. */
#define LOOKUP_CHECK_TEXTS 4

enum lookup_member_words {
    LOOKUP_MEMBER_STATE = 0, /* enum member_state */
    LOOKUP_MEMBER_INCARNATION = 1,
    LOOKUP_MEMBER_NAME = 2, /* span of bytes */
    LOOKUP_MEMBER_HOST = 3, /* the address that its services are reached at: span of bytes */
    LOOKUP_MEMBER_TAGS = 4, /* span of pairs */
    LOOKUP_MEMBER_WORDS = 5
};

#define LOOKUP_NAME_MAX  64  /* bytes of a name of a namespace, service, port or node */
#define LOOKUP_ADDR_MAX  128 /* bytes of an address, and of a tag */
#define LOOKUP_TAGS_MAX  64
#define LOOKUP_ROW_MAX   ((uint32_t)1 << 24) /* words of one row: 128 MiB, bounds a damaged file */
#define LOOKUP_SLOTS_MAX ((uint64_t)1 << 26)

static inline uint64_t lookup_get(const uint64_t *at)
{
    return __atomic_load_n(at, __ATOMIC_RELAXED);
}

static inline uint64_t lookup_get_acquire(const uint64_t *at)
{
    return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static inline uint64_t lookup_words_of(uint64_t bytes)
{
    return (bytes + 7) / 8;
}

static inline uint64_t lookup_mix(uint64_t h)
{
    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

static inline uint64_t lookup_span(uint64_t at, uint64_t count)
{
    return at | count << 32;
}

/* The slot of a row of `words` at word `at`; of its hash only the tag's bits are taken. */
static inline uint64_t lookup_slot(uint64_t hash, uint64_t at, uint64_t words)
{
    uint64_t units = (words + LOOKUP_ROW_ALIGN - 1) / LOOKUP_ROW_ALIGN;

    if (units > LOOKUP_SLOT_UNITS_MAX)
        units = LOOKUP_SLOT_UNITS_MAX;
    return (hash & LOOKUP_SLOT_TAG) | units << 32 | at / LOOKUP_ROW_ALIGN;
}

/* Where its row begins, in words. */
static inline uint64_t lookup_slot_row(uint64_t slot)
{
    return (slot & UINT32_MAX) * LOOKUP_ROW_ALIGN;
}

static inline uint64_t lookup_slot_units(uint64_t slot)
{
    return slot >> 32 & LOOKUP_SLOT_UNITS_MAX;
}

/* Carries a check on over one more word; begins with 0. */
static inline uint64_t lookup_check(uint64_t check, uint64_t word)
{
    return (check ^ word) * UINT64_C(0x9e3779b97f4a7c15) + (check >> 29);
}

/* The last `len` < 8 bytes of a text as its last word has them: zeros follow. */
static inline uint64_t lookup_last_word(const char *text, uint64_t len)
{
    uint64_t word = 0;

    for (uint64_t i = 0; i < len; i++)
        word |= (uint64_t)(uint8_t)text[i] << 8 * (__BYTE_ORDER == __BIG_ENDIAN ? 7 - i : i);
    return word;
}

/* Carries a hash on over a text, eight bytes at a time; the last ones as if zeros followed. */
static inline uint64_t lookup_hash_text(uint64_t h, const char *text, uint64_t len)
{
    while (len >= 8) {
        uint64_t word;

        __builtin_memcpy(&word, text, 8);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
        text += 8;
        len -= 8;
    }
    h = (h ^ lookup_last_word(text, len)) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

/* Of a namespace and a name. Lengths are in it, so that "ab", "c" is not "a", "bc". */
static inline uint64_t lookup_hash(const char *space, uint64_t space_len, const char *name,
                                   uint64_t name_len)
{
    uint64_t h = lookup_hash_text(space_len << 8 | name_len, space, space_len);

    return lookup_mix(lookup_hash_text(h, name, name_len));
}

#endif
