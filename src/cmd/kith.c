/*
 * kith: the operator's command line. `kith --help` lists the verbs; kith_verbs.c is that list.
 */
#include "cmd/kith.h"

#include "cmd/kith_help.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void say(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static void say(const char *format, va_list args)
{
    fputs("kith: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

int kith_failed(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(format, args);
    va_end(args);
    return KITH_FAILED;
}

int kith_usage(const struct kith *k, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(format, args);
    va_end(args);
    if (k->verb)
        fprintf(stderr, "`kith %s -h` tells more.\n", k->verb->name);
    else
        fputs("`kith --help` lists the verbs.\n", stderr);
    return KITH_USAGE;
}

void kith_tell(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

int kith_print(struct kith *k)
{
    size_t len = k->out.len;
    size_t written = len ? fwrite(k->out.data, 1, len, stdout) : 0;

    buf_reset(&k->out);
    if (written != len || fflush(stdout))
        return kith_failed("cannot write the output: %s", strerror(errno));
    return KITH_DONE;
}

const char *kith_word(const struct kith *k, int i)
{
    return i < k->args.words_n ? k->args.words[i] : NULL;
}

/* From here on the words are only what follows the verb. */
static void drop_name(struct args *args, int words)
{
    args->words_n -= words;
    memmove(args->words, args->words + words, (size_t)args->words_n * sizeof(args->words[0]));
}

static int help(struct kith *k)
{
    if (k->verb)
        help_verb(&k->out, k->verb);
    else
        help_program(&k->out);
    return kith_print(k);
}

static int version(struct kith *k)
{
    buf_str(&k->out, "kith " KITH_VERSION "\n");
    return kith_print(k);
}

static int run(struct kith *k, int argc, char **argv, struct buf *why)
{
    int words = 0;

    if (args_parse(&k->args, argc, argv, why))
        return kith_usage(k, "%s", buf_cstr(why));
    if (args_has(&k->args, FLAG_VERSION))
        return version(k);
    if (k->args.words_n && strcmp(k->args.words[0], "help") == 0) {
        k->args.given |= FLAG_BIT(FLAG_HELP);
        drop_name(&k->args, 1);
    }
    if (!k->args.words_n && args_has(&k->args, FLAG_HELP))
        return help(k);
    k->verb = help_find(&k->args, &words, why);
    if (!k->verb)
        return kith_usage(k, "%s", buf_cstr(why));
    if (args_has(&k->args, FLAG_HELP))
        return help(k);
    if (help_check(k->verb, &k->args, words, why))
        return kith_usage(k, "%s", buf_cstr(why));
    drop_name(&k->args, words);
    return k->verb->run(k);
}

int main(int argc, char **argv)
{
    struct kith k = {0};
    struct buf why = {0};

    signal(SIGPIPE, SIG_IGN); /* `kith events | head` ends by an error of write, not silently */
    int status = run(&k, argc, argv, &why);

    if (k.client)
        kith_client_close(k.client);
    buf_deinit(&why);
    buf_deinit(&k.out);
    arena_deinit(&k.mem);
    return status;
}
