#include "store/identity.h"

#include "store/file.h"
#include "trust/armor.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define IDENTITY_MAX_BYTES 32768

void identity_random(void *out, size_t len)
{
    uint8_t *at = out;

    while (len) {
        ssize_t n = getrandom(at, len, 0);

        assert(n > 0 || errno == EINTR); /* the kernel has no other way to fail */
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
}

struct ulid identity_fresh_id(int64_t wall_ms)
{
    struct ulid id;

    identity_random(&id, sizeof(id));
    for (int i = 0; i < 6; i++)
        id.b[i] = (uint8_t)(wall_ms >> (8 * (5 - i)));
    return id;
}

void identity_to_text(struct buf *out, const struct identity *identity)
{
    struct buf encoded = {0};

    identity_encode(&encoded, identity);
    armor_write(out, IDENTITY_LABEL, buf_bytes(&encoded));
    buf_deinit(&encoded);
}

int identity_from_text(struct identity *ret, struct bytes text, struct arena *mem)
{
    struct buf encoded = {0};
    struct wire_error err;
    int problem = IDENTITY_FOREIGN;

    if (armor_read(&encoded, IDENTITY_LABEL, text) == 0 &&
        identity_decode(ret, arena_bytes(mem, buf_bytes(&encoded)), mem, &err) == 0)
        problem = 0;
    buf_deinit(&encoded);
    return problem;
}

static int make(struct identity *ret, const char *dir, const char *path, int64_t wall_ms,
                struct buf *why)
{
    struct buf text = {0};

    *ret = (struct identity){.id = identity_fresh_id(wall_ms), .made_ms = wall_ms};
    identity_random(&ret->seed, sizeof(ret->seed));
    buf_str(
        &text,
        "This is a Kith node's identity and the secret that proves it. Keep it; do not copy it.\n");
    identity_to_text(&text, ret);
    int r = file_make_folder(dir, 0700);

    if (!r)
        r = file_create(path, buf_bytes(&text), 0600);
    buf_deinit(&text);
    if (!r)
        return 0;
    buf_printf(
        why, "cannot write %s: %s; give another data folder with --data, or make this one writable",
        path, r < 0 ? strerror(-r) : "another kithd has just made it");
    return IDENTITY_UNWRITABLE;
}

static int parse(struct identity *ret, struct bytes text, const char *path, struct buf *why)
{
    struct arena mem = {0};
    int problem = identity_from_text(ret, text, &mem);

    if (problem)
        buf_printf(why,
                   "%s is no Kith identity: it is damaged or belongs to something else; restore "
                   "it, or move "
                   "it away to start as a new node",
                   path);
    else
        *ret = (struct identity){.id = ret->id, .seed = ret->seed, .made_ms = ret->made_ms};
    arena_deinit(&mem);
    return problem;
}

int identity_open(struct identity *ret, const char *dir, int64_t wall_ms, struct buf *why)
{
    struct buf path = {0}, text = {0};
    int problem;

    buf_printf(&path, "%s/" IDENTITY_FILE, dir);
    int r = file_read(&text, buf_cstr(&path), IDENTITY_MAX_BYTES);

    if (r == FILE_ABSENT) {
        problem = make(ret, dir, buf_cstr(&path), wall_ms, why);
    } else if (r < 0) {
        buf_printf(why, "cannot read %s: %s", buf_cstr(&path), strerror(-r));
        problem = IDENTITY_UNREADABLE;
    } else {
        problem = parse(ret, r ? (struct bytes){0} : buf_bytes(&text), buf_cstr(&path), why);
    }
    buf_deinit(&path);
    buf_deinit(&text);
    return problem;
}
