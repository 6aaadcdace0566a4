#include "spec/nearest.h"

#include <string.h>

/* Keys are short; nothing longer is near to one. */
#define LONGEST 32

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Optimal string alignment: rows of the table of prefixes, of which three are enough. */
static size_t distance(struct bytes a, struct bytes b)
{
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t k = 0; k <= b.len; k++)
        last[k] = k;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t k = 1; k <= b.len; k++) {
            bool same = a.data[i - 1] == b.data[k - 1];

            row[k] = min3(last[k] + 1, row[k - 1] + 1, last[k - 1] + !same);
            if (i > 1 && k > 1 && a.data[i - 1] == b.data[k - 2] && a.data[i - 2] == b.data[k - 1])
                row[k] = min3(row[k], before[k - 2] + 1, row[k]);
        }
        size_t *free_row = before;

        before = last;
        last = row;
        row = free_row;
    }
    return last[b.len];
}

const char *nearest(struct bytes word, const char *const *words, size_t count)
{
    const char *best = NULL;
    size_t best_distance = 3;

    if (word.len > LONGEST)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(words[i]);
        size_t d = len <= LONGEST ? distance(word, bytes_of(words[i], len)) : len;

        if (d < best_distance && 3 * d <= len + 1) {
            best = words[i];
            best_distance = d;
        }
    }
    return best;
}
