#include "native/pick.h"

#include <stdlib.h>
#include <string.h>

static struct bytes text_of(const json_t *value)
{
    const char *text = json_string_value(value);

    return text ? bytes_of(text, json_string_length(value)) : (struct bytes){0};
}

/* ---- labels ---- */

struct label { /* that is wanted */
    struct bytes key, value;
    bool any; /* value */
};

/* Of an object, by key; of a list of tags, those that are the key. */
static bool json_has(const json_t *labels, const struct label *want)
{
    const json_t *value = json_object_getn(labels, (const char *)want->key.data, want->key.len);
    json_t *tag;
    size_t i;

    if (value)
        return want->any || bytes_equal(text_of(value), want->value);
    json_array_foreach(labels, i, tag)
    {
        if (want->any && bytes_equal(text_of(tag), want->key))
            return true;
    }
    return false;
}

static bool pairs_have(const struct pair *pairs, uint32_t n, const struct label *want)
{
    for (uint32_t i = 0; i < n; i++) {
        if (bytes_equal(pairs[i].key, want->key) &&
            (want->any || bytes_equal(pairs[i].value, want->value)))
            return true;
    }
    return false;
}

static bool node_has(const struct directory *d, const json_t *item, const struct label *want)
{
    struct ulid id;
    const struct dir_member *m = NULL;

    if (ulid_parse(&id, text_of(json_object_get(item, "node"))) == 0)
        m = directory_member(d, &id);
    return m && pairs_have(m->says.tags, m->says.tags_n, want);
}

static bool service_has(struct directory *d, struct bytes name, const struct label *want)
{
    const struct dir_service *s = name.len ? directory_service(d, name) : NULL;

    if (!s)
        return false;
    for (uint32_t i = 0; want->any && i < s->says.tags_n; i++) {
        if (bytes_equal(s->says.tags[i], want->key))
            return true;
    }
    return pairs_have(s->says.meta, s->says.meta_n, want);
}

static bool has_label(struct exchange *x, const json_t *item, const struct label *want)
{
    struct directory *d = &x->hub->directory;

    /* What a service is called where it is an item, and where something is a part of it. */
    const json_t *service = json_object_get(item, "service");
    const json_t *name = json_object_get(item, "endpoints") ? json_object_get(item, "name") : NULL;

    return json_has(json_object_get(item, "tags"), want) ||
           json_has(json_object_get(item, "meta"), want) || node_has(d, item, want) ||
           service_has(d, text_of(service ? service : name), want);
}

static struct label read_label(struct bytes text)
{
    const uint8_t *equals = text.len ? memchr(text.data, '=', text.len) : NULL;
    size_t at = equals ? (size_t)(equals - text.data) : text.len;

    return (struct label){.key = bytes_of(text.data, at),
                          .value =
                              equals ? bytes_of(equals + 1, text.len - at - 1) : (struct bytes){0},
                          .any = !equals};
}

static bool has_labels(struct exchange *x, const json_t *item)
{
    static const char *const known[] = {"zone", "version"};
    struct bytes text;
    unsigned at = 0;

    while (target_each(&x->target, "label", &at, &text)) {
        struct label want = read_label(text);

        if (!has_label(x, item, &want))
            return false;
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct label want = {bytes_str(known[i]), target_get(&x->target, known[i]), false};

        if (target_has(&x->target, known[i]) && !has_label(x, item, &want))
            return false;
    }
    return true;
}

static bool has_state(const struct exchange *x, const json_t *item)
{
    static const char *const names[] = {"state", "health", "desired"};
    const json_t *is = NULL;
    struct bytes wanted;
    unsigned at = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !is; i++)
        is = json_object_get(item, names[i]);
    while (target_each(&x->target, "state", &at, &wanted)) {
        if (bytes_equal(text_of(is), wanted))
            return true;
    }
    return !target_has(&x->target, "state");
}

/* ---- pages ---- */

struct entry {
    struct bytes key; /* in the exchange's mem */
    json_t *item;     /* borrowed */
};

static int compare_entries(const void *a, const void *b)
{
    return bytes_compare(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

static struct bytes key_of(const json_t *item, const struct native_key *key, struct arena *mem)
{
    struct bytes first = text_of(json_object_get(item, key->first));
    struct bytes second = {0};

    if (key->second)
        second = text_of(json_object_get(item, key->second));

    if (!second.len)
        return first;
    return bytes_str(
        arena_printf(mem, BYTES_FMT "/" BYTES_FMT, BYTES_ARG(first), BYTES_ARG(second)));
}

/* So that it can be put into a query as it stands in the header. */
static const char *escaped(struct bytes text, struct arena *mem)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    struct buf out = {0};

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] && strchr(plain, text.data[i]))
            buf_byte(&out, text.data[i]);
        else
            buf_printf(&out, "%%%02X", text.data[i]);
    }
    const char *copy = arena_str(mem, buf_bytes(&out));

    buf_deinit(&out);
    return copy;
}

static json_t *first_page(json_t *items, size_t limit)
{
    while (json_array_size(items) > limit)
        json_array_remove(items, json_array_size(items) - 1);
    return json_incref(items);
}

static void sort(struct entry *entries, const json_t *items, const struct native_key *key,
                 struct arena *mem)
{
    size_t n = json_array_size(items);

    for (size_t i = 0; i < n; i++) {
        entries[i].item = json_array_get(items, i);
        entries[i].key = key_of(entries[i].item, key, mem);
    }
    if (n)
        qsort(entries, n, sizeof(*entries), compare_entries);
}

/* In the order of their keys, what comes behind the cursor, up to the limit. */
static json_t *page(struct exchange *x, const json_t *items, const struct native_key *key,
                    size_t limit)
{
    size_t n = json_array_size(items);
    struct arena mem = {0};
    struct entry *entries = arena_array(&mem, n, sizeof(*entries));
    struct entry cursor = {.key = target_get(&x->target, "cursor")};
    json_t *out = json_array();

    sort(entries, items, key, &mem);
    for (size_t i = 0; i < n; i++) {
        const struct entry *e = &entries[key->newest ? n - 1 - i : i];
        int order = compare_entries(e, &cursor);

        if (cursor.key.len && (key->newest ? order >= 0 : order <= 0))
            continue;
        if (json_array_size(out) == limit) {
            x->answer.next = escaped(cursor.key, &x->mem);
            break;
        }
        json_array_append(out, e->item);
        if (json_array_size(out) == limit)
            cursor.key = e->key; /* of the next page, if there is one */
    }
    arena_deinit(&mem);
    return out;
}

/* ---- fields ---- */

static json_t *only_fields(const json_t *item, struct bytes names)
{
    json_t *out = json_object();

    while (names.len) {
        const uint8_t *comma = memchr(names.data, ',', names.len);
        size_t len = comma ? (size_t)(comma - names.data) : names.len;
        json_t *value = json_object_getn(item, (const char *)names.data, len);

        if (value)
            json_object_setn(out, (const char *)names.data, len, value);
        len += comma != NULL;
        names = bytes_of(names.data + len, names.len - len);
    }
    return out;
}

/* ---- all of it ---- */

bool native_picks(const struct exchange *x)
{
    static const char *const names[] = {"state", "label",  "zone",  "version",
                                        "limit", "cursor", "fields"};
    bool some = false;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        some = some || target_has(&x->target, names[i]);
    return some;
}

static json_t *filtered(struct exchange *x, const json_t *items)
{
    json_t *out = json_array(), *item;
    size_t i;

    json_array_foreach(items, i, item)
    {
        if (has_state(x, item) && has_labels(x, item))
            json_array_append(out, item);
    }
    return out;
}

static json_t *replaced(json_t *former, json_t *now)
{
    json_decref(former);
    return now;
}

json_t *native_pick(struct exchange *x, json_t *items, const struct native_key *key)
{
    struct bytes fields = target_get(&x->target, "fields");
    uint64_t limit = NATIVE_LIMIT_MAX;

    if (target_number(&x->target, "limit", &limit) == TARGET_BAD || limit == 0 ||
        limit > NATIVE_LIMIT_MAX) {
        answer_error(x, 400, "bad_request", "limit: write a number from 1 to %u", NATIVE_LIMIT_MAX);
        json_decref(items);
        return NULL;
    }
    items = replaced(items, filtered(x, items));
    if (target_has(&x->target, "limit") || target_has(&x->target, "cursor"))
        items = replaced(items, key ? page(x, items, key, (size_t)limit)
                                    : first_page(items, (size_t)limit));
    for (size_t i = 0; fields.len && i < json_array_size(items); i++)
        json_array_set_new(items, i, only_fields(json_array_get(items, i), fields));
    return items;
}
