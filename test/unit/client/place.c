#include "place.h"

#include "test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

int place_make(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    strcpy(p->path, "/tmp/kith-lookup-XXXXXX");
    assert_non_null(mkdtemp(p->path));
    assert_int_equal(chmod(p->path, 0755), 0);
    *state = p;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int place_remove(void **state)
{
    struct place *p = *state;

    lookup_file_close(p->file);
    nftw(p->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(p);
    return 0;
}

struct lookup_file *place_writer(const char *path)
{
    struct lookup_file_config config = {.folder = path};
    struct lookup_file *f;
    struct buf why = {0};
    int r = lookup_file_open(&f, &config, &why);

    if (r)
        fprintf(stderr, "%s\n", buf_cstr(&why));
    buf_deinit(&why);
    return r || lookup_file_begin(f) ? NULL : f;
}

void place_start(struct place *p)
{
    p->file = place_writer(p->path);
    assert_non_null(p->file);
}

int place_put(struct lookup_file *f, const char *name, uint32_t count, uint32_t round)
{
    static struct lookup_endpoint list[512];
    struct bytes tags[] = {bytes_str("v1"), bytes_str("eu")};
    char addr[32];

    snprintf(addr, sizeof(addr), "10.0.%u.%u", round / 256 % 256, round % 256);
    for (uint32_t i = 0; i < count * 2; i++) {
        list[i] = (struct lookup_endpoint){.node_name = bytes_str(addr),
                                           .addr = bytes_str(addr),
                                           .port_name = bytes_str(i % 2 ? "http" : "admin"),
                                           .port = (uint16_t)(i + 1),
                                           .weight = round,
                                           .distance_us = i / 2 * 1000};
    }
    return lookup_file_put(f, &(struct lookup_service){.space = bytes_str("default"),
                                                       .name = bytes_str(name),
                                                       .tags = tags,
                                                       .tags_n = 2,
                                                       .endpoints = list,
                                                       .endpoints_n = count * 2});
}

void place_take_away(struct lookup_file *f, const char *name)
{
    struct lookup_service s = {
        .space = bytes_str("default"), .name = bytes_str(name), .gone = true};

    assert_int_equal(lookup_file_put(f, &s), 0);
}

int64_t place_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
