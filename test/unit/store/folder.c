#include "folder.h"

#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void folder_make(struct folder *f)
{
    strcpy(f->path, "/tmp/kith-test-XXXXXX");
    char *made = mkdtemp(f->path);

    assert(made);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void folder_remove(struct folder *f)
{
    nftw(f->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *folder_file(const struct folder *f, const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", f->path, name);
    return path;
}

void folder_put(const struct folder *f, const char *name, const char *content)
{
    FILE *file = fopen(folder_file(f, name), "w");

    assert(file);
    fputs(content, file);
    fclose(file);
}
