#include "store/lookup_file.h"

#include "base/mem.h"
#include "store/lock.h"
#include "store/lookup_clock.h"
#include "store/lookup_read.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROW_TRIES 8 /* a table of twice the size takes any row but the largest at once */

struct lookup_file {
    char *path;       /* what readers open */
    char *next_path;  /* the first table of this run, until it is published */
    char *grown_path; /* a larger table while it is filled */
    int lock_fd;
    bool grouped;
    gid_t group;
    struct lookup_table table;
    bool published;
    bool clock_is_own; /* time since boot in this process is no other's */
    uint64_t index, generation;
    struct lookup_map former; /* of the last run, until ours is published; not always there */
    int former_problem;       /* enum lookup_problem: why not */
    struct lookup_pack pack;
};

/* ---- opening ---- */

static int complain(struct buf *why, const char *what, const char *path, int error)
{
    buf_printf(why, "%s %s: %s", what, path, strerror(error));
    return 1;
}

static int make_folder(const struct lookup_file_config *config, struct buf *why)
{
    if (mkdir(config->folder, LOOKUP_FOLDER_MODE) == 0)
        return chmod(config->folder, LOOKUP_FOLDER_MODE) /* whatever the umask */
                   ? complain(why, "cannot open up the look-up folder", config->folder, errno)
                   : 0;
    return errno == EEXIST ? 0
                           : complain(why, "cannot make the look-up folder", config->folder, errno);
}

static int find_group(struct lookup_file *f, const char *name, struct buf *why)
{
    if (!name)
        return 0;
    errno = 0;
    const struct group *g = getgrnam(name);

    if (!g) {
        buf_printf(why, "there is no group %s that could read look-ups: make it, or name another",
                   name);
        return 1;
    }
    f->grouped = true;
    f->group = g->gr_gid;
    return 0;
}

static int take_lock(struct lookup_file *f, const struct lookup_file_config *config,
                     struct buf *why)
{
    struct buf path = {0};
    long pid = 0;

    buf_printf(&path, "%s/writer.pid", config->folder);
    int r = lock_take(&f->lock_fd, buf_cstr(&path), &pid);

    if (r == LOCK_HELD)
        buf_printf(why, "another kithd (pid %ld) writes look-ups to %s: choose another --lookup",
                   pid, config->folder);
    else if (r)
        complain(why, "cannot write", buf_cstr(&path), -r);
    buf_deinit(&path);
    return r != 0;
}

static char *file_path(const char *folder, const char *end)
{
    struct buf path = {0};

    buf_printf(&path, "%s/" LOOKUP_FILE_NAME "%s", folder, end);
    char *text = mem_str(buf_cstr(&path));

    buf_deinit(&path);
    return text;
}

/* A file that cannot be read is of no use to anybody, and is replaced. */
static void open_former(struct lookup_file *f)
{
    uint64_t now_us =
        (uint64_t)lookup_wall_us(); /* larger than any index, also if that file is lost */

    f->index = f->index > now_us ? f->index : now_us;
    f->former_problem = lookup_map_open(&f->former, f->path);
    if (f->former_problem)
        return;
    uint64_t last = lookup_get(&f->former.words[LOOKUP_AT_INDEX]);

    f->generation = f->former.generation > f->generation ? f->former.generation : f->generation;
    f->index = last > f->index ? last : f->index;
}

int lookup_file_open(struct lookup_file **ret, const struct lookup_file_config *config,
                     struct buf *why)
{
    struct lookup_file *f = mem_alloc(sizeof(*f));

    *ret = NULL;
    f->lock_fd = -1;
    f->path = file_path(config->folder, "");
    f->next_path = file_path(config->folder, ".new");
    f->grown_path = file_path(config->folder, ".grown");
    if (make_folder(config, why) || find_group(f, config->group, why) ||
        take_lock(f, config, why)) {
        lookup_file_close(f);
        return 1;
    }
    f->clock_is_own = lookup_boot_is_offset();
    *ret = f;
    return 0;
}

int lookup_file_begin(struct lookup_file *f)
{
    lookup_table_deinit(&f->table);
    lookup_map_close(&f->former);
    f->published = false;
    open_former(f);
    return lookup_table_make(&f->table, f->next_path, lookup_shape_for(0, 0), ++f->generation);
}

int lookup_file_former_problem(const struct lookup_file *f)
{
    return f->former_problem;
}

void lookup_file_close(struct lookup_file *f)
{
    if (!f)
        return;
    lookup_table_deinit(&f->table);
    lookup_map_close(&f->former);
    lookup_pack_deinit(&f->pack);
    if (!f->published && f->lock_fd >= 0)
        unlink(f->next_path);
    if (f->lock_fd >= 0)
        close(f->lock_fd);
    mem_free(f->path);
    mem_free(f->next_path);
    mem_free(f->grown_path);
    mem_free(f);
}

/* ---- showing it ---- */

/* Gives a complete file its permissions and its name. */
static int give_name(const struct lookup_file *f, const char *from)
{
    mode_t mode = f->grouped ? LOOKUP_GROUP_MODE : LOOKUP_FILE_MODE;

    if ((f->grouped && chown(from, (uid_t)-1, f->group)) || chmod(from, mode) ||
        rename(from, f->path))
        return -errno;
    return 0;
}

/* The last run's file is mapped read-only here; its readers are told by a mapping of its own. NULL: there is none. */
static uint64_t *map_former(const struct lookup_file *f)
{
    int fd = f->former.words ? open(f->path, O_RDWR | O_CLOEXEC) : -1;
    size_t bytes = f->former.file_words * sizeof(uint64_t);
    uint64_t *words =
        fd >= 0 ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

    if (fd >= 0)
        close(fd);
    return words != MAP_FAILED ? words : NULL;
}

/* Gives the name to another file than that of `words`, which has it; words NULL: none has. */
static int take_name(const struct lookup_file *f, const char *from, uint64_t *words,
                     const struct lookup_map *map)
{
    if (words)
        lookup_retire(words, true);
    int r = give_name(f, from);

    if (words && r)
        lookup_retire(words, false);
    else if (words)
        lookup_wake_all(words, map);
    return r;
}

static void beat(struct lookup_file *f, struct lookup_table *t)
{
    struct lookup_beat now = {.wall_us = lookup_wall_us()};

    if (!f->clock_is_own) {
        now.boot_us = lookup_boot_us();
        now.mono_us = lookup_mono_us();
    }
    lookup_table_beat(t, &now);
}

int lookup_file_publish(struct lookup_file *f)
{
    if (f->published)
        return 0;
    uint64_t *words = map_former(f);

    beat(f, &f->table);
    int r = take_name(f, f->next_path, words, &f->former);

    if (words)
        munmap(words, f->former.file_words * sizeof(*words));
    if (r == 0) {
        f->published = true;
        lookup_map_close(&f->former);
        malloc_trim(/* pad= */ 0); /* of what telling of everything took, a third of the heap */
    }
    return r;
}

void lookup_file_beat(struct lookup_file *f)
{
    if (f->published)
        beat(f, &f->table);
}

/* ---- rows ---- */

/* Fills the larger table and lets it take over the name. 0 or -errno. */
static int take_over(struct lookup_file *f, struct lookup_table *next)
{
    int r = lookup_table_copy(next, &f->table) ? -EFBIG : 0;

    if (r == 0 && f->published)
        r = take_name(f, f->grown_path, f->table.words, &f->table.map);
    else if (r == 0 && rename(f->grown_path, f->next_path))
        r = -errno;
    if (r)
        unlink(f->grown_path);
    return r;
}

/* A larger table in place of this one, with room for a row of so many words. */
static int grow(struct lookup_file *f, uint64_t row_words)
{
    struct lookup_table next, *now = &f->table;
    struct lookup_shape shape =
        lookup_shape_for(now->rows + 1, now->live_words + lookup_block_words(row_words));
    int r = lookup_table_make(&next, f->grown_path, shape, f->generation + 1);

    if (r)
        return r;
    r = take_over(f, &next);
    if (r) {
        lookup_table_deinit(&next);
        return r;
    }
    next.trace = now->trace;
    next.trace_arg = now->trace_arg;
    f->generation++;
    lookup_table_deinit(now);
    *now = next;
    return 0;
}

/* The index of the last run, if the row says the same as then. */
static uint64_t former_stamp(const struct lookup_file *f, const struct lookup_name *name)
{
    struct lookup_row_ref row;

    if (f->former.words && lookup_find(&f->former, name, &row) == 0 &&
        lookup_pack_equal(&f->pack, row.at))
        return row.stamp;
    return 0;
}

/* The pack's row, in place of what the table has of its name. 0 or -errno. */
static int put_row(struct lookup_file *f)
{
    struct lookup_name name = lookup_pack_name(&f->pack);
    const uint64_t *held = lookup_table_get(&f->table, &name);
    int r = LOOKUP_TABLE_FULL;

    if (!held && (f->pack.words[LOOKUP_ROW_NAMES] & LOOKUP_ROW_GONE))
        return 0;
    if (held && lookup_pack_equal(&f->pack, held))
        return 0;
    uint64_t stamp = held ? 0 : former_stamp(f, &name);

    lookup_pack_stamp(&f->pack, stamp ? stamp : ++f->index);
    for (int tries = 0; r == LOOKUP_TABLE_FULL && tries < GROW_TRIES; tries++) {
        r = lookup_table_put(&f->table, f->pack.words);
        if (r == LOOKUP_TABLE_FULL) {
            int grown = grow(f, f->pack.count);

            if (grown)
                return grown;
        }
    }
    return r ? -EFBIG : 0;
}

static int put_own_row(struct lookup_file *f, const struct lookup_service *service)
{
    lookup_pack_service(&f->pack, service);
    return put_row(f);
}

static int put_whole(struct lookup_file *f, const struct lookup_service *service)
{
    lookup_pack_whole(&f->pack, service);
    return put_row(f);
}

/* Readers of all look for the row WHOLE first, and then at the service's own: each moment one of the two is what the
 * service was, or is. */
int lookup_file_put(struct lookup_file *f, const struct lookup_service *service)
{
    struct lookup_service none = {.space = service->space, .name = service->name, .gone = true};
    bool is_all = lookup_pack_is_all(service);
    int r = is_all ? put_own_row(f, service) : put_whole(f, service);

    if (r)
        return r;
    return is_all ? put_whole(f, &none) : put_own_row(f, service);
}

/* ---- members ---- */

static struct bytes former_name(const struct lookup_file *f, const struct ulid *id,
                                struct arena *mem)
{
    struct lookup_member was;

    return lookup_read_member(&f->table.map, id, mem, &was) == 0 ? was.name : (struct bytes){0};
}

/* Adds the member to those of the name, or removes it. */
static int put_named(struct lookup_file *f, struct bytes name, const struct ulid *id, bool add,
                     struct arena *mem)
{
    const struct ulid *are = NULL;
    uint32_t are_n = 0, count = 0;

    (void)lookup_read_named(&f->table.map, name, mem, &are, &are_n); /* none: 0 */
    struct ulid *ids = arena_array(mem, (size_t)are_n + 1, sizeof(*ids));

    for (uint32_t i = 0; i < are_n; i++) {
        if (!ulid_equal(&are[i], id))
            ids[count++] = are[i];
    }
    if (add)
        ids[count++] = *id;
    lookup_pack_named(&f->pack, name, ids, count);
    return put_row(f);
}

int lookup_file_put_member(struct lookup_file *f, const struct lookup_member *member)
{
    bool is = member->state != MEMBER_STATE_UNKNOWN;
    struct arena mem = {0};
    struct bytes former = former_name(f, &member->id, &mem);
    bool moved = !is || !bytes_equal(former, member->name);
    int r = 0;

    if (former.len && moved)
        r = put_named(f, former, &member->id, /* add= */ false, &mem);
    lookup_pack_member(&f->pack, member);
    r = r ? r : put_row(f);
    if (r == 0 && is && moved && member->name.len)
        r = put_named(f, member->name, &member->id, /* add= */ true, &mem);
    arena_deinit(&mem);
    return r;
}

const struct lookup_table *lookup_file_table(const struct lookup_file *f)
{
    return &f->table;
}

void lookup_file_trace(struct lookup_file *f, lookup_trace *trace, void *arg)
{
    f->table.trace = trace;
    f->table.trace_arg = arg;
}
