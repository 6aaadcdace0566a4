/* Everything that people write, as three readers see it. None may crash, leak, or hang; each says
 * either "fine" or what is wrong, and what was fine fits into a record. */
#include "spec/config.h"
#include "spec/scenario.h"
#include "spec/service_file.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_services(struct bytes text)
{
    struct arena mem = {0};
    struct spec_errors errors;
    struct service_file file;
    struct buf out = {0};

    spec_errors_init(&errors, "fuzz", text, &mem);
    int result = service_file_read(&file, text, &mem, &errors);

    assert(result == (errors.count ? SPEC_BAD : 0));
    for (uint32_t i = 0; !result && i < file.count; i++) {
        struct service_spec again;
        struct wire_error why;

        buf_reset(&out);
        service_spec_encode(&out, &file.specs[i]);
        assert(service_spec_decode(&again, buf_bytes(&out), &mem, &why) == 0);
    }
    spec_errors_print(&errors, &out);
    buf_deinit(&out);
    arena_deinit(&mem);
}

static void read_others(struct bytes text)
{
    struct arena mem = {0};
    struct spec_errors errors;
    struct config config;
    struct scenario scenario;

    spec_errors_init(&errors, "fuzz", text, &mem);
    int result = config_read(&config, text, &mem, &errors);

    assert(result == (errors.count ? SPEC_BAD : 0));
    spec_errors_init(&errors, "fuzz", text, &mem);
    result = scenario_read(&scenario, text, &mem, &errors);
    assert(result == (errors.count ? SPEC_BAD : 0));
    arena_deinit(&mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_services(bytes_of(data, size));
    read_others(bytes_of(data, size));
    return 0;
}
