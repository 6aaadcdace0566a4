#ifndef KITH_CLIENT_H
#define KITH_CLIENT_H
/*
 * libkith: talking to a peer of a Kith cluster. Any peer will do, usually the one on this host.
 *
 * A request is a message of proto/client.toml (docs/protocol.md), encoded as MessagePack; so is its answer.
 * One request at a time; a handle belongs to one thread. No call blocks longer than its timeout.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KITH_DEFAULT_ADDRESS "ipc:///run/kith/kithd.sock"
#define KITH_DEFAULT_PORT    5488

struct kith_client;

struct kith_client_options {
    /* PATH or ipc://PATH of a daemon's socket, where file permissions decide; or HOST[:PORT] or
     * tcp://HOST:PORT of any peer, with a key. NULL: $KITH_ADDR, or else KITH_DEFAULT_ADDRESS. */
    const char *address;
    const char *key; /* text of a key file, as `kith cluster init` writes it; NULL: none */
    int insecure;    /* the cluster runs without keys */
    int wait;        /* a peer that is not there yet is waited for, until the timeout */
    int any_version; /* also one whose protocol does not fit answers, and is refused then */
    int timeout_ms;  /* for opening: connection and admission; 0: 5000 */
};

enum kith_client_result {
    KITH_CLIENT_OK = 0,
    KITH_CLIENT_BAD_ADDRESS, /* not an address */
    KITH_CLIENT_BAD_KEY,     /* a key is needed, or the text is no key file */
    KITH_CLIENT_UNREACHABLE, /* nothing listens there, or the connection broke */
    KITH_CLIENT_REFUSED,     /* somebody is there, and does not let this key in */
    KITH_CLIENT_TIMEOUT,     /* no answer in time; a change may or may not have happened */
    KITH_CLIENT_GARBLED      /* the answer is none of ours */
};

/* Never NULL: also a handle that could not be opened says why, and is to be closed. */
struct kith_client *kith_client_open(const struct kith_client_options *options,
                                     enum kith_client_result *ret);
void kith_client_close(struct kith_client *client);

/* What the last call that did not end in KITH_CLIENT_OK failed at and what to do; for people. */
const char *kith_client_why(const struct kith_client *client);

struct kith_answer {
    uint16_t kind;       /* 100 is `failed`: understood, and not done */
    const void *payload; /* borrowed until the next call */
    size_t payload_len;
};

enum kith_client_result kith_client_request(struct kith_client *client, uint16_t kind,
                                            const void *payload, size_t payload_len, int timeout_ms,
                                            struct kith_answer *ret);

/*
 * What is not one answer to one question: a frame goes out and is not waited for, and frames come as they come.
 * `subscribe` is such a request; its messages arrive as `delivery`, between answers to renewals, which are to be told
 * apart by their kind. Do not mix with kith_client_request(): that throws away what is no answer to its question.
 */
enum kith_client_result kith_client_send(struct kith_client *client, uint16_t kind,
                                         const void *payload, size_t payload_len);
/* The next frame. KITH_CLIENT_TIMEOUT: none came; then the connection is fine, and there is no `why`. */
enum kith_client_result kith_client_next(struct kith_client *client, int timeout_ms,
                                         struct kith_answer *ret);

#ifdef __cplusplus
}
#endif

#endif
