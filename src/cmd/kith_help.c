#include "cmd/kith_help.h"

#include "spec/nearest.h"

#include <stdio.h>
#include <string.h>

#define COLUMN 30 /* where explanations begin */

static void pad_to(struct buf *out, size_t line_start, size_t column)
{
    size_t width = out->len - line_start;

    do
        buf_byte(out, ' ');
    while (++width < column);
}

static void explain(struct buf *out, const char *what, const char *text)
{
    size_t start = out->len;

    buf_printf(out, "  %s", what);
    pad_to(out, start, COLUMN);
    buf_printf(out, "%s\n", text);
}

static void flags(struct buf *out, uint64_t which)
{
    for (int i = 0; i < FLAG_COUNT; i++) {
        struct buf name = {0};

        if (!(which & FLAG_BIT(i)))
            continue;
        args_flag_text(&name, (enum flag_id)i);
        explain(out, buf_cstr(&name), args_flags[i].help);
        buf_deinit(&name);
    }
}

void help_program(struct buf *out)
{
    buf_str(
        out,
        "kith [-a ADDR] [-o FORMAT] VERB ...: look into a Kith cluster and change it. Any peer can be asked.\n\n");
    for (size_t i = 0; i < kith_verbs_n; i++) {
        struct buf name = {0};

        buf_printf(&name, "%s %s", kith_verbs[i].name, kith_verbs[i].words);
        explain(out, buf_cstr(&name), kith_verbs[i].summary);
        buf_deinit(&name);
    }
    buf_str(out, "\nWith every verb:\n");
    flags(out, FLAGS_EVERYWHERE);
    buf_str(
        out,
        "\nExit status: 0 done, 1 failed, 2 not understood. `kith VERB -h` tells more of a verb.\n");
}

void help_verb(struct buf *out, const struct verb *verb)
{
    buf_printf(out, "kith %s%s%s: %s\n", verb->name, *verb->words ? " " : "", verb->words,
               verb->summary);
    if (verb->help)
        buf_printf(out, "\n%s", verb->help);
    buf_str(out, "\n");
    flags(out, verb->flags);
    if (verb->flags)
        buf_str(out, "\nWith every verb:\n");
    flags(out, FLAGS_EVERYWHERE);
}

/* The name of `verb` as it stands at the beginning of the words: how many of them; 0: it does not. */
static int name_words(const struct verb *verb, const struct args *args)
{
    const char *blank = strchr(verb->name, ' ');

    if (args->words_n == 0)
        return 0;
    if (!blank)
        return strcmp(verb->name, args->words[0]) == 0;
    size_t first = (size_t)(blank - verb->name);

    if (args->words_n < 2 || strlen(args->words[0]) != first ||
        strncmp(verb->name, args->words[0], first) != 0)
        return 0;
    return strcmp(blank + 1, args->words[1]) == 0 ? 2 : 0;
}

/* Verbs of two words are mistyped in either; both are compared as one text. */
static const char *nearest_verb(const struct args *args)
{
    const char *names[64];
    char both[128];
    size_t n = 0;

    for (; n < kith_verbs_n && n < 64; n++)
        names[n] = kith_verbs[n].name;
    const char *near = nearest(bytes_str(args->words[0]), names, n);

    if (near || args->words_n < 2)
        return near;
    snprintf(both, sizeof(both), "%s %s", args->words[0], args->words[1]);
    return nearest(bytes_str(both), names, n);
}

/* "cluster" alone: the verbs that begin so. */
static bool half_a_verb(const char *word, struct buf *why)
{
    size_t len = strlen(word);

    for (size_t i = 0; i < kith_verbs_n; i++)
        if (strncmp(kith_verbs[i].name, word, len) == 0 && kith_verbs[i].name[len] == ' ') {
            buf_printf(why, "'%s' is half a verb; did you mean '%s'?", word, kith_verbs[i].name);
            return true;
        }
    return false;
}

const struct verb *help_find(const struct args *args, int *ret_words, struct buf *why)
{
    for (size_t i = 0; i < kith_verbs_n; i++)
        if ((*ret_words = name_words(&kith_verbs[i], args)))
            return &kith_verbs[i];
    if (args->words_n == 0) {
        buf_str(why, "what shall be done? Give a verb, such as `kith members`");
        return NULL;
    }
    if (half_a_verb(args->words[0], why))
        return NULL;
    const char *near = nearest_verb(args);

    buf_printf(why, "there is no verb '%s'", args->words[0]);
    if (near)
        buf_printf(why, "; did you mean '%s'?", near);
    return NULL;
}

int help_check(const struct verb *verb, const struct args *args, int words, struct buf *why)
{
    uint64_t wrong = args->given & ~(verb->flags | FLAGS_EVERYWHERE);
    int n = args->words_n - words;

    for (int i = 0; i < FLAG_COUNT; i++)
        if (wrong & FLAG_BIT(i)) {
            buf_printf(why, "kith %s takes no --%s", verb->name, args_flags[i].name);
            return KITH_USAGE;
        }
    if (n < verb->words_min)
        buf_printf(why, "kith %s wants %s", verb->name, verb->words);
    else if (n > verb->words_max)
        buf_printf(why, "kith %s: '%s' is too much", verb->name,
                   args->words[words + verb->words_max]);
    else
        return 0;
    return KITH_USAGE;
}
