/* What comes in by a socket: the envelope, then the payload by its kind, and the line for a trace. */
#include "wire/frame.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ulid any = {{0}};
    struct wire_error err = {0};
    struct arena mem = {0};
    struct buf out = {0};
    struct frame frame;
    struct bytes in = bytes_of(data, size);

    if (frame_unpack(&frame, in, &any, &err) == 0)
        frame_check_payload(frame.envelope.kind, frame.payload, &mem, &err);
    else
        assert(err.field != NULL && err.why != NULL);
    frame_print(&out, in);
    buf_deinit(&out);
    arena_deinit(&mem);
    return 0;
}
