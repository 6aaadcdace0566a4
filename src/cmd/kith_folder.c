#include "cmd/kith_folder.h"

#include "store/file.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

bool folder_path(const struct kith *k, struct buf *out, const char *file)
{
    const char *dir = k->args.text[FLAG_DIR] ? k->args.text[FLAG_DIR] : getenv("KITH_DIR");
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

    if (dir && *dir)
        buf_printf(out, "%s/%s", dir, file);
    else if (config && *config)
        buf_printf(out, "%s/kith/%s", config, file);
    else if (home && *home)
        buf_printf(out, "%s/.config/kith/%s", home, file);
    else
        return false;
    return true;
}

bool folder_read_key(const struct kith *k, struct buf *ret)
{
    struct buf path = {0};
    bool found = true;

    if (k->args.text[FLAG_KEY])
        buf_str(&path, k->args.text[FLAG_KEY]);
    else
        found = folder_path(k, &path, FOLDER_OPERATOR_FILE);
    found = found && file_read(ret, buf_cstr(&path), KEYFILE_MAX_BYTES) == 0;
    buf_deinit(&path);
    return found;
}

static int read_cluster(struct kith *k, struct cluster_keys *ret, const char *path)
{
    struct buf text = {0};
    int r = file_read(&text, path, KEYFILE_MAX_BYTES);
    int status = KITH_DONE;

    if (r == FILE_ABSENT)
        status = kith_failed(
            "there is no %s: make a cluster with `kith cluster init`, or name its folder with --dir",
            path);
    else if (r < 0)
        status = kith_failed("cannot read %s: %s", path, strerror(-r));
    else if (r || keyfile_read_cluster(ret, buf_bytes(&text), &k->mem))
        status =
            kith_failed("%s is damaged, or no cluster's keys: restore it from your backup", path);
    if (text.len)
        keys_wipe(text.data, text.len);
    buf_deinit(&text);
    return status;
}

int folder_read_cluster(struct kith *k, struct cluster_keys *ret)
{
    struct buf path = {0};

    if (!folder_path(k, &path, FOLDER_CLUSTER_FILE))
        return kith_failed(
            "there is no home folder: name the operator's folder with --dir or KITH_DIR");
    int status = read_cluster(k, ret, buf_cstr(&path));

    buf_deinit(&path);
    return status;
}

int folder_write(struct kith *k, const char *path, struct bytes content)
{
    char *copy = arena_str(&k->mem, bytes_str(path)); /* dirname() writes into it */
    int r = file_make_folder(dirname(copy), 0700);

    if (r == 0)
        r = args_has(&k->args, FLAG_FORCE) ? file_write(path, content, 0600)
                                           : file_create(path, content, 0600);
    if (r == FILE_EXISTS)
        return kith_failed(
            "%s is there already: use another folder or file, or replace it with --force", path);
    return r ? kith_failed("cannot write %s: %s", path, strerror(-r)) : KITH_DONE;
}
