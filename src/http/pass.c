#include "http/pass.h"

#include "store/file.h"
#include "store/identity.h"

#include <string.h>

static int make(const char *path, struct buf *ret, struct buf *why)
{
    uint8_t secret[PASS_BYTES];
    struct buf line = {0};

    identity_random(secret, sizeof(secret));
    for (size_t i = 0; i < sizeof(secret); i++)
        buf_printf(ret, "%02x", secret[i]);
    buf_append(&line, ret->data, ret->len);
    buf_byte(&line, '\n');
    int r = file_write(path, buf_bytes(&line), 0600);

    buf_deinit(&line);
    if (r != 0)
        buf_printf(why, "cannot write %s: %s", path, strerror(-r));
    return r != 0;
}

static bool is_good(const struct buf *token)
{
    bool good = token->len >= PASS_MIN && token->len <= PASS_MAX;

    for (size_t i = 0; good && i < token->len; i++)
        good = token->data[i] > ' ' && token->data[i] < 0x7f;
    return good;
}

int pass_open(const char *folder, struct buf *ret, struct buf *why)
{
    struct buf path = {0};

    buf_printf(&path, "%s/" PASS_FILE, folder);
    int r = file_read(ret, buf_cstr(&path), PASS_MAX + 2);

    if (r == FILE_ABSENT) {
        r = make(buf_cstr(&path), ret, why);
    } else if (r < 0) {
        buf_printf(why, "cannot read %s: %s", buf_cstr(&path), strerror(-r));
    } else {
        while (ret->len > 0 && ret->data[ret->len - 1] == '\n')
            ret->len--;
        r = r != 0 || !is_good(ret);
        if (r)
            buf_printf(
                why,
                "%s: a token is one line of %u to %u printable characters: delete the file for a new one",
                buf_cstr(&path), PASS_MIN, PASS_MAX);
    }
    buf_deinit(&path);
    return r != 0;
}
