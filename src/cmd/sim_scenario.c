#include "cmd/sim_scenario.h"

#include "spec/load.h"
#include "spec/service_file.h"

#include <stdio.h>
#include <string.h>

static int complain(struct spec_errors *errors)
{
    struct buf text = {0};
    spec_errors_print(errors, &text);
    fputs(buf_cstr(&text), stderr);
    buf_deinit(&text);
    return 1;
}

/* Service files stand beside the scenario. */
static char *beside(struct arena *mem, const char *path, struct bytes file)
{
    const char *slash = strrchr(path, '/');
    int folder = slash && file.len > 0 && file.data[0] != '/' ? (int)(slash - path + 1) : 0;
    return arena_printf(mem, "%.*s%.*s", folder, path, (int)file.len, (const char *)file.data);
}

static int load_services(struct sim_scenario *s, const char *path, struct world_apply *ret)
{
    struct buf text = {0};
    struct spec_errors errors;
    struct service_file file;
    int rc = spec_load(path, &text, &s->mem, &errors);
    if (rc == 0)
        rc = service_file_read(&file, arena_bytes(&s->mem, buf_bytes(&text)), &s->mem, &errors);
    if (rc != 0)
        rc = complain(&errors);
    else
        *ret =
            (struct world_apply){.at_us = ret->at_us, .specs = file.specs, .specs_n = file.count};
    buf_deinit(&text);
    return rc;
}

int sim_scenario_load(struct sim_scenario *s, const char *path)
{
    struct buf text = {0};
    struct spec_errors errors;
    int rc = spec_load(path, &text, &s->mem, &errors);
    if (rc == 0)
        rc = scenario_read(&s->scenario, arena_bytes(&s->mem, buf_bytes(&text)), &s->mem, &errors);
    if (rc != 0)
        rc = complain(&errors);
    buf_deinit(&text);
    s->applies = arena_array(&s->mem, s->scenario.applies_n + 1, sizeof(*s->applies));
    for (uint32_t i = 0; rc == 0 && i < s->scenario.applies_n; i++) {
        s->applies[i].at_us = s->scenario.applies[i].at_us;
        rc = load_services(s, beside(&s->mem, path, s->scenario.applies[i].file), &s->applies[i]);
    }
    s->loaded = rc == 0;
    return rc;
}

void sim_scenario_deinit(struct sim_scenario *s)
{
    arena_deinit(&s->mem);
}

void sim_scenario_use(const struct sim_scenario *s, struct world_options *options)
{
    if (!s->loaded)
        return;
    options->scenario = &s->scenario;
    options->applies = s->applies;
    options->applies_n = s->scenario.applies_n;
    if (options->peers == 0)
        options->peers = s->scenario.peers;
    if (s->scenario.until_us > 0 && options->until_us == 0)
        options->until_us = s->scenario.until_us;
    if (s->scenario.has_seed && options->seed == 0)
        options->seed = s->scenario.seed;
}
