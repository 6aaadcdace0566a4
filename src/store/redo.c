#include "store/redo.h"

#include "base/mem.h"
#include "state/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORD_STORE, WORD_NUMBER, WORD_BYTES, WORD_CHECK, HEAD_WORDS };

#define HEAD_BYTES (HEAD_WORDS * sizeof(uint64_t))
#define ROW_HEAD   (1 + 2 * sizeof(uint32_t))
#define FLAG_LOCAL 1u

int redo_open(struct redo *ret, const char *path)
{
    struct stat st;

    *ret = (struct redo){.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    if (ret->fd < 0 || fstat(ret->fd, &st))
        return -errno;
    ret->room = (uint64_t)st.st_size;
    return 0;
}

void redo_close(struct redo *r)
{
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
    buf_deinit(&r->entry);
}

void redo_rewind(struct redo *r)
{
    r->end = 0;
}

/* ---- writing ---- */

static uint64_t check_of(const uint64_t *head, struct bytes rows)
{
    return hash64_pair(bytes_of(head, WORD_CHECK * sizeof(*head)), rows);
}

static void put_length(struct buf *out, size_t len)
{
    uint32_t n = (uint32_t)len;

    buf_append(out, &n, sizeof(n));
}

static void put_rows(struct buf *out, const struct effect_store *batch)
{
    for (uint32_t i = 0; i < batch->writes_n; i++) {
        const struct store_write *w = &batch->writes[i];

        buf_byte(out, w->local ? FLAG_LOCAL : 0);
        put_length(out, w->key.len);
        put_length(out, w->value.len);
        buf_append(out, w->key.data, w->key.len);
        buf_append(out, w->value.data, w->value.len);
    }
}

static void make_entry(struct redo *r, uint64_t store_id, uint64_t number,
                       const struct effect_store *const *batches, size_t batches_n)
{
    uint64_t head[HEAD_WORDS] = {store_id, number};
    struct buf *e = &r->entry;

    buf_reset(e);
    buf_append(e, head, sizeof(head));
    for (size_t i = 0; i < batches_n; i++)
        put_rows(e, batches[i]);
    head[WORD_BYTES] = e->len - sizeof(head);
    head[WORD_CHECK] = check_of(head, bytes_of(e->data + sizeof(head), e->len - sizeof(head)));
    memcpy(e->data, head, sizeof(head));
    while (e->len % sizeof(uint64_t))
        buf_byte(e, 0);
}

static int write_at(int fd, const uint8_t *data, size_t len, uint64_t at)
{
    while (len) {
        ssize_t n = pwrite(fd, data, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -ENOSPC;
        data += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    return 0;
}

/* Zeros up to `until`, where the file ends before: best effort, the entry itself makes it longer as well. */
static void make_room(struct redo *r, uint64_t until)
{
    static const uint8_t zeros[REDO_STEP];

    while (r->room < until) {
        size_t len = REDO_STEP - r->room % REDO_STEP;

        if (write_at(r->fd, zeros, len, r->room))
            return;
        r->room += len;
    }
}

int redo_append(struct redo *r, uint64_t store_id, uint64_t number,
                const struct effect_store *const *batches, size_t batches_n)
{
    make_entry(r, store_id, number, batches, batches_n);
    make_room(r, r->end + r->entry.len);
    int result = write_at(r->fd, r->entry.data, r->entry.len, r->end);

    if (!result && fdatasync(r->fd))
        result = -errno;
    if (result)
        return result;
    r->end += r->entry.len;
    if (r->room < r->end)
        r->room = r->end;
    return 0;
}

/* ---- reading ---- */

static int read_all(int fd, struct buf *ret)
{
    struct stat st;
    ssize_t n = 1;

    if (fstat(fd, &st))
        return -errno;
    buf_reserve(ret, (size_t)st.st_size);
    while (n > 0 && ret->len < (size_t)st.st_size) {
        n = pread(fd, ret->data + ret->len, (size_t)st.st_size - ret->len, (off_t)ret->len);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            ret->len += (size_t)n;
    }
    return n < 0 ? -errno : 0;
}

/* Adds the rows of an entry, whose check was right. False: they are not rows all the same. */
static bool take_rows(struct redo_content *c, struct bytes rows, size_t *cap)
{
    while (rows.len) {
        uint32_t key_len, value_len;

        if (rows.len < ROW_HEAD)
            return false;
        memcpy(&key_len, rows.data + 1, sizeof(key_len));
        memcpy(&value_len, rows.data + 1 + sizeof(key_len), sizeof(value_len));
        size_t len = ROW_HEAD + (size_t)key_len + value_len;

        if (rows.len < len)
            return false;
        if (c->writes_n == *cap) {
            *cap = *cap ? 2 * *cap : 64;
            c->writes = mem_grow(c->writes, *cap, sizeof(*c->writes));
        }
        c->writes[c->writes_n++] = (struct store_write){
            .local = rows.data[0] & FLAG_LOCAL,
            .key = bytes_of(rows.data + ROW_HEAD, key_len),
            .value = bytes_of(rows.data + ROW_HEAD + key_len, value_len),
        };
        rows = bytes_of(rows.data + len, rows.len - len);
    }
    return true;
}

/* The entry at c->end with its rows. False: there is no good one. */
static bool read_entry(const struct redo_content *c, uint64_t store_id, uint64_t *head,
                       struct bytes *ret_rows)
{
    size_t left = c->bytes.len - (size_t)c->end;

    if (left < HEAD_BYTES)
        return false;
    memcpy(head, c->bytes.data + c->end, HEAD_BYTES);
    if (head[WORD_STORE] != store_id || head[WORD_NUMBER] == 0 ||
        head[WORD_BYTES] > left - HEAD_BYTES)
        return false;
    *ret_rows = bytes_of(c->bytes.data + c->end + HEAD_BYTES, (size_t)head[WORD_BYTES]);
    return head[WORD_CHECK] == check_of(head, *ret_rows);
}

int redo_read(const struct redo *r, uint64_t store_id, uint64_t after, struct redo_content *ret)
{
    uint64_t head[HEAD_WORDS], number = 0;
    struct bytes rows;
    size_t cap = 0;

    *ret = (struct redo_content){0};
    int result = read_all(r->fd, &ret->bytes);

    while (!result && read_entry(ret, store_id, head, &rows)) {
        if (number && head[WORD_NUMBER] != number + 1)
            break;
        number = head[WORD_NUMBER];
        if (number > after) {
            if (!take_rows(ret, rows, &cap))
                break;
            ret->first = ret->first ? ret->first : number;
            ret->last = number;
        }
        ret->end += HEAD_BYTES + (head[WORD_BYTES] + 7) / 8 * 8;
        if (ret->end >= ret->bytes.len)
            break;
    }
    return result;
}

void redo_content_deinit(struct redo_content *c)
{
    buf_deinit(&c->bytes);
    mem_free(c->writes);
    *c = (struct redo_content){0};
}

/* ---- in order of keys ---- */

int redo_compare(const struct store_write *a, const struct store_write *b)
{
    return a->local != b->local ? (int)a->local - (int)b->local : bytes_compare(a->key, b->key);
}

struct numbered {
    struct store_write write;
    size_t number;
};

static int compare_numbered(const void *a, const void *b)
{
    const struct numbered *x = a, *y = b;
    int order = redo_compare(&x->write, &y->write);

    return order ? order : (x->number > y->number) - (x->number < y->number);
}

size_t redo_sorted(const struct redo_content *contents, size_t contents_n, struct store_write **ret)
{
    size_t all = 0, count = 0;

    for (size_t i = 0; i < contents_n; i++)
        all += contents[i].writes_n;
    struct numbered *list = mem_alloc((all + 1) * sizeof(*list));

    for (size_t i = 0, n = 0; i < contents_n; i++) {
        for (size_t k = 0; k < contents[i].writes_n; k++, n++)
            list[n] = (struct numbered){contents[i].writes[k], n};
    }
    qsort(list, all, sizeof(*list), compare_numbered);
    *ret = mem_alloc((all + 1) * sizeof(**ret));
    for (size_t n = 0; n < all; n++) {
        if (n + 1 == all || redo_compare(&list[n].write, &list[n + 1].write) != 0)
            (*ret)[count++] = list[n].write;
    }
    mem_free(list);
    return count;
}
