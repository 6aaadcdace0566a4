#include "cmd/kith_run_child.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Who the process will be. Looked up before the fork: NSS may load libraries and take locks. */
struct child_user {
    bool change; /* false: stay who we are */
    char name[65];
    uid_t uid;
    gid_t gid;
};

static int find_user(const char *user, struct child_user *ret, char *why, size_t why_size)
{
    *ret = (struct child_user){.uid = geteuid(), .gid = getegid()};
    if (user[0] == '\0')
        return 0;
    struct passwd *p = getpwnam(user);
    if (p == NULL) {
        snprintf(why, why_size, "no user \"%s\" on this host", user);
        return 1;
    }
    if (p->pw_uid == geteuid())
        return 0;
    if (geteuid() != 0) {
        snprintf(why, why_size, "cannot become user \"%s\": the daemon does not run as root", user);
        return 1;
    }
    ret->change = true;
    ret->uid = p->pw_uid;
    ret->gid = p->pw_gid;
    snprintf(ret->name, sizeof ret->name, "%s", user);
    return 0;
}

/* What did not work, or NULL. */
static const char *become(const struct child_user *who)
{
    if (!who->change)
        return NULL;
    if (initgroups(who->name, who->gid) < 0 || setgid(who->gid) < 0 || setuid(who->uid) < 0)
        return "cannot become the user";
    return NULL;
}

/* Makes DATA/data/SERVICE/SLOT: the folders above can be passed through by anybody, the last one is
 * the user's alone. */
static int make_data_dir(const char *dir, const struct child_user *who, char *why, size_t why_size)
{
    char path[4097];
    snprintf(path, sizeof path, "%s", dir);
    umask(0);
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0711);
        *slash = '/';
    }
    mkdir(path, 0700);
    umask(022);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    int rc = fd < 0 || fstat(fd, &st) < 0 ||
             (st.st_uid != who->uid && fchown(fd, who->uid, who->gid) < 0);
    if (rc != 0)
        snprintf(why, why_size, "cannot make the data folder %s: %s", dir, strerror(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

static void default_signals(void)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    for (int s = 1; s < NSIG; s++)
        sigaction(s, &plain, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Dies with the parent. A change of user takes this setting back, so it comes after. */
static void die_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
}

struct plan {
    char **argv, **env;
    const char *dir;
    struct child_user who;
    int output, failure; /* pipes to write to */
};

static void fail_child(const struct plan *p, const char *what)
{
    char text[256];
    int len = snprintf(text, sizeof text, "%s: %s", what, strerror(errno));
    ssize_t ignored =
        write(p->failure, text, (size_t)len < sizeof text ? (size_t)len : sizeof text);
    (void)ignored;
    _exit(127);
}

static _Noreturn void become_program(const struct plan *p, pid_t parent)
{
    setpgid(0, 0);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (dup2(null, 0) < 0 || dup2(p->output, 1) < 0 || dup2(p->output, 2) < 0)
        fail_child(p, "cannot redirect");
    if (chdir(p->dir) < 0)
        fail_child(p, "cannot enter the data folder");
    const char *wrong = become(&p->who);
    if (wrong != NULL)
        fail_child(p, wrong);
    umask(022);
    default_signals();
    die_with(parent);
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    environ = p->env;
    execvp(p->argv[0], p->argv);
    fail_child(p, p->argv[0]);
    _exit(127);
}

static char **make_argv(const struct run_intent *in, struct arena *mem)
{
    char **argv = arena_array(mem, in->argv_n + 1, sizeof *argv);
    for (uint32_t i = 0; i < in->argv_n; i++)
        argv[i] = arena_str(mem, in->argv[i]);
    return argv;
}

static char **make_env(const struct run_intent *in, struct arena *mem)
{
    char **env = arena_array(mem, in->env_n + 1, sizeof *env);
    for (uint32_t i = 0; i < in->env_n; i++)
        env[i] = arena_printf(mem, BYTES_FMT "=" BYTES_FMT, BYTES_ARG(in->env[i].key),
                              BYTES_ARG(in->env[i].value));
    return env;
}

/* Waits until the program has taken the child's place, which closes the pipe, or says it could not. */
static int await_program(int failure, pid_t pid, char *why, size_t why_size)
{
    char text[256];
    ssize_t got;
    do
        got = read(failure, text, sizeof text - 1);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return 0;
    text[got] = '\0';
    snprintf(why, why_size, "cannot run %s", text);
    waitpid(pid, NULL, 0);
    return 1;
}

static int spawn(struct plan *p, pid_t *ret_pid, int *ret_output, char *why, size_t why_size)
{
    int output[2], failure[2];
    if (pipe2(output, O_CLOEXEC) < 0 || pipe2(failure, O_CLOEXEC) < 0) {
        snprintf(why, why_size, "no pipe: %s", strerror(errno));
        return 1;
    }
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    p->output = output[1];
    p->failure = failure[1];
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become_program(p, parent);
    close(output[1]);
    close(failure[1]);
    int rc = 1;
    if (pid < 0)
        snprintf(why, why_size, "cannot fork: %s", strerror(errno));
    else
        rc = await_program(failure[0], pid, why, why_size);
    close(failure[0]);
    if (rc != 0) {
        close(output[0]);
        return 1;
    }
    *ret_pid = pid;
    *ret_output = output[0];
    return 0;
}

int child_start(const struct run_intent *intent, pid_t *ret_pid, int *ret_output, char *why,
                size_t why_size)
{
    struct arena mem = {0};
    struct plan plan = {.argv = make_argv(intent, &mem), .env = make_env(intent, &mem)};
    plan.dir = intent->data_dir.len > 0 ? arena_str(&mem, intent->data_dir) : "/";
    int rc = find_user(arena_str(&mem, intent->user), &plan.who, why, why_size);
    if (rc == 0 && intent->data_dir.len > 0)
        rc = make_data_dir(plan.dir, &plan.who, why, why_size);
    if (rc == 0)
        rc = spawn(&plan, ret_pid, ret_output, why, why_size);
    arena_deinit(&mem);
    return rc;
}

int child_check(const char *user, const char *dir, char **argv)
{
    struct child_user who;
    char why[256] = "";
    pid_t parent = getppid();
    if (find_user(user, &who, why, sizeof why) != 0) {
        fprintf(stderr, "kith-run: %s\n", why);
        return 127;
    }
    const char *wrong = chdir(dir) < 0 ? "cannot enter the data folder" : become(&who);
    if (wrong != NULL) {
        fprintf(stderr, "kith-run: %s: %s\n", wrong, strerror(errno));
        return 127;
    }
    umask(022);
    default_signals();
    die_with(parent);
    execvp(argv[0], argv);
    fprintf(stderr, "kith-run: cannot run %s: %s\n", argv[0], strerror(errno));
    return 127;
}
