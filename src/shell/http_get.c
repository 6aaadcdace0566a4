#include "shell/http_get.h"
#include "base/mem.h"
#include "shell/clock.h"
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <sys/epoll.h>

/* Functions of libcurl.so.4, with the types that its header declares. */
struct curl_calls {
    void *library;
    __typeof__(&curl_global_init) global_init;
    __typeof__(&curl_global_cleanup) global_cleanup;
    __typeof__(&curl_easy_init) easy_init;
    __typeof__(&(curl_easy_setopt)) easy_setopt;
    __typeof__(&(curl_easy_getinfo)) easy_getinfo;
    __typeof__(&curl_easy_strerror) easy_strerror;
    __typeof__(&curl_easy_cleanup) easy_cleanup;
    __typeof__(&curl_multi_init) multi_init;
    __typeof__(&(curl_multi_setopt)) multi_setopt;
    __typeof__(&curl_multi_add_handle) multi_add_handle;
    __typeof__(&curl_multi_remove_handle) multi_remove_handle;
    __typeof__(&curl_multi_socket_action) multi_socket_action;
    __typeof__(&curl_multi_info_read) multi_info_read;
    __typeof__(&curl_multi_cleanup) multi_cleanup;
};

struct http_get {
    struct curl_calls curl;
    int epoll_fd;
    uint32_t tag;
    CURLM *multi;
    kith_time at_us;
};

/* ---- loading ---- */

static bool load_calls(struct curl_calls *c)
{
    const struct {
        const char *name;
        void **to;
    } wanted[] = {
        {"curl_global_init", (void **)&c->global_init},
        {"curl_global_cleanup", (void **)&c->global_cleanup},
        {"curl_easy_init", (void **)&c->easy_init},
        {"curl_easy_setopt", (void **)&c->easy_setopt},
        {"curl_easy_getinfo", (void **)&c->easy_getinfo},
        {"curl_easy_strerror", (void **)&c->easy_strerror},
        {"curl_easy_cleanup", (void **)&c->easy_cleanup},
        {"curl_multi_init", (void **)&c->multi_init},
        {"curl_multi_setopt", (void **)&c->multi_setopt},
        {"curl_multi_add_handle", (void **)&c->multi_add_handle},
        {"curl_multi_remove_handle", (void **)&c->multi_remove_handle},
        {"curl_multi_socket_action", (void **)&c->multi_socket_action},
        {"curl_multi_info_read", (void **)&c->multi_info_read},
        {"curl_multi_cleanup", (void **)&c->multi_cleanup},
    };
    c->library = dlopen("libcurl.so.4", RTLD_LAZY | RTLD_LOCAL);
    if (c->library == NULL)
        return false;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if ((*wanted[i].to = dlsym(c->library, wanted[i].name)) == NULL)
            return false;
    return true;
}

/* ---- what libcurl asks of an event loop ---- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    (void)easy, (void)socket_arg;
    struct http_get *h = arg;
    struct epoll_event e = {.data.u64 = (uint64_t)h->tag << 32 | (uint32_t)fd};
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(h->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    e.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (epoll_ctl(h->epoll_fd, EPOLL_CTL_MOD, fd, &e) < 0 && errno == ENOENT)
        epoll_ctl(h->epoll_fd, EPOLL_CTL_ADD, fd, &e);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct http_get *h = arg;
    h->at_us = timeout_ms < 0 ? KITH_NEVER : clock_now_us() + timeout_ms * KITH_MS;
    return 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    (void)data;
    size_t *left = arg;
    size_t len = size * count;
    if (len > *left)
        return 0; /* ends the request; its status is known by now */
    *left -= len;
    return len;
}

/* ---- requests ---- */

struct request {
    CURL *easy;
    void *owner;
    size_t body_left;
};

struct http_get *http_get_new(int epoll_fd, uint32_t tag)
{
    struct http_get *h = mem_alloc(sizeof *h);
    h->epoll_fd = epoll_fd;
    h->tag = tag;
    h->at_us = KITH_NEVER;
    return h;
}

static bool open_multi(struct http_get *h)
{
    if (h->multi != NULL)
        return true;
    if (h->curl.library == NULL && !load_calls(&h->curl))
        return false;
    if (h->curl.global_init(CURL_GLOBAL_NOTHING) != CURLE_OK)
        return false;
    h->multi = h->curl.multi_init();
    h->curl.multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    h->curl.multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
    h->curl.multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    h->curl.multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
    return true;
}

void http_get_free(struct http_get *h)
{
    if (h == NULL)
        return;
    if (h->multi != NULL) {
        h->curl.multi_cleanup(h->multi);
        h->curl.global_cleanup();
    }
    mem_free(h); /* the library stays: others of its libraries cannot be unloaded safely */
}

void *http_get_start(struct http_get *h, const char *url, void *owner, const char **ret_why)
{
    if (!open_multi(h)) {
        *ret_why = "libcurl.so.4 cannot be loaded: install libcurl4";
        return NULL;
    }
    const struct curl_calls *c = &h->curl;
    struct request *r = mem_alloc(sizeof *r);
    r->easy = c->easy_init();
    r->owner = owner;
    r->body_left = HTTP_GET_BODY_MAX;
    c->easy_setopt(r->easy, CURLOPT_URL, url);
    c->easy_setopt(r->easy, CURLOPT_PRIVATE, r);
    c->easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L);
    c->easy_setopt(r->easy, CURLOPT_PROXY, "");
    c->easy_setopt(r->easy, CURLOPT_FORBID_REUSE, 1L);
    c->easy_setopt(r->easy, CURLOPT_FRESH_CONNECT, 1L);
    c->easy_setopt(r->easy, CURLOPT_USERAGENT, "kith-check");
    c->easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, on_body);
    c->easy_setopt(r->easy, CURLOPT_WRITEDATA, &r->body_left);
    c->multi_add_handle(h->multi, r->easy);
    return r;
}

void http_get_cancel(struct http_get *h, void *handle)
{
    struct request *r = handle;
    h->curl.multi_remove_handle(h->multi, r->easy);
    h->curl.easy_cleanup(r->easy);
    mem_free(r);
}

void http_get_ready(struct http_get *h, int fd, bool in, bool out, bool err)
{
    int running;
    int mask =
        (in ? CURL_CSELECT_IN : 0) | (out ? CURL_CSELECT_OUT : 0) | (err ? CURL_CSELECT_ERR : 0);
    if (h->multi != NULL)
        h->curl.multi_socket_action(h->multi, fd, mask, &running);
}

void http_get_time(struct http_get *h, kith_time now_us)
{
    int running;
    if (now_us < h->at_us)
        return;
    h->at_us = KITH_NEVER;
    h->curl.multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

kith_time http_get_deadline(const struct http_get *h)
{
    return h->at_us;
}

bool http_get_result(struct http_get *h, struct http_result *ret)
{
    int left;
    CURLMsg *m;
    if (h->multi == NULL)
        return false;
    do
        m = h->curl.multi_info_read(h->multi, &left);
    while (m != NULL && m->msg != CURLMSG_DONE);
    if (m == NULL)
        return false;
    struct request *r = NULL;
    CURLcode code = m->data.result;
    *ret = (struct http_result){.why = h->curl.easy_strerror(code)};
    h->curl.easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &r);
    if (code == CURLE_OK || code == CURLE_WRITE_ERROR)
        h->curl.easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &ret->status);
    ret->owner = r->owner;
    http_get_cancel(h, r);
    return true;
}
