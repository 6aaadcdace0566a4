#include "cmd/kith_args.h"

#include "spec/nearest.h"
#include "spec/units.h"

#include <string.h>

const struct flag args_flags[FLAG_COUNT] = {
    [FLAG_ADDR] = {"addr", 'a', FLAG_TEXT, "ADDR",
                   "HOST[:PORT] or a daemon's socket; else $KITH_ADDR, else /run/kith/kithd.sock"},
    [FLAG_OUTPUT] = {"output", 'o', FLAG_FORMAT, "FORMAT", "table, wide, json or yaml"},
    [FLAG_HELP] = {"help", 'h', FLAG_SWITCH, NULL, "this text, or a verb's"},
    [FLAG_VERSION] = {"version", 0, FLAG_SWITCH, NULL, "print the version"},
    [FLAG_INSECURE] = {"insecure", 0, FLAG_SWITCH, NULL, "the cluster runs without keys"},
    [FLAG_KEY] = {"key", 0, FLAG_TEXT, "FILE",
                  "key file for -a; else operator.key in the operator's folder"},
    [FLAG_DIR] = {"dir", 0, FLAG_TEXT, "DIR",
                  "the operator's folder; else $KITH_DIR, else ~/.config/kith"},
    [FLAG_TIMEOUT] = {"timeout", 0, FLAG_DURATION, "TIME",
                      "how long to wait, such as 500ms or 2m; else 5s"},
    [FLAG_ALL] = {"all", 0, FLAG_SWITCH, NULL,
                  "everything: members that left, stopped instances; stop: every service"},
    [FLAG_FOLLOW] = {"follow", 'f', FLAG_SWITCH, NULL, "go on as more comes, until Ctrl-C"},
    [FLAG_TAIL] = {"tail", 0, FLAG_NUMBER, "BYTES",
                   "how much of the end to show first; else 16384"},
    [FLAG_DOT] = {"dot", 0, FLAG_SWITCH, NULL,
                  "in DOT, for Graphviz: `kith graph --dot | dot -Tsvg`"},
    [FLAG_LIMIT] = {"limit", 'n', FLAG_NUMBER, "N", "at most so many, the newest"},
    [FLAG_WAIT] = {"wait", 0, FLAG_CHOICE, "[healthy|converged]",
                   "until all of it is healthy; converged: until every live member knows it"},
    [FLAG_ACK] = {"ack", 0, FLAG_TEXT, "N|majority|all",
                  "until it is on so many peers' disks; else on this peer's"},
    [FLAG_CASCADE] = {"cascade", 0, FLAG_SWITCH, NULL, "also what needs it, that first"},
    [FLAG_KEEP_DAEMONS] = {"keep-daemons", 0, FLAG_SWITCH, NULL, "stop the services only"},
    [FLAG_REVOKE] = {"revoke", 0, FLAG_SWITCH, NULL, "its key is never admitted again"},
    [FLAG_FOUNDER] = {"founder", 0, FLAG_SWITCH, NULL,
                      "with the ring's secret: for the first hosts of a cluster"},
    [FLAG_KIND] = {"kind", 0, FLAG_TEXT, "KIND", "node (the default), operator or client"},
    [FLAG_ROLE] = {"role", 0, FLAG_LIST, "ROLE", "a role of the holder; may be repeated"},
    [FLAG_SEED] = {"seed", 0, FLAG_LIST, "ADDR", "a peer to join by, HOST[:PORT]; may be repeated"},
    [FLAG_EXPIRES] = {"expires", 0, FLAG_DURATION, "TIME",
                      "how long the token may be used; else 1h"},
    [FLAG_NAME] = {"name", 0, FLAG_TEXT, "NAME", "who it is, for people; else $USER"},
    [FLAG_OUT] = {"out", 0, FLAG_TEXT, "FILE",
                  "write into this file (mode 0600) instead of printing"},
    [FLAG_FORCE] = {"force", 0, FLAG_SWITCH, NULL, "replace files that are there"},
    [FLAG_LOOKUP] = {"lookup", 0, FLAG_TEXT, "DIR",
                     "the daemon's look-up folder; else $KITH_LOOKUP, else /var/lib/kith/lookup"},
    [FLAG_ID] = {"id", 0, FLAG_TEXT, "ID", "of the registration; else SERVICE@ADDR:PORT"},
    [FLAG_TAG] = {"tag", 0, FLAG_LIST, "TAG", "of the endpoint; may be repeated"},
    [FLAG_TTL] = {"ttl", 0, FLAG_DURATION, "TIME",
                  "it ends by itself unless it is registered again within"},
    [FLAG_PORT_NAME] = {"port-name", 0, FLAG_TEXT, "NAME", "what the port is called; else port"},
    [FLAG_MESSAGES] = {"count", 0, FLAG_NUMBER, "N", "end after so many messages"},
    [FLAG_PRIORITY] = {"priority", 0, FLAG_TEXT, "PRIORITY", "low, normal (the default) or high"},
    [FLAG_LINES] = {"lines", 0, FLAG_SWITCH, NULL,
                    "each line of standard input is a message, as it comes"},
    [FLAG_SORT] = {"sort", 0, FLAG_TEXT, "BY",
                   "name, state or rtt (the nearest first); else by id"},
};

/* Of a FLAG_CHOICE. */
#define CHOICES_MAX 2
static const char *const choices[FLAG_COUNT][CHOICES_MAX] = {
    [FLAG_WAIT] = {"healthy", "converged"}};

bool args_has(const struct args *a, enum flag_id id)
{
    return a->given & FLAG_BIT(id);
}

void args_flag_text(struct buf *out, enum flag_id id)
{
    const struct flag *f = &args_flags[id];

    if (f->letter)
        buf_printf(out, "-%c, ", f->letter);
    buf_printf(out, "--%s", f->name);
    if (f->value)
        buf_printf(out, " %s", f->value);
}

static int find_letter(char letter)
{
    for (int i = 0; i < FLAG_COUNT; i++)
        if (args_flags[i].letter == letter)
            return i;
    return -1;
}

static int find_name(struct bytes name)
{
    for (int i = 0; i < FLAG_COUNT; i++)
        if (bytes_equal_str(name, args_flags[i].name))
            return i;
    return -1;
}

static int unknown(struct bytes name, struct buf *why)
{
    const char *names[FLAG_COUNT];

    for (int i = 0; i < FLAG_COUNT; i++)
        names[i] = args_flags[i].name;
    const char *near = nearest(name, names, FLAG_COUNT);

    buf_printf(why, "there is no flag --" BYTES_FMT, BYTES_ARG(name));
    if (near)
        buf_printf(why, "; did you mean --%s?", near);
    return ARGS_BAD;
}

static int bad_value(enum flag_id id, const char *value, const char *wanted, struct buf *why)
{
    buf_printf(why, "--%s %s: it wants %s", args_flags[id].name, value, wanted);
    return ARGS_BAD;
}

static const char *choice_of(enum flag_id id, const char *value)
{
    for (size_t i = 0; value && i < CHOICES_MAX && choices[id][i]; i++) {
        if (strcmp(choices[id][i], value) == 0)
            return choices[id][i];
    }
    return NULL;
}

static int take_choice(struct args *a, enum flag_id id, const char *value, struct buf *why)
{
    a->text[id] = choice_of(id, value);
    return a->text[id] ? 0 : bad_value(id, value, args_flags[id].value, why);
}

static int take_number(struct args *a, enum flag_id id, const char *value, struct buf *why)
{
    uint64_t n;

    if (units_whole(bytes_str(value), &n) || n > UINT32_MAX)
        return bad_value(id, value, "a whole number", why);
    a->number[id] = (int64_t)n;
    return 0;
}

static int take_duration(struct args *a, enum flag_id id, const char *value, struct buf *why)
{
    int64_t us;

    if (units_duration_us(bytes_str(value), &us) || us < 1000)
        return bad_value(id, value, "a time with its unit, such as 500ms, 30s, 10m or 2h", why);
    a->number[id] = us / 1000;
    return 0;
}

static int take_list(struct args *a, enum flag_id id, const char *value, struct buf *why)
{
    if (a->list_n[id] == ARGS_LIST_MAX)
        return bad_value(id, value, "to be given 32 times at most", why);
    a->list[id][a->list_n[id]++] = value;
    return 0;
}

/* The value of a flag that has one. */
static int take(struct args *a, enum flag_id id, const char *value, struct buf *why)
{
    a->given |= FLAG_BIT(id);
    switch (args_flags[id].type) {
    case FLAG_SWITCH:
        return 0;
    case FLAG_TEXT:
        a->text[id] = value;
        return *value ? 0 : bad_value(id, "''", "a value", why);
    case FLAG_LIST:
        return take_list(a, id, value, why);
    case FLAG_DURATION:
        return take_duration(a, id, value, why);
    case FLAG_NUMBER:
        return take_number(a, id, value, why);
    case FLAG_CHOICE:
        return take_choice(a, id, value, why);
    case FLAG_FORMAT:
        return view_format_parse(&a->format, value)
                   ? 0
                   : bad_value(id, value, "table, wide, json or yaml", why);
    }
    return 0;
}

/* The flag at argv[*at] with its value, which may be the next argument. */
static int take_flag(struct args *a, int id, const char *attached, int argc, char **argv, int *at,
                     struct buf *why)
{
    const struct flag *f = &args_flags[id];

    if (f->type == FLAG_SWITCH) {
        if (attached) {
            buf_printf(why, "--%s takes no value", f->name);
            return ARGS_BAD;
        }
        a->given |= FLAG_BIT(id);
        return 0;
    }
    if (f->type == FLAG_CHOICE && !attached) {
        const char *next = *at + 1 < argc ? argv[*at + 1] : NULL;

        *at += choice_of((enum flag_id)id, next) != NULL;
        return take(a, (enum flag_id)id, choice_of((enum flag_id)id, next) ? next : choices[id][0],
                    why);
    }
    if (!attached && *at + 1 == argc) {
        buf_printf(why, "--%s wants %s after it", f->name, f->value);
        return ARGS_BAD;
    }
    return take(a, (enum flag_id)id, attached ? attached : argv[++*at], why);
}

static int take_long(struct args *a, int argc, char **argv, int *at, struct buf *why)
{
    const char *text = argv[*at] + 2;
    const char *equals = strchr(text, '=');
    struct bytes name = equals ? bytes_of(text, (size_t)(equals - text)) : bytes_str(text);
    int id = find_name(name);

    return id < 0 ? unknown(name, why)
                  : take_flag(a, id, equals ? equals + 1 : NULL, argc, argv, at, why);
}

static int take_short(struct args *a, int argc, char **argv, int *at, struct buf *why)
{
    const char *text = argv[*at] + 1;
    int id = find_letter(*text);

    if (id < 0) {
        buf_printf(why, "there is no flag -%c", *text);
        return ARGS_BAD;
    }
    return take_flag(a, id, text[1] ? text + 1 : NULL, argc, argv, at, why);
}

static int take_word(struct args *a, const char *word, struct buf *why)
{
    if (a->words_n == ARGS_WORDS_MAX) {
        buf_printf(why, "too many words, from '%s' on", word);
        return ARGS_BAD;
    }
    a->words[a->words_n++] = word;
    return 0;
}

int args_parse(struct args *ret, int argc, char **argv, struct buf *why)
{
    int r = 0;
    bool flags = true;

    *ret = (struct args){.format = VIEW_TABLE};
    for (int at = 1; at < argc && r == 0; at++) {
        const char *arg = argv[at];

        if (flags && strcmp(arg, "--") == 0)
            flags = false;
        else if (flags && strncmp(arg, "--", 2) == 0)
            r = take_long(ret, argc, argv, &at, why);
        else if (flags && arg[0] == '-' && arg[1])
            r = take_short(ret, argc, argv, &at, why);
        else
            r = take_word(ret, arg, why);
    }
    return r;
}
