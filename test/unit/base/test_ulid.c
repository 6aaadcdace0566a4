/* The vectors are other projects' own test cases, see the README beside them. */
#include "base/ulid.h"

#include "data.h"
#include "test.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

/* A member of the vectors file; the caller decrefs *file. Skips the test when it is absent. */
static json_t *vectors(const char *member, json_t **file)
{
    char *text = test_data("ulid/ulid_vectors.json", NULL);

    if (!text)
        skip();
    *file = json_loads(text, 0, NULL);
    free(text);
    assert_non_null(*file);
    return json_object_get(*file, member);
}

static const char *member(json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static struct ulid parsed(const char *text)
{
    struct ulid u;

    assert_int_equal(ulid_parse(&u, bytes_str(text)), 0);
    return u;
}

static void test_valid_vectors(void **state)
{
    (void)state;
    json_t *file, *vector, *valid = vectors("valid", &file);
    size_t i;

    json_array_foreach(valid, i, vector)
    {
        const char *text = member(vector, "ulid");
        struct ulid u = parsed(text);
        char hex[33], lower[ULID_TEXT_LEN + 1] = "";

        for (int k = 0; k < 16; k++)
            snprintf(hex + 2 * k, 3, "%02x", u.b[k]);
        assert_string_equal(hex, member(vector, "bytes_hex"));
        assert_true(ulid_ms(&u) == json_integer_value(json_object_get(vector, "timestamp_ms")));
        assert_string_equal(ulid_text(&u).s, text);

        for (int k = 0; k < ULID_TEXT_LEN; k++)
            lower[k] = (char)tolower(text[k]);
        struct ulid same = parsed(lower);

        assert_true(ulid_equal(&u, &same));
    }
    assert_true(i > 0);
    json_decref(file);
}

static void test_invalid_vectors_are_refused(void **state)
{
    (void)state;
    json_t *file, *vector, *invalid = vectors("invalid", &file);
    size_t i;

    json_array_foreach(invalid, i, vector)
    {
        struct ulid u = {.b = {7}}, untouched = u;

        assert_int_equal(ulid_parse(&u, bytes_str(member(vector, "input"))), ULID_BAD);
        assert_true(ulid_equal(&u, &untouched));
    }
    assert_true(i > 0);
    json_decref(file);
}

static void test_time_vectors(void **state)
{
    (void)state;
    json_t *file, *vector, *time_encode = vectors("time_encode", &file);
    size_t i;

    json_array_foreach(time_encode, i, vector)
    {
        int64_t ms = json_integer_value(json_object_get(vector, "timestamp_ms"));
        struct ulid_source source = {0};
        struct ulid u;
        struct rng rng;

        rng_seed(&rng, 1);
        assert_int_equal(ulid_next(&source, &u, ms * KITH_MS + 999, &rng), 0);
        assert_memory_equal(ulid_text(&u).s, member(vector, "encoded"), 10);
    }
    json_decref(file);
}

/* Where a vector gives the clock, it is used; one that fixes the first random part starts from it.
 * A part drawn anew cannot be predicted here, so only its time is compared. */
static void check_sequence(json_t *vector)
{
    json_t *sequence = json_object_get(vector, "sequence");
    json_t *clock = json_object_get(vector, "clock_ms");
    struct ulid_source source = {.last = parsed(json_string_value(json_array_get(sequence, 0)))};
    int64_t ms = ulid_ms(&source.last);
    struct ulid u;
    struct rng rng;

    rng_seed(&rng, 1);
    for (size_t i = 1; i < json_array_size(sequence); i++) {
        const char *expected = json_string_value(json_array_get(sequence, i));
        bool drawn_anew = false;

        if (clock) {
            ms = json_integer_value(json_array_get(clock, i));
            drawn_anew = ms > ulid_ms(&source.last);
        }
        assert_int_equal(ulid_next(&source, &u, ms * KITH_MS, &rng), 0);
        assert_memory_equal(ulid_text(&u).s, expected, drawn_anew ? 10 : ULID_TEXT_LEN);
    }
    if (member(vector, "then")) {
        struct ulid untouched = u;

        assert_string_equal(member(vector, "then"), "error");
        assert_int_equal(ulid_next(&source, &u, ms * KITH_MS, &rng), ULID_OVERFLOW);
        assert_true(ulid_equal(&u, &untouched));
        assert_int_equal(ulid_next(&source, &u, (ms + 1) * KITH_MS, &rng), 0);
    }
}

static void test_monotonic_vectors(void **state)
{
    (void)state;
    json_t *file, *vector, *monotonic = vectors("monotonic", &file);
    size_t i;

    json_array_foreach(monotonic, i, vector) check_sequence(vector);
    assert_true(i > 0);
    json_decref(file);
}

static void test_refuses_what_is_no_ulid(void **state)
{
    (void)state;
    const char *bad[] = {
        "",
        "01ARZ3NDEKTSV4RRFFQ69G5FA",   /* 25 */
        "01ARZ3NDEKTSV4RRFFQ69G5FAVV", /* 27 */
        "01ARZ3NDEKTSV4RRFFQ69G5FAI",
        "01ARZ3NDEKTSV4RRFFQ69G5FAL",
        "01ARZ3NDEKTSV4RRFFQ69G5FAO",
        "01ARZ3NDEKTSV4RRFFQ69G5F-V",
        "01ARZ3NDEKTSV4RRFFQ69G5F V",
        "I1ARZ3NDEKTSV4RRFFQ69G5FAV",
    };
    struct ulid u;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(ulid_parse(&u, bytes_str(bad[i])), ULID_BAD);
    assert_int_equal(ulid_parse(&u, (struct bytes){0}), ULID_BAD);
    assert_int_equal(ulid_parse(&u, bytes_of("01ARZ3NDEKTSV4RRFFQ69G5FA\0", 26)), ULID_BAD);
}

static void test_clock_outside_of_48_bits(void **state)
{
    (void)state;
    struct ulid_source source = {0};
    struct ulid u;
    struct rng rng;

    rng_seed(&rng, 1);
    assert_int_equal(ulid_next(&source, &u, -1, &rng), ULID_OVERFLOW);
    assert_int_equal(ulid_next(&source, &u, (INT64_C(1) << 48) * KITH_MS, &rng), ULID_OVERFLOW);
    assert_int_equal(ulid_next(&source, &u, ((INT64_C(1) << 48) - 1) * KITH_MS, &rng), 0);
}

static void test_values(void **state)
{
    (void)state;
    struct ulid zero = {0}, low = {.b = {0, 1}}, high = {.b = {1}};

    assert_true(ulid_is_zero(&zero));
    assert_false(ulid_is_zero(&low));
    assert_true(ulid_compare(&low, &high) < 0);
    assert_int_equal(ulid_bytes(&high).len, 16);
    assert_string_equal(ulid_text(&zero).s, "00000000000000000000000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid_vectors),
        cmocka_unit_test(test_invalid_vectors_are_refused),
        cmocka_unit_test(test_time_vectors),
        cmocka_unit_test(test_monotonic_vectors),
        cmocka_unit_test(test_refuses_what_is_no_ulid),
        cmocka_unit_test(test_clock_outside_of_48_bits),
        cmocka_unit_test(test_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
