/*
 * kith-sim: runs clusters in a virtual world and says whether they kept their promises. See sim/world.h.
 */
#include "base/mem.h"
#include "base/plant.h"
#include "cmd/sim_heap.h"
#include "cmd/sim_latency.h"
#include "cmd/sim_report.h"
#include "cmd/sim_scenario.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#ifdef KITH_PLANT
int kith_plant = PLANT_NONE;
#endif

static const char usage[] =
    "usage: kith-sim [--peers N] [--seed S] [--seeds COUNT] [--scenario FILE] [--until SECONDS]\n"
    "                [--rival NAME] [--calm | --crashes] [--race | --count N] [--twice] [--measure] [--trace] [-o text|json]\n"
    "\n"
    "Runs a cluster of N hosts in virtual time under faults drawn from the seed, heals it, and "
    "demands\n"
    "that it converges. Exits with 0 when nothing was violated and all converged, 1 otherwise, 2 "
    "on usage,\n"
    "77 when measured latencies are wanted and ../shared/data (or KITH_DATA) is not there.\n"
    "\n"
    "  --peers N         hosts, 1 to 5000; without it each seed draws 3 to 20\n"
    "  --seed S          of everything random (default 1); the same seed plays the same, bit for "
    "bit\n"
    "  --seeds COUNT     run S, S+1, ... (default 1)\n"
    "  --scenario FILE   faults, and services if it has any, from a file instead of the seed\n"
    "  --until SECONDS   virtual seconds until faults end and all heals (default 60)\n"
    "  --rival NAME      other members instead of ours, in the scenario's cuts, losses, pauses and\n"
    "                    power cuts: swim or lifeguard on the same connections, swim-udp or\n"
    "                    lifeguard-udp on datagrams\n"
    "  --calm            no faults\n"
    "  --race            a client at each peer races with the others for a key and a lock\n"
    "  --crashes         no faults but crashes: kills, power cuts, disks that are slow or full\n"
    "  --count N         clients at the first N peers count a key up by compare and set, one after the other\n"
    "  --twice           run each seed twice and compare the trace hashes\n"
    "  --measure         print what was measured, also without a scenario that says warm\n"
    "  --trace           print every event and effect (large)\n"
    "  -o FORMAT         text, or json: one object per run\n"
#ifdef KITH_PLANT
    "  --plant FAULT     plant a fault that the checkers must find: reply-before-store,\n"
    "                    dropped-tombstone, early-collection, port-twice, start-before-needs,\n"
    "                    unordered-iteration\n"
#endif
    "  -h, --help        this text\n";

#define UNTIL_DEFAULT (60 * KITH_SEC)

struct options {
    uint64_t peers, seed, seeds, until_s, counters;
    const char *scenario;
    bool calm, crashes, race, twice, trace, measure, json;
    enum world_rival rival;
    bool datagrams;
};

static bool number(const char *text, uint64_t low, uint64_t high, uint64_t *ret)
{
    char *end;
    unsigned long long v = strtoull(text, &end, 10);
    if (*text == '\0' || *text == '-' || *end != '\0' || v < low || v > high)
        return false;
    *ret = v;
    return true;
}

static int wrong(const char *flag, const char *value, const char *want)
{
    fprintf(stderr, "kith-sim: --%s %s: expected %s\n", flag, value, want);
    return 2;
}

#ifdef KITH_PLANT
static bool plant(const char *name)
{
    static const char *const names[] = {
        [PLANT_REPLY_BEFORE_STORE] = "reply-before-store",
        [PLANT_DROPPED_TOMBSTONE] = "dropped-tombstone",
        [PLANT_EARLY_COLLECTION] = "early-collection",
        [PLANT_PORT_TWICE] = "port-twice",
        [PLANT_START_BEFORE_NEEDS] = "start-before-needs",
        [PLANT_UNORDERED_ITERATION] = "unordered-iteration",
    };
    for (int i = 1; i < (int)(sizeof(names) / sizeof(names[0])); i++) {
        if (strcmp(names[i], name) == 0) {
            kith_plant = i;
            return true;
        }
    }
    return false;
}
#endif

static bool rival(struct options *o, const char *name)
{
    size_t len = strcspn(name, "-");
    o->datagrams = strcmp(name + len, "-udp") == 0;
    if (name[len] != '\0' && !o->datagrams)
        return false;
    if (len == 4 && strncmp(name, "swim", len) == 0)
        o->rival = WORLD_SWIM;
    else if (len == 9 && strncmp(name, "lifeguard", len) == 0)
        o->rival = WORLD_LIFEGUARD;
    return o->rival != WORLD_KITH;
}

enum {
    OPT_PEERS = 256,
    OPT_SEED,
    OPT_SEEDS,
    OPT_SCENARIO,
    OPT_UNTIL,
    OPT_RIVAL,
    OPT_CALM,
    OPT_CRASHES,
    OPT_RACE,
    OPT_COUNT,
    OPT_TWICE,
    OPT_MEASURE,
    OPT_TRACE,
    OPT_PLANT
};

static const struct option long_options[] = {
    {"peers", required_argument, NULL, OPT_PEERS},
    {"seed", required_argument, NULL, OPT_SEED},
    {"seeds", required_argument, NULL, OPT_SEEDS},
    {"scenario", required_argument, NULL, OPT_SCENARIO},
    {"until", required_argument, NULL, OPT_UNTIL},
    {"rival", required_argument, NULL, OPT_RIVAL},
    {"calm", no_argument, NULL, OPT_CALM},
    {"crashes", no_argument, NULL, OPT_CRASHES},
    {"race", no_argument, NULL, OPT_RACE},
    {"count", required_argument, NULL, OPT_COUNT},
    {"twice", no_argument, NULL, OPT_TWICE},
    {"measure", no_argument, NULL, OPT_MEASURE},
    {"trace", no_argument, NULL, OPT_TRACE},
#ifdef KITH_PLANT
    {"plant", required_argument, NULL, OPT_PLANT},
#endif
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* 0, or the exit status + 1. */
static int option(struct options *o, int c)
{
    switch (c) {
    case OPT_PEERS:
        return number(optarg, 1, WORLD_PEERS_MAX, &o->peers)
                   ? 0
                   : 1 + wrong("peers", optarg, "1 to 5000");
    case OPT_SEED:
        return number(optarg, 1, UINT64_MAX, &o->seed)
                   ? 0
                   : 1 + wrong("seed", optarg, "a number from 1");
    case OPT_SEEDS:
        return number(optarg, 1, 10000000, &o->seeds) ? 0
                                                      : 1 + wrong("seeds", optarg, "1 to 10000000");
    case OPT_UNTIL:
        return number(optarg, 1, 1000000, &o->until_s) ? 0 : 1 + wrong("until", optarg, "seconds");
    case OPT_SCENARIO:
        o->scenario = optarg;
        return 0;
    case OPT_RIVAL:
        return rival(o, optarg)
                   ? 0
                   : 1 + wrong("rival", optarg, "swim, lifeguard, swim-udp or lifeguard-udp");
    case OPT_CALM:
        o->calm = true;
        return 0;
    case OPT_CRASHES:
        o->crashes = true;
        return 0;
    case OPT_RACE:
        o->race = true;
        return 0;
    case OPT_COUNT:
        return number(optarg, 1, WORLD_PEERS_MAX, &o->counters)
                   ? 0
                   : 1 + wrong("count", optarg, "1 to 5000");
    case OPT_TWICE:
        o->twice = true;
        return 0;
    case OPT_MEASURE:
        o->measure = true;
        return 0;
    case OPT_TRACE:
        o->trace = true;
        return 0;
#ifdef KITH_PLANT
    case OPT_PLANT:
        return plant(optarg) ? 0 : 1 + wrong("plant", optarg, "a fault named by --help");
#endif
    case 'o':
        o->json = strcmp(optarg, "json") == 0;
        return o->json || strcmp(optarg, "text") == 0 ? 0 : 1 + wrong("o", optarg, "text or json");
    case 'h':
        fputs(usage, stdout);
        return 1 + 0;
    default:
        fputs("kith-sim: try --help\n", stderr);
        return 1 + 2;
    }
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double largest(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)used.ru_maxrss * 1024;
}

/* Runs one seed. A second run has other addresses in memory: what depends on them shows in the hash. */
static bool run_seed(const struct options *o, const struct sim_scenario *scenario,
                     const struct net_map *map, uint64_t seed)
{
    struct buf trace = {0};
    struct rng rng;
    rng_seed(&rng, seed ^ 0x5eed);
    struct world_options options = {.peers = (uint32_t)o->peers, .seed = seed, .calm = o->calm};
    options.crashes = o->crashes;
    options.race = o->race;
    options.counters = (uint32_t)o->counters;
    options.until_us = (kith_time)o->until_s * KITH_SEC;
    options.map = map;
    options.heap = sim_heap;
    options.rival = o->rival;
    options.datagrams = o->datagrams;
    options.trace = o->trace ? &trace : NULL;
    sim_scenario_use(scenario, &options);
    if (options.until_us == 0)
        options.until_us = UNTIL_DEFAULT;
    if (options.seed == 0)
        options.seed = 1;
    if (options.peers == 0)
        options.peers = (uint32_t)rng_between(&rng, 3, 20);
    struct world_result result, again;
    double began_s = seconds();
    world_run(&options, &result);
    struct sim_report report = {.options = &options,
                                .scenario = o->scenario,
                                .result = &result,
                                .measures =
                                    o->measure || (options.scenario && options.scenario->warm),
                                .wall_s = seconds() - began_s,
                                .rss_bytes = largest(),
                                .twice = o->twice,
                                .same = true};
    if (o->twice) {
        void *shift = mem_alloc(12345 + seed % 4096);
        options.trace = NULL;
        world_run(&options, &again);
        report.same = again.hash == result.hash;
        world_result_deinit(&again);
        mem_free(shift);
    }
    if (trace.len > 0)
        fwrite(trace.data, 1, trace.len, stdout);
    bool ok = sim_report_print(&report, o->json);
    buf_deinit(&trace);
    world_result_deinit(&result);
    return ok;
}

int main(int argc, char **argv)
{
    struct options o = {.seeds = 1};
    int c;
    while ((c = getopt_long(argc, argv, "o:h", long_options, NULL)) != -1) {
        int rc = option(&o, c);
        if (rc != 0)
            return rc - 1;
    }
    if (optind < argc) {
        fprintf(stderr, "kith-sim: what is '%s'? Try --help\n", argv[optind]);
        return 2;
    }
    if (o.rival != WORLD_KITH && !o.scenario) {
        fputs("kith-sim: --rival needs a --scenario\n", stderr);
        return 2;
    }
    struct sim_scenario scenario = {0};
    if (o.scenario && sim_scenario_load(&scenario, o.scenario) != 0)
        return 2;
    struct sim_latency latency = {0};
    bool planetlab = scenario.loaded && scenario.scenario.latency == SCENARIO_LATENCY_PLANETLAB;
    if (planetlab && sim_latency_load(&latency) != 0)
        return 77;
    uint64_t bad = 0;
    for (uint64_t i = 0; i < o.seeds; i++) {
        bad += !run_seed(&o, &scenario, planetlab ? &latency.map : NULL,
                         o.seed == 0 && o.seeds == 1 ? 0 : (o.seed ? o.seed : 1) + i);
        fflush(stdout);
    }
    sim_scenario_deinit(&scenario);
    sim_latency_deinit(&latency);
    if (!o.json && o.seeds > 1)
        printf("%llu seeds: %llu good, %llu bad\n", (unsigned long long)o.seeds,
               (unsigned long long)(o.seeds - bad), (unsigned long long)bad);
    return bad > 0;
}
