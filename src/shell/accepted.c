#include "shell/accepted.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct note {
    int fd; /* -1: taken out */
    struct sockaddr_storage peer;
};

static struct note notes[ACCEPTED_MAX]; /* a ring */
static size_t notes_at, notes_n;        /* oldest, how many */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void add(int fd, const struct sockaddr_storage *peer)
{
    pthread_mutex_lock(&lock);
    if (notes_n == ACCEPTED_MAX) {
        notes_at = (notes_at + 1) % ACCEPTED_MAX;
        notes_n--;
    }
    struct note *n = &notes[(notes_at + notes_n++) % ACCEPTED_MAX];
    n->fd = fd;
    n->peer = *peer;
    pthread_mutex_unlock(&lock);
}

/* libzmq's only way to accept a connection; see the header. */
int accept4(int fd, __SOCKADDR_ARG addr, socklen_t *restrict len, int flags)
{
    struct sockaddr_storage own = {0};
    socklen_t own_len = sizeof own;
    struct sockaddr *out = addr.__sockaddr__ != NULL ? addr.__sockaddr__ : (struct sockaddr *)&own;
    socklen_t *out_len = addr.__sockaddr__ != NULL ? len : &own_len;
    socklen_t room = *out_len;
    int accepted = (int)syscall(SYS_accept4, fd, out, out_len, flags);
    if (accepted >= 0) {
        memcpy(&own, out, room < *out_len ? room : *out_len);
        add(accepted, &own);
    }
    return accepted;
}

static bool print(const struct sockaddr_storage *peer, char ret[ACCEPTED_TEXT])
{
    const void *at = NULL;
    if (peer->ss_family == AF_INET)
        at = &((const struct sockaddr_in *)peer)->sin_addr;
    else if (peer->ss_family == AF_INET6)
        at = &((const struct sockaddr_in6 *)peer)->sin6_addr;
    return at != NULL && inet_ntop(peer->ss_family, at, ret, ACCEPTED_TEXT) != NULL;
}

bool accepted_take(int fd, char ret[ACCEPTED_TEXT])
{
    bool found = false;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < notes_n && !found; i++) {
        struct note *n = &notes[(notes_at + i) % ACCEPTED_MAX];
        if (n->fd != fd)
            continue;
        found = print(&n->peer, ret);
        n->fd = -1;
        break;
    }
    while (notes_n > 0 && notes[notes_at].fd == -1) {
        notes_at = (notes_at + 1) % ACCEPTED_MAX;
        notes_n--;
    }
    pthread_mutex_unlock(&lock);
    return found;
}
