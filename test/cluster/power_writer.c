/*
 * The store under test/cluster/test_power_loss.py.
 *
 *     power-writer write DIR BATCHES FOLD_BYTES    writes batches through kithd's own writer thread, and says each number in
 *                                                  DIR/acknowledged once it was reported to be on disk
 *     power-writer check DIR [DIR...]              opens each, and says what it holds: a line "DIR N", when that is what the first
 *                                                  N batches left, no more and no less; else "DIR bad: why"
 *
 * Batch n writes n to the local row `last` and changes, by a stream of numbers that starts at n, some of ROWS rows: adds them,
 * makes them longer or shorter, deletes them. So what N batches leave is known without having seen them.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "shell/mail.h"
#include "shell/writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS      400u
#define ROW_BYTES 3000u
#define CHANGES   6u
#define GATHERED  5u /* batches under way at a time, at most */

struct row_change {
    uint32_t row;
    uint32_t len; /* of the value; 0: deleted */
    uint8_t byte; /* that it is filled with */
};

static void changes_of(uint32_t batch, struct row_change *ret)
{
    struct rng rng;

    rng_seed(&rng, batch);
    for (unsigned k = 0; k < CHANGES; k++) {
        uint32_t kind = (uint32_t)rng_below(&rng, 8);

        ret[k].row = (uint32_t)rng_below(&rng, ROWS);
        ret[k].len = kind == 0 ? 0 : 1 + (uint32_t)rng_below(&rng, kind == 1 ? ROW_BYTES : 200);
        ret[k].byte = (uint8_t)rng_below(&rng, 256);
    }
}

static struct bytes key_of(uint32_t row, char *room)
{
    /* Scattered, as ids are. */
    return bytes_of(room, (size_t)snprintf(room, 24, "%08x-%u", row * 2654435761u, row));
}

/* ---- writing ---- */

static void send_batch(zactor_t *writer, uint32_t n)
{
    static uint8_t values[CHANGES][ROW_BYTES];
    struct row_change changes[CHANGES];
    struct store_write writes[CHANGES + 1];
    char keys[CHANGES][24];
    struct effect e = {.kind = EFFECT_STORE};

    changes_of(n, changes);
    for (unsigned k = 0; k < CHANGES; k++) {
        memset(values[k], changes[k].byte, changes[k].len);
        writes[k] = (struct store_write){.key = key_of(changes[k].row, keys[k]),
                                         .value = bytes_of(values[k], changes[k].len)};
    }
    writes[CHANGES] = (struct store_write){
        .local = true, .key = bytes_str("last"), .value = bytes_of(&n, sizeof(n))};
    e.store = (struct effect_store){.token = n, .writes = writes, .writes_n = CHANGES + 1};
    mail_send(zactor_sock(writer), job_new(&e));
}

/* The number of the newest batch that is on disk. */
static uint32_t await(zactor_t *writer)
{
    zmq_pollitem_t item = {.socket = zsock_resolve(writer), .events = ZMQ_POLLIN};
    bool end = false;

    zmq_poll(&item, 1, -1);
    struct report *r = mail_receive(zactor_sock(writer), &end);

    if (r == NULL || r->event.kind != EVENT_STORED)
        exit(3);
    uint32_t n = (uint32_t)r->event.token;

    report_free(r);
    return n;
}

static int write_batches(const char *dir, uint32_t batches, uint64_t fold_bytes)
{
    struct buf why = {0}, path = {0};
    struct store *store;
    struct rng rng;

    rng_seed(&rng, batches);
    if (store_open(&store, dir, &why)) {
        fprintf(stderr, "%s\n", buf_cstr(&why));
        return 1;
    }
    store_fold_at(store, fold_bytes);
    buf_printf(&path, "%s/acknowledged", dir);
    int acknowledged = open(buf_cstr(&path), O_WRONLY | O_CREAT | O_APPEND, 0600);
    zactor_t *writer = writer_new(store);

    for (uint32_t sent = 0, stored = 0; stored < batches;) {
        for (uint64_t k = 1 + rng_below(&rng, GATHERED); k > 0 && sent < batches; k--)
            send_batch(writer, ++sent);
        while (stored < sent) {
            stored = await(writer);
            if (write(acknowledged, &stored, sizeof(stored)) != sizeof(stored))
                return 1;
        }
    }
    mail_stop(&writer);
    store_close(store);
    close(acknowledged);
    buf_deinit(&path);
    return 0;
}

/* ---- checking ---- */

struct held {
    uint32_t len;
    uint8_t byte;
};

static void model(uint32_t batches, struct held *rows)
{
    struct row_change changes[CHANGES];

    for (uint32_t n = 1; n <= batches; n++) {
        changes_of(n, changes);
        for (unsigned k = 0; k < CHANGES; k++)
            rows[changes[k].row] = (struct held){changes[k].len, changes[k].byte};
    }
}

static uint32_t last_of(const struct store_content *c)
{
    uint32_t n = 0;

    if (c->locals_n == 1 && c->locals[0].value.len == sizeof(n))
        memcpy(&n, c->locals[0].value.data, sizeof(n));
    return n;
}

/* Records come without their keys: each must be one that the model has, each of those once. */
static const char *compare(const struct store_content *c, struct held *rows)
{
    size_t wanted = 0;

    for (unsigned k = 0; k < ROWS; k++)
        wanted += rows[k].len > 0;
    if (wanted != c->records_n)
        return "rows are missing, or there are too many";
    for (size_t i = 0; i < c->records_n; i++) {
        struct bytes r = c->records[i];
        unsigned k = 0;

        while (k < ROWS && (rows[k].len != r.len || rows[k].byte != r.data[0]))
            k++;
        if (k == ROWS)
            return "a row is another than it should be";
        rows[k].len = 0;
        for (size_t at = 0; at < r.len; at++) {
            if (r.data[at] != r.data[0])
                return "a row is a mixture";
        }
    }
    return NULL;
}

static void check(const char *dir)
{
    struct held *rows = mem_alloc(ROWS * sizeof(*rows));
    struct buf why = {0};
    struct store *store;
    struct store_content content;

    if (store_open(&store, dir, &why)) {
        printf("%s bad: %s\n", dir, buf_cstr(&why));
    } else if (store_load(store, &content)) {
        printf("%s bad: %s\n", dir, store_why(store));
    } else {
        uint32_t n = last_of(&content);

        model(n, rows);
        const char *wrong = compare(&content, rows);

        if (wrong)
            printf("%s bad: after batch %u %s\n", dir, n, wrong);
        else
            printf("%s %u\n", dir, n);
        store_close(store);
    }
    buf_deinit(&why);
    mem_free(rows);
}

int main(int argc, char **argv)
{
    zsys_handler_set(NULL);
    if (argc == 5 && strcmp(argv[1], "write") == 0)
        return write_batches(argv[2], (uint32_t)atoi(argv[3]), (uint64_t)atoll(argv[4]));
    if (argc < 3 || strcmp(argv[1], "check") != 0) {
        fprintf(stderr, "power-writer write DIR BATCHES FOLD_BYTES | check DIR...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++)
        check(argv[i]);
    return 0;
}
