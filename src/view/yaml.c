#include "view/yaml.h"

#include "view/safe.h"

#include <string.h>

static int append(const char *data, size_t len, void *out)
{
    buf_append(out, data, len);
    return 0;
}

void json_write(struct buf *out, const json_t *value, size_t flags)
{
    struct buf raw = {0};

    json_dump_callback(value, append, &raw, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(10));
    safe_json(out, buf_bytes(&raw));
    buf_deinit(&raw);
}

/* Words that YAML 1.1 readers take for something else than text. */
static bool is_word_of_yaml(const char *key)
{
    static const char *const words[] = {"y",   "n",    "yes",   "no",  "on",
                                        "off", "true", "false", "null"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(key, words[i]) == 0)
            return true;
    }
    return false;
}

static void write_key(struct buf *out, const char *key)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz_";

    if (key[0] != '\0' && strspn(key, plain) == strlen(key) && !is_word_of_yaml(key)) {
        buf_str(out, key);
        return;
    }
    json_t *text = json_string(key);
    json_write(out, text, 0);
    json_decref(text);
}

static void blanks(struct buf *out, size_t n)
{
    while (n-- > 0)
        buf_byte(out, ' ');
}

static bool is_block(const json_t *value)
{
    return json_array_size(value) > 0 || json_object_size(value) > 0;
}

static void write_object(struct buf *out, const json_t *object, size_t indent, bool first_placed)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        blanks(out, first_placed ? 0 : indent);
        first_placed = false;
        write_key(out, key);
        buf_byte(out, ':');
        if (is_block(value)) {
            buf_byte(out, '\n');
            yaml_write(out, value, indent + 2);
        } else {
            buf_byte(out, ' ');
            json_write(out, value, 0);
            buf_byte(out, '\n');
        }
    }
}

static void write_array(struct buf *out, const json_t *array, size_t indent)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *value = json_array_get(array, i);
        blanks(out, indent);
        buf_str(out, "- ");
        if (json_object_size(value) > 0) {
            write_object(out, value, indent + 2, /* first_placed */ true);
        } else { /* no array of arrays is shown anywhere: as JSON, which is YAML too */
            json_write(out, value, JSON_COMPACT);
            buf_byte(out, '\n');
        }
    }
}

void yaml_write(struct buf *out, const json_t *value, size_t indent)
{
    if (!is_block(value)) {
        blanks(out, indent);
        json_write(out, value, 0);
        buf_byte(out, '\n');
    } else if (json_is_object(value)) {
        write_object(out, value, indent, /* first_placed */ false);
    } else {
        write_array(out, value, indent);
    }
}
