#ifndef KITH_TEST_FOLDER_H
#define KITH_TEST_FOLDER_H
/* A folder of its own for a test, removed with all that is in it at the end. */

struct folder {
    char path[64];
};

void folder_make(struct folder *f);
void folder_remove(struct folder *f);

/* PATH/name, in a static buffer that the fourth call after this one overwrites. */
const char *folder_file(const struct folder *f, const char *name);

/* Replaces the file's content. */
void folder_put(const struct folder *f, const char *name, const char *content);

#endif
