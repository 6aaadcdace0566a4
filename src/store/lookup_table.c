#include "store/lookup_table.h"

#include "base/mem.h"
#include "store/lookup_clock.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLOTS_MIN 1024
#define HEAP_MIN  ((uint64_t)8192)
/* Of the slots, in quarters: beyond it, probes get long. */
#define FILL_QUARTERS 3

/* ---- words ---- */

static void put_word(struct lookup_table *t, uint64_t at, uint64_t word)
{
    __atomic_store_n(&t->words[at], word, __ATOMIC_RELAXED);
    if (t->trace)
        t->trace(t->trace_arg, at, word);
}

/* Seen by others no earlier than all that was written before. */
static void put_word_after(struct lookup_table *t, uint64_t at, uint64_t word)
{
    __atomic_store_n(&t->words[at], word, __ATOMIC_RELEASE);
    if (t->trace)
        t->trace(t->trace_arg, at, word);
}

/* Watchers sleep on the half of the word that always changes. Returns how many slept. */
static uint64_t wake(const uint64_t *word)
{
    const uint32_t *half = (const uint32_t *)word + (__BYTE_ORDER == __BIG_ENDIAN);
    long count = syscall(SYS_futex, half, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);

    return count > 0 ? (uint64_t)count : 0;
}

/* ---- making ---- */

struct lookup_shape lookup_shape_for(uint64_t rows, uint64_t live_words)
{
    struct lookup_shape shape = {.slots = SLOTS_MIN, .heap_words = HEAP_MIN};

    while (shape.slots < rows * 2)
        shape.slots *= 2;
    if (shape.heap_words < live_words * 2)
        shape.heap_words = live_words * 2;
    shape.heap_words =
        (shape.heap_words + LOOKUP_ROW_ALIGN - 1) / LOOKUP_ROW_ALIGN * LOOKUP_ROW_ALIGN;
    return shape;
}

static void fill_header(struct lookup_table *t, const struct lookup_map *m)
{
    struct lookup_boot boot = lookup_boot_now();
    uint64_t fixed[LOOKUP_FIXED_WORDS] = {
        [LOOKUP_AT_MAGIC] = LOOKUP_MAGIC,       [LOOKUP_AT_VERSION] = LOOKUP_VERSION,
        [LOOKUP_AT_FILE_WORDS] = m->file_words, [LOOKUP_AT_SLOTS_AT] = m->slots_at,
        [LOOKUP_AT_SLOTS] = m->slots,           [LOOKUP_AT_HEAP_AT] = m->heap_at,
        [LOOKUP_AT_GENERATION] = m->generation, [LOOKUP_AT_BOOT] = boot.id[0],
        [LOOKUP_AT_BOOT + 1] = boot.id[1],
    };

    for (unsigned i = 0; i < LOOKUP_AT_CHECK; i++)
        fixed[LOOKUP_AT_CHECK] = lookup_check(fixed[LOOKUP_AT_CHECK], fixed[i]);
    for (unsigned i = 0; i < LOOKUP_FIXED_WORDS; i++)
        put_word(t, i, fixed[i]);
}

static int map_new(struct lookup_table *t, int fd, uint64_t bytes)
{
    int r = posix_fallocate(fd, 0, (off_t)bytes);

    if (r)
        return -r;
    t->words = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (t->words == MAP_FAILED) {
        t->words = NULL;
        return -errno;
    }
    return 0;
}

int lookup_table_make(struct lookup_table *ret, const char *path, struct lookup_shape shape,
                      uint64_t generation)
{
    struct lookup_map m = {.slots = shape.slots,
                           .slots_at = LOOKUP_HEADER_WORDS,
                           .heap_at = LOOKUP_HEADER_WORDS + shape.slots * 2,
                           .generation = generation};

    m.file_words = m.heap_at + shape.heap_words;
    *ret = (struct lookup_table){.heap_next = m.heap_at};
    if (unlink(path) && errno != ENOENT)
        return -errno;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    int r = map_new(ret, fd, m.file_words * sizeof(*ret->words));

    close(fd);
    if (r) {
        unlink(path);
        return r;
    }
    m.words = ret->words;
    ret->map = m;
    fill_header(ret, &m);
    return 0;
}

void lookup_table_deinit(struct lookup_table *t)
{
    for (unsigned i = 0; i < LOOKUP_CLASSES; i++)
        mem_free(t->free[i].at);
    if (t->words)
        munmap(t->words, t->map.file_words * sizeof(*t->words));
    *t = (struct lookup_table){0};
}

/* ---- the heap ---- */

/* Up to 8 units each number is a class; beyond, four to a doubling. */
static unsigned class_of(uint64_t row_words, uint64_t *ret_units)
{
    uint64_t units = (row_words + LOOKUP_ROW_ALIGN - 1) / LOOKUP_ROW_ALIGN;

    if (units <= 8) {
        *ret_units = units;
        return (unsigned)units - 1;
    }
    unsigned top = 63 - (unsigned)__builtin_clzll(units - 1), shift = top - 2;
    unsigned step = (unsigned)((units - 1) >> shift);

    *ret_units = (uint64_t)(step + 1) << shift;
    return 8 + (top - 3) * 4 + step - 4;
}

uint64_t lookup_block_words(uint64_t row_words)
{
    uint64_t units;

    (void)class_of(row_words, &units);
    return units * LOOKUP_ROW_ALIGN;
}

/* Where a row may be written; 0: nowhere. */
static uint64_t take_block(struct lookup_table *t, uint64_t row_words)
{
    uint64_t units;
    struct lookup_blocks *blocks = &t->free[class_of(row_words, &units)];
    uint64_t words = units * LOOKUP_ROW_ALIGN, at;

    if (blocks->count) {
        at = (uint64_t)blocks->at[--blocks->count] * LOOKUP_ROW_ALIGN;
    } else {
        if (words > t->map.file_words - t->heap_next)
            return 0;
        at = t->heap_next;
        t->heap_next += words;
    }
    t->live_words += words;
    return at;
}

static void free_block(struct lookup_table *t, uint64_t at, uint64_t row_words)
{
    uint64_t units;
    struct lookup_blocks *blocks = &t->free[class_of(row_words, &units)];

    if (blocks->count == blocks->cap) {
        blocks->cap = blocks->cap ? blocks->cap * 2 : 16;
        blocks->at = mem_grow(blocks->at, blocks->cap, sizeof(*blocks->at));
    }
    blocks->at[blocks->count++] = (uint32_t)(at / LOOKUP_ROW_ALIGN);
    t->live_words -= units * LOOKUP_ROW_ALIGN;
}

/* ---- rows ---- */

static uint64_t row_words(const uint64_t *row)
{
    return (uint32_t)row[LOOKUP_ROW_SIZE];
}

static struct lookup_name name_of(const uint64_t *row)
{
    uint8_t space_len = (uint8_t)row[LOOKUP_ROW_NAMES];
    uint8_t name_len = (uint8_t)(row[LOOKUP_ROW_NAMES] >> 8);
    const uint64_t *space = row + LOOKUP_ROW_HEAD;

    return lookup_name((const char *)space, space_len,
                       (const char *)(space + lookup_words_of(space_len)), name_len);
}

const uint64_t *lookup_table_get(const struct lookup_table *t, const struct lookup_name *name)
{
    struct lookup_row_ref row;

    return t->words && lookup_find(&t->map, name, &row) == 0 ? row.at : NULL;
}

/* The words go to a place that readers of a former row may still look at: its stamp is gone before any of
 * them changes, and the new one comes after all of them. */
static void write_row(struct lookup_table *t, uint64_t at, const uint64_t *row)
{
    put_word(t, at + LOOKUP_ROW_STAMP, 0);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    for (uint64_t i = 1; i < row_words(row); i++)
        put_word(t, at + i, row[i]);
    put_word_after(t, at + LOOKUP_ROW_STAMP, row[LOOKUP_ROW_STAMP]);
}

static uint64_t empty_slot(const struct lookup_table *t, uint64_t hash)
{
    for (uint64_t i = hash;; i++) {
        uint64_t at = t->map.slots_at + (i & (t->map.slots - 1));

        if (t->words[at] == 0)
            return at;
    }
}

static void count(struct lookup_table *t, const uint64_t *former, const uint64_t *row)
{
    uint64_t was = former ? former[LOOKUP_ROW_NAMES] : LOOKUP_ROW_NONE;
    uint64_t is = row[LOOKUP_ROW_NAMES];

    if (!(was & LOOKUP_ROW_NONE) != !(is & LOOKUP_ROW_NONE))
        put_word(t, LOOKUP_AT_SERVICES,
                 t->words[LOOKUP_AT_SERVICES] + (is & LOOKUP_ROW_NONE ? UINT64_MAX : 1));
    if (!(was & LOOKUP_ROW_GONE) != !(is & LOOKUP_ROW_GONE))
        t->rows += is & LOOKUP_ROW_GONE ? UINT64_MAX : 1;
    if (row[LOOKUP_ROW_STAMP] > t->words[LOOKUP_AT_INDEX])
        put_word(t, LOOKUP_AT_INDEX, row[LOOKUP_ROW_STAMP]);
}

static void add_slot(struct lookup_table *t, uint64_t at, const uint64_t *row, uint64_t hash)
{
    uint64_t slot = empty_slot(t, hash), names = LOOKUP_AT_NAMES + hash % LOOKUP_NAMES;

    put_word(t, slot + t->map.slots, row[LOOKUP_ROW_STAMP]);
    put_word_after(t, slot, lookup_slot(hash, at, row_words(row)));
    t->used_slots++;
    if (row[LOOKUP_ROW_NAMES] & LOOKUP_ROW_OTHER)
        return;
    put_word_after(t, names, t->words[names] + 1);
    t->woken += wake(&t->words[names]);
}

static void move_slot(struct lookup_table *t, uint64_t slot, uint64_t at, const uint64_t *row)
{
    uint64_t former = lookup_slot_row(t->words[slot]), index = slot + t->map.slots;

    put_word_after(t, slot, lookup_slot(t->words[slot], at, row_words(row)));
    put_word_after(t, index, row[LOOKUP_ROW_STAMP]);
    free_block(t, former, row_words(&t->words[former]));
    if (!(row[LOOKUP_ROW_NAMES] & LOOKUP_ROW_OTHER))
        t->woken += wake(&t->words[index]);
}

int lookup_table_put(struct lookup_table *t, const uint64_t *row)
{
    struct lookup_name name = name_of(row);
    struct lookup_row_ref former;
    bool is_new = lookup_find(&t->map, &name, &former) != 0;

    assert(row[LOOKUP_ROW_STAMP] && row_words(row) >= LOOKUP_ROW_HEAD);
    if (is_new && (t->used_slots + 1) * 4 > t->map.slots * FILL_QUARTERS)
        return LOOKUP_TABLE_FULL;
    uint64_t at = take_block(t, row_words(row));

    if (!at)
        return LOOKUP_TABLE_FULL;
    write_row(t, at, row);
    count(t, is_new ? NULL : former.at, row);
    if (is_new)
        add_slot(t, at, row, name.hash);
    else
        move_slot(t, (uint64_t)(former.slot - t->words), at, row);
    return 0;
}

int lookup_table_copy(struct lookup_table *to, const struct lookup_table *from)
{
    for (uint64_t i = 0; i < from->map.slots; i++) {
        uint64_t slot = from->words[from->map.slots_at + i];
        const uint64_t *row = from->words + lookup_slot_row(slot);

        if (slot && !(row[LOOKUP_ROW_NAMES] & LOOKUP_ROW_GONE) && lookup_table_put(to, row))
            return LOOKUP_TABLE_FULL;
    }
    put_word(to, LOOKUP_AT_INDEX, from->words[LOOKUP_AT_INDEX]);
    lookup_table_beat(to, &(struct lookup_beat){(int64_t)from->words[LOOKUP_AT_BEAT_BOOT_US],
                                                (int64_t)from->words[LOOKUP_AT_BEAT_WALL_US],
                                                (int64_t)from->words[LOOKUP_AT_BEAT_MONO_US]});
    return 0;
}

void lookup_table_beat(struct lookup_table *t, const struct lookup_beat *beat)
{
    put_word_after(t, LOOKUP_AT_BEAT_BOOT_US, (uint64_t)beat->boot_us);
    put_word_after(t, LOOKUP_AT_BEAT_WALL_US, (uint64_t)beat->wall_us);
    put_word_after(t, LOOKUP_AT_BEAT_MONO_US, (uint64_t)beat->mono_us);
}

void lookup_retire(uint64_t *words, bool retired)
{
    __atomic_store_n(&words[LOOKUP_AT_RETIRED], retired, __ATOMIC_RELEASE);
}

void lookup_wake_all(const uint64_t *words, const struct lookup_map *map)
{
    for (unsigned i = 0; i < LOOKUP_NAMES; i++)
        wake(&words[LOOKUP_AT_NAMES + i]);
    for (uint64_t i = 0; i < map->slots; i++) {
        const uint64_t *slot = words + map->slots_at + i;

        if (lookup_get(slot))
            wake(slot + map->slots);
    }
}
