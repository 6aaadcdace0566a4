#include "spec/config.h"

#include "reading.h"

static int read_config(struct reading *r, const char *text, struct config *ret)
{
    reading_begin(r, text);
    return config_read(ret, r->text, &r->mem, &r->errors);
}

static void refuse(const char *text, const char *error)
{
    struct reading r;
    struct config config;

    assert_int_equal(read_config(&r, text, &config), SPEC_BAD);
    assert_only_error(&r, error);
    reading_end(&r);
}

static void test_every_key(void **state)
{
    (void)state;
    struct reading r;
    struct config c;

    assert_int_equal(read_config(&r,
                                 "data: /var/lib/kith\nname: host-1\nbind: 10.0.0.1\n"
                                 "advertise: 203.0.113.7\nseed: [10.0.0.2, \"10.0.0.3:5488\"]\n"
                                 "token: /etc/kith/token\ntag: {zone: eu}\nprofile: wan\n"
                                 "insecure: true\nhorizon: 12h\n",
                                 &c),
                     0);
    assert_true(bytes_equal_str(c.data, "/var/lib/kith"));
    assert_true(bytes_equal_str(c.name, "host-1"));
    assert_true(bytes_equal_str(c.binds[0], "10.0.0.1"));
    assert_true(bytes_equal_str(c.advertises[0], "203.0.113.7"));
    assert_int_equal(c.seeds_n, 2);
    assert_true(bytes_equal_str(c.seeds[1], "10.0.0.3:5488"));
    assert_true(bytes_equal_str(c.token, "/etc/kith/token"));
    assert_int_equal(c.tags_n, 1);
    assert_true(bytes_equal_str(c.tags[0].value, "eu"));
    assert_int_equal(c.profile, CONFIG_PROFILE_WAN);
    assert_true(c.insecure);
    assert_int_equal(c.horizon_us, 12 * KITH_HOUR);
    reading_end(&r);
}

static void test_little_or_nothing(void **state)
{
    (void)state;
    struct reading r;
    struct config c;

    assert_int_equal(read_config(&r, "# nothing yet\n", &c), 0);
    assert_int_equal(c.profile, CONFIG_PROFILE_UNSET);
    assert_int_equal(c.seeds_n, 0);
    reading_end(&r);
    assert_int_equal(read_config(&r, "---\n", &c), 0);
    reading_end(&r);
    assert_int_equal(read_config(&r, "seed: 10.0.0.2\ninsecure: false\n", &c), 0);
    assert_int_equal(c.seeds_n, 1);
    assert_true(bytes_equal_str(c.seeds[0], "10.0.0.2"));
    reading_end(&r);
}

static void test_mistakes(void **state)
{
    (void)state;
    refuse("seeds: [a]\n", "1:1: unknown key seeds; did you mean seed?");
    refuse("profile: satellite\n", "1:10: profile: \"satellite\" is not known here");
    refuse("insecure: yes\n", "1:11: insecure: \"yes\" is neither true nor false");
    refuse("insecure: []\n", "1:11: insecure: must be text, not a list");
    refuse("seed: {a: b}\n", "1:7: seed: must be a list, not a map");
    refuse("data:\n", "1:1: data: has no value; write data: /var/lib/kith");
    refuse("- data\n", "1:1: the configuration is a map of keys, not a list");
    refuse("data: /a\n---\ndata: /b\n", "3:1: a second document");
    refuse("data: [\n", "2:1: YAML: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_little_or_nothing),
        cmocka_unit_test(test_mistakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
