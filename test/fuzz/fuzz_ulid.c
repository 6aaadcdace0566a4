/* Any text: what parses prints as a ULID that parses to the same value. */
#include <assert.h>

#include "base/ulid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ulid id, again;

    if (ulid_parse(&id, (struct bytes){data, size}) != 0)
        return 0;
    struct ulid_text text = ulid_text(&id);
    int r = ulid_parse(&again, bytes_str(text.s));
    assert(r == 0 && ulid_equal(&id, &again));
    return 0;
}
