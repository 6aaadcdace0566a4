#include "spec/yaml.h"

#include <libfyaml.h>
#include <string.h>

/* ---- the text ---- */

struct cursor {
    struct bytes text;
    size_t at;
    struct spec_at where;
};

static size_t claimed_len(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Bytes that the character at the cursor takes; 0: no UTF-8. */
static size_t utf8_len(const struct cursor *c)
{
    const uint8_t *p = c->text.data + c->at;
    size_t len = claimed_len(p[0]);

    if (!len || len > c->text.len - c->at)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    /* overlong, surrogates, over U+10FFFF */
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return len;
}

/* libfyaml takes an UTF-16 mark for an empty text and says nothing, so the bytes are looked at
 * here. */
static int check_text(struct bytes text, struct spec_errors *errors)
{
    struct cursor c = {.text = text, .where = {1, 1}};

    if (text.len > YAML_MAX_BYTES) {
        spec_error(errors, (struct spec_at){0}, "larger than %d KiB", YAML_MAX_BYTES / 1024);
        return SPEC_BAD;
    }
    while (c.at < text.len) {
        size_t len = utf8_len(&c);
        uint8_t byte = text.data[c.at];

        if (!len) {
            spec_error(errors, c.where, "this is not UTF-8: save the file as UTF-8");
            return SPEC_BAD;
        }
        if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f) {
            spec_error(errors, c.where, "control character 0x%02x: remove it", byte);
            return SPEC_BAD;
        }
        c.at += len;
        c.where.column++;
        if (byte == '\n')
            c.where = (struct spec_at){c.where.line + 1, 1};
    }
    return 0;
}

/* ---- the tree ---- */

struct builder {
    struct arena *mem;
    struct spec_errors *errors;
    struct bytes text; /* what the parser got */
    struct yaml_node *documents, **documents_end;
    struct yaml_node *open[YAML_MAX_DEPTH]; /* maps and lists that have begun */
    struct yaml_node **ends[YAML_MAX_DEPTH];
    uint32_t depth;
    bool has_key; /* of the innermost map: the next node is its value */
    struct bytes key;
    struct spec_at key_at;
    struct spec_at last; /* where something stood last: for what has no place of its own */
    uint32_t nodes;
};

static struct spec_at place(struct builder *b, struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_start_mark(event);

    if (mark && mark->line >= 0 && mark->column >= 0)
        b->last = (struct spec_at){(uint32_t)mark->line + 1, (uint32_t)mark->column + 1};
    return b->last;
}

static int refuse_repeated(struct builder *b, const struct yaml_node *map)
{
    for (const struct yaml_node *item = map->items; item; item = item->next) {
        if (!bytes_equal(item->key, b->key))
            continue;
        spec_error(b->errors, b->key_at, BYTES_FMT ": given twice, first in line %u: remove one",
                   BYTES_ARG(b->key), item->key_at.line);
        return SPEC_BAD;
    }
    return 0;
}

/* Puts the node where the builder stands: a document, an item, or the value of a key. */
static int attach(struct builder *b, struct yaml_node *node)
{
    if (++b->nodes > YAML_MAX_NODES) {
        spec_error(b->errors, node->at, "more than %d values", YAML_MAX_NODES);
        return SPEC_BAD;
    }
    if (!b->depth) {
        *b->documents_end = node;
        b->documents_end = &node->next;
        return 0;
    }
    struct yaml_node *parent = b->open[b->depth - 1];

    if (parent->kind == YAML_MAP) {
        if (refuse_repeated(b, parent))
            return SPEC_BAD;
        node->key = b->key;
        node->key_at = b->key_at;
        b->has_key = false;
    }
    if (++parent->count > YAML_MAX_ITEMS) {
        spec_error(b->errors, node->at, "more than %d items", YAML_MAX_ITEMS);
        return SPEC_BAD;
    }
    *b->ends[b->depth - 1] = node;
    b->ends[b->depth - 1] = &node->next;
    return 0;
}

static bool expects_key(const struct builder *b)
{
    return b->depth && b->open[b->depth - 1]->kind == YAML_MAP && !b->has_key;
}

static int open_collection(struct builder *b, struct fy_event *event, enum yaml_kind kind)
{
    struct yaml_node *node = arena_alloc(b->mem, sizeof(*node));

    node->kind = kind;
    node->at = place(b, event);
    if (expects_key(b)) {
        spec_error(b->errors, node->at, "a key must be text, this is %s", yaml_kind_name(kind));
        return SPEC_BAD;
    }
    if (attach(b, node))
        return SPEC_BAD;
    if (b->depth == YAML_MAX_DEPTH) {
        spec_error(b->errors, node->at, "nested deeper than %d levels", YAML_MAX_DEPTH);
        return SPEC_BAD;
    }
    b->open[b->depth] = node;
    b->ends[b->depth++] = &node->items;
    return 0;
}

static bool means_nothing(struct bytes text, enum fy_scalar_style style)
{
    return style == FYSS_PLAIN &&
           (!text.len || bytes_equal_str(text, "~") || bytes_equal_str(text, "null"));
}

/* What stands between the quotes of a scalar. */
static struct bytes raw_text(const struct builder *b, struct fy_token *token)
{
    const struct fy_mark *start = fy_token_start_mark(token), *end = fy_token_end_mark(token);

    if (!start || !end || end->input_pos < start->input_pos || end->input_pos > b->text.len)
        return (struct bytes){0};
    return bytes_of(b->text.data + start->input_pos, end->input_pos - start->input_pos);
}

/* Every quote in it stands twice. */
static struct bytes halve_quotes(struct builder *b, struct bytes raw)
{
    uint8_t *text = arena_alloc(b->mem, raw.len);
    size_t len = 0;

    for (size_t i = 0; i < raw.len; i++) {
        text[len++] = raw.data[i];
        i += raw.data[i] == '\'';
    }
    return bytes_of(text, len);
}

/* libfyaml 0.7.12 loses memory with every single-quoted text in which quotes stand twice, so that
 * text is made here; over several lines, where blanks would have to be folded too, it is refused. */
static int scalar_text(struct builder *b, struct fy_event *event, struct bytes *ret)
{
    struct fy_token *token = event->scalar.value;
    struct bytes raw = raw_text(b, token);
    size_t len = 0;

    if (fy_token_scalar_style(token) == FYSS_SINGLE_QUOTED && raw.len &&
        memchr(raw.data, '\'', raw.len)) {
        *ret = halve_quotes(b, raw);
        if (!memchr(raw.data, '\n', raw.len) && !memchr(raw.data, '\r', raw.len))
            return 0;
        spec_error(b->errors, place(b, event),
                   "a text over several lines with ' in it stands in double quotes");
        return SPEC_BAD;
    }
    const char *text = fy_token_get_text(token, &len);

    *ret = arena_bytes(b->mem, bytes_of(text, text ? len : 0));
    return 0;
}

static int add_scalar(struct builder *b, struct fy_event *event)
{
    enum fy_scalar_style style = fy_token_scalar_style(event->scalar.value);
    struct spec_at at = place(b, event);
    struct bytes text;

    if (scalar_text(b, event, &text))
        return SPEC_BAD;
    if (text.len && memchr(text.data, 0, text.len)) {
        spec_error(b->errors, at, "a text cannot contain a NUL character");
        return SPEC_BAD;
    }
    if (expects_key(b)) {
        b->key = text;
        b->key_at = at;
        b->has_key = true;
        return 0;
    }
    struct yaml_node *node = arena_alloc(b->mem, sizeof(*node));

    node->kind = means_nothing(text, style) ? YAML_NULL : YAML_TEXT;
    node->at = at;
    node->text = text;
    node->block = style == FYSS_LITERAL || style == FYSS_FOLDED;
    return attach(b, node);
}

static int refuse_decoration(struct builder *b, struct fy_event *event)
{
    if (event->type == FYET_ALIAS || fy_event_get_anchor_token(event)) {
        spec_error(b->errors, place(b, event),
                   "anchors (&) and aliases (*) are not supported: write the value out");
        return SPEC_BAD;
    }
    if (fy_event_get_tag_token(event)) {
        spec_error(b->errors, place(b, event), "tags (!) are not supported: remove it");
        return SPEC_BAD;
    }
    return 0;
}

static int add_event(struct builder *b, struct fy_event *event)
{
    switch (event->type) {
    case FYET_DOCUMENT_START:
        place(b, event);
        return 0;
    case FYET_ALIAS:
        return refuse_decoration(b, event);
    case FYET_SCALAR:
        return refuse_decoration(b, event) ? SPEC_BAD : add_scalar(b, event);
    case FYET_MAPPING_START:
        return refuse_decoration(b, event) ? SPEC_BAD : open_collection(b, event, YAML_MAP);
    case FYET_SEQUENCE_START:
        return refuse_decoration(b, event) ? SPEC_BAD : open_collection(b, event, YAML_LIST);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        if (b->depth) {
            b->depth--;
            b->has_key = false;
        }
        return 0;
    default:
        return 0;
    }
}

/* ---- the parser ---- */

/* Whether "${" stands, unquoted, right before a place: inside [] or {} the brace opens a map, and
 * libfyaml then misses a comma. */
static bool after_dollar(struct bytes text, struct spec_at at)
{
    size_t i = 0;
    uint32_t line = 1, column = 1;

    while (i < text.len && (line < at.line || (line == at.line && column < at.column))) {
        column = text.data[i] == '\n' ? 1 : column + ((text.data[i] & 0xc0) != 0x80);
        line += text.data[i++] == '\n';
    }
    return i > 0 && i < text.len && text.data[i - 1] == '$' && text.data[i] == '{';
}

static void report_syntax(struct fy_diag *diag, struct bytes text, struct spec_errors *errors)
{
    void *iterator = NULL;
    struct fy_diag_error *first = fy_diag_errors_iterate(diag, &iterator);
    struct spec_at at = {0};

    if (first && first->line > 0 && first->column > 0)
        at = (struct spec_at){(uint32_t)first->line, (uint32_t)first->column};
    if (at.line && after_dollar(text, at))
        spec_error(errors, (struct spec_at){at.line, at.column - 1},
                   "inside [ ] and { } a variable stands in quotes: write \"${...}\"");
    else
        spec_error(errors, at, "YAML: %s", first ? first->msg : "cannot be read");
}

static int read_events(struct fy_parser *parser, struct builder *b)
{
    struct fy_event *event;
    int result = 0;

    while (!result && (event = fy_parser_parse(parser))) {
        result = add_event(b, event);
        fy_parser_event_free(parser, event);
    }
    return result;
}

static int parse(struct builder *b, struct fy_diag *diag)
{
    /* Which error comes first is up to us, so libfyaml collects its own instead of printing them.
     */
    struct fy_parse_cfg config = {.flags = FYPCF_QUIET | FYPCF_JSON_NONE, .diag = diag};
    struct fy_parser *parser = fy_parser_create(&config);

    if (!parser)
        return -1;
    int result = fy_parser_set_string(parser, (const char *)b->text.data, b->text.len) ? -1 : 0;

    if (!result)
        result = read_events(parser, b);
    if (!result && fy_parser_get_stream_error(parser)) {
        report_syntax(diag, b->text, b->errors);
        result = SPEC_BAD;
    }
    fy_parser_destroy(parser);
    return result;
}

int yaml_parse(struct yaml_node **ret, struct bytes text, struct arena *mem,
               struct spec_errors *errors)
{
    struct builder b = {.mem = mem, .errors = errors, .text = text, .last = {1, 1}};
    struct fy_diag_cfg config;

    *ret = NULL;
    if (check_text(text, errors))
        return SPEC_BAD;
    if (text.len >= 3 && !memcmp(text.data, "\xef\xbb\xbf", 3)) /* a mark that says UTF-8 */
        b.text = bytes_of(text.data + 3, text.len - 3);
    if (!b.text.len)
        return 0;
    fy_diag_cfg_default(&config);
    config.fp = NULL;
    struct fy_diag *diag = fy_diag_create(&config);

    if (!diag)
        return -1;
    fy_diag_set_collect_errors(diag, true);
    b.documents_end = &b.documents;
    int result = parse(&b, diag);

    fy_diag_destroy(diag);
    if (!result)
        *ret = b.documents;
    return result;
}

/* ---- looking ---- */

const char *yaml_kind_name(enum yaml_kind kind)
{
    static const char *const names[] = {"nothing", "text", "a list", "a map"};

    return names[kind];
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    for (const struct yaml_node *item = map->items; item; item = item->next) {
        if (bytes_equal_str(item->key, key))
            return item;
    }
    return NULL;
}
