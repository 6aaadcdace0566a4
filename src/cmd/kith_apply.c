/* The verbs about service files: validate and apply. */
#include "cmd/kith_ask.h"
#include "cmd/kith_beside.h"
#include "cmd/kith_object.h"
#include "spec/service_file.h"
#include "store/file.h"

#include <stdio.h>
#include <string.h>

#define WAIT_TIMEOUT_MS 60000
#define STEP_MS         2000
#define QUIET           3
#define FILE_MAX_BYTES  (8u << 20)

static int read_text(struct buf *ret, const char *path)
{
    int r = file_read(ret, strcmp(path, "-") == 0 ? "/dev/stdin" : path, FILE_MAX_BYTES);

    if (r == FILE_ABSENT)
        return kith_failed("there is no file %s", path);
    if (r == FILE_TOO_LONG)
        return kith_failed("%s is longer than 8 MiB: split it", path);
    return r ? kith_failed("cannot read %s: %s", path, strerror(-r)) : KITH_DONE;
}

/* Reads and checks the file; it lives in `mem`. `then` is what errors in it lead to. */
static int read_file(struct service_file *ret, const char *path, struct arena *mem,
                     const char *then)
{
    struct buf text = {0}, report = {0};
    struct spec_errors errors;
    int status = read_text(&text, path);

    if (status == KITH_DONE) {
        struct bytes kept = arena_bytes(mem, buf_bytes(&text));

        spec_errors_init(&errors, path, kept, mem);
        int r = service_file_read(ret, kept, mem, &errors);

        if (r > 0) {
            spec_errors_print(&errors, &report);
            fputs(buf_cstr(&report), stderr);
            status = kith_failed("%s has errors%s", path, then);
        } else if (r < 0) {
            status = kith_failed("cannot read %s", path);
        }
    }
    buf_deinit(&text);
    buf_deinit(&report);
    return status;
}

int kith_validate(struct kith *k)
{
    struct service_file file;
    int status = read_file(&file, kith_word(k, 0), &k->mem, "");

    if (status)
        return status;
    if (object_wanted(k)) {
        json_t *services = json_array();

        for (uint32_t i = 0; i < file.count; i++)
            json_array_append_new(services, object_text(file.specs[i].name));
        object_show(k, json_pack("{s:o, s:o}", "file", object_text(bytes_str(kith_word(k, 0))),
                                 "services", services));
        return kith_print(k);
    }
    buf_printf(&k->out, "%s: %u service%s, no errors:", kith_word(k, 0), file.count,
               file.count == 1 ? "" : "s");
    for (uint32_t i = 0; i < file.count; i++)
        buf_printf(&k->out, "%s" BYTES_FMT, i ? ", " : " ", BYTES_ARG(file.specs[i].name));
    buf_byte(&k->out, '\n');
    return kith_print(k);
}

static bool healthy(const struct service_info *s)
{
    return s->healthy >= s->count && s->problem.len == 0;
}

/* Which of the file's services are not healthy at their count, for people; empty: all are. A service that is
 * not there at all is not healthy either. */
static void missing(struct buf *out, const struct service_file *file, const struct services *now)
{
    for (uint32_t i = 0; i < file->count; i++) {
        const struct service_info *found = NULL;

        for (uint32_t j = 0; j < now->services_n && !found; j++)
            if (bytes_equal(now->services[j].name, file->specs[i].name))
                found = &now->services[j];
        if (found && healthy(found))
            continue;
        buf_printf(out, "%s" BYTES_FMT " %u of %u", out->len ? ", " : "",
                   BYTES_ARG(file->specs[i].name), found ? found->healthy : 0,
                   found ? found->count : file->specs[i].count);
        if (found && found->problem.len)
            buf_printf(out, " (" BYTES_FMT ")", BYTES_ARG(found->problem));
    }
}

/* One look: appends what is missing, or why that cannot be told. */
static void look(struct kith *k, const struct service_file *file, struct buf *line)
{
    struct ask a = ask_once(k, WIRE_GET_SERVICES, &(struct get_services){0}, STEP_MS);

    if (a.result == KITH_CLIENT_OK && a.kind == WIRE_SERVICES)
        missing(line, file, a.answer);
    else
        buf_str(line, "the peer does not answer");
    if (a.result == KITH_CLIENT_UNREACHABLE)
        ask_hang_up(k);
    arena_reset(&k->mem);
}

/* A change takes a moment to show: what looks healthy must look so QUIET times in a row. */
static int wait_for(struct kith *k, const struct service_file *file, kith_time deadline_us)
{
    struct buf line = {0}, last = {0};
    int quiet = 0, status = KITH_DONE;

    while (status == KITH_DONE && quiet < QUIET) {
        if (quiet || last.len)
            ask_pause();
        buf_reset(&line);
        look(k, file, &line);
        quiet = line.len ? 0 : quiet + 1;
        if (line.len && !bytes_equal(buf_bytes(&line), buf_bytes(&last)))
            kith_tell("waiting: %s", buf_cstr(&line));
        buf_reset(&last);
        buf_append(&last, line.data, line.len);
        if (line.len && ask_now() >= deadline_us)
            status =
                kith_failed("not healthy in time: %s; look with `kith instances` and `kith why`",
                            buf_cstr(&line));
    }
    buf_deinit(&line);
    buf_deinit(&last);
    return status;
}

static int apply(struct kith *k, const struct service_file *file, kith_time deadline_us)
{
    struct apply request = {.id = ask_fresh_id(), .specs = file->specs, .specs_n = file->count};
    int status = ask_ack(k, &request.ack);

    if (status == KITH_DONE)
        status = ask_and_show(k, WIRE_APPLY, &request, WIRE_CHANGED, VIEW_ONE);
    if (status || !args_has(&k->args, FLAG_WAIT) || request.ack.kind == ACK_KIND_CONVERGED)
        return status;
    status = wait_for(k, file, deadline_us);
    if (status == KITH_DONE)
        kith_tell("all of it is healthy");
    return status;
}

int kith_apply(struct kith *k)
{
    kith_time deadline_us = ask_now() + ask_timeout_ms(k, WAIT_TIMEOUT_MS) * KITH_MS;
    struct service_file file;
    struct arena mem = {0}; /* the file stays while answers come and go */
    int status = read_file(&file, kith_word(k, 0), &mem, ": nothing of it was applied");

    if (status == KITH_DONE) {
        beside_resolve(&file, kith_word(k, 0), &mem);
        status = apply(k, &file, deadline_us);
    }
    arena_deinit(&mem);
    return status;
}
