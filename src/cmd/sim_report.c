#include "cmd/sim_report.h"

#include <stdio.h>

static bool good(const struct sim_report *r)
{
    return (r->result->converged || r->result->not_asked) && r->result->violations_n == 0 &&
           r->same;
}

static void print_command(const struct sim_report *r, FILE *out)
{
    fprintf(out, "kith-sim --peers %u --seed %llu --until %lld", r->options->peers,
            (unsigned long long)r->options->seed, (long long)(r->options->until_us / KITH_SEC));
    if (r->scenario)
        fprintf(out, " --scenario %s", r->scenario);
    if (r->options->calm)
        fputs(" --calm", out);
    if (r->options->race)
        fputs(" --race", out);
    if (r->options->counters)
        fprintf(out, " --count %u", r->options->counters);
    if (r->twice)
        fputs(" --twice", out);
}

static void print_measured(const struct measure_result *m)
{
    printf("  %-28s %-5s %9s %8s %11s %11s %11s %11s %11s\n", "measured", "unit", "n", "missing",
           "mean", "p50", "p99", "p99.9", "max");
    for (size_t i = 0; i < m->rows_n; i++) {
        const struct measure_row *row = &m->rows[i];
        printf("  %-28s %-5s %9llu %8llu %11.3f %11.3f %11.3f %11.3f %11.3f\n", row->name,
               row->unit, (unsigned long long)row->n, (unsigned long long)row->missing, row->mean,
               row->p50, row->p99, row->p999, row->max);
    }
    for (size_t i = 0; i < m->wrong_n; i++)
        printf("  false: peer %u called dead by %u at %.3f s, %.3f s after it went on, held by %u "
               "others\n",
               m->wrong[i].subject, m->wrong[i].writer, (double)m->wrong[i].at_us / 1e6,
               (double)m->wrong[i].resumed_us / 1e6, m->wrong[i].holders);
}

static void print_text(const struct sim_report *r)
{
    const struct world_result *w = r->result;
    printf("seed %llu: %s, %u peers, %.1f s virtual, %llu steps, %llu of %llu commands "
           "acknowledged, %s",
           (unsigned long long)r->options->seed, good(r) ? "good" : "BAD", r->options->peers,
           (double)w->virtual_us / 1e6, (unsigned long long)w->steps,
           (unsigned long long)w->acknowledged, (unsigned long long)w->requests,
           w->not_asked   ? "not to converge"
           : w->converged ? "converged in "
                          : "converged NOT");
    if (w->converged && !w->not_asked)
        printf("%.1f s", (double)w->converged_us / 1e6);
    printf(", trace %016llx\n", (unsigned long long)w->hash);
    if (r->measures)
        print_measured(&w->measured);
    if (good(r))
        return;
    for (size_t i = 0; i < w->violations_n; i++)
        printf("  violated: %s\n", w->violations[i]);
    if (!w->converged && !w->not_asked)
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

static void print_rows(const struct measure_result *m)
{
    for (size_t i = 0; i < m->rows_n; i++) {
        const struct measure_row *row = &m->rows[i];
        printf(
            "%s\"%s\":{\"unit\":\"%s\",\"n\":%llu,\"missing\":%llu,\"mean\":%.3f,\"p50\":%.3f,\"p99\":%.3f,"
            "\"p999\":%.3f,\"max\":%.3f}",
            i > 0 ? "," : "", row->name, row->unit, (unsigned long long)row->n,
            (unsigned long long)row->missing, row->mean, row->p50, row->p99, row->p999, row->max);
    }
}

static void print_false(const struct measure_result *m)
{
    for (size_t i = 0; i < m->wrong_n; i++)
        printf("%s{\"subject\":%u,\"writer\":%u,\"at_s\":%.3f,\"resumed_s\":%.3f,\"holders\":%u}",
               i > 0 ? "," : "", m->wrong[i].subject, m->wrong[i].writer,
               (double)m->wrong[i].at_us / 1e6, (double)m->wrong[i].resumed_us / 1e6,
               m->wrong[i].holders);
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
    printf(",\"race\":{\"counted\":%llu,\"locked\":%llu,\"told_false\":%llu,\"refused\":%llu,"
           "\"unknown\":%llu,\"p50_us\":%lld,\"p99_us\":%lld}",
           (unsigned long long)w->race.counted, (unsigned long long)w->race.locked,
           (unsigned long long)w->race.told_false, (unsigned long long)w->race.refused,
           (unsigned long long)w->race.unknown, (long long)w->race.p50_us,
           (long long)w->race.p99_us);
    printf(",\"same\":%s,\"trace_hash\":\"%016llx\",\"faults\":{", r->same ? "true" : "false",
           (unsigned long long)w->hash);
    for (int i = 0; i < FAULT_KINDS; i++)
        printf("%s\"%s\":%llu", i > 0 ? "," : "", fault_name((enum fault)i),
               (unsigned long long)w->faults.n[i]);
    printf("},\"wall_s\":%.3f,\"rss_mib\":%.1f,\"rss_bytes_per_peer\":%.0f,"
           "\"heap_bytes_per_peer\":%.0f,\"measured\":{",
           r->wall_s, r->rss_bytes / 1048576, r->rss_bytes / r->options->peers,
           (double)w->heap_bytes / r->options->peers);
    print_rows(&w->measured);
    printf("},\"false\":[");
    print_false(&w->measured);
    printf("]}\n");
}

bool sim_report_print(const struct sim_report *r, bool json)
{
    if (json)
        print_json(r);
    else
        print_text(r);
    return good(r);
}
