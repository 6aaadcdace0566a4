#ifndef KITH_CLIENT_SEEN_H
#define KITH_CLIENT_SEEN_H
/*
 * How far a client got with a peer, for telling what is wrong (`kith probe`): readable also after
 * kith_client_open() failed. Not part of libkith's public face.
 */
#include "client/link.h"
#include "wire/frame.h"

enum client_stage {
    CLIENT_NOWHERE,   /* nothing takes a connection there */
    CLIENT_CONNECTED, /* something does, and shook no hands */
    CLIENT_SHAKEN,    /* the handshake succeeded: with keys, it holds those of this cluster */
    CLIENT_ANSWERED,  /* a frame came back: `peer` is known */
    CLIENT_OPEN,      /* requests are taken */
};

struct client_seen {
    enum client_stage stage;
    enum link_state state;
    struct link_story story;
    struct envelope peer; /* of the last frame that came back */
    int frame_problem;    /* FRAME_CLUSTER, FRAME_PROTO...: what was wrong with it */
};

struct kith_client;

struct client_seen client_seen(const struct kith_client *client);

#endif
