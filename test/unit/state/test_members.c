#include "state/members.h"

#include "rows.h"
#include "test.h"

#include <string.h>

/* One peer's state with the members derived from it. */
struct view {
    struct state *state;
    struct members *members;
    struct member before;
    bool changed;
};

static struct view view_new(void)
{
    return (struct view){.state = node_new(100), .members = members_new()};
}

static void view_free(struct view *v)
{
    members_free(v->members);
    state_free(v->state);
}

/* Hands the changed rows on, as src/peer does. */
static void settle(struct view *v)
{
    const struct row *const *changes;
    size_t n = state_take_changes(v->state, &changes);

    v->changed = false;
    for (size_t i = 0; i < n; i++)
        v->changed |= members_changed(v->members, changes[i], WALL + 7, &v->before);
}

static struct bytes full_member(const char *name, bool left)
{
    static uint8_t memory[512];
    const struct member_addr addrs[] = {
        {.role = ADDR_ROLE_PROBE, .uri = bytes_str("tcp://10.0.0.1:5484")},
        {.role = ADDR_ROLE_BULK, .uri = bytes_str("tcp://10.0.0.1:5488")},
        {.role = ADDR_ROLE_BULK, .uri = bytes_str("ipc://second")},
    };
    const struct pair tags[] = {{.key = bytes_str("zone"), .value = bytes_str("a")}};
    struct member_row row = {.name = bytes_str(name),
                             .boot = id_of(9),
                             .left = left,
                             .addrs = addrs,
                             .addrs_n = 3,
                             .tags = tags,
                             .tags_n = 1};
    struct buf out = {0};

    member_row_encode(&out, &row);
    assert_true(out.len <= sizeof(memory));
    memcpy(memory, out.data, out.len);
    struct bytes value = bytes_of(memory, out.len);
    buf_deinit(&out);
    return value;
}

/* The member writes its row at an incarnation, and the view hears of it. */
static void says(struct view *v, uint8_t number, uint64_t incarnation, struct bytes value)
{
    struct state_config config = {.cluster = id_of(200), .self = id_of(number)};
    struct ulid id = id_of(number);

    config.incarnation = incarnation;
    struct state *s = state_new(&config);
    state_clock(s, WALL);
    assert_int_equal(state_put(s, TABLE_ID_MEMBER, id_key(&id), value, 0, 0), 0);
    push_to(s, v->state);
    state_free(s);
    settle(v);
}

static void accused(struct view *v, uint8_t number, uint64_t incarnation, bool forgotten)
{
    struct ulid id = id_of(number);

    assert_int_equal(state_put(v->state, TABLE_ID_VERDICT, id_key(&id), verdict_value(forgotten),
                               incarnation, 0),
                     0);
    settle(v);
}

static void acquitted(struct view *v, uint8_t number, uint64_t incarnation)
{
    struct ulid id = id_of(number);
    struct verdict_row row = {.reason = bytes_str("heard nobody"), .withdrawn = true};
    struct buf value = {0};

    verdict_row_encode(&value, &row);
    assert_int_equal(
        state_put(v->state, TABLE_ID_VERDICT, id_key(&id), buf_bytes(&value), incarnation, 0), 0);
    buf_deinit(&value);
    settle(v);
}

static const struct member *node(const struct view *v, uint8_t number)
{
    struct ulid id = id_of(number);

    return members_get(v->members, &id);
}

static void a_withdrawn_verdict_gives_the_member_back(void **unused)
{
    (void)unused;
    struct view v = view_new();

    says(&v, 1, 1, full_member("ann", false));
    accused(&v, 1, 1, false);
    assert_int_equal(node(&v, 1)->state, MEMBER_STATE_DEAD);
    acquitted(&v, 1, 1);
    assert_true(v.changed);
    assert_int_equal(node(&v, 1)->state, MEMBER_STATE_ALIVE);
    assert_int_equal(node(&v, 1)->incarnation, 1);
    view_free(&v);
}

static void a_member_is_alive_until_a_verdict_and_again_after_a_refutation(void **unused)
{
    (void)unused;
    struct view v = view_new();

    says(&v, 1, 1, full_member("ann", false));
    assert_true(v.changed);
    assert_int_equal(v.before.state, MEMBER_STATE_UNKNOWN);
    assert_int_equal(node(&v, 1)->state, MEMBER_STATE_ALIVE);
    assert_int_equal(node(&v, 1)->changed_wall_us, WALL + 7);
    assert_true(bytes_equal_str(node(&v, 1)->row->name, "ann"));
    assert_true(bytes_equal_str(node(&v, 1)->row->tags[0].value, "a"));

    accused(&v, 1, 1, false);
    assert_true(v.changed);
    assert_int_equal(v.before.state, MEMBER_STATE_ALIVE);
    assert_int_equal(node(&v, 1)->state, MEMBER_STATE_DEAD);
    assert_int_equal(members_alive(v.members), 0);

    says(&v, 1, 2, full_member("ann", false));
    assert_int_equal(v.before.state, MEMBER_STATE_DEAD);
    assert_true(bytes_equal_str(v.before.row->name, "ann")); /* still readable */
    assert_int_equal(node(&v, 1)->state, MEMBER_STATE_ALIVE);
    assert_int_equal(node(&v, 1)->incarnation, 2);
    assert_int_equal(members_alive(v.members), 1);
    view_free(&v);
}

static void a_verdict_may_come_before_the_member(void **unused)
{
    (void)unused;
    struct view v = view_new();

    accused(&v, 1, 3, false);
    assert_int_equal(node(&v, 1)->state, MEMBER_STATE_DEAD);
    assert_null(node(&v, 1)->row);
    assert_int_equal(member_uri(node(&v, 1), ADDR_ROLE_BULK).len, 0);
    says(&v, 1, 2, full_member("ann", false)); /* an old life */
    assert_int_equal(node(&v, 1)->state, MEMBER_STATE_DEAD);
    says(&v, 1, 4, full_member("ann", false));
    assert_int_equal(node(&v, 1)->state, MEMBER_STATE_ALIVE);
    view_free(&v);
}

static void whoever_said_goodbye_has_left_and_is_not_dead(void **unused)
{
    (void)unused;
    struct view v = view_new();

    says(&v, 1, 1, full_member("ann", true));
    assert_int_equal(node(&v, 1)->state, MEMBER_STATE_LEFT);
    accused(&v, 1, 1, false);
    assert_false(v.changed);
    assert_int_equal(node(&v, 1)->state, MEMBER_STATE_LEFT);
    accused(&v, 1, 2, false);
    assert_int_equal(node(&v, 1)->state, MEMBER_STATE_DEAD);
    view_free(&v);
}

/* What it holds may be older than tombstones that are gone, so a higher incarnation is not enough. */
static void a_forgotten_member_has_no_row_until_it_begins_anew(void **unused)
{
    (void)unused;
    struct view v = view_new();
    struct ulid id = id_of(1);

    says(&v, 1, 1, full_member("ann", false));
    accused(&v, 1, 1, true);
    assert_true(node(&v, 1)->forgotten);
    assert_null(node(&v, 1)->row);
    assert_int_equal(node(&v, 1)->state, MEMBER_STATE_DEAD);
    says(&v, 1, 2, full_member("ann", false));
    assert_true(node(&v, 1)->forgotten);
    assert_int_equal(node(&v, 1)->state, MEMBER_STATE_DEAD);

    struct member_row anew = {.name = bytes_str("ann")};
    struct buf value = {0};
    anew.anew = state_get(v.state, TABLE_ID_VERDICT, id_key(&id))->version.minor;
    member_row_encode(&value, &anew);
    says(&v, 1, 3, buf_bytes(&value));
    buf_deinit(&value);
    assert_false(node(&v, 1)->forgotten);
    assert_int_equal(node(&v, 1)->state, MEMBER_STATE_ALIVE);
    view_free(&v);
}

static void a_withdrawn_verdict_accuses_nobody(void **unused)
{
    (void)unused;
    struct view v = view_new();
    struct ulid id = id_of(1);

    says(&v, 1, 1, full_member("ann", false));
    accused(&v, 1, 1, false);
    assert_int_equal(state_delete(v.state, TABLE_ID_VERDICT, id_key(&id), 1), 0);
    settle(&v);
    assert_int_equal(node(&v, 1)->state, MEMBER_STATE_ALIVE);
    view_free(&v);
}

static void members_are_found_by_name_and_id(void **unused)
{
    (void)unused;
    struct view v = view_new();
    struct ulid one = id_of(1);

    says(&v, 1, 1, full_member("ann", false));
    says(&v, 2, 1, full_member("bob", false));
    assert_ptr_equal(members_find(v.members, bytes_str("bob")), node(&v, 2));
    assert_ptr_equal(members_find(v.members, bytes_str(ulid_text(&one).s)), node(&v, 1));
    assert_null(members_find(v.members, bytes_str("eve")));

    says(&v, 3, 1, full_member("ann", false));
    assert_null(members_find(v.members, bytes_str("ann"))); /* two live ones */
    accused(&v, 1, 1, false);
    assert_ptr_equal(members_find(v.members, bytes_str("ann")), node(&v, 3));
    accused(&v, 3, 1, false);
    assert_null(members_find(v.members, bytes_str("ann")));
    accused(&v, 2, 1, false);
    assert_ptr_equal(members_find(v.members, bytes_str("bob")),
                     node(&v, 2)); /* dead, but the only one */

    struct bytes uri = member_uri(node(&v, 1), ADDR_ROLE_BULK);
    assert_true(bytes_equal_str(uri, "tcp://10.0.0.1:5488"));
    assert_int_equal(member_uri(node(&v, 1), ADDR_ROLE_HTTP).len, 0);
    view_free(&v);
}

static void the_living_are_drawn_evenly_and_never_the_one_left_out(void **unused)
{
    (void)unused;
    struct view v = view_new();
    struct ulid self = id_of(4);
    unsigned drawn[41] = {0};
    struct rng rng;

    rng_seed(&rng, 5);
    assert_null(members_draw(v.members, &rng, &self));
    for (uint8_t i = 1; i <= 40; i++)
        says(&v, i, 1, full_member("x", false));
    assert_int_equal(members_count(v.members), 40);
    for (uint8_t i = 21; i <= 40; i++)
        accused(&v, i, 1, false);
    for (int i = 0; i < 1900; i++)
        drawn[members_draw(v.members, &rng, &self)->id.b[15]]++;
    for (int i = 1; i <= 20; i++)
        assert_true(i == 4 ? drawn[i] == 0 : drawn[i] > 50);
    for (int i = 21; i <= 40; i++)
        assert_int_equal(drawn[i], 0);

    uint8_t n = 0;
    for (const struct member *m = members_first(v.members); m; m = members_next(v.members, m))
        assert_int_equal(m->id.b[15], ++n);
    assert_int_equal(n, 40);
    view_free(&v);
}

static void other_rows_change_no_member(void **unused)
{
    (void)unused;
    struct view v = view_new();
    struct ulid service = id_of(50);

    state_put(v.state, TABLE_ID_COUNT, id_key(&service), count_value(1), 0, 0);
    settle(&v);
    assert_false(v.changed);
    assert_int_equal(members_count(v.members), 0);
    members_free(NULL);
    view_free(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_withdrawn_verdict_gives_the_member_back),
        cmocka_unit_test(a_member_is_alive_until_a_verdict_and_again_after_a_refutation),
        cmocka_unit_test(a_verdict_may_come_before_the_member),
        cmocka_unit_test(whoever_said_goodbye_has_left_and_is_not_dead),
        cmocka_unit_test(a_forgotten_member_has_no_row_until_it_begins_anew),
        cmocka_unit_test(a_withdrawn_verdict_accuses_nobody),
        cmocka_unit_test(members_are_found_by_name_and_id),
        cmocka_unit_test(the_living_are_drawn_evenly_and_never_the_one_left_out),
        cmocka_unit_test(other_rows_change_no_member),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
