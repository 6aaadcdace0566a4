#include "shell/host.h"
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static uint64_t processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (uint64_t)CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (uint64_t)online : 1;
}

static uint64_t memory_bytes(void)
{
    FILE *file = fopen("/proc/meminfo", "re");
    unsigned long long kib = 0;
    char line[256];
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "MemTotal: %llu kB", &kib) == 1)
            break;
    fclose(file);
    return kib * 1024;
}

static uint64_t disk_bytes(const char *dir)
{
    struct statvfs s;
    return statvfs(dir, &s) == 0 ? (uint64_t)s.f_bavail * s.f_frsize : 0;
}

struct resources host_capacity(const char *data_dir)
{
    return (struct resources){
        .cpu_millis = 1000 * processors(),
        .memory_bytes = memory_bytes(),
        .disk_bytes = disk_bytes(data_dir),
    };
}

/* The beginning of a small file of /proc; empty when it cannot be read. */
static void read_start(const char *path, char *text, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, room - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
}

static uint16_t permille(uint64_t part, uint64_t all)
{
    return (uint16_t)(all == 0 || part > all ? 0 : part * 1000 / all);
}

/* Idle and waiting for disks is not busy; guests are counted in user already. */
static uint16_t sample_cpu(struct host_sampler *s)
{
    char text[512];
    unsigned long long v[8] = {0}, total = 0;
    read_start("/proc/stat", text, sizeof text);
    sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3], &v[4],
           &v[5], &v[6], &v[7]);
    for (size_t i = 0; i < 8; i++)
        total += v[i];
    uint64_t busy = total - v[3] - v[4];
    uint16_t cpu = permille(busy - s->busy, total - s->total);
    s->busy = busy;
    s->total = total;
    return cpu;
}

static uint64_t meminfo(const char *text, const char *name)
{
    unsigned long long kib = 0;
    const char *at = strstr(text, name);
    if (at != NULL)
        sscanf(at + strlen(name), ": %llu", &kib);
    return kib;
}

struct event_sample host_sample(struct host_sampler *s)
{
    char text[512];
    struct event_sample sample = {.cpu_permille = sample_cpu(s)};
    read_start("/proc/meminfo", text, sizeof text);
    uint64_t total = meminfo(text, "MemTotal");
    sample.memory_permille = permille(total - meminfo(text, "MemAvailable"), total);
    return sample;
}
