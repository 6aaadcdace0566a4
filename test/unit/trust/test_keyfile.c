#include "trust/keyfile.h"

#include "test.h"
#include "trust_world.h"

static void a_key_file_keeps_everything(void **state)
{
    (void)state;
    struct arena mem = {0};
    struct buf text = {0};
    struct identity back, given = {
                              .id = id_of(1),
                              .seed = seed_of(2),
                              .made_ms = NOW_MS,
                              .name = bytes_str("ada"),
                              .cluster = id_of(3),
                              .ring_public = seed_of(4),
                              .certificate = bytes_str("certificate"),
                          };

    keyfile_write_identity(&text, &given);
    assert_int_equal(keyfile_read_identity(&back, buf_bytes(&text), &mem), 0);
    buf_deinit(&text);
    assert_true(ulid_equal(&back.id, &given.id) && ulid_equal(&back.cluster, &given.cluster));
    assert_true(keys_equal(&back.seed, &given.seed) &&
                keys_equal(&back.ring_public, &given.ring_public));
    assert_true(bytes_equal_str(back.name, "ada"));
    assert_true(bytes_equal_str(back.certificate, "certificate"));
    arena_deinit(&mem);
}

static void a_clusters_keys_are_another_sort(void **state)
{
    (void)state;
    struct arena mem = {0};
    struct buf text = {0};
    struct identity identity;
    struct cluster_keys back, given = {
                                  .cluster = id_of(3),
                                  .issuer_seed = seed_of(4),
                                  .ring_secret = seed_of(5),
                              };

    keyfile_write_cluster(&text, &given);
    assert_int_equal(keyfile_read_identity(&identity, buf_bytes(&text), &mem), KEYFILE_BAD);
    assert_int_equal(keyfile_read_cluster(&back, buf_bytes(&text), &mem), 0);
    assert_true(keys_equal(&back.issuer_seed, &given.issuer_seed));
    assert_true(keys_equal(&back.ring_secret, &given.ring_secret));
    buf_deinit(&text);
    arena_deinit(&mem);
}

static void what_is_none_is_refused(void **state)
{
    (void)state;
    struct arena mem = {0};
    struct cluster_keys keys;

    assert_int_equal(keyfile_read_cluster(&keys, bytes_str(""), &mem), KEYFILE_BAD);
    assert_int_equal(keyfile_read_cluster(&keys,
                                          bytes_str("-----BEGIN KITH CLUSTER KEYS-----\nAAAA\n"
                                                    "-----END KITH CLUSTER KEYS-----\n"),
                                          &mem),
                     KEYFILE_BAD);
    arena_deinit(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_file_keeps_everything),
        cmocka_unit_test(a_clusters_keys_are_another_sort),
        cmocka_unit_test(what_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
