#include "spec/load.h"

#include "spec/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int read_all(FILE *file, struct buf *out, struct spec_errors *errors)
{
    uint8_t chunk[4096];
    size_t got;

    while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        buf_append(out, chunk, got);
        if (out->len > YAML_MAX_BYTES) {
            spec_error(errors, (struct spec_at){0}, "larger than %d KiB", YAML_MAX_BYTES / 1024);
            return SPEC_BAD;
        }
    }
    if (ferror(file)) {
        spec_error(errors, (struct spec_at){0}, "cannot be read: %s", strerror(errno));
        return SPEC_BAD;
    }
    return 0;
}

int spec_load(const char *path, struct buf *out, struct arena *mem, struct spec_errors *errors)
{
    bool standard = !strcmp(path, "-");
    FILE *file = standard ? stdin : fopen(path, "rbe");
    int result;

    spec_errors_init(errors, standard ? "standard input" : path, (struct bytes){0}, mem);
    if (!file) {
        spec_error(errors, (struct spec_at){0}, "cannot be opened: %s", strerror(errno));
        return SPEC_BAD;
    }
    result = read_all(file, out, errors);
    if (!standard)
        fclose(file);
    errors->text = buf_bytes(out);
    return result;
}
