#include "wire_random.h"

#include <string.h>

#define DEEPEST 6

struct maker {
    struct rng *rng;
    struct arena *mem;
};

static void make_struct(struct maker *m, const struct wire_struct *type, void *ret, int depth);

static struct bytes make_bytes(struct maker *m, uint32_t max, bool text)
{
    static const char *const words[] = {"", "a", "redis", "Zürich", "日本", "line\nbreak\x1b"};
    size_t len = rng_below(m->rng, max < 12 ? max + 1 : 13);

    if (text) {
        const char *word = words[rng_below(m->rng, 6)];
        return strlen(word) <= max ? bytes_str(word) : bytes_str("a");
    }
    uint8_t *data = arena_alloc(m->mem, len + 1);
    rng_bytes(m->rng, data, len);
    return bytes_of(data, len);
}

/* Small, large and edge values alike, so that every length of the encoding occurs. */
static uint64_t make_unsigned(struct maker *m, uint64_t min, uint64_t max)
{
    uint64_t v = rng_u64(m->rng) >> rng_below(m->rng, 64);

    switch (rng_below(m->rng, 8)) {
    case 0:
        return min;
    case 1:
        return max;
    default:
        return v < min || v > max ? max : v;
    }
}

static void make_integer(struct maker *m, const struct wire_field *f, void *p)
{
    uint64_t u = make_unsigned(m, f->min < 0 ? 0 : (uint64_t)f->min, f->max_value);

    switch (f->type) {
    case WIRE_T_U8:
        *(uint8_t *)p = (uint8_t)u;
        break;
    case WIRE_T_U16:
        *(uint16_t *)p = (uint16_t)u;
        break;
    case WIRE_T_U32:
        *(uint32_t *)p = (uint32_t)u;
        break;
    case WIRE_T_U64:
        *(uint64_t *)p = u;
        break;
    default: /* WIRE_T_I64 */
        *(int64_t *)p = (int64_t)u;
        if (f->min < 0 && rng_below(m->rng, 2) == 0)
            *(int64_t *)p = -(int64_t)make_unsigned(m, 0, INT64_MAX) - 1;
        if (*(int64_t *)p < f->min)
            *(int64_t *)p = f->min;
    }
}

static void make_one(struct maker *m, const struct wire_field *f, void *p, int depth)
{
    switch (f->type) {
    case WIRE_T_BOOL:
        *(bool *)p = rng_below(m->rng, 2);
        break;
    case WIRE_T_ULID:
        rng_bytes(m->rng, p, sizeof(struct ulid));
        break;
    case WIRE_T_KEY32:
        rng_bytes(m->rng, p, sizeof(struct key32));
        break;
    case WIRE_T_STR:
    case WIRE_T_BYTES:
        *(struct bytes *)p = make_bytes(m, f->max, f->type == WIRE_T_STR);
        break;
    case WIRE_T_ENUM:
        *(uint32_t *)p = f->names->values[rng_below(m->rng, f->names->values_n)].id;
        break;
    case WIRE_T_STRUCT:
        make_struct(m, f->sub, p, depth + 1);
        break;
    default:
        make_integer(m, f, p);
    }
}

static void make_field(struct maker *m, const struct wire_field *f, uint8_t *v, int depth)
{
    uint32_t n = (uint32_t)rng_below(m->rng, f->max_items < 3 ? f->max_items + 1 : 4);
    void *p = v + f->offset;

    if (f->list) {
        uint8_t *items = arena_array(m->mem, n, f->item_size);
        for (uint32_t i = 0; i < n; i++)
            make_one(m, f, items + i * f->item_size, depth + 1);
        memcpy(p, &items, sizeof(items));
        memcpy(v + f->offset_n, &n, sizeof(n));
        return;
    }
    if (f->optional) {
        void *sub = arena_alloc(m->mem, f->sub->size);
        memcpy(p, &sub, sizeof(sub));
        p = sub;
    }
    make_one(m, f, p, depth);
}

static void make_struct(struct maker *m, const struct wire_struct *type, void *ret, int depth)
{
    memset(ret, 0, type->size);
    for (uint32_t i = 0; i < type->fields_n; i++) {
        const struct wire_field *f = &type->fields[i];
        bool absent = rng_below(m->rng, 3) == 0;
        if ((absent && !f->required) || (depth > DEEPEST && f->type == WIRE_T_STRUCT))
            continue;
        make_field(m, f, ret, depth);
    }
}

void wire_random(void *ret, const struct wire_struct *type, struct rng *rng, struct arena *mem)
{
    make_struct(&(struct maker){.rng = rng, .mem = mem}, type, ret, 1);
}

static bool same_one(const struct wire_field *f, const void *a, const void *b)
{
    switch (f->type) {
    case WIRE_T_STR:
    case WIRE_T_BYTES:
        return bytes_equal(wire_load_bytes(a), wire_load_bytes(b));
    case WIRE_T_STRUCT:
        return wire_same(f->sub, a, b);
    case WIRE_T_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case WIRE_T_ULID:
        return ulid_equal(a, b);
    case WIRE_T_KEY32:
        return key32_compare(a, b) == 0;
    case WIRE_T_I64:
        return wire_load_i64(a) == wire_load_i64(b);
    default:
        return wire_load(f, a) == wire_load(f, b);
    }
}

static bool same_list(const struct wire_field *f, const void *a, const void *b)
{
    struct wire_list x = wire_load_list(f, a);
    struct wire_list y = wire_load_list(f, b);
    bool same = x.n == y.n;

    for (uint32_t i = 0; same && i < x.n; i++)
        same = same_one(f, x.items + i * f->item_size, y.items + i * f->item_size);
    return same;
}

bool wire_same(const struct wire_struct *type, const void *a, const void *b)
{
    bool same = true;

    for (uint32_t i = 0; same && i < type->fields_n; i++) {
        const struct wire_field *f = &type->fields[i];
        const void *p = wire_field_at(f, a);
        const void *q = wire_field_at(f, b);
        if (f->list)
            same = same_list(f, a, b);
        else if (p == NULL || q == NULL)
            same = p == q;
        else
            same = same_one(f, p, q);
    }
    return same;
}
