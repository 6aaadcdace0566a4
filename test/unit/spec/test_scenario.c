#include "spec/scenario.h"

#include "reading.h"

static int read_scenario(struct reading *r, const char *text, struct scenario *ret)
{
    reading_begin(r, text);
    return scenario_read(ret, r->text, &r->mem, &r->errors);
}

static void refuse(const char *text, const char *error)
{
    struct reading r;
    struct scenario scenario;

    assert_int_equal(read_scenario(&r, text, &scenario), SPEC_BAD);
    assert_only_error(&r, error);
    reading_end(&r);
}

static void test_every_key(void **state)
{
    (void)state;
    struct reading r;
    struct scenario s;

    assert_int_equal(
        read_scenario(&r,
                      "peers: 5\nseed: 7\nuntil: 60s\n"
                      "apply:\n  - {at: 2s, file: shop.yaml}\n  - {at: 1s, file: first.yaml}\n"
                      "faults:\n"
                      "  - {at: 40s, kind: heal}\n"
                      "  - {at: 10s, kind: cut, who: [0, 1], to: [2, 3, 4]}\n"
                      "  - {at: 20s, kind: loss, who: all, value: 30%}\n"
                      "  - {at: 20s, kind: latency, who: 2, value: 50ms}\n"
                      "  - {at: 30s, kind: clock, who: 3, value: -5s}\n",
                      &s),
        0);
    assert_int_equal(s.peers, 5);
    assert_true(s.has_seed && s.seed == 7);
    assert_true(s.until_us == 60 * KITH_SEC);
    assert_int_equal(s.applies_n, 2);
    assert_true(bytes_equal_str(s.applies[0].file, "first.yaml"));
    assert_int_equal(s.faults_n, 5);
    assert_int_equal(s.faults[0].kind, SCENARIO_CUT);
    assert_int_equal(s.faults[0].who.list_n, 2);
    assert_int_equal(s.faults[0].to.list[2].first, 4);
    assert_int_equal(s.faults[0].to.list[2].last, 4);
    assert_int_equal(s.faults[1].kind, SCENARIO_LOSS);
    assert_true(s.faults[1].who.all);
    assert_int_equal(s.faults[1].value, 300000);
    assert_int_equal(s.faults[2].kind, SCENARIO_LATENCY);
    assert_int_equal(s.faults[2].value, 50000);
    assert_int_equal(s.faults[3].value, -5000000);
    assert_int_equal(s.faults[4].kind, SCENARIO_HEAL);
    reading_end(&r);
}

static void test_what_is_measured(void **state)
{
    (void)state;
    struct reading r;
    struct scenario s;

    assert_int_equal(
        read_scenario(&r,
                      "peers: 100\nways: 3\nwarm: true\nlatency: planetlab\ncheck: off\n"
                      "services: none\nconverge: off\nmeasure: 10s\n"
                      "faults:\n"
                      "  - {at: 1s, kind: cut, who: [0..49], to: [50..98, 99]}\n"
                      "  - {at: 2s, kind: pauses, who: 5%, min: 200ms, max: 30s}\n"
                      "  - {at: 3s, kind: bounce, who: all, value: 2s}\n"
                      "  - {at: 4s, kind: close_way, who: 1, way: ipc}\n",
                      &s),
        0);
    assert_int_equal(s.ways, 3);
    assert_int_equal(s.faults[3].way, SCENARIO_IPC);
    assert_true(s.warm);
    assert_int_equal(s.latency, SCENARIO_LATENCY_PLANETLAB);
    assert_int_equal(s.check, SCENARIO_OFF);
    assert_int_equal(s.services, SCENARIO_OFF);
    assert_int_equal(s.converge, SCENARIO_OFF);
    assert_true(s.measure_us == 10 * KITH_SEC);
    assert_int_equal(s.faults[0].who.list[0].first, 0);
    assert_int_equal(s.faults[0].who.list[0].last, 49);
    assert_int_equal(s.faults[0].to.list[1].first, 99);
    assert_int_equal(s.faults[1].who.share_ppm, 50000);
    assert_true(s.faults[1].min_us == 200 * KITH_MS && s.faults[1].max_us == 30 * KITH_SEC);
    assert_true(s.faults[2].value == 2 * KITH_SEC);
    reading_end(&r);
}

static void test_every_kind_has_a_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SCENARIO_KINDS; i++)
        assert_non_null(scenario_kind_name((enum scenario_kind)i));
}

#define FAULT(rest) "faults: [{at: 1s, " rest "}]\n"

static void test_mistakes(void **state)
{
    (void)state;
    refuse("", "0:0: a scenario is a map of keys");
    refuse("[]\n", "1:1: a scenario is a map of keys");
    refuse("peers: 5\n---\npeers: 6\n", "3:1: a second document");
    refuse("peers: 0\n", "1:8: peers: \"0\" is out of range");
    refuse("pers: 5\n", "1:1: unknown key pers; did you mean peers?");
    refuse("faults: kill\n", "1:9: faults: must be a list, not text");
    refuse("faults: [kill]\n", "1:10: faults: must be a map, not text");
    refuse("apply: [x]\n", "1:9: apply: must be a map");
    refuse("faults: [{kind: heal}]\n", "1:10: faults.at is missing");
    refuse(FAULT("kind: explode"), "1:25: faults.kind: there is no such fault; there are kill,");
    refuse(FAULT("kind: []"), "1:25: faults.kind: must be text");
    refuse(FAULT("kind: kill"), "1:10: faults.who is missing: kill needs it");
    refuse(FAULT("kind: heal, who: 1"), "1:31: faults.who: heal takes none");
    refuse(FAULT("kind: kill, who: one"), "1:36: faults.who: \"one\" is no number of a peer");
    refuse(FAULT("kind: kill, who: [[]]"), "1:37: faults.who: must be text");
    refuse(FAULT("kind: loss, who: 1, value: 5ms"),
           "1:46: faults.value: not a value of loss; write va");
    refuse(FAULT("kind: clock, who: 1, value: 5"), "1:47: faults.value: not a value of clock");
    refuse(FAULT("kind: kill, who: 5..3"), "1:36: faults.who: \"5..3\" is no number of a peer");
    refuse(FAULT("kind: kill, who: 0%"), "1:36: faults.who: \"0%\" is no share of the peers");
    refuse(FAULT("kind: pauses, who: 1, min: 2s"), "1:10: faults.max is missing: pauses needs it");
    refuse(FAULT("kind: pauses, who: 1, min: 2s, max: 1s"), "1:10: faults.min is more than max");
    refuse(FAULT("kind: close_way, who: 1"), "1:10: faults.way is missing: close_way needs it");
    refuse(FAULT("kind: close_way, who: 1, way: udp"), "1:49: faults.way: ");
    refuse(FAULT("kind: kill, who: 1, way: ws"), "1:39: faults.way: kill takes none");
    refuse("check: maybe\n", "1:8: check: ");
    refuse("peers: 9\n" FAULT("kind: kill, who: 2..9"),
           "2:36: faults: of 9 peers, the last is number 8");
    refuse("peers: 2\n" FAULT("kind: kill, who: 2"),
           "2:36: faults: of 2 peers, the last is number 1");
    refuse("a: [\n", "2:1: YAML");
}

static void test_is_bounded(void **state)
{
    (void)state;
    struct buf text = {0};

    buf_str(&text, "faults:\n");
    for (int i = 0; i <= SCENARIO_MAX_STEPS; i++)
        buf_str(&text, "- {at: 1s, kind: heal}\n");
    refuse(buf_cstr(&text), "2:1: faults: has more than 1000 items");
    buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_what_is_measured),
        cmocka_unit_test(test_every_kind_has_a_name),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
