#ifndef KITH_TEST_PLACE_H
#define KITH_TEST_PLACE_H
/* A look-up folder of its own for a test, and what a daemon would write there. */
#include "store/lookup_file.h"

struct place {
    char path[64];
    struct lookup_file *file; /* NULL: nobody writes */
};

int place_make(void **state); /* cmocka's setup and teardown */
int place_remove(void **state);

/* Opens the folder's writer; NULL when that fails, and says why. */
struct lookup_file *place_writer(const char *path);
void place_start(struct place *p);

/* `count` instances, each with an `http` and an `admin` port; all of one round. 0 or -errno. */
int place_put(struct lookup_file *f, const char *name, uint32_t count, uint32_t round);
void place_take_away(struct lookup_file *f, const char *name);

int64_t place_now_ms(void);

#endif
