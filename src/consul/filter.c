#include "consul/filter.h"

#include "http/target.h"

#include <ctype.h>
#include <string.h>

enum join { JOIN_TEST, JOIN_AND, JOIN_OR, JOIN_NOT };
enum test { TEST_EQUAL, TEST_IN, TEST_EMPTY };

struct filter {
    enum join join;
    const struct filter *a, *b; /* joined */
    enum test test;
    bool negated;
    enum filter_kind kind;
    struct bytes names[FILTER_NAMES_MAX];
    unsigned names_n;
    struct bytes value;
};

/* ---- words ---- */

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_QUOTED, TOKEN_SIGN, TOKEN_BAD };

struct token {
    enum token_kind kind;
    struct bytes
        text; /* of a word as it stands, with its brackets; of a quoted one what is inside */
};

struct parser {
    struct bytes text;
    size_t at;
    struct token token; /* the next one */
    const struct filter_selector *selectors;
    struct arena *mem;
    unsigned tests, depth;
    const char *why;
};

static int refuse(struct parser *p, const char *why)
{
    if (!p->why)
        p->why = why;
    return 1;
}

static bool is_word(uint8_t c)
{
    return isalnum(c) || (c && strchr("_-./:*@", c)) || c >= 0x80;
}

/* The end of what begins with this quote; SIZE_MAX: it has none. A backslash keeps what is behind it, but in `these`. */
static size_t quote_end(const struct parser *p, size_t from)
{
    uint8_t quote = p->text.data[from];

    for (size_t i = from + 1; i < p->text.len; i++) {
        if (p->text.data[i] == quote)
            return i;
        i += p->text.data[i] == '\\' && quote == '"';
    }
    return SIZE_MAX;
}

/* Behind ["..."], or where it began when there is none. */
static size_t skip_bracket(const struct parser *p, size_t from)
{
    const uint8_t *s = p->text.data;

    if (from + 1 >= p->text.len || s[from] != '[' || s[from + 1] != '"')
        return from;
    size_t end = from + 2;

    while (end < p->text.len && s[end] != '"')
        end++;
    return end + 1 < p->text.len && s[end + 1] == ']' ? end + 2 : from;
}

static size_t word_end(const struct parser *p, size_t from)
{
    size_t at = from, before;

    do {
        before = at;
        while (at < p->text.len && is_word(p->text.data[at]))
            at++;
        at = skip_bracket(p, at);
    } while (at != before);
    return at;
}

static struct bytes part(const struct parser *p, size_t from, size_t end)
{
    return bytes_of(p->text.data + from, end - from);
}

/* Without the backslashes. */
static struct bytes unescape(struct parser *p, struct bytes in)
{
    if (!in.len || !memchr(in.data, '\\', in.len))
        return in;
    uint8_t *out = arena_alloc(p->mem, in.len);
    size_t n = 0;

    for (size_t i = 0; i < in.len; i++) {
        i += in.data[i] == '\\' && i + 1 < in.len;
        out[n++] = in.data[i];
    }
    return bytes_of(out, n);
}

static void read_quoted(struct parser *p)
{
    size_t from = p->at, end = quote_end(p, from);

    p->token = (struct token){.kind = TOKEN_BAD};
    if (end == SIZE_MAX)
        return;
    struct bytes inside = part(p, from + 1, end);

    p->token =
        (struct token){TOKEN_QUOTED, p->text.data[from] == '"' ? unescape(p, inside) : inside};
    p->at = end + 1;
}

static void read_sign(struct parser *p)
{
    uint8_t c = p->text.data[p->at];
    size_t len = c == '=' || c == '!' ? 2 : 1;

    p->token = (struct token){.kind = TOKEN_BAD};
    if (!strchr("=!()", c) || p->at + len > p->text.len ||
        (len == 2 && p->text.data[p->at + 1] != '='))
        return;
    p->token = (struct token){TOKEN_SIGN, part(p, p->at, p->at + len)};
    p->at += len;
}

static void next(struct parser *p)
{
    while (p->at < p->text.len && isspace(p->text.data[p->at]))
        p->at++;
    size_t from = p->at;

    if (from == p->text.len) {
        p->token = (struct token){.kind = TOKEN_END};
    } else if (p->text.data[from] == '"' || p->text.data[from] == '`') {
        read_quoted(p);
    } else if (is_word(p->text.data[from])) {
        p->at = word_end(p, from);
        p->token = (struct token){TOKEN_WORD, part(p, from, p->at)};
    } else {
        read_sign(p);
    }
}

static bool is(const struct parser *p, const char *text)
{
    bool either = p->token.kind == TOKEN_WORD || p->token.kind == TOKEN_SIGN;

    return either && bytes_equal_str(p->token.text, text);
}

static bool take(struct parser *p, const char *text)
{
    bool there = is(p, text);

    if (there)
        next(p);
    return there;
}

/* ---- selectors ---- */

/* A.B["c.d"] by its names. */
static int split(struct parser *p, struct bytes word, struct filter *f)
{
    size_t at = 0;

    while (at < word.len) {
        size_t from = at;
        bool bracket = word.data[at] == '[';

        if (f->names_n == FILTER_NAMES_MAX)
            return refuse(p, "a selector has too many names");
        if (bracket) {
            for (at += 2; word.data[at] != '"';)
                at++;
            f->names[f->names_n++] = bytes_of(word.data + from + 2, at - from - 2);
            at += 2;
        } else {
            while (at < word.len && word.data[at] != '.' && word.data[at] != '[')
                at++;
            f->names[f->names_n++] = bytes_of(word.data + from, at - from);
        }
        at += at < word.len && word.data[at] == '.';
    }
    return 0;
}

static bool fits(const struct filter *f, const char *path)
{
    for (unsigned i = 0; i < f->names_n; i++) {
        size_t len = strcspn(path, ".");
        struct bytes name = bytes_of(path, len);

        if (len == 0 || (!bytes_equal_str(name, "*") && !bytes_equal(name, f->names[i])))
            return false;
        path += len + (path[len] == '.');
    }
    return *path == '\0';
}

static int select_by(struct parser *p, const struct token *t, struct filter *f)
{
    if (t->kind != TOKEN_WORD)
        return refuse(p, "a comparison is SELECTOR == VALUE, VALUE in SELECTOR and the like");
    if (split(p, t->text, f))
        return 1;
    for (const struct filter_selector *s = p->selectors; s->path; s++) {
        if (!fits(f, s->path))
            continue;
        f->kind = s->kind;
        return 0;
    }
    return refuse(p, "there is no such selector here: names are written as in the answer, "
                     "Service.Meta.KEY");
}

/* ---- comparisons ---- */

static int check_kind(struct parser *p, const struct filter *f)
{
    bool many = f->kind == FILTER_LIST || f->kind == FILTER_MAP;

    if (f->test == TEST_EQUAL && many)
        return refuse(p, "lists and maps have no == and !=: write VALUE in SELECTOR");
    if (f->test != TEST_EQUAL && !many && f->kind != FILTER_TEXT)
        return refuse(p, "numbers and truths have == and != only");
    return 0;
}

static int take_value(struct parser *p, struct filter *f)
{
    if (p->token.kind != TOKEN_WORD && p->token.kind != TOKEN_QUOTED)
        return refuse(p, "a value is missing");
    f->value = p->token.text;
    next(p);
    return 0;
}

/* VALUE in SELECTOR, of which the value and `in` have been read. */
static int parse_in(struct parser *p, const struct token *value, struct filter *f)
{
    struct token selector = p->token;

    f->test = TEST_IN;
    f->value = value->text;
    next(p);
    return select_by(p, &selector, f);
}

/* SELECTOR is empty, of which the selector and `is` have been read. */
static int parse_empty(struct parser *p, const struct token *selector, struct filter *f)
{
    f->test = TEST_EMPTY;
    f->negated = take(p, "not");
    if (!take(p, "empty"))
        return refuse(p, "is: empty or not empty");
    return select_by(p, selector, f);
}

static int parse_operator(struct parser *p, const struct token *first, struct filter *f)
{
    if (take(p, "is"))
        return parse_empty(p, first, f);
    bool not_equal = is(p, "!="), equal = take(p, "==") || take(p, "!=");

    f->negated = equal ? not_equal : take(p, "not");
    if (!equal && take(p, "in"))
        return parse_in(p, first, f);
    if (is(p, "matches"))
        return refuse(p, "matches is not understood here: regular expressions are not run");
    if (!equal && !take(p, "contains"))
        return refuse(p, "an operator is ==, !=, in, contains, is empty, or these with not");
    f->test = equal ? TEST_EQUAL : TEST_IN;
    return select_by(p, first, f) || take_value(p, f);
}

static struct filter *new_filter(struct parser *p, enum join join, const struct filter *a,
                                 const struct filter *b)
{
    struct filter *f = arena_alloc(p->mem, sizeof(*f));

    f->join = join;
    f->a = a;
    f->b = b;
    return f;
}

static int parse_test(struct parser *p, const struct filter **ret)
{
    struct filter *f = new_filter(p, JOIN_TEST, NULL, NULL);
    struct token first = p->token;

    if (++p->tests > FILTER_TESTS_MAX)
        return refuse(p, "a filter has 64 comparisons at most");
    if (first.kind != TOKEN_WORD && first.kind != TOKEN_QUOTED)
        return refuse(p, "a comparison is expected");
    next(p);
    *ret = f;
    return parse_operator(p, &first, f) || check_kind(p, f);
}

/* ---- joins ---- */

static int parse_or(struct parser *p, const struct filter **ret);
static int parse_not(struct parser *p, const struct filter **ret);

static int parse_nested(struct parser *p, const struct filter **ret)
{
    const struct filter *inner = NULL;
    bool negated = take(p, "not");

    if (negated) {
        if (parse_not(p, &inner))
            return 1;
        *ret = new_filter(p, JOIN_NOT, inner, NULL);
        return 0;
    }
    if (!take(p, "("))
        return parse_test(p, ret);
    if (parse_or(p, ret))
        return 1;
    return take(p, ")") ? 0 : refuse(p, "a parenthesis is not closed");
}

static int parse_not(struct parser *p, const struct filter **ret)
{
    if (++p->depth > FILTER_DEPTH_MAX)
        return refuse(p, "a filter is nested 16 deep at most");
    int bad = parse_nested(p, ret);

    p->depth--;
    return bad;
}

static int parse_and(struct parser *p, const struct filter **ret)
{
    const struct filter *more;

    if (parse_not(p, ret))
        return 1;
    while (take(p, "and")) {
        if (parse_not(p, &more))
            return 1;
        *ret = new_filter(p, JOIN_AND, *ret, more);
    }
    return 0;
}

static int parse_or(struct parser *p, const struct filter **ret)
{
    const struct filter *more;

    if (parse_and(p, ret))
        return 1;
    while (take(p, "or")) {
        if (parse_and(p, &more))
            return 1;
        *ret = new_filter(p, JOIN_OR, *ret, more);
    }
    return 0;
}

int filter_parse(const struct filter **ret, struct bytes text,
                 const struct filter_selector *selectors, struct arena *mem, const char **why)
{
    struct parser p = {.text = text, .selectors = selectors, .mem = mem};

    *ret = NULL;
    next(&p);
    int bad = parse_or(&p, ret);

    if (!bad && p.token.kind != TOKEN_END)
        bad = refuse(&p, "behind a comparison comes `and`, `or`, or the end");
    *why = p.why;
    return bad;
}

/* ---- asking ---- */

static struct bytes text_of(const json_t *value)
{
    return bytes_of(json_string_value(value), json_string_length(value));
}

static bool is_equal(const struct filter *f, const json_t *value)
{
    uint64_t number;

    if (json_is_boolean(value))
        return bytes_equal_str(f->value, json_is_true(value) ? "true" : "false");
    if (json_is_integer(value))
        return read_number(f->value, &number) == 0 && number == (uint64_t)json_integer_value(value);
    return json_is_string(value) && bytes_equal(text_of(value), f->value);
}

static bool has_part(struct bytes text, struct bytes wanted)
{
    return wanted.len == 0 ||
           (text.len && memmem(text.data, text.len, wanted.data, wanted.len) != NULL);
}

static bool is_in(const struct filter *f, const json_t *value)
{
    if (json_is_string(value))
        return has_part(text_of(value), f->value);
    if (json_is_object(value))
        return json_object_getn(value, (const char *)f->value.data, f->value.len) != NULL;
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (is_equal(f, json_array_get(value, i)))
            return true;
    }
    return false;
}

static bool is_empty(const json_t *value)
{
    return json_array_size(value) == 0 && json_object_size(value) == 0 &&
           json_string_length(value) == 0;
}

static bool holds(const struct filter *f, const json_t *value)
{
    bool so = f->test == TEST_EQUAL ? is_equal(f, value)
              : f->test == TEST_IN  ? is_in(f, value)
                                    : is_empty(value);

    return so != f->negated;
}

/* What is not there is equal to nothing, has nothing in it, and is empty. */
static bool follow(const struct filter *f, const json_t *value, unsigned name)
{
    if (name == f->names_n)
        return holds(f, value);
    if (!json_is_array(value)) {
        struct bytes next_name = f->names[name];
        const json_t *inner = json_object_getn(value, (const char *)next_name.data, next_name.len);

        return inner ? follow(f, inner, name + 1) : (f->test == TEST_EMPTY) != f->negated;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (follow(f, json_array_get(value, i), name))
            return true;
    }
    return false;
}

bool filter_matches(const struct filter *f, const json_t *object)
{
    switch (f->join) {
    case JOIN_AND:
        return filter_matches(f->a, object) && filter_matches(f->b, object);
    case JOIN_OR:
        return filter_matches(f->a, object) || filter_matches(f->b, object);
    case JOIN_NOT:
        return !filter_matches(f->a, object);
    default:
        return follow(f, object, 0);
    }
}
