#include "base/sheets.h"

#include "base/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define SHEET_MIN 4u
#define SHEET_STEP                                                                                 \
    8u /* by which one grows that is large already: a split leaves room for so many in each half */

void sheets_deinit(struct sheets *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        mem_free(s->sheets[i].at);
    mem_free(s->sheets);
    *s = (struct sheets){0};
}

static bool begins_before(const struct sheet *sheet, const struct sheets_rule *rule,
                          const void *key)
{
    if (rule->order && (sheet->first != *(const uint64_t *)key || !rule->compare))
        return sheet->first < *(const uint64_t *)key;
    return rule->compare(sheet->at[0], key) < 0;
}

/* The last sheet whose first element comes before the key: what is looked for is in it or begins the next. */
static uint32_t find_sheet(const struct sheets *s, const struct sheets_rule *rule, const void *key)
{
    uint32_t low = 0, high = s->n; /* those before `low` begin before the key */

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (begins_before(&s->sheets[mid], rule, key))
            low = mid + 1;
        else
            high = mid;
    }
    return low > 0 ? low - 1 : 0;
}

static uint32_t find_compared(const struct sheet *sheet, const struct sheets_rule *rule,
                              const void *key)
{
    uint32_t low = 0, high = sheet->n;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (rule->compare(sheet->at[mid], key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The numbers of most sheets are spread evenly (they are hashes), so the first steps go where the key should be; each
 * step costs a line of memory. */
static uint32_t find_ordered(const struct sheet *sheet, const struct sheets_rule *rule,
                             const void *wanted, uint64_t end)
{
    uint64_t from = sheet->first, to = end, key = *(const uint64_t *)wanted;
    uint32_t low = 0, high = sheet->n;

    for (int step = 0; low < high; step++) {
        uint32_t mid = low + (high - low) / 2;

        uint64_t gap = (to - from) / (high - low); /* from one to the next, on average */

        if (step < 3 && key > from && key < to && gap > 0 && (key - from) / gap < high - low)
            mid = low + (uint32_t)((key - from) / gap);
        uint64_t at = rule->order(sheet->at[mid]);

        if (at < key || (at == key && rule->compare && rule->compare(sheet->at[mid], wanted) < 0)) {
            low = mid + 1;
            from = at;
        } else {
            high = mid;
            to = at;
        }
    }
    return low;
}

struct sheets_place sheets_from(const struct sheets *s, const struct sheets_rule *rule,
                                const void *key)
{
    if (s->n == 0)
        return (struct sheets_place){0};
    uint32_t i = find_sheet(s, rule, key);
    const struct sheet *sheet = &s->sheets[i];
    uint64_t end = i + 1 < s->n ? sheet[1].first : UINT64_MAX;
    uint32_t at =
        rule->order ? find_ordered(sheet, rule, key, end) : find_compared(sheet, rule, key);

    return (struct sheets_place){.sheet = i, .at = at}; /* its end is the next one's beginning */
}

void *sheets_at(const struct sheets *s, struct sheets_place place)
{
    if (place.sheet < s->n && place.at == s->sheets[place.sheet].n)
        place = (struct sheets_place){.sheet = place.sheet + 1};
    return place.sheet < s->n ? s->sheets[place.sheet].at[place.at] : NULL;
}

struct sheets_place sheets_next(const struct sheets *s, struct sheets_place place)
{
    if (place.at == s->sheets[place.sheet].n)
        place = (struct sheets_place){.sheet = place.sheet + 1};
    return (struct sheets_place){.sheet = place.sheet, .at = place.at + 1};
}

/* An empty sheet at this index. */
static struct sheet *open_sheet(struct sheets *s, uint32_t i, uint32_t cap)
{
    if (s->n == s->cap) {
        assert(s->cap < UINT32_MAX / 2);
        s->cap = s->cap ? s->cap + s->cap / 4 + 1 : 1;
        s->sheets = mem_grow(s->sheets, s->cap, sizeof(*s->sheets));
    }
    memmove(&s->sheets[i + 1], &s->sheets[i], (s->n - i) * sizeof(*s->sheets));
    s->n++;
    s->sheets[i] = (struct sheet){.at = mem_grow(NULL, cap, sizeof(*s->sheets[i].at)), .cap = cap};
    return &s->sheets[i];
}

static void note_first(struct sheet *sheet, const struct sheets_rule *rule)
{
    if (rule->order && sheet->n > 0)
        sheet->first = rule->order(sheet->at[0]);
}

static uint64_t number_of(const struct sheets_rule *rule, const void *element)
{
    return rule->number ? rule->number(element) : 0;
}

static void resize(struct sheet *sheet, uint32_t cap)
{
    sheet->cap = cap;
    sheet->at = mem_grow(sheet->at, cap, sizeof(*sheet->at));
}

static uint32_t next_cap(uint32_t cap)
{
    uint32_t next = cap < SHEETS_MAX / 2 ? cap * 5 / 3 : cap + SHEET_STEP;

    return next < SHEETS_MAX ? next : SHEETS_MAX;
}

/* Moves what stands behind `keep` into a sheet of its own. */
static void split(struct sheets *s, const struct sheets_rule *rule, uint32_t i, uint32_t keep)
{
    uint32_t rest = s->sheets[i].n - keep;
    struct sheet *right = open_sheet(s, i + 1, rest + SHEET_STEP), *left = &s->sheets[i];

    right->n = rest;
    memcpy(right->at, left->at + keep, right->n * sizeof(*right->at));
    left->n = keep;
    for (uint32_t k = 0; k < right->n; k++)
        right->sum ^= number_of(rule, right->at[k]);
    left->sum ^= right->sum;
    note_first(right, rule);
    resize(left, keep + SHEET_STEP);
}

/* Makes room in a full sheet, and says where the place is then. */
static struct sheets_place make_room(struct sheets *s, const struct sheets_rule *rule,
                                     struct sheets_place place)
{
    struct sheet *sheet = &s->sheets[place.sheet];

    if (sheet->cap < SHEETS_MAX) {
        resize(sheet, next_cap(sheet->cap));
        return place;
    }
    if (place.at == sheet->n) { /* rising: this sheet stays full */
        open_sheet(s, place.sheet + 1, SHEETS_MAX);
        return (struct sheets_place){.sheet = place.sheet + 1};
    }
    uint32_t keep = sheet->n / 2;

    split(s, rule, place.sheet, keep);
    return place.at <= keep
               ? place
               : (struct sheets_place){.sheet = place.sheet + 1, .at = place.at - keep};
}

void sheets_put(struct sheets *s, const struct sheets_rule *rule, struct sheets_place place,
                void *element)
{
    if (s->n == 0)
        open_sheet(s, 0, SHEET_MIN);
    if (s->sheets[place.sheet].n == s->sheets[place.sheet].cap)
        place = make_room(s, rule, place);
    struct sheet *sheet = &s->sheets[place.sheet];

    memmove(&sheet->at[place.at + 1], &sheet->at[place.at],
            (sheet->n - place.at) * sizeof(*sheet->at));
    sheet->at[place.at] = element;
    sheet->n++;
    sheet->sum ^= number_of(rule, element);
    if (place.at == 0)
        note_first(sheet, rule);
    s->count++;
}

static struct sheets_place settled(const struct sheets *s, struct sheets_place place)
{
    if (place.at == s->sheets[place.sheet].n)
        place = (struct sheets_place){.sheet = place.sheet + 1};
    assert(place.sheet < s->n);
    return place;
}

void sheets_replace(struct sheets *s, const struct sheets_rule *rule, struct sheets_place place,
                    void *element)
{
    place = settled(s, place);
    struct sheet *sheet = &s->sheets[place.sheet];

    sheet->sum ^= number_of(rule, sheet->at[place.at]) ^ number_of(rule, element);
    sheet->at[place.at] = element;
    if (place.at == 0)
        note_first(sheet, rule);
}

static void close_sheet(struct sheets *s, uint32_t i)
{
    mem_free(s->sheets[i].at);
    s->n--;
    memmove(&s->sheets[i], &s->sheets[i + 1], (s->n - i) * sizeof(*s->sheets));
}

/* A sheet of few goes to the end of the one before it, if there is room enough for more to come. */
static void join_left(struct sheets *s, uint32_t i)
{
    struct sheet *sheet = &s->sheets[i], *left = i > 0 ? sheet - 1 : NULL;

    if (!left || left->n + sheet->n > SHEETS_MAX / 4 * 3)
        return;
    if (left->cap < SHEETS_MAX)
        resize(left, SHEETS_MAX);
    memcpy(left->at + left->n, sheet->at, sheet->n * sizeof(*sheet->at));
    left->n += sheet->n;
    left->sum ^= sheet->sum;
    close_sheet(s, i);
}

void sheets_take(struct sheets *s, const struct sheets_rule *rule, struct sheets_place place)
{
    place = settled(s, place);
    struct sheet *sheet = &s->sheets[place.sheet];

    sheet->sum ^= number_of(rule, sheet->at[place.at]);
    sheet->n--;
    s->count--;
    memmove(&sheet->at[place.at], &sheet->at[place.at + 1],
            (sheet->n - place.at) * sizeof(*sheet->at));
    if (place.at == 0)
        note_first(sheet, rule);
    if (sheet->n == 0)
        close_sheet(s, place.sheet);
    else if (sheet->n <= SHEETS_MAX / 4)
        join_left(s, place.sheet);
}

uint64_t sheets_sum(const struct sheets *s, const struct sheets_rule *rule,
                    struct sheets_place from, struct sheets_place to, size_t *ret_count)
{
    uint64_t sum = 0;

    *ret_count = 0;
    while (from.sheet < s->n &&
           (from.sheet < to.sheet || (from.sheet == to.sheet && from.at < to.at))) {
        const struct sheet *sheet = &s->sheets[from.sheet];
        uint32_t end = from.sheet < to.sheet ? sheet->n : to.at;

        if (from.at == 0 && end == sheet->n) {
            sum ^= sheet->sum;
        } else {
            for (uint32_t k = from.at; k < end; k++)
                sum ^= number_of(rule, sheet->at[k]);
        }
        *ret_count += end - from.at;
        from = (struct sheets_place){.sheet = from.sheet + 1};
    }
    return sum;
}
