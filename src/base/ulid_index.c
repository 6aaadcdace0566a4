#include "base/ulid_index.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

#define PLACES_MIN 16u

void ulid_index_deinit(struct ulid_index *x)
{
    mem_free(x->places);
    *x = (struct ulid_index){0};
}

/* Where an id would like to be: the last bits of its random part, mixed because tests count ids up. */
static size_t home(const struct ulid_index *x, const struct ulid *id)
{
    uint64_t z;
    memcpy(&z, id->b + 8, sizeof(z));
    z *= UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(z ^ z >> 32) & (x->places_n - 1);
}

/* Its place, or the free one where it would be put. */
static const struct ulid **place_of(const struct ulid_index *x, const struct ulid *id)
{
    size_t i = home(x, id);
    while (x->places[i] && !ulid_equal(x->places[i], id))
        i = (i + 1) & (x->places_n - 1);
    return &x->places[i];
}

static void grow(struct ulid_index *x)
{
    struct ulid_index former = *x;
    x->places_n = former.places_n ? 2 * former.places_n : PLACES_MIN;
    x->places = mem_alloc(x->places_n * sizeof(*x->places));
    for (size_t i = 0; i < former.places_n; i++) {
        if (former.places[i])
            *place_of(x, former.places[i]) = former.places[i];
    }
    mem_free(former.places);
}

void ulid_index_add(struct ulid_index *x, const struct ulid *item)
{
    if (3 * (x->count + 1) > 2 * x->places_n)
        grow(x);
    const struct ulid **place = place_of(x, item);
    assert(!*place);
    *place = item;
    x->count++;
}

void ulid_index_remove(struct ulid_index *x, const struct ulid *item)
{
    size_t mask = x->places_n - 1, hole = (size_t)(place_of(x, item) - x->places);

    assert(x->places[hole] == item);
    for (size_t i = hole;
         ;) { /* who stands behind it and would like to be here or before moves up */
        i = (i + 1) & mask;
        if (!x->places[i])
            break;
        if (((i - home(x, x->places[i])) & mask) < ((i - hole) & mask))
            continue;
        x->places[hole] = x->places[i];
        hole = i;
    }
    x->places[hole] = NULL;
    x->count--;
}

const struct ulid *ulid_index_find(const struct ulid_index *x, const struct ulid *id)
{
    return x->places_n > 0 ? *place_of(x, id) : NULL;
}
