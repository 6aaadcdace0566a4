#include "cmd/sim_report.h"

#include <stdio.h>

static bool good(const struct sim_report *r)
{
    return r->result->converged && r->result->violations_n == 0 && r->same;
}

static void print_command(const struct sim_report *r, FILE *out)
{
    fprintf(out, "kith-sim --peers %u --seed %llu --until %lld", r->options->peers,
            (unsigned long long)r->options->seed, (long long)(r->options->until_us / KITH_SEC));
    if (r->scenario)
        fprintf(out, " --scenario %s", r->scenario);
    if (r->options->calm)
        fputs(" --calm", out);
    if (r->twice)
        fputs(" --twice", out);
}

static void print_text(const struct sim_report *r)
{
    const struct world_result *w = r->result;
    printf("seed %llu: %s, %u peers, %.1f s virtual, %llu steps, %llu of %llu commands "
           "acknowledged, converged %s",
           (unsigned long long)r->options->seed, good(r) ? "good" : "BAD", r->options->peers,
           (double)w->virtual_us / 1e6, (unsigned long long)w->steps,
           (unsigned long long)w->acknowledged, (unsigned long long)w->requests,
           w->converged ? "in " : "NOT");
    if (w->converged)
        printf("%.1f s", (double)w->converged_us / 1e6);
    printf(", trace %016llx\n", (unsigned long long)w->hash);
    if (good(r))
        return;
    for (size_t i = 0; i < w->violations_n; i++)
        printf("  violated: %s\n", w->violations[i]);
    if (!w->converged)
        printf("  not converged: %s\n", w->why);
    if (!r->same)
        printf("  the second run of the same seed went another way\n");
    printf("  again: ");
    print_command(r, stdout);
    printf("\n");
}

static void print_string(const char *s)
{
    putchar('"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void print_json(const struct sim_report *r)
{
    const struct world_result *w = r->result;
    printf("{\"seed\":%llu,\"peers\":%u,\"scenario\":", (unsigned long long)r->options->seed,
           r->options->peers);
    if (r->scenario)
        print_string(r->scenario);
    else
        printf("null");
    printf(",\"virtual_s\":%.3f,\"steps\":%llu,\"commands\":%llu,\"acknowledged\":%llu,"
           "\"violations\":[",
           (double)w->virtual_us / 1e6, (unsigned long long)w->steps,
           (unsigned long long)w->requests, (unsigned long long)w->acknowledged);
    for (size_t i = 0; i < w->violations_n; i++) {
        if (i > 0)
            putchar(',');
        print_string(w->violations[i]);
    }
    printf("],\"converged\":%s,\"converge_ms\":%.0f,\"why\":", w->converged ? "true" : "false",
           w->converged ? (double)w->converged_us / 1e3 : -1.0);
    print_string(w->why ? w->why : "");
    printf(",\"same\":%s,\"trace_hash\":\"%016llx\",\"faults\":{", r->same ? "true" : "false",
           (unsigned long long)w->hash);
    for (int i = 0; i < FAULT_KINDS; i++)
        printf("%s\"%s\":%llu", i > 0 ? "," : "", fault_name((enum fault)i),
               (unsigned long long)w->faults.n[i]);
    printf("}}\n");
}

bool sim_report_print(const struct sim_report *r, bool json)
{
    if (json)
        print_json(r);
    else
        print_text(r);
    return good(r);
}
