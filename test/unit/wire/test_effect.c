#include "wire/effect.h"

#include "test.h"
#include "wire/frame.h"
#include "wire/post.h"

#include <stdlib.h>
#include <string.h>

static const char *printed(const struct effect *effect)
{
    static struct buf out;

    buf_reset(&out);
    effect_print(&out, effect);
    return buf_cstr(&out);
}

static void assert_contains(const char *text, const char *part)
{
    if (text == NULL || strstr(text, part) == NULL)
        fail_msg("no \"%s\" in: %s", part, text != NULL ? text : "nothing");
}

static void effects_are_kept_in_order_with_their_wait(void **state)
{
    (void)state;
    struct effects e = {0};

    effect_log(&e, LOG_INFO_, "%d members", 3);
    assert_int_equal(effects_wait(&e, 7), 0);
    effect_subscribe(&e, bytes_str("tcp://127.0.0.2:5485"), true);
    assert_int_equal(effects_wait(&e, 0), 7);
    effect_publish(&e, bytes_str("x"));

    assert_int_equal(e.count, 3);
    assert_string_equal(printed(&e.items[0]), "log {\"level\":\"info\",\"text\":\"3 members\"}");
    assert_string_equal(printed(&e.items[1]),
                        "subscribe (after store 7) {\"uri\":\"tcp://127.0.0.2:5485\",\"on\":true}");
    assert_int_equal(e.items[2].wait, 0);
    effects_wait(&e, 9);
    effects_reset(&e);
    assert_int_equal(e.count, 0);
    assert_int_equal(e.wait, 0);
    effects_deinit(&e);
}

static void hundreds_of_effects_fit(void **state)
{
    (void)state;
    struct effects e = {0};

    for (unsigned i = 0; i < 1000; i++)
        effect_reply(&e, i, bytes_of(&(uint8_t){(uint8_t)i}, 1));
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(e.items[i].reply.route, i);
        assert_int_equal(e.items[i].reply.frame.data[0], (uint8_t)i);
    }
    effects_deinit(&e);
}

/* A start effect whose every part lies on the heap, so that what still points there is seen. */
static void add_start(struct effects *e)
{
    char *word = strdup("redis-server");
    struct bytes *argv = malloc(2 * sizeof(*argv));
    struct pair *env = malloc(sizeof(*env));
    struct bound_port *port = malloc(sizeof(*port));

    argv[0] = argv[1] = bytes_str(word);
    *env = (struct pair){.key = bytes_str(word), .value = bytes_str(word)};
    *port = (struct bound_port){.name = bytes_str(word), .port = 6379};
    const struct effect start = {
        .kind = EFFECT_START,
        .wait = 4,
        .start = {.instance = {{1}},
                  .service = bytes_str(word),
                  .argv = argv,
                  .argv_n = 2,
                  .env = env,
                  .env_n = 1,
                  .ports = port,
                  .ports_n = 1},
    };
    effects_add(e, &start);
    free(word);
    free(argv);
    free(env);
    free(port);
}

static void an_added_effect_shares_nothing(void **state)
{
    (void)state;
    struct effects a = {0}, b = {0};

    add_start(&a);
    const struct effect *copy = effects_add(&b, &a.items[0]);
    effects_deinit(&a);
    assert_int_equal(copy->wait, 4);
    assert_true(bytes_equal_str(copy->start.argv[1], "redis-server"));
    assert_true(bytes_equal_str(copy->start.env[0].key, "redis-server"));
    assert_int_equal(copy->start.ports[0].port, 6379);
    assert_contains(printed(copy), "\"argv\":[\"redis-server\",\"redis-server\"]");
    effects_deinit(&b);
}

static void secrets_are_not_printed(void **state)
{
    (void)state;
    struct store_write write = {true, bytes_str("ring/secret"), bytes_str("SECRET")};
    struct pair env = {bytes_str("PASSWORD"), bytes_str("SECRET")};
    const struct effect effects[] = {
        {.kind = EFFECT_RING, .ring = {.ring_secret = {"SECRET"}}},
        {.kind = EFFECT_STORE, .store = {.token = 1, .writes = &write, .writes_n = 1}},
        {.kind = EFFECT_START, .start = {.env = &env, .env_n = 1}},
        {.kind = EFFECT_CHECK, .check = {.env = &env, .env_n = 1}},
    };

    for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++) {
        const char *text = printed(&effects[i]);
        assert_contains(text, "(secret)");
        assert_null(strstr(text, "SECRET"));
        assert_null(strstr(text, "534543524554")); /* in hex */
    }
}

static void frames_are_printed_as_messages(void **state)
{
    (void)state;
    struct post post = {.cluster = {{1}}, .self = {{2}}, .boot = {{3}}};
    struct effects e = {0};

    post_send(&post, &e, bytes_str("tcp://127.0.0.2:5484"), WIRE_PROBE, bytes_str("\x81\x01\x09"),
              0);
    post_reply(&post, &e, 12, WIRE_PROBE_ACK, bytes_str("\x82\x01\x09\x02\x01"), 5);
    post_publish(&post, &e, WIRE_ROWS, bytes_str("\x81\x01\x90"));
    assert_contains(printed(&e.items[0]), "send tcp://127.0.0.2:5484 probe {");
    assert_contains(printed(&e.items[0]), "{\"nonce\":9}");
    assert_contains(printed(&e.items[1]), "reply 12 probe_ack {");
    assert_contains(printed(&e.items[2]), "publish rows {");
    effects_deinit(&e);
}

static void every_kind_can_be_printed_and_hashed(void **state)
{
    (void)state;
    struct buf out = {0};

    for (unsigned kind = 0; kind <= EFFECT_EXIT; kind++) {
        const struct effect effect = {.kind = (enum effect_kind)kind};
        buf_reset(&out);
        effect_encode(&out, &effect);
        assert_int_equal(out.data[0], kind);
        assert_true(strlen(printed(&effect)) > 3);
    }
    buf_deinit(&out);
}

static void assert_different(const struct effect *a, const struct effect *b)
{
    struct buf x = {0}, y = {0};

    effect_encode(&x, a);
    effect_encode(&y, b);
    assert_false(bytes_equal(buf_bytes(&x), buf_bytes(&y)));
    buf_reset(&y);
    effect_encode(&y, a);
    assert_true(bytes_equal(buf_bytes(&x), buf_bytes(&y)));
    buf_deinit(&x);
    buf_deinit(&y);
}

static void different_effects_hash_differently(void **state)
{
    (void)state;
    struct effect a = {.kind = EFFECT_SIGNAL, .signal = {.instance = {{1}}, .signal = 15}};
    struct effect b = a;

    b.signal.signal = 9;
    assert_different(&a, &b);
    b = a;
    b.wait = 1;
    assert_different(&a, &b);
    struct store_write w1 = {false, bytes_str("k"), bytes_str("1")};
    struct store_write w2 = {false, bytes_str("k"), bytes_str("2")};
    a = (struct effect){.kind = EFFECT_STORE, .store = {1, &w1, 1}};
    b = (struct effect){.kind = EFFECT_STORE, .store = {1, &w2, 1}};
    assert_different(&a, &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(effects_are_kept_in_order_with_their_wait),
        cmocka_unit_test(hundreds_of_effects_fit),
        cmocka_unit_test(an_added_effect_shares_nothing),
        cmocka_unit_test(secrets_are_not_printed),
        cmocka_unit_test(frames_are_printed_as_messages),
        cmocka_unit_test(every_kind_can_be_printed_and_hashed),
        cmocka_unit_test(different_effects_hash_differently),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
