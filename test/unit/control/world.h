#ifndef KITH_TEST_CONTROL_WORLD_H
#define KITH_TEST_CONTROL_WORLD_H
/*
 * A few hosts in virtual time: control with the real state and members on each, rows passed between
 * them at once, and a shell (shell.c) that runs processes which do what a story says. Everything that
 * shows from outside is written into a log, so that a test can ask in which order things happened.
 */
#include "control/control.h"
#include "control/inside.h"
#include "state/journal.h"
#include "wire/frame.h"

#define WORLD_NODES_MAX 8
#define LATENCY         (1 * KITH_MS) /* of everything the shell and the network do */

enum trait {                            /* of a service's processes */
             TRAIT_CRASHES = 1,         /* ends with status 7 soon after its start */
             TRAIT_DEAF = 2,            /* SIGTERM does nothing */
             TRAIT_SICK = 4,            /* checks fail */
             TRAIT_BROKEN = 8,          /* cannot be started */
             TRAIT_MUTE = 32,           /* checks are never answered */
             TRAIT_CHECKS_NOTHING = 16, /* specifications made by world_spec() have no check */
};

struct process {
    struct ulid instance;
    uint32_t pid;
    bool running;
    int64_t exit_status;
    char service[32], slot[32];
    char env[256]; /* KEY=value;KEY=value; */
    struct bound_port ports[4];
    char port_names[4][16];
    uint32_t ports_n;
    struct process *next;
};

struct node {
    struct world *world;
    unsigned index;
    struct ulid id;
    char name[8], host[24], bulk[40];
    uint64_t incarnation, boots;
    bool up;
    bool cut_from[WORLD_NODES_MAX];
    struct resources capacity;
    struct state *state;
    struct members *members;
    struct control *control;
    struct journal *journal;
    struct rng rng;
    struct ulid_source ulids;
    struct post post;
    struct effects out;
    struct process *processes;
    struct disk_row *disk;
    size_t disk_n;
};

struct world {
    kith_time now_us;
    struct node nodes[WORLD_NODES_MAX];
    unsigned nodes_n;
    struct pending *pending;
    size_t pending_n;
    uint64_t order;
    struct bytes *pushed; /* all rows payloads ever sent, for those who come back */
    size_t pushed_n;
    uint32_t last_pid;
    uint16_t taken_port; /* on every host by somebody else; 0: none */
    struct {
        char service[32];
        unsigned traits;
    } traits[16];
    struct buf log; /* "start redis 0@a\n" ... */
    /* The last answer to a client. */
    uint32_t reply_kind;
    uint64_t reply_wait;
    struct buf reply;
    uint64_t correlation;
    struct arena says; /* of world_says() */
};

struct world *world_new(unsigned nodes);
void world_free(struct world *w);

void world_run(struct world *w,
               kith_time for_us); /* until something happens at that time or later */
void world_pass(struct world *w, kith_time for_us); /* exactly so long */
/* Runs until the condition holds, for `for_us` at most; fails the test when it never does. */
#define world_until(w, condition, for_us)                                                          \
    do {                                                                                           \
        kith_time until_us_ = (w)->now_us + (for_us);                                              \
        while (!(condition) && (w)->now_us < until_us_)                                            \
            world_step(w);                                                                         \
        if (!(condition))                                                                          \
            world_complain(w, #condition);                                                         \
        assert_true(condition);                                                                    \
    } while (0)
void world_step(struct world *w); /* the next thing that happens */
void world_complain(struct world *w, const char *condition);

/* Members. */
void world_kill(struct world *w,
                unsigned node); /* with all that it runs; the others say it is dead */
void world_crash(struct world *w, unsigned node); /* the daemon only: its processes go on */
void world_restart(struct world *w, unsigned node);
void world_restart_empty(struct world *w, unsigned node); /* and nothing it left is found */
void world_cut(struct world *w, unsigned a, unsigned b);  /* rows do not pass; both say so */
void world_isolate(struct world *w, unsigned node);       /* from all others */
void world_heal(struct world *w, unsigned a, unsigned b);
void world_revive(struct world *w, unsigned node);             /* refutes a verdict */
void world_dead(struct world *w, unsigned about, unsigned by); /* a verdict */
void world_leave(struct world *w, unsigned node);

/* Requests, as a person at this node's socket. */
void world_request(struct world *w, unsigned node, enum wire_kind kind, struct bytes payload);
void world_request_as(struct world *w, unsigned node, enum principal_kind who, enum wire_kind kind,
                      struct bytes payload);
void world_apply(struct world *w, unsigned node, const struct service_spec *specs, uint32_t n);
void world_apply_id(struct world *w, unsigned node, const struct service_spec *specs, uint32_t n,
                    const struct ulid *id);
void world_change(struct world *w, unsigned node, enum command_kind kind, const char *service,
                  uint32_t count, bool cascade);
bool world_done(struct world *w); /* the last request was answered by `changed` */
bool world_refused(struct world *w, const char *part); /* it failed, and its text has this in it */

/* Specifications: redis with one port, api that needs redis and has its endpoint, web that needs api. */
struct service_spec world_spec(const char *name, uint32_t count, const char *needs);
void world_trait(struct world *w, const char *service, unsigned traits);

/* What there is. */
const struct instance_row *world_says(struct world *w,
                                      const struct instance *i); /* until the next */
uint32_t world_healthy(struct world *w, unsigned node,
                       const char *service);                  /* as that node sees it */
uint32_t world_running(struct world *w, const char *service); /* processes, on all hosts */
uint32_t world_running_on(struct world *w, unsigned node, const char *service);
const char *world_env(struct world *w,
                      const char *service); /* of the first process of it that runs */
const struct service *world_service(struct world *w, unsigned node, const char *service);
unsigned world_host_of(struct world *w,
                       const char *service); /* node of the first process that runs */
/* Position in the log, counted from 1; 0: not there. `after`: beyond this one. */
size_t world_logged(struct world *w, const char *line, size_t after);
size_t world_log_end(struct world *w);
bool world_agree(struct world *w); /* all live nodes hold the same */

/* -- between the files of the world itself: world.c (steps), world_life.c (starts, cuts), world_ask.c, shell.c -- */

enum pending_kind { PENDING_EVENT, PENDING_ROWS, PENDING_FRAME };
#define CLIENT_ROUTE 1000000u /* routes below are nodes */

struct disk_row {
    bool local;
    struct bytes key, value;
};
extern const struct ulid world_cluster;
/* A turn of its machine from outside; world_finish() does what it asks for. */
struct turn world_begin(struct node *n);
void world_finish(struct node *n, struct turn *t);
void world_send_rows(struct node *from, struct node *to, struct bytes payload);
void world_drop(struct bytes b);

struct pending {
    kith_time at_us;
    uint64_t order;
    unsigned node, from;
    enum pending_kind kind;
    struct event event; /* its texts in `text` */
    struct bound_port ports[4];
    uint64_t boots; /* of the node it is for: what was meant for an earlier run is lost */
    struct bytes payload;
    uint64_t route;
};
void world_later(struct world *w, unsigned node, kith_time in_us, struct pending pending);
void world_say(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
unsigned world_traits(struct world *w, const char *service);
void shell_do(struct node *n, const struct effect *e);
void shell_exit(struct node *n, struct process *p, int64_t status);
struct process *shell_find(struct node *n, const struct ulid *instance);
void shell_free(struct node *n);

#endif
