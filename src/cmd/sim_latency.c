#include "cmd/sim_latency.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_NAME "latency/PlanetLabData_1.gz"
/* Beyond it a number is no round trip. */
#define RTT_MAX_MS 10000.0

extern char **environ;

/* What gzip -dc says, with a 0 after it. False: it could not. */
static bool unpack(const char *path, struct buf *ret)
{
    char *argv[] = {"gzip", "-dc", "--", (char *)(uintptr_t)path, NULL};
    posix_spawn_file_actions_t actions;
    int ends[2], status = -1;
    pid_t pid;
    if (pipe(ends) != 0)
        return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    int rc = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    char block[65536];
    ssize_t got;
    while (rc == 0 &&
           ((got = read(ends[0], block, sizeof(block))) > 0 || (got < 0 && errno == EINTR))) {
        if (got > 0)
            buf_append(ret, block, (size_t)got);
    }
    close(ends[0]);
    if (rc == 0)
        waitpid(pid, &status, 0);
    return rc == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static uint32_t count_lines(const char *text)
{
    uint32_t n = 0;
    for (; (text = strchr(text, '\n')); text++)
        n++;
    return n;
}

static bool read_table(struct sim_latency *ret, const char *text)
{
    size_t n = count_lines(text), cells = n * n;
    if (n == 0 || n > 10000)
        return false;
    ret->rtt_us = mem_alloc(cells * sizeof(*ret->rtt_us));
    for (size_t i = 0; i < cells; i++) {
        char *end;
        double ms = strtod(text, &end);
        if (end == text || !(ms >= 0 && ms < RTT_MAX_MS))
            return false;
        ret->rtt_us[i] = (uint32_t)(ms * 1000);
        text = end;
    }
    ret->map = (struct net_map){.rtt_us = ret->rtt_us, .places = (uint32_t)n};
    return true;
}

int sim_latency_load(struct sim_latency *ret)
{
    const char *folder = getenv("KITH_DATA");
    struct buf path = {0}, text = {0};
    *ret = (struct sim_latency){0};
    buf_printf(&path, "%s/" FILE_NAME, folder ? folder : KITH_SOURCE_ROOT "/../shared/data");
    int rc = 1;
    if (access(buf_cstr(&path), R_OK) != 0)
        fprintf(stderr, "kith-sim: skipped: no %s (set KITH_DATA)\n", buf_cstr(&path));
    else if (!unpack(buf_cstr(&path), &text) || !read_table(ret, buf_cstr(&text)))
        fprintf(stderr, "kith-sim: %s is no table of round trips\n", buf_cstr(&path));
    else
        rc = 0;
    if (rc != 0)
        sim_latency_deinit(ret);
    buf_deinit(&path);
    buf_deinit(&text);
    return rc;
}

void sim_latency_deinit(struct sim_latency *l)
{
    mem_free(l->rtt_us);
    *l = (struct sim_latency){0};
}
