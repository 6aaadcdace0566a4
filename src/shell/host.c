#include "shell/host.h"
#include <sched.h>
#include <stdio.h>
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
