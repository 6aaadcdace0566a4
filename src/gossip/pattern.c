#include "gossip/pattern.h"

#include <string.h>

const char *pattern_problem(int result)
{
    switch (result) {
    case PATTERN_TOO_LONG:
        return "longer than 255 bytes";
    case PATTERN_TOO_MANY_WORDS:
        return "more than 63 words";
    case PATTERN_WILD:
        return "a topic has no * or #; only patterns do";
    case PATTERN_BYTES:
        return "has a control character";
    default:
        return NULL;
    }
}

static bool is_separator(uint8_t ch)
{
    return ch == '.' || ch == '/';
}

static int check_bytes(struct bytes text)
{
    if (text.len > TOPIC_MAX_BYTES)
        return PATTERN_TOO_LONG;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7f)
            return PATTERN_BYTES;
    }
    return 0;
}

/* The word at *at, which moves behind its separator. False: there is none. A text that ends in a separator
 * has an empty word behind it, so the end is one further. */
static bool next_word(struct bytes text, size_t *at, struct bytes *ret)
{
    size_t from = *at, to = from;

    if (text.len == 0 || from > text.len)
        return false;
    while (to < text.len && !is_separator(text.data[to]))
        to++;
    *ret = bytes_of(text.data + from, to - from);
    *at = to + 1;
    return true;
}

static bool is_wild(struct bytes word)
{
    return bytes_equal_str(word, "*") || bytes_equal_str(word, "#");
}

int topic_split(struct topic *ret, struct bytes text)
{
    int bad = check_bytes(text);
    struct bytes word;
    size_t at = 0;

    ret->words_n = 0;
    if (bad)
        return bad;
    while (next_word(text, &at, &word)) {
        if (ret->words_n == TOPIC_MAX_WORDS)
            return PATTERN_TOO_MANY_WORDS;
        if (is_wild(word))
            return PATTERN_WILD;
        ret->words[ret->words_n++] = word;
    }
    return 0;
}

int pattern_parse(struct pattern *ret, struct bytes text)
{
    int bad = check_bytes(text);
    struct bytes word;
    size_t at = 0, used = 0;

    *ret = (struct pattern){0};
    if (bad)
        return bad;
    while (next_word(text, &at, &word)) {
        bool any = bytes_equal_str(word, "#");
        uint32_t n = ret->words_n;

        if (any && n > 0 && ret->any & UINT64_C(1) << (n - 1))
            continue;
        if (n == TOPIC_MAX_WORDS)
            return PATTERN_TOO_MANY_WORDS;
        if (any)
            ret->any |= UINT64_C(1) << n;
        if (bytes_equal_str(word, "*"))
            ret->one |= UINT64_C(1) << n;
        if (word.len > 0)
            memcpy(ret->text + used, word.data, word.len);
        used += word.len;
        ret->end[n] = (uint8_t)used;
        ret->words_n++;
    }
    return 0;
}

/* The bits, among those in `at`, of pattern words that are this very word. */
static uint64_t literal(const struct pattern *p, uint64_t at, struct bytes word)
{
    uint64_t same = 0;

    for (uint64_t left = at & ~(p->any | p->one); left; left &= left - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(left);
        uint32_t from = i > 0 ? p->end[i - 1] : 0;

        if (i < p->words_n && bytes_equal(bytes_of(p->text + from, p->end[i] - from), word))
            same |= UINT64_C(1) << i;
    }
    return same;
}

/* Bit i of `at`: all before pattern word i is matched. `#` may match nothing, so whoever stands before one
 * stands behind it too; no two of them follow each other. */
bool pattern_match(const struct pattern *p, const struct topic *t)
{
    uint64_t at = 1;

    at |= (at & p->any) << 1;
    for (uint32_t i = 0; i < t->words_n && at; i++) {
        uint64_t stay = at & p->any;

        at = stay | (at & p->one) << 1 | literal(p, at, t->words[i]) << 1;
        at |= (at & p->any) << 1;
    }
    return at & UINT64_C(1) << p->words_n;
}
