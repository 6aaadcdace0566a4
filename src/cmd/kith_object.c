#include "cmd/kith_object.h"

#include "view/yaml.h"
#include "wire/text.h"

bool object_wanted(const struct kith *k)
{
    return k->args.format == VIEW_JSON || k->args.format == VIEW_YAML;
}

void object_show(struct kith *k, json_t *object)
{
    if (k->args.format == VIEW_YAML) {
        yaml_write(&k->out, object, 0);
    } else {
        json_write(&k->out, object, JSON_INDENT(2));
        buf_byte(&k->out, '\n');
    }
    json_decref(object);
}

json_t *object_text(struct bytes text)
{
    struct arena mem = {0};
    /* One byte that is no text becomes three. */
    struct bytes good = wire_text_make(&mem, text, 3 * text.len);
    json_t *value = json_stringn((const char *)good.data, good.len);

    arena_deinit(&mem);
    return value;
}
