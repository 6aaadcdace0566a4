#include "store/identity.h"

#include "store/file.h"
#include "trust/keyfile.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

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

static int make(struct identity *ret, const char *dir, const char *path, int64_t wall_ms,
                struct buf *why)
{
    struct buf text = {0};

    *ret = (struct identity){.id = identity_fresh_id(wall_ms), .made_ms = wall_ms};
    identity_random(&ret->seed, sizeof(ret->seed));
    buf_str(
        &text,
        "This is a Kith node's identity and the secret that proves it. Keep it; do not copy it.\n");
    keyfile_write_identity(&text, ret);
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
    int problem = keyfile_read_identity(ret, text, &mem) ? IDENTITY_FOREIGN : 0;

    if (problem)
        buf_printf(
            why,
            "%s is no Kith identity: it is damaged or belongs to something else; restore it, "
            "or move it away to start as a new node",
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
    int r = file_read(&text, buf_cstr(&path), KEYFILE_MAX_BYTES);

    if (r == FILE_ABSENT) {
        problem = make(ret, dir, buf_cstr(&path), wall_ms, why);
    } else if (r < 0) {
        buf_printf(why, "cannot read %s: %s", buf_cstr(&path), strerror(-r));
        problem = IDENTITY_UNREADABLE;
    } else {
        struct bytes found = buf_bytes(&text);
        if (r != 0)
            found.len = 0; /* too large to be one */
        problem = parse(ret, found, buf_cstr(&path), why);
    }
    buf_deinit(&path);
    buf_deinit(&text);
    return problem;
}
