#ifndef KITH_CMD_KITH_ARGS_H
#define KITH_CMD_KITH_ARGS_H
/*
 * The command line of `kith` as data. Flags may stand anywhere; `--flag VALUE`, `--flag=VALUE`, `-f VALUE` and
 * `-fVALUE` are the same; what follows `--` is no flag. Which flags a verb takes is checked by kith.c.
 */
#include "base/buf.h"
#include "view/view.h"

#define ARGS_WORDS_MAX 16
#define ARGS_LIST_MAX  32

enum flag_id {
    FLAG_ADDR,
    FLAG_OUTPUT,
    FLAG_HELP,
    FLAG_VERSION,
    FLAG_INSECURE,
    FLAG_KEY,
    FLAG_DIR,
    FLAG_TIMEOUT,
    FLAG_ALL,
    FLAG_FOLLOW,
    FLAG_TAIL,
    FLAG_DOT,
    FLAG_LIMIT,
    FLAG_WAIT,
    FLAG_CASCADE,
    FLAG_KEEP_DAEMONS,
    FLAG_REVOKE,
    FLAG_FOUNDER,
    FLAG_KIND,
    FLAG_ROLE,
    FLAG_SEED,
    FLAG_EXPIRES,
    FLAG_NAME,
    FLAG_OUT,
    FLAG_FORCE,
    FLAG_MESSAGES,
    FLAG_PRIORITY,
    FLAG_LINES,
    FLAG_SORT,
    FLAG_LOOKUP,
    FLAG_ID,
    FLAG_TAG,
    FLAG_TTL,
    FLAG_PORT_NAME,
    FLAG_ACK,
    FLAG_COUNT,
};

#define FLAG_BIT(id) (UINT64_C(1) << (id))

/* These every verb takes. */
#define FLAGS_EVERYWHERE                                                                           \
    (FLAG_BIT(FLAG_ADDR) | FLAG_BIT(FLAG_OUTPUT) | FLAG_BIT(FLAG_HELP) | FLAG_BIT(FLAG_VERSION) |  \
     FLAG_BIT(FLAG_INSECURE) | FLAG_BIT(FLAG_KEY) | FLAG_BIT(FLAG_DIR) | FLAG_BIT(FLAG_TIMEOUT))

/* A FLAG_CHOICE may stand alone; then it is the first of its words. */
enum flag_type {
    FLAG_SWITCH,
    FLAG_TEXT,
    FLAG_LIST,
    FLAG_DURATION,
    FLAG_NUMBER,
    FLAG_FORMAT,
    FLAG_CHOICE
};

struct flag {
    const char *name; /* without -- */
    char letter;      /* 0: none */
    enum flag_type type;
    const char *value; /* what to write for it in help */
    const char *help;
};

extern const struct flag args_flags[FLAG_COUNT];

struct args {
    uint64_t given; /* FLAG_BIT()s */
    const char *text[FLAG_COUNT];
    int64_t number[FLAG_COUNT]; /* FLAG_NUMBER; FLAG_DURATION in ms */
    const char *list[FLAG_COUNT][ARGS_LIST_MAX];
    uint32_t list_n[FLAG_COUNT];
    enum view_format format;
    const char *words[ARGS_WORDS_MAX]; /* the verb's words and what follows */
    int words_n;
};

enum { ARGS_BAD = 1 };

/* Everything in *ret points into argv. ARGS_BAD: *why says what to write instead. */
int args_parse(struct args *ret, int argc, char **argv, struct buf *why);

bool args_has(const struct args *a, enum flag_id id);

/* "--NAME VALUE" as help shows it, with the letter in front if there is one. */
void args_flag_text(struct buf *out, enum flag_id id);

#endif
