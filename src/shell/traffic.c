#include "shell/traffic.h"
#include <errno.h>

void traffic_init(struct traffic *t)
{
    *t = (struct traffic){0};
    zmq_msg_init(&t->msg);
}

void traffic_deinit(struct traffic *t)
{
    zmq_msg_close(&t->msg);
}

bool traffic_take(struct traffic *t, struct pollset_item *from, zmq_msg_t *id, unsigned *budget)
{
    void *socket = from->socket;
    if (zmq_msg_recv(id != NULL ? id : &t->msg, socket, ZMQ_DONTWAIT) < 0) {
        if (errno == EAGAIN)
            pollset_rest(from);
        *budget = 0;
        return false;
    }
    if (id != NULL && (!zmq_msg_more(id) || zmq_msg_recv(&t->msg, socket, ZMQ_DONTWAIT) < 0)) {
        *budget = 0;
        return false;
    }
    if (!zmq_msg_more(&t->msg)) {
        t->frames_in++;
        t->bytes_in += zmq_msg_size(&t->msg);
        return true;
    }
    t->malformed++;
    while (zmq_msg_more(&t->msg))
        if (zmq_msg_recv(&t->msg, socket, ZMQ_DONTWAIT) < 0)
            break;
    return false;
}

struct bytes traffic_bytes(zmq_msg_t *msg)
{
    return bytes_of(zmq_msg_data(msg), zmq_msg_size(msg));
}

bool traffic_give(struct traffic *t, void *socket, struct bytes frame)
{
    if (zmq_send(socket, frame.data, frame.len, ZMQ_DONTWAIT) < 0)
        return false;
    t->frames_out++;
    t->bytes_out += frame.len;
    return true;
}
