#include "store/lookup_map.h"

#include "store/lookup_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A row that changed under the reader's eyes is read again. Each time the writer got somewhere, so this is
 * reached only by a file that is no look-up file any more. */
#define TRIES_MAX 100000
/* Units of a row, each a cache line on most processors, that are fetched at once. */
#define FETCH_UNITS 32

/* ---- opening ---- */

static int problem_of(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return LOOKUP_ABSENT;
    case EACCES:
    case EPERM:
        return LOOKUP_DENIED;
    default:
        return LOOKUP_SYSTEM;
    }
}

static uint64_t swapped(uint64_t word)
{
    return __builtin_bswap64(word);
}

/* The parts lie where they can, in this order. */
static bool parts_fit(const struct lookup_map *m)
{
    return m->slots != 0 && m->slots <= LOOKUP_SLOTS_MAX && (m->slots & (m->slots - 1)) == 0 &&
           m->slots_at >= LOOKUP_HEADER_WORDS && m->slots_at <= m->file_words &&
           m->slots * 2 <= m->file_words - m->slots_at &&
           m->heap_at >= m->slots_at + m->slots * 2 && m->heap_at <= m->file_words;
}

/* Fills *m from the header. 0, LOOKUP_FOREIGN, LOOKUP_VERSION_ or LOOKUP_TORN. */
static int read_header(struct lookup_map *m)
{
    uint64_t w[LOOKUP_FIXED_WORDS], check = 0;

    for (unsigned i = 0; i < LOOKUP_FIXED_WORDS; i++) {
        w[i] = lookup_get(&m->words[i]);
        if (i != LOOKUP_AT_CHECK)
            check = lookup_check(check, w[i]);
    }
    if (w[LOOKUP_AT_MAGIC] != LOOKUP_MAGIC)
        return swapped(w[LOOKUP_AT_MAGIC]) == LOOKUP_MAGIC ? LOOKUP_VERSION_ : LOOKUP_FOREIGN;
    if (w[LOOKUP_AT_VERSION] != LOOKUP_VERSION)
        return LOOKUP_VERSION_;
    m->slots_at = w[LOOKUP_AT_SLOTS_AT];
    m->slots = w[LOOKUP_AT_SLOTS];
    m->heap_at = w[LOOKUP_AT_HEAP_AT];
    m->generation = w[LOOKUP_AT_GENERATION];
    return check == w[LOOKUP_AT_CHECK] && w[LOOKUP_AT_FILE_WORDS] == m->file_words && parts_fit(m)
               ? 0
               : LOOKUP_TORN;
}

/* What was written before this boot is only whole if the host went down in peace. */
static int check_age(struct lookup_map *m)
{
    struct lookup_boot boot = lookup_boot_now();
    const uint64_t *written = &m->words[LOOKUP_AT_BOOT];
    bool other = boot.id[0] != written[0] || boot.id[1] != written[1];

    m->by_wall = other || (!boot.id[0] && !boot.id[1]) || lookup_boot_is_offset();
    return other ? lookup_map_verify(m) : 0;
}

static int map_file(struct lookup_map *m, int fd)
{
    struct stat st;

    if (fstat(fd, &st))
        return LOOKUP_SYSTEM;
    if (!S_ISREG(st.st_mode) || st.st_size < LOOKUP_HEADER_WORDS * 8 || st.st_size % 8)
        return LOOKUP_FOREIGN;
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);

    if (p == MAP_FAILED)
        return LOOKUP_SYSTEM;
    m->words = p;
    m->file_words = (uint64_t)st.st_size / 8;
    m->dev = st.st_dev;
    m->ino = st.st_ino;
    int problem = read_header(m);

    return problem ? problem : check_age(m);
}

int lookup_map_open(struct lookup_map *ret, const char *path)
{
    *ret = (struct lookup_map){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return problem_of(errno);
    int problem = map_file(ret, fd);

    close(fd);
    if (problem)
        lookup_map_close(ret);
    return problem;
}

void lookup_map_close(struct lookup_map *m)
{
    if (m->words)
        munmap((void *)(uintptr_t)m->words, m->file_words * 8);
    *m = (struct lookup_map){0};
}

bool lookup_map_replaced(const struct lookup_map *m, const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && (st.st_dev != m->dev || st.st_ino != m->ino);
}

bool lookup_map_retired(const struct lookup_map *m)
{
    return lookup_get(&m->words[LOOKUP_AT_RETIRED]) != 0;
}

static int64_t since(const struct lookup_map *m, enum lookup_header beat, int64_t now_us)
{
    int64_t beat_us = (int64_t)lookup_get(&m->words[beat]);

    return now_us > beat_us ? now_us - beat_us : 0;
}

int64_t lookup_map_age_us(const struct lookup_map *m)
{
    int64_t mono_us = (int64_t)lookup_get(&m->words[LOOKUP_AT_BEAT_MONO_US]);
    int64_t now_us = lookup_coarse_us();

    if (m->by_wall || mono_us == 0) /* 0: the daemon's clocks are no use to others */
        return since(m, LOOKUP_AT_BEAT_WALL_US, lookup_wall_us());
    if (now_us - mono_us < LOOKUP_FRESH_US)
        return now_us > mono_us ? now_us - mono_us : 0;
    return since(m, LOOKUP_AT_BEAT_BOOT_US,
                 lookup_boot_us()); /* the host may have slept meanwhile */
}

/* ---- rows ---- */

/* Where the row's parts are. False: it cannot be a row. */
static bool read_head(struct lookup_row_ref *row)
{
    uint64_t size = lookup_get(&row->at[LOOKUP_ROW_SIZE]);
    uint64_t names = lookup_get(&row->at[LOOKUP_ROW_NAMES]);

    row->words = (uint32_t)size;
    row->endpoints = (uint32_t)(size >> 32);
    row->space_len = (uint8_t)names;
    row->name_len = (uint8_t)(names >> 8);
    row->gone = names & LOOKUP_ROW_NONE;
    row->endpoints_at = (uint32_t)(LOOKUP_ROW_HEAD + lookup_words_of(row->space_len) +
                                   lookup_words_of(row->name_len));
    return row->stamp && row->words <= LOOKUP_ROW_MAX &&
           row->words <= (uint64_t)(row->end - row->at) && row->endpoints_at <= row->words &&
           row->endpoints <= (row->words - row->endpoints_at) / LOOKUP_ENDPOINT_WORDS;
}

/* The lines of the row begin to come while its first one is awaited. */
static inline void fetch_early(const uint64_t *at, uint64_t units)
{
    const uint64_t *end = at + (units < FETCH_UNITS ? units : FETCH_UNITS) * LOOKUP_ROW_ALIGN;

    for (; at < end; at += LOOKUP_ROW_ALIGN)
        __builtin_prefetch(at);
}

/* The row that the slot points to; checked only as far as not to read outside of the file. */
static int load_row(const struct lookup_map *m, const uint64_t *slot, struct lookup_row_ref *ret)
{
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        uint64_t pointer = lookup_get_acquire(slot), at = lookup_slot_row(pointer);

        if (at < m->heap_at || at > m->file_words || m->file_words - at < LOOKUP_ROW_HEAD)
            return LOOKUP_TORN;
        ret->end = m->words + m->file_words;
        ret->slot = slot;
        ret->pointer = pointer;
        ret->at = m->words + at;
        fetch_early(ret->at, lookup_slot_units(pointer));
        ret->stamp = lookup_get_acquire(&ret->at[LOOKUP_ROW_STAMP]);
        if (read_head(ret))
            return 0;
        if (lookup_unchanged(ret))
            return LOOKUP_TORN;
    }
    return LOOKUP_TORN;
}

static bool name_is(const struct lookup_row_ref *row, const struct lookup_name *name)
{
    return row->space_len == name->space_len && row->name_len == name->name_len &&
           lookup_text_is(row, lookup_row_name(row), name->name, name->name_len) &&
           lookup_text_is(row, lookup_row_space(row), name->space, name->space_len);
}

static const uint64_t *slot_of(const struct lookup_map *m, uint64_t i)
{
    return m->words + m->slots_at + (i & (m->slots - 1));
}

static int find_row(const struct lookup_map *m, const struct lookup_name *name,
                    struct lookup_row_ref *ret)
{
    int tries = 0;

    for (uint64_t i = 0; i < m->slots && tries < TRIES_MAX;) {
        const uint64_t *slot = slot_of(m, name->hash + i);
        uint64_t there = lookup_get_acquire(slot);

        if (!there)
            return LOOKUP_NONE;
        if (((there ^ name->hash) & LOOKUP_SLOT_TAG) == 0) {
            int problem = load_row(m, slot, ret);

            if (problem)
                return problem;
            if (name_is(ret, name))
                return 0;
            if (!lookup_unchanged(ret)) {
                tries++;
                continue;
            }
        }
        i++;
    }
    return tries ? LOOKUP_TORN : LOOKUP_NONE;
}

int lookup_find(const struct lookup_map *m, const struct lookup_name *name,
                struct lookup_row_ref *ret)
{
    if (name->space_len > LOOKUP_NAME_MAX || name->name_len > LOOKUP_NAME_MAX)
        return LOOKUP_NONE;
    return find_row(m, name, ret);
}

int lookup_at(const struct lookup_map *m, uint64_t i, struct lookup_row_ref *ret)
{
    const uint64_t *slot = slot_of(m, i);

    if (!lookup_get_acquire(slot))
        return LOOKUP_NONE;
    return load_row(m, slot, ret);
}

const uint64_t *lookup_watch_word(const struct lookup_map *m, const struct lookup_name *name)
{
    struct lookup_row_ref row;

    if (find_row(m, name, &row) == 0)
        return row.slot + m->slots;
    return &m->words[LOOKUP_AT_NAMES + name->hash % LOOKUP_NAMES];
}

/* ---- the whole file ---- */

static bool row_is_whole(const struct lookup_row_ref *row)
{
    uint64_t check = 0;
    struct lookup_endpoint_ref e;

    for (uint32_t i = 0; i < row->words; i++) {
        if (i != LOOKUP_ROW_CHECK)
            check = lookup_check(check, lookup_get(&row->at[i]));
    }
    for (uint32_t i = 0; i < row->endpoints; i++) {
        if (!lookup_endpoint(row, i, &e))
            return false;
    }
    return check == lookup_get(&row->at[LOOKUP_ROW_CHECK]) && row->space_len <= LOOKUP_NAME_MAX &&
           row->name_len <= LOOKUP_NAME_MAX;
}

int lookup_map_verify(const struct lookup_map *m)
{
    for (uint64_t i = 0; i < m->slots; i++) {
        struct lookup_row_ref row;
        int problem = lookup_at(m, i, &row);

        if (problem == LOOKUP_NONE)
            continue;
        if (problem || !row_is_whole(&row))
            return LOOKUP_TORN;
    }
    return 0;
}
