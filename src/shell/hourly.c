#include "shell/hourly.h"
#include "base/mem.h"
#include "base/tree.h"
#include <stdio.h>
#include <string.h>

struct entry {
    char address[HOURLY_NAME_BYTES];
    char reason[HOURLY_NAME_BYTES];
    kith_time said_us;
    uint64_t unsaid;
    TREE_ENTRY(entry) by_name;
};

static int compare_entry(const struct entry *a, const struct entry *b)
{
    int order = strcmp(a->address, b->address);
    return order != 0 ? order : strcmp(a->reason, b->reason);
}

TREE_DEFINE(entry_tree, entry, by_name, compare_entry)

struct hourly {
    struct entry_tree entries;
    size_t count;
};

struct hourly *hourly_new(void)
{
    return mem_alloc(sizeof(struct hourly));
}

static void forget(struct hourly *h, struct entry *e)
{
    TREE_REMOVE(entry_tree, &h->entries, e);
    mem_free(e);
    h->count--;
}

void hourly_free(struct hourly *h)
{
    if (h == NULL)
        return;
    struct entry *e, *next;
    TREE_FOREACH_SAFE(e, entry_tree, &h->entries, next)
    forget(h, e);
    mem_free(h);
}

static void forget_old(struct hourly *h, kith_time now_us)
{
    struct entry *e, *next;
    TREE_FOREACH_SAFE(e, entry_tree, &h->entries, next)
    if (now_us - e->said_us >= HOURLY_PERIOD_US && e->unsaid == 0)
        forget(h, e);
}

static struct entry *add(struct hourly *h, const struct entry *key, kith_time now_us)
{
    struct entry *e = mem_copy(key, sizeof *key);
    e->said_us = now_us - HOURLY_PERIOD_US;
    TREE_INSERT(entry_tree, &h->entries, e);
    h->count++;
    return e;
}

static struct entry *find_or_add(struct hourly *h, const char *address, const char *reason,
                                 kith_time now_us)
{
    struct entry key = {0};
    snprintf(key.address, sizeof key.address, "%s", address);
    snprintf(key.reason, sizeof key.reason, "%s", reason);
    struct entry *e = TREE_FIND(entry_tree, &h->entries, &key);
    if (e != NULL)
        return e;
    if (h->count >= HOURLY_MAX)
        forget_old(h, now_us);
    if (h->count < HOURLY_MAX)
        return add(h, &key, now_us);
    struct entry others = {.address = "other addresses", .reason = "various"};
    e = TREE_FIND(entry_tree, &h->entries, &others);
    return e != NULL ? e : add(h, &others, now_us);
}

bool hourly_say(struct hourly *h, const char *address, const char *reason, kith_time now_us,
                uint64_t *ret_before)
{
    struct entry *e = find_or_add(h, address, reason, now_us);
    if (now_us - e->said_us < HOURLY_PERIOD_US) {
        e->unsaid++;
        return false;
    }
    *ret_before = e->unsaid;
    e->unsaid = 0;
    e->said_us = now_us;
    return true;
}
