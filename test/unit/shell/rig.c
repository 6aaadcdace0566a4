#include "rig.h"
#include "shell/clock.h"
#include <assert.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *rig_address(unsigned n)
{
    static char text[256][32];
    static unsigned pid; /* of the test, also in its children */
    if (pid == 0)
        pid = (unsigned)getpid();
    snprintf(text[n], sizeof text[n], "127.%u.%u.%u", 64 + (pid >> 8) % 128, pid & 255, n);
    return text[n];
}

struct rig_keys rig_key_pair(void)
{
    struct rig_keys keys;
    char public[41], secret[41];
    int rc = zmq_curve_keypair(public, secret);
    assert(rc == 0);
    zmq_z85_decode(keys.public.b, public);
    zmq_z85_decode(keys.secret.b, secret);
    return keys;
}

struct curve rig_member(const struct rig_keys *own, const struct rig_keys *ring)
{
    return (struct curve){.own_public = own->public,
                          .own_secret = own->secret,
                          .ring_public = ring->public,
                          .ring_secret = ring->secret};
}

struct transport *rig_transport(unsigned n, const struct curve *keys)
{
    char way[64];
    snprintf(way, sizeof way, "tcp://%s:%d", rig_address(n), DOORS_PORT_BASE);
    struct transport_config config = {
        .ways = &(const char *){way},
        .ways_n = 1,
        .node = {{(uint8_t)n}},
        .nonce = n,
        .keys = *keys,
    };
    return transport_new(&config);
}

static kith_time held_us; /* 0: time goes */

kith_time rig_now_us(void)
{
    return held_us > 0 ? held_us : clock_now_us();
}

void rig_hold_time(void)
{
    held_us = clock_now_us();
}

void rig_let_time_go(void)
{
    held_us = 0;
}

void rig_turn(struct transport *t)
{
    pollset_wait(transport_set(t), clock_now_us() + 20 * KITH_MS);
    transport_turn(t, rig_now_us());
}

long rig_resident_kib(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    int got = fscanf(file, "%ld %ld", &pages, &resident);
    assert(got == 2);
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

int rig_descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

char *rig_folder(void)
{
    char *path = strdup("/tmp/kith-test-XXXXXX");
    char *made = mkdtemp(path);
    assert(made != NULL);
    return made;
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *at)
{
    (void)s, (void)type, (void)at;
    return remove(path);
}

void rig_remove(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
