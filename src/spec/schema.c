#include "spec/schema.h"

#include "spec/nearest.h"
#include "spec/units.h"
#include "wire/wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Most keys that a schema has; for the list that suggestions are picked from. */
#define MOST_KEYS 32

/* What is quoted from the text in a message. */
#define QUOTE_BYTES 40
#define QUOTE(b)    (int)((b).len < QUOTE_BYTES ? (b).len : QUOTE_BYTES), (const char *)(b).data

typedef void value_reader(struct schema_context *c, const struct schema_key *key,
                          const struct yaml_node *node, void *ret);

/* ---- messages ---- */

void schema_refuse(struct schema_context *c, const struct schema_key *key, struct spec_at at,
                   const char *format, ...)
{
    char what[256];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    spec_error(c->errors, at, "%s%s: %s; write %s", c->prefix, key->name, what, key->example);
}

bool schema_expect(struct schema_context *c, const struct schema_key *key,
                   const struct yaml_node *node, enum yaml_kind kind)
{
    if (node->kind == kind)
        return true;
    if (node->kind == YAML_NULL)
        schema_refuse(c, key, node->at, "has no value");
    else
        schema_refuse(c, key, node->at, "must be %s, not %s", yaml_kind_name(kind),
                      yaml_kind_name(node->kind));
    return false;
}

static void refuse_units(struct schema_context *c, const struct schema_key *key,
                         const struct yaml_node *node, int problem)
{
    const char *what = problem == UNITS_NO_UNIT   ? "needs a unit"
                       : problem == UNITS_UNKNOWN ? "has an unknown unit"
                       : problem == UNITS_RANGE   ? "is out of range"
                                                  : "is no number";

    schema_refuse(c, key, node->at, "\"%.*s\" %s", QUOTE(node->text), what);
}

static void refuse_bounds(struct schema_context *c, const struct schema_key *key,
                          const struct yaml_node *node)
{
    schema_refuse(c, key, node->at, "\"%.*s\" is out of range", QUOTE(node->text));
}

static bool in_bounds(const struct schema_key *key, uint64_t value)
{
    return value >= key->min && (!key->max || value <= key->max);
}

/* ---- single values ---- */

static void read_text(struct schema_context *c, const struct schema_key *key,
                      const struct yaml_node *node, void *ret)
{
    if (!schema_expect(c, key, node, YAML_TEXT))
        return;
    if (!node->text.len && key->min)
        schema_refuse(c, key, node->at, "is empty");
    else if (key->max && node->text.len > key->max)
        schema_refuse(c, key, node->at, "is longer than %u bytes", (unsigned)key->max);
    else
        *(struct bytes *)ret = node->text;
}

static bool is_letter_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool schema_is_name(struct bytes text)
{
    if (!text.len || text.len > 63)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool inner = i > 0 && i + 1 < text.len;

        if (!is_letter_or_digit(text.data[i]) && !(inner && text.data[i] == '-'))
            return false;
    }
    return true;
}

static void read_name(struct schema_context *c, const struct schema_key *key,
                      const struct yaml_node *node, void *ret)
{
    if (!schema_expect(c, key, node, YAML_TEXT))
        return;
    if (!schema_is_name(node->text))
        schema_refuse(c, key, node->at,
                      "\"%.*s\" is no name: 1 to 63 lower case letters, digits and inner hyphens",
                      QUOTE(node->text));
    else
        *(struct bytes *)ret = node->text;
}

static void read_bool(struct schema_context *c, const struct schema_key *key,
                      const struct yaml_node *node, void *ret)
{
    bool yes = bytes_equal_str(node->text, "true");

    if (!schema_expect(c, key, node, YAML_TEXT))
        return;
    if (!yes && !bytes_equal_str(node->text, "false"))
        schema_refuse(c, key, node->at, "\"%.*s\" is neither true nor false", QUOTE(node->text));
    else
        *(bool *)ret = yes;
}

/* The number that `units` makes of the node, if it is one and within the key's bounds. */
static bool number(struct schema_context *c, const struct schema_key *key,
                   const struct yaml_node *node, int (*units)(struct bytes, uint64_t *),
                   uint64_t *ret)
{
    if (!schema_expect(c, key, node, YAML_TEXT))
        return false;
    int problem = units(node->text, ret);

    if (problem)
        refuse_units(c, key, node, problem);
    else if (!in_bounds(key, *ret))
        refuse_bounds(c, key, node);
    else
        return true;
    return false;
}

static void read_u32(struct schema_context *c, const struct schema_key *key,
                     const struct yaml_node *node, void *ret)
{
    uint64_t value;

    if (!number(c, key, node, units_whole, &value))
        return;
    if (value > UINT32_MAX)
        refuse_bounds(c, key, node);
    else
        *(uint32_t *)ret = (uint32_t)value;
}

static void read_u64(struct schema_context *c, const struct schema_key *key,
                     const struct yaml_node *node, void *ret)
{
    uint64_t value;

    if (number(c, key, node, units_whole, &value))
        *(uint64_t *)ret = value;
}

static int whole_ms(struct bytes text, uint64_t *ret)
{
    int64_t us;
    int problem = units_duration_us(text, &us);

    if (problem)
        return problem;
    if (us % 1000 || us / 1000 > UINT32_MAX)
        return UNITS_RANGE;
    *ret = (uint64_t)us / 1000;
    return 0;
}

static int whole_us(struct bytes text, uint64_t *ret)
{
    int64_t us = 0;
    int problem = units_duration_us(text, &us);

    *ret = (uint64_t)us;
    return problem;
}

static void read_duration_ms(struct schema_context *c, const struct schema_key *key,
                             const struct yaml_node *node, void *ret)
{
    uint64_t value;

    if (number(c, key, node, whole_ms, &value))
        *(uint32_t *)ret = (uint32_t)value;
}

static void read_duration_us(struct schema_context *c, const struct schema_key *key,
                             const struct yaml_node *node, void *ret)
{
    uint64_t value;

    if (number(c, key, node, whole_us, &value))
        *(kith_time *)ret = (kith_time)value;
}

static void read_size(struct schema_context *c, const struct schema_key *key,
                      const struct yaml_node *node, void *ret)
{
    uint64_t value;

    if (number(c, key, node, units_size_bytes, &value))
        *(uint64_t *)ret = value;
}

static void read_millis(struct schema_context *c, const struct schema_key *key,
                        const struct yaml_node *node, void *ret)
{
    uint64_t value;

    if (number(c, key, node, units_millis, &value))
        *(uint64_t *)ret = value;
}

static void read_choice(struct schema_context *c, const struct schema_key *key,
                        const struct yaml_node *node, void *ret)
{
    const struct schema_choice *choice = key->choices;

    if (!schema_expect(c, key, node, YAML_TEXT))
        return;
    while (choice->name && !bytes_equal_str(node->text, choice->name))
        choice++;
    if (!choice->name)
        schema_refuse(c, key, node->at, "\"%.*s\" is not known here", QUOTE(node->text));
    else if (choice->later)
        schema_refuse(c, key, node->at, "%s is not available yet", choice->name);
    else
        memcpy(ret, &choice->value, sizeof(choice->value));
}

/* ---- lists, pairs and maps ---- */

static void read_map(struct schema_context *c, const struct schema_key *key,
                     const struct yaml_node *node, void *ret)
{
    if (schema_expect(c, key, node, YAML_MAP))
        schema_read(c, key->sub, node, ret);
}

static bool fits(struct schema_context *c, const struct schema_key *key,
                 const struct yaml_node *node)
{
    if (node->count <= key->max_items)
        return true;
    schema_refuse(c, key, node->at, "has more than %u items", key->max_items);
    return false;
}

/* Reads every item by `read` into an array of `item_size`, which goes into the list's fields. */
static void read_list(struct schema_context *c, const struct schema_key *key,
                      const struct yaml_node *node, value_reader *read, size_t item_size, void *ret)
{
    if (!schema_expect(c, key, node, YAML_LIST) || !fits(c, key, node))
        return;
    uint8_t *items = arena_array(c->mem, node->count, item_size);
    uint8_t *field = items;

    for (const struct yaml_node *item = node->items; item; item = item->next) {
        read(c, key, item, field);
        field += item_size;
    }
    const void *list = items;

    memcpy((uint8_t *)ret + key->offset, &list, sizeof(list));
    memcpy((uint8_t *)ret + key->offset_n, &node->count, sizeof(node->count));
}

static void refuse_twice(struct schema_context *c, const struct schema_key *key,
                         const struct yaml_node *list)
{
    for (const struct yaml_node *item = list->items; item; item = item->next) {
        for (const struct yaml_node *other = list->items; other != item; other = other->next) {
            if (other->kind != YAML_TEXT || !bytes_equal(item->text, other->text))
                continue;
            spec_error(c->errors, item->at, "%s%s: %.*s is listed twice: remove one", c->prefix,
                       key->name, QUOTE(item->text));
            break;
        }
    }
}

static void read_pairs(struct schema_context *c, const struct schema_key *key,
                       const struct yaml_node *node, void *ret)
{
    if (!schema_expect(c, key, node, YAML_MAP) || !fits(c, key, node))
        return;
    struct pair *pairs = arena_array(c->mem, node->count, sizeof(*pairs));
    struct pair *pair = pairs;

    for (const struct yaml_node *item = node->items; item; item = item->next, pair++) {
        if (!item->key.len || item->key.len > PAIR_KEY_MAX)
            schema_refuse(c, key, item->key_at, "a key has 1 to %d bytes", PAIR_KEY_MAX);
        else if (item->kind == YAML_TEXT && item->text.len > PAIR_VALUE_MAX)
            schema_refuse(c, key, item->at, "a value has at most %d bytes", PAIR_VALUE_MAX);
        else if (schema_expect(c, key, item, YAML_TEXT))
            *pair = (struct pair){.key = item->key, .value = item->text};
    }
    const void *list = pairs;

    memcpy((uint8_t *)ret + key->offset, &list, sizeof(list));
    memcpy((uint8_t *)ret + key->offset_n, &node->count, sizeof(node->count));
}

/* ---- maps by their schema ---- */

void schema_read_value(struct schema_context *c, const struct schema_key *key,
                       const struct yaml_node *node, void *ret)
{
    static value_reader *const readers[] = {
        [SCHEMA_TEXT] = read_text,
        [SCHEMA_NAME] = read_name,
        [SCHEMA_BOOL] = read_bool,
        [SCHEMA_U32] = read_u32,
        [SCHEMA_U64] = read_u64,
        [SCHEMA_DURATION_MS] = read_duration_ms,
        [SCHEMA_DURATION_US] = read_duration_us,
        [SCHEMA_SIZE] = read_size,
        [SCHEMA_MILLIS] = read_millis,
        [SCHEMA_CHOICE] = read_choice,
        [SCHEMA_MAP] = read_map,
    };
    uint8_t *field = (uint8_t *)ret + key->offset;

    switch (key->type) {
    case SCHEMA_TEXTS:
        read_list(c, key, node, read_text, sizeof(struct bytes), ret);
        break;
    case SCHEMA_NAMES:
        read_list(c, key, node, read_name, sizeof(struct bytes), ret);
        if (node->kind == YAML_LIST)
            refuse_twice(c, key, node);
        break;
    case SCHEMA_DURATIONS_MS:
        read_list(c, key, node, read_duration_ms, sizeof(uint32_t), ret);
        break;
    case SCHEMA_PAIRS:
        read_pairs(c, key, node, ret);
        break;
    case SCHEMA_CUSTOM:
        key->read(c, key, node, field);
        break;
    case SCHEMA_LATER:
        spec_error(c->errors, node->key_at, "%s%s: not available yet; %s", c->prefix, key->name,
                   key->example);
        break;
    default:
        readers[key->type](c, key, node, field);
    }
}

static const struct schema_key *find_key(const struct schema *schema, struct bytes name)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (bytes_equal_str(name, schema->keys[i].name))
            return &schema->keys[i];
    }
    return NULL;
}

static void refuse_unknown(struct schema_context *c, const struct schema *schema,
                           const struct yaml_node *node)
{
    const char *names[MOST_KEYS];
    size_t count = 0;
    struct buf list = {0};

    for (size_t i = 0; i < schema->count && count < MOST_KEYS; i++) {
        if (schema->keys[i].type == SCHEMA_LATER)
            continue;
        buf_printf(&list, "%s%s", count ? ", " : "", schema->keys[i].name);
        names[count++] = schema->keys[i].name;
    }
    const char *near = nearest(node->key, names, count);

    if (near)
        spec_error(c->errors, node->key_at, "unknown key %s%.*s; did you mean %s?", schema->prefix,
                   QUOTE(node->key), near);
    else
        spec_error(c->errors, node->key_at, "unknown key %s%.*s; %s has: %s", schema->prefix,
                   QUOTE(node->key), schema->what, buf_cstr(&list));
    buf_deinit(&list);
}

static void refuse_missing(struct schema_context *c, const struct schema *schema,
                           const struct yaml_node *map)
{
    for (size_t i = 0; i < schema->count; i++) {
        const struct schema_key *key = &schema->keys[i];

        if (key->required && !yaml_get(map, key->name))
            spec_error(c->errors, map->at, "%s%s is missing; write %s", schema->prefix, key->name,
                       key->example);
    }
}

void schema_read(struct schema_context *c, const struct schema *schema, const struct yaml_node *map,
                 void *ret)
{
    const char *outer = c->prefix;

    c->prefix = schema->prefix;
    for (const struct yaml_node *item = map->items; item; item = item->next) {
        const struct schema_key *key = find_key(schema, item->key);

        if (key)
            schema_read_value(c, key, item, ret);
        else
            refuse_unknown(c, schema, item);
    }
    refuse_missing(c, schema, map);
    c->prefix = outer;
}
