#include "store/lookup_clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define US_PER_S  INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

/* Reads up to size - 1 bytes of a small file of the kernel's; "" when there is none. */
static void read_text(const char *path, char *ret, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, ret, size - 1);

    ret[len > 0 ? len : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct lookup_boot lookup_boot_now(void)
{
    struct lookup_boot boot = {{0, 0}};
    char text[64];
    unsigned digits = 0;

    read_text("/proc/sys/kernel/random/boot_id", text, sizeof(text));
    for (const char *c = text; *c && digits < 32; c++) {
        int digit = hex_digit(*c);

        if (digit < 0)
            continue;
        uint64_t *half = &boot.id[digits++ / 16];

        *half = *half << 4 | (uint64_t)digit;
    }
    return boot;
}

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * US_PER_S + now.tv_nsec / NS_PER_US;
}

int64_t lookup_boot_us(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

int64_t lookup_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t lookup_mono_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t lookup_coarse_us(void)
{
    return read_clock(CLOCK_MONOTONIC_COARSE);
}

bool lookup_boot_is_offset(void)
{
    char text[128];
    long long s, ns;

    read_text("/proc/self/timens_offsets", text, sizeof(text));
    const char *line = strstr(text, "boottime");

    return line && sscanf(line, "boottime %lld %lld", &s, &ns) == 2 && (s || ns);
}
