#include "gossip/naming.h"

#include "base/buf.h"

#include <stdarg.h>

/* A line of the log stays a line of readable length whatever is in it. */
#define TEXT_MAX 400

static const char *const names[REFUSALS] = {
    [REFUSAL_GARBAGE] = "garbage", [REFUSAL_PAYLOAD] = "payload", [REFUSAL_KEY] = "key",
    [REFUSAL_REVOKED] = "revoked", [REFUSAL_SENDER] = "sender",   [REFUSAL_CLONE] = "clone",
    [REFUSAL_VERB] = "verb",       [REFUSAL_HELLO] = "hello",     [REFUSAL_RATE] = "rate",
    [REFUSAL_OWNER] = "owner",     [REFUSAL_ROW] = "row",         [REFUSAL_AHEAD] = "ahead",
};

const char *refusal_name(enum refusal why)
{
    return names[why];
}

/* FNV-1a: two sources that share a hash share an hour, no more harm than that. */
static uint64_t hash(uint64_t h, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        h = (h ^ data[i]) * UINT64_C(0x100000001b3);
    return h;
}

static uint64_t identify(enum refusal why, struct bytes from, const char *format)
{
    uint8_t reason = (uint8_t)why;
    uint64_t h = hash(UINT64_C(0xcbf29ce484222325), &reason, 1);
    struct bytes text = bytes_str(format);

    h = hash(h, from.data, from.len);
    return hash(h, text.data, text.len);
}

/* The entry to name it by; NULL: its hour is not over, or there is no room. */
static struct naming_entry *due(struct naming *n, uint64_t who, kith_time now_us)
{
    struct naming_entry *oldest = NULL;

    for (uint32_t i = 0; i < n->entries_n; i++) {
        struct naming_entry *e = &n->entries[i];
        if (e->who == who) {
            if (e->again_us <= now_us)
                return e;
            e->since++;
            return NULL;
        }
        if (!oldest || e->again_us < oldest->again_us)
            oldest = e;
    }
    if (n->entries_n < NAMING_MAX)
        oldest = &n->entries[n->entries_n++];
    else if (oldest->again_us > now_us) {
        n->unnamed++;
        return NULL;
    }
    *oldest = (struct naming_entry){.who = who};
    return oldest;
}

__attribute__((format(printf, 5, 0))) static void name(struct naming *n, struct turn *t,
                                                       enum refusal why, struct bytes from,
                                                       const char *format, va_list args)
{
    struct naming_entry *entry = due(n, identify(why, from, format), t->now_us);
    if (!entry)
        return;

    struct buf said = {0};
    buf_vprintf(&said, format, args);
    if (said.len > TEXT_MAX)
        said.len = TEXT_MAX;
    const char *text = buf_cstr(&said);
    if (from.len == 0)
        from = bytes_str("somebody");
    if (entry->since > 0)
        effect_log(t->out, LOG_WARN_,
                   BYTES_FMT ": %s (%llu more since the last time this was said)", BYTES_ARG(from),
                   text, (unsigned long long)entry->since);
    else
        effect_log(t->out, LOG_WARN_, BYTES_FMT ": %s", BYTES_ARG(from), text);
    buf_deinit(&said);
    entry->since = 0;
    entry->again_us = t->now_us + NAMING_AGAIN;
}

void naming_count(struct naming *n, enum refusal why)
{
    n->refused[why]++;
}

void naming_name(struct naming *n, struct turn *t, enum refusal why, struct bytes from,
                 const char *format, ...)
{
    va_list args;
    va_start(args, format);
    name(n, t, why, from, format, args);
    va_end(args);
}

void naming_refuse(struct naming *n, struct turn *t, enum refusal why, struct bytes from,
                   const char *format, ...)
{
    va_list args;
    naming_count(n, why);
    va_start(args, format);
    name(n, t, why, from, format, args);
    va_end(args);
}
