/* Among others the traps of libfyaml 0.7, each with what it would do if left alone. */
#include "spec/yaml.h"

#include "base/mem.h"

#include "reading.h"

static int parse(struct reading *r, const char *text, struct yaml_node **ret)
{
    reading_begin(r, text);
    return yaml_parse(ret, r->text, &r->mem, &r->errors);
}

static void refuse(const char *text, const char *error)
{
    struct reading r;
    struct yaml_node *documents;

    assert_int_equal(parse(&r, text, &documents), SPEC_BAD);
    assert_null(documents);
    assert_only_error(&r, error);
    reading_end(&r);
}

static void refuse_bytes(const char *data, size_t len, const char *error)
{
    struct reading r;
    struct yaml_node *documents;

    reading_begin(&r, "");
    assert_int_equal(yaml_parse(&documents, bytes_of(data, len), &r.mem, &r.errors), SPEC_BAD);
    assert_only_error(&r, error);
    reading_end(&r);
}

static void test_nodes_know_where_they_stand(void **state)
{
    (void)state;
    struct reading r;
    struct yaml_node *map;

    assert_int_equal(parse(&r, "a: 1\nb:\n  - x\n  - {c: \"d\"}\n\xc3\xa4: ' e '\n", &map), 0);
    assert_int_equal(map->kind, YAML_MAP);
    assert_int_equal(map->count, 3);
    const struct yaml_node *b = yaml_get(map, "b"), *x = b->items, *c = x->next->items;

    assert_int_equal(b->kind, YAML_LIST);
    assert_int_equal(b->key_at.line, 2);
    assert_int_equal(x->at.line, 3);
    assert_int_equal(x->at.column, 5);
    assert_true(bytes_equal_str(c->key, "c"));
    assert_true(bytes_equal_str(c->text, "d"));
    assert_int_equal(c->key_at.column, 6);
    assert_true(bytes_equal_str(yaml_get(map, "\xc3\xa4")->text, " e "));
    assert_null(yaml_get(map, "z"));
    reading_end(&r);
}

static void test_scalars_stay_text(void **state)
{
    (void)state;
    struct reading r;
    struct yaml_node *map;

    assert_int_equal(parse(&r, "a: 1.10\nb:\nc: ~\nd: ''\ne: no\nf: |\n  x\n  y\n", &map), 0);
    assert_true(bytes_equal_str(yaml_get(map, "a")->text, "1.10"));
    assert_int_equal(yaml_get(map, "b")->kind, YAML_NULL);
    assert_int_equal(yaml_get(map, "b")->at.line, 2);
    assert_int_equal(yaml_get(map, "c")->kind, YAML_NULL);
    assert_int_equal(yaml_get(map, "d")->kind, YAML_TEXT);
    assert_true(bytes_equal_str(yaml_get(map, "e")->text, "no"));
    assert_true(yaml_get(map, "f")->block);
    assert_true(bytes_equal_str(yaml_get(map, "f")->text, "x\ny\n"));
    reading_end(&r);
}

/* libfyaml 0.7.12 loses memory over these, which the leak checker would show. */
static void test_quotes_in_single_quotes(void **state)
{
    (void)state;
    struct reading r;
    struct yaml_node *map;

    assert_int_equal(parse(&r, "a: 'it''s'\nb: ['''''''''''''''''', '\xc3\xa4''']\n", &map), 0);
    assert_true(bytes_equal_str(yaml_get(map, "a")->text, "it's"));
    assert_true(bytes_equal_str(yaml_get(map, "b")->items->text, "''''''''"));
    assert_true(bytes_equal_str(yaml_get(map, "b")->items->next->text, "\xc3\xa4'"));
    reading_end(&r);
    assert_int_equal(parse(&r, "a: 'x\n  y'\n", &map), 0);
    assert_true(bytes_equal_str(yaml_get(map, "a")->text, "x y"));
    reading_end(&r);
    refuse("a: 'it''s\n  long'\n", "1:5: a text over several lines with ' in it");
}

static void test_a_mark_that_says_utf8(void **state)
{
    (void)state;
    struct reading r;
    struct yaml_node *map;

    assert_int_equal(parse(&r, "\xef\xbb\xbfit: 'it''s'\n", &map), 0);
    assert_true(bytes_equal_str(yaml_get(map, "it")->text, "it's"));
    reading_end(&r);
    assert_int_equal(parse(&r, "\xef\xbb\xbf", &map), 0);
    assert_null(map);
    reading_end(&r);
}

static void test_several_documents(void **state)
{
    (void)state;
    struct reading r;
    struct yaml_node *documents;

    assert_int_equal(parse(&r, "a: 1\n---\n- b\n---\nc\n", &documents), 0);
    assert_int_equal(documents->kind, YAML_MAP);
    assert_int_equal(documents->next->kind, YAML_LIST);
    assert_int_equal(documents->next->next->kind, YAML_TEXT);
    assert_null(documents->next->next->next);
    reading_end(&r);
}

/* libfyaml gives no document and no error: whether that is fine, the reader decides. */
static void test_an_empty_file_has_no_document(void **state)
{
    (void)state;
    struct reading r;
    struct yaml_node *documents;

    assert_int_equal(parse(&r, "", &documents), 0);
    assert_null(documents);
    reading_end(&r);
    assert_int_equal(parse(&r, "# nothing\n", &documents), 0);
    assert_null(documents);
    reading_end(&r);
}

/* libfyaml gives null documents. */
static void test_separators_alone_are_empty_documents(void **state)
{
    (void)state;
    struct reading r;
    struct yaml_node *documents;

    assert_int_equal(parse(&r, "---\n---\n", &documents), 0);
    assert_int_equal(documents->kind, YAML_NULL);
    assert_int_equal(documents->next->kind, YAML_NULL);
    assert_int_equal(documents->next->at.line, 2);
    reading_end(&r);
}

/* libfyaml takes these for an empty UTF-16 file and says nothing. */
static void test_only_utf8_is_read(void **state)
{
    (void)state;
    refuse_bytes("\xff\xfe\0", 3, "1:1: this is not UTF-8");
    refuse("a: 1\nb: \x80\n", "2:4: this is not UTF-8");
    refuse("\xc0\xaf", "1:1: this is not UTF-8");         /* overlong */
    refuse("\xe0\x80\xaf", "1:1: this is not UTF-8");     /* overlong */
    refuse("\xf0\x80\x80\xaf", "1:1: this is not UTF-8"); /* overlong */
    refuse("\xed\xa0\x80", "1:1: this is not UTF-8");     /* surrogate */
    refuse("\xf4\x90\x80\x80", "1:1: this is not UTF-8"); /* over U+10FFFF */
    refuse("\xe2\x82", "1:1: this is not UTF-8");         /* cut off */
    refuse("a: \xf0\x9f\x98\x80\nb: \xf8", "2:4: this is not UTF-8");
    refuse_bytes("a: \0", 4, "1:4: control character 0x00");
    refuse("a: \033[0m\n", "1:4: control character 0x1b");
    refuse("a: \"\\0\"\n", "1:5: a text cannot contain a NUL character");
}

/* libfyaml says "missing comma in flow sequence". */
static void test_an_unquoted_variable_in_brackets(void **state)
{
    (void)state;
    struct reading r;
    struct yaml_node *map;

    refuse("run: {exec: [a, ${addr}]}\n", "1:17: inside [ ] and { } a variable stands in quotes");
    refuse("a: 1\nrun: {exec: ${addr}}\n", "2:13: inside [ ] and { } a variable stands in quotes");
    assert_int_equal(parse(&r, "exec:\n- ${addr}\n", &map), 0);
    assert_true(bytes_equal_str(map->items->items->text, "${addr}"));
    reading_end(&r);
}

/* libfyaml's events let them through. */
static void test_repeated_keys(void **state)
{
    (void)state;
    refuse("a: 1\nb: 2\na: 3\n", "3:1: a: given twice, first in line 1");
    refuse("x: {a: 1, a: 2}\n", "1:11: a: given twice");
}

static void test_what_makes_values_grow_is_refused(void **state)
{
    (void)state;
    refuse("a: &x [1]\nb: *x\n", "1:7: anchors (&) and aliases (*) are not supported");
    refuse("b: &x 1\n", "1:7: anchors (&)");
    refuse("a: &a {b: 1}\nc: {<<: *a}\n", "1:7: anchors (&)");
    refuse("a: !!str 1\n", "1:10: tags (!) are not supported");
    refuse("b: *x\n", "1:5: anchors (&)");
}

static void test_syntax_errors_have_a_place(void **state)
{
    (void)state;
    refuse("a:\n\tb: 1\n", "2:1: YAML: tab character");
    refuse("a: \"x\n", "1:5: YAML: double-quoted scalar without closing quote");
    refuse("a: b: c\n", "1:5: YAML: invalid nested block mapping");
    refuse("? [a]\n: b\n", "1:3: a key must be text, this is a list");
    refuse("{a: 1}\n{b: 2}\n", "2:1: YAML: missing document start");
}

static void test_is_bounded(void **state)
{
    (void)state;
    char *text = mem_alloc(YAML_MAX_BYTES + 2);
    struct buf items = {0};

    memset(text, ' ', YAML_MAX_BYTES + 1);
    refuse(text, "0:0: larger than 1024 KiB");
    memset(text, '[', 100000);
    text[100000] = '\0';
    refuse(text, "1:17: nested deeper than 16 levels");
    mem_free(text);

    for (int i = 0; i <= YAML_MAX_ITEMS; i++)
        buf_str(&items, "- x\n");
    refuse(buf_cstr(&items), "1025:3: more than 1024 items");
    buf_reset(&items);
    for (int i = 0; i <= YAML_MAX_NODES / 1000; i++) {
        buf_str(&items, "- [x");
        for (int k = 1; k < 1000; k++)
            buf_str(&items, ",x");
        buf_str(&items, "]\n");
    }
    refuse(buf_cstr(&items), "100:");
    buf_deinit(&items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nodes_know_where_they_stand),
        cmocka_unit_test(test_scalars_stay_text),
        cmocka_unit_test(test_quotes_in_single_quotes),
        cmocka_unit_test(test_a_mark_that_says_utf8),
        cmocka_unit_test(test_several_documents),
        cmocka_unit_test(test_an_empty_file_has_no_document),
        cmocka_unit_test(test_separators_alone_are_empty_documents),
        cmocka_unit_test(test_only_utf8_is_read),
        cmocka_unit_test(test_an_unquoted_variable_in_brackets),
        cmocka_unit_test(test_repeated_keys),
        cmocka_unit_test(test_what_makes_values_grow_is_refused),
        cmocka_unit_test(test_syntax_errors_have_a_place),
        cmocka_unit_test(test_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
