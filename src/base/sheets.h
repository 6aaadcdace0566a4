#ifndef KITH_BASE_SHEETS_H
#define KITH_BASE_SHEETS_H
/*
 * A sorted list of pointers in sheets of up to SHEETS_MAX: an ordered map for where there are hundreds of thousands of
 * elements. Costs 8 to 12 bytes an element, where a place in a tree (tree.h) takes 32; what is put in at an end fills
 * its sheets, so a map that is loaded in order takes 8.
 *
 * It owns nothing but its sheets. Elements do not know where they stand: a place is found by searching, O(log n), and is
 * good until the next change. Putting in and taking out move one sheet of pointers; about every thirtieth time one
 * word for each sheet behind, too.
 *
 * The sheets can carry a sum, the exclusive or of a number of each element, so that the sum of a range costs one step a
 * sheet.
 */
#include <stddef.h>
#include <stdint.h>

#define SHEETS_MAX 64u

/* What the elements are ordered by, and what they add to the sum. */
struct sheets_rule {
    int (*compare)(const void *element,
                   const void *key);         /* < 0: the element comes before the key */
    uint64_t (*number)(const void *element); /* NULL: nothing is summed */
    /* Where the order is that of a number, which the key points to: a search then looks at few elements, since sheets
     * note the first one's. NULL: it is not. `compare` decides among those of the same number; NULL: none does. */
    uint64_t (*order)(const void *element);
};

struct sheet {
    void **at;
    uint64_t sum;
    uint64_t first; /* the order of the first one, by rules that have one */
    uint32_t n, cap;
};

struct sheets { /* a zeroed one is valid and empty */
    struct sheet *sheets;
    uint32_t n, cap;
    size_t count; /* elements */
};

struct sheets_place {
    uint32_t sheet, at;
};

void sheets_deinit(struct sheets *s);

/* The first element that does not come before the key. */
struct sheets_place sheets_from(const struct sheets *s, const struct sheets_rule *rule,
                                const void *key);
/* NULL: the end. */
void *sheets_at(const struct sheets *s, struct sheets_place place);
/* The place behind one that is not the end. */
struct sheets_place sheets_next(const struct sheets *s, struct sheets_place place);

/* Before the element at this place, or at the end: where sheets_from() of its key is, unless equal ones stand there. */
void sheets_put(struct sheets *s, const struct sheets_rule *rule, struct sheets_place place,
                void *element);
/* Another element of the same key in the place of the one that is there. */
void sheets_replace(struct sheets *s, const struct sheets_rule *rule, struct sheets_place place,
                    void *element);
void sheets_take(struct sheets *s, const struct sheets_rule *rule, struct sheets_place place);

/* Of the elements from one place to before another one: the sum, and how many. */
uint64_t sheets_sum(const struct sheets *s, const struct sheets_rule *rule,
                    struct sheets_place from, struct sheets_place to, size_t *ret_count);

#endif
