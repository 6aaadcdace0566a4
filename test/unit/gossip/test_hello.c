#include "gossip/hello.h"

#include "gossip/admit.h"
#include "state/journal.h"
#include "test.h"
#include "wire/frame.h"

#define NOW_MS INT64_C(1790000000000)

/* A peer that lets others in, an issuer, and one who knocks. */
struct porch {
    struct core core;
    struct hello_house house;
    struct effects out;
    struct post post;
    struct turn turn;
    struct envelope envelope;
    struct sign_pair issuer, visitor;
    struct hello_door door;
    struct buf hello;
};

static struct key32 seed_of(uint8_t n)
{
    struct key32 seed;
    for (size_t i = 0; i < sizeof(seed.b); i++)
        seed.b[i] = n;
    return seed;
}

static void knock_as(struct porch *p, enum principal_kind kind)
{
    struct buf encoded = {0}, certificate = {0};
    struct arena mem = {0};
    struct token token;
    struct grant grant;
    struct curve_pair curve;

    token_make(&encoded, &(struct token_request){.issuer = &p->issuer,
                                                 .id = {{3}},
                                                 .cluster = p->post.cluster,
                                                 .seed = seed_of(8),
                                                 .kind = kind,
                                                 .expires_ms = NOW_MS + 1000});
    assert_int_equal(token_open(&token, &grant, buf_bytes(&encoded), NOW_MS, &mem), 0);
    certificate_make(&certificate, &token, &grant,
                     &(struct certificate_subject){.id = p->envelope.sender, .pair = &p->visitor});
    hello_encode(&p->hello, &(struct hello){.certificate = buf_bytes(&certificate)});
    keys_curve_pair(&curve, &p->visitor);
    p->door.key = curve.public_key;
    buf_deinit(&encoded);
    buf_deinit(&certificate);
    arena_deinit(&mem);
}

static void porch_init(struct porch *p, enum principal_kind kind)
{
    static struct ulid_source ulids;
    struct key32 issuer = seed_of(1), visitor = seed_of(2);

    *p = (struct porch){.core = {.member = true, .self = {{1}}}};
    p->post = (struct post){.cluster = {{7}}, .self = {{1}}, .boot = {{1}}};
    p->house.core = &p->core;
    p->turn = (struct turn){.now_us = KITH_HOUR,
                            .wall_us = NOW_MS * KITH_MS,
                            .ulids = &ulids,
                            .out = &p->out,
                            .post = &p->post,
                            .journal = journal_new()};
    p->turn.state = state_new(
        &(struct state_config){.cluster = p->post.cluster, .self = p->core.self, .incarnation = 1});
    state_clock(p->turn.state, p->turn.wall_us);
    keys_sign_pair(&p->issuer, &issuer);
    keys_sign_pair(&p->visitor, &visitor);
    p->house.trust = (struct certificate_trust){
        .cluster = p->post.cluster, .issuers = {p->issuer.public_key}, .issuers_n = 1};
    p->house.ring_secret = seed_of(9);
    p->envelope = (struct envelope){.sender = {{5}}};
    knock_as(p, kind);
}

static void porch_deinit(struct porch *p)
{
    state_free(p->turn.state);
    journal_free(p->turn.journal);
    effects_deinit(&p->out);
    buf_deinit(&p->hello);
}

/* Says hello once; the answer's kind, 0: none. *ret is the hello_ok, if it is one. */
static uint32_t knock(struct porch *p, struct hello_ok *ret, struct arena *mem)
{
    struct incoming in = {.envelope = &p->envelope,
                          .payload = buf_bytes(&p->hello),
                          .door = DOOR_BULK,
                          .route = 4,
                          .from = bytes_str("10.0.0.5")};
    struct wire_error err;
    struct frame f = {0};

    effects_reset(&p->out);
    hello_receive(&p->house, &p->door, &p->turn, &in);
    for (size_t i = 0; i < p->out.count; i++)
        if (p->out.items[i].kind == EFFECT_REPLY)
            assert_int_equal(frame_unpack(&f, arena_bytes(mem, p->out.items[i].reply.frame),
                                          &p->post.cluster, &err),
                             0);
    if (f.envelope.kind == WIRE_HELLO_OK)
        assert_int_equal(hello_ok_decode(ret, f.payload, mem, &err), 0);
    return f.envelope.kind;
}

static void a_node_gets_the_ring_and_the_rows(void **state)
{
    (void)state;
    struct porch p;
    struct hello_ok ok;
    struct arena mem = {0};

    porch_init(&p, PRINCIPAL_KIND_NODE);
    assert_int_equal(knock(&p, &ok, &mem), WIRE_HELLO_OK);
    assert_true(keys_equal(&ok.ring_secret, &p.house.ring_secret));
    assert_int_equal(ok.rows_n, 1); /* its own admission */
    arena_deinit(&mem);
    porch_deinit(&p);
}

static void an_operator_gets_neither(void **state)
{
    (void)state;
    struct porch p;
    struct hello_ok ok;
    struct arena mem = {0};

    porch_init(&p, PRINCIPAL_KIND_OPERATOR);
    assert_int_equal(knock(&p, &ok, &mem), WIRE_HELLO_OK);
    assert_true(key32_is_zero(&ok.ring_secret));
    assert_int_equal(ok.rows_n, 0);
    assert_int_equal(state_count(p.turn.state), 1); /* but it is admitted */
    arena_deinit(&mem);
    porch_deinit(&p);
}

static void a_stranger_is_read_at_a_bounded_rate(void **state)
{
    (void)state;
    struct porch p;
    struct hello_ok ok;
    struct arena mem = {0};
    unsigned answered = 0;

    porch_init(&p, PRINCIPAL_KIND_NODE);
    for (int i = 0; i < 50; i++)
        answered += knock(&p, &ok, &mem) != 0;
    assert_int_equal(answered, ADMIT_HELLOS_KEY_BURST);
    arena_deinit(&mem);
    porch_deinit(&p);
}

/* Each run of `kith -a ADDR` says hello; a script runs many. */
static void an_admitted_operator_is_never_slowed_down(void **state)
{
    (void)state;
    struct porch p;
    struct hello_ok ok;
    struct arena mem = {0};

    porch_init(&p, PRINCIPAL_KIND_OPERATOR);
    p.door.admitted = p.door.person = true;
    for (int i = 0; i < 50; i++)
        assert_int_equal(knock(&p, &ok, &mem), WIRE_HELLO_OK);
    assert_int_equal(state_count(p.turn.state), 0);
    arena_deinit(&mem);
    porch_deinit(&p);
}

/* An admission row of the visitor, as another peer wrote it. */
static void admission(struct porch *p, struct admit *a, bool revoked)
{
    struct admission_row ad = {.id = p->envelope.sender,
                               .kind = PRINCIPAL_KIND_NODE,
                               .key = p->visitor.public_key,
                               .revoked = revoked};
    struct buf value = {0};

    admission_row_encode(&value, &ad);
    admit_row(a, &p->turn,
              &(struct row){.table = TABLE_ID_ADMISSION,
                            .key = bytes_of(p->door.key.b, sizeof(p->door.key.b)),
                            .value = buf_bytes(&value)});
    buf_deinit(&value);
}

/* A seed is tried for ever, also one that was revoked meanwhile: its answer holds its own rows. */
static void an_answer_of_a_revoked_member_is_not_read(void **state)
{
    (void)state;
    struct porch p;
    struct principal who;

    porch_init(&p, PRINCIPAL_KIND_NODE);
    struct admit *a = admit_new(&p.core);
    struct event_frame frame = {.door = DOOR_PROBE, .from = bytes_str("tcp://10.0.0.5:5484")};
    struct envelope e = {
        .sender = p.envelope.sender, .kind = WIRE_HELLO_OK, .lane = WIRE_LANE_MEMBER};

    p.core.boots = boots_new();
    assert_true(
        admit_identify(a, &p.turn, &frame, &e, /* publisher= */ NULL, &who)); /* not known yet */
    admission(&p, a, /* revoked= */ false);
    assert_true(admit_identify(a, &p.turn, &frame, &e, /* publisher= */ NULL, &who));
    admission(&p, a, /* revoked= */ true);
    assert_false(admit_identify(a, &p.turn, &frame, &e, /* publisher= */ NULL, &who));
    assert_int_equal(p.core.naming.refused[REFUSAL_REVOKED], 1);
    boots_free(p.core.boots);
    admit_free(a);
    porch_deinit(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_gets_the_ring_and_the_rows),
        cmocka_unit_test(an_operator_gets_neither),
        cmocka_unit_test(a_stranger_is_read_at_a_bounded_rate),
        cmocka_unit_test(an_admitted_operator_is_never_slowed_down),
        cmocka_unit_test(an_answer_of_a_revoked_member_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
