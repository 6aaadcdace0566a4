#include "http/target.h"

#include "wire/text.h"

#include <string.h>

/* ---- escapes ---- */

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 0, or TARGET_BAD. */
static int unescape(struct bytes in, bool plus_is_blank, struct bytes *ret, struct arena *mem)
{
    uint8_t *out = arena_alloc(mem, in.len);
    size_t len = 0;

    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.data[i];

        if (c == '%') {
            int high = i + 2 < in.len ? hex_digit(in.data[i + 1]) : -1;
            int low = i + 2 < in.len ? hex_digit(in.data[i + 2]) : -1;

            if (high < 0 || low < 0)
                return TARGET_BAD;
            c = (uint8_t)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        out[len++] = c;
    }
    *ret = bytes_of(out, len);
    return wire_text_ok(*ret) ? 0 : TARGET_BAD;
}

/* What stands before the first such byte, which is taken away with it; all of it when there is none. */
static struct bytes cut(struct bytes *rest, uint8_t at)
{
    struct bytes head = *rest;

    for (size_t i = 0; i < rest->len; i++) {
        if (rest->data[i] != at)
            continue;
        head.len = i;
        *rest = bytes_of(rest->data + i + 1, rest->len - i - 1);
        return head;
    }
    *rest = (struct bytes){0};
    return head;
}

/* ---- path and query ---- */

/* How long it is when its escapes, which are good, are undone. */
static size_t unescaped_len(struct bytes raw)
{
    size_t len = raw.len;

    for (size_t i = 0; i < raw.len; i++)
        len -= raw.data[i] == '%' ? 2 : 0;
    return len;
}

static unsigned count(struct bytes in, uint8_t what)
{
    unsigned n = 0;

    for (size_t i = 0; i < in.len; i++)
        n += in.data[i] == what;
    return n;
}

/* One each that the path has room for, or the query. */
static unsigned fewer(unsigned separators, unsigned max)
{
    return separators < max ? separators + 1 : max;
}

size_t target_room(struct bytes raw)
{
    unsigned segments = fewer(count(raw, '/'), TARGET_SEGMENTS_MAX);
    unsigned params = fewer(count(raw, '&'), TARGET_PARAMS_MAX);

    /* The path, and two texts of each parameter: each begins where any type may. */
    return raw.len + (1 + 2 * params) * ARENA_ROOM(1) +
           ARENA_ROOM(segments * sizeof(struct bytes)) +
           ARENA_ROOM(params * sizeof(struct target_param));
}

/* Segments are parts of the path: an escaped slash ends none. */
static int read_path(struct target *t, struct bytes path, struct arena *mem)
{
    size_t at = 0;

    if (path.len == 0 || path.data[0] != '/')
        return TARGET_BAD;
    path = bytes_of(path.data + 1, path.len - 1);
    int r = unescape(path, /* plus_is_blank= */ false, &t->path, mem);

    t->segments =
        arena_array(mem, fewer(count(path, '/'), TARGET_SEGMENTS_MAX), sizeof(*t->segments));
    while (r == 0 && path.len > 0 && t->segments_n < TARGET_SEGMENTS_MAX) {
        size_t len = unescaped_len(cut(&path, '/'));

        t->segments[t->segments_n++] = bytes_of(t->path.data + at, len);
        at += len + 1;
    }
    t->longer = path.len > 0;
    while (!t->longer && t->segments_n > 0 && t->segments[t->segments_n - 1].len == 0)
        t->segments_n--;
    return r;
}

struct bytes target_rest(const struct target *t, unsigned segments)
{
    size_t at = 0;

    for (unsigned i = 0; i < segments; i++)
        at += t->segments[i].len + 1;
    return at < t->path.len ? bytes_of(t->path.data + at, t->path.len - at) : (struct bytes){0};
}

static int add_param(struct target *t, struct bytes raw, struct arena *mem)
{
    struct target_param *p = &t->params[t->params_n];

    if (raw.len == 0)
        return 0;
    if (t->params_n == TARGET_PARAMS_MAX)
        return TARGET_LONG;
    t->params_n++;
    struct bytes name = cut(&raw, '=');
    int r = unescape(name, /* plus_is_blank= */ true, &p->name, mem);

    return r ? r : unescape(raw, /* plus_is_blank= */ true, &p->value, mem);
}

/* Without "http://HOST", as proxies are asked. */
static struct bytes without_host(struct bytes raw)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        struct bytes scheme = bytes_str(schemes[i]);

        if (!bytes_starts(raw, scheme))
            continue;
        size_t at = scheme.len;

        while (at < raw.len && raw.data[at] != '/')
            at++;
        return bytes_of(raw.data + at, raw.len - at);
    }
    return raw;
}

int target_parse(struct target *ret, struct bytes raw, struct arena *mem)
{
    *ret = (struct target){0};
    if (raw.len > TARGET_BYTES_MAX)
        return TARGET_LONG;
    raw = without_host(raw);
    struct bytes rest = cut(&raw, '#'), query;

    raw = cut(&rest, '?');
    query = rest;
    int r = read_path(ret, raw, mem);

    ret->params =
        arena_array(mem, fewer(count(query, '&'), TARGET_PARAMS_MAX), sizeof(*ret->params));
    while (r == 0 && query.len > 0)
        r = add_param(ret, cut(&query, '&'), mem);
    return r;
}

/* ---- parameters ---- */

bool target_each(const struct target *t, const char *name, unsigned *at, struct bytes *ret)
{
    while (*at < t->params_n) {
        const struct target_param *p = &t->params[(*at)++];

        if (!bytes_equal_str(p->name, name))
            continue;
        *ret = p->value;
        return true;
    }
    return false;
}

bool target_has(const struct target *t, const char *name)
{
    struct bytes value;
    unsigned at = 0;

    return target_each(t, name, &at, &value);
}

struct bytes target_get(const struct target *t, const char *name)
{
    struct bytes value = {0};
    unsigned at = 0;

    (void)target_each(t, name, &at, &value);
    return value;
}

bool target_flag(const struct target *t, const char *name)
{
    struct bytes value = target_get(t, name);

    return target_has(t, name) && !bytes_equal_str(value, "false") && !bytes_equal_str(value, "0");
}

int target_number(const struct target *t, const char *name, uint64_t *ret)
{
    struct bytes value = target_get(t, name);

    return value.len ? read_number(value, ret) : TARGET_ABSENT;
}

int target_duration(const struct target *t, const char *name, kith_time *ret)
{
    struct bytes value = target_get(t, name);

    return value.len ? read_duration(value, ret) : TARGET_ABSENT;
}

/* ---- values ---- */

int read_number(struct bytes text, uint64_t *ret)
{
    uint64_t value = 0;

    if (text.len == 0 || text.len > 20)
        return TARGET_BAD;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t digit = (uint8_t)(text.data[i] - '0');

        if (digit > 9 || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return TARGET_BAD;
    }
    *ret = value;
    return 0;
}

static bool is_digit(struct bytes text, size_t at)
{
    return at < text.len && text.data[at] >= '0' && text.data[at] <= '9';
}

struct unit {
    const char *name;
    kith_time nanos; /* of one */
};

/* "ms" before "m": the longest that fits is meant. */
static const struct unit units[] = {
    {"ns", 1},
    {"us", 1000},
    {"ms", 1000 * KITH_MS},
    {"s", 1000 * KITH_SEC},
    {"m", 1000 * KITH_MIN},
    {"h", 1000 * KITH_HOUR},
};

static const struct unit *unit_at(struct bytes text)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (bytes_starts(text, bytes_str(units[i].name)))
            return &units[i];
    }
    return NULL;
}

#define WHOLE_MAX (READ_DURATION_MAX / KITH_SEC * 1000) /* of any unit: more is no honest span */

/* One number and its unit; what it says in nanoseconds. 0 or TARGET_BAD. */
static int read_part(struct bytes *text, kith_time *ret)
{
    kith_time whole = 0, fraction = 0, scale = 1;
    size_t at = 0;

    for (; is_digit(*text, at) && whole < WHOLE_MAX; at++)
        whole = whole * 10 + (text->data[at] - '0');
    bool some = at > 0;

    if (at < text->len && text->data[at] == '.') {
        for (at++; is_digit(*text, at); at++, some = true) {
            if (scale >= 1000000)
                continue; /* finer than anything here */
            fraction = fraction * 10 + (text->data[at] - '0');
            scale *= 10;
        }
    }
    *text = bytes_of(text->data + at, text->len - at);
    const struct unit *unit = unit_at(*text);

    if (!some || !unit || __builtin_mul_overflow(whole, unit->nanos, ret))
        return TARGET_BAD;
    *ret += fraction * (unit->nanos / scale);
    *text = bytes_of(text->data + strlen(unit->name), text->len - strlen(unit->name));
    return *ret > READ_DURATION_MAX * 1000 ? TARGET_BAD : 0;
}

int read_duration(struct bytes text, kith_time *ret)
{
    kith_time nanos = 0, part;

    if (bytes_equal_str(text, "0")) {
        *ret = 0;
        return 0;
    }
    if (text.len == 0 || text.len > 64)
        return TARGET_BAD;
    while (text.len > 0) {
        if (read_part(&text, &part) != 0)
            return TARGET_BAD;
        nanos += part;
        if (nanos > READ_DURATION_MAX * 1000)
            return TARGET_BAD;
    }
    *ret = nanos / 1000;
    return 0;
}
