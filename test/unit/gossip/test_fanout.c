#include "gossip/fanout.h"

#include "test.h"

#include <stdio.h>
#include <string.h>

#define N_MAX 2000

static struct ulid id_of(size_t n)
{
    return (struct ulid){{1, (uint8_t)(n >> 8), (uint8_t)n}};
}

/* All peers of a message, by what each of them sees: got[i] copies, depth of the last one. */
struct play {
    struct ulid peers[N_MAX];
    size_t n;
    unsigned got[N_MAX];
    unsigned depth, sent_most;
    bool shy; /* every third is better avoided */
    bool sparing;
    bool met[N_MAX]; /* of the peer `meets`: whom it gets from or sends to */
    size_t meets;
};

static size_t index_of(const struct ulid *id)
{
    return (size_t)id->b[1] << 8 | id->b[2];
}

static bool every_third(void *arg, const struct ulid *id)
{
    const struct play *p = arg;
    return p->shy && index_of(id) % 3 == 0;
}

static void play_from(struct play *p, const struct ulid *self, const struct ulid *before,
                      unsigned depth)
{
    struct fanout to[FANOUT_MAX];
    size_t served;
    const struct fanout_plan plan = {.sparing = p->sparing, .avoid = every_third, .arg = p};
    size_t n = fanout(p->peers, p->n, self, before, &plan, to, &served);
    assert_true(n <= FANOUT_MAX);
    p->sent_most = n > p->sent_most ? (unsigned)n : p->sent_most;
    for (size_t i = 0; i < n; i++) {
        p->got[index_of(&to[i].to)]++;
        if (index_of(self) == p->meets)
            p->met[index_of(&to[i].to)] = true;
        if (index_of(&to[i].to) == p->meets)
            p->met[index_of(self)] = true;
        p->depth = depth > p->depth ? depth : p->depth;
        if (!ulid_is_zero(&to[i].before))
            play_from(p, &to[i].to, &to[i].before, depth + 1);
    }
}

static void peers_of(struct play *p, size_t n, size_t every)
{
    *p = (struct play){0};
    for (size_t i = 0; i < n; i += every)
        p->peers[p->n++] = id_of(i);
}

static void everybody_gets_one_copy_and_nobody_else(void **unused)
{
    (void)unused;
    static const size_t sizes[] = {0, 1, 2, 12, 13, 14, 30, 64, 100, 1000, 2000};
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        for (size_t every = 1; every <= 3; every++) {
            for (size_t origin = 0; origin < 2000; origin += 333) {
                static struct play p;
                struct ulid self = id_of(origin);
                peers_of(&p, sizes[k], every);
                p.shy = origin % 2;
                p.sparing = origin % 4 >= 2;
                play_from(&p, &self, &self, 1);
                for (size_t i = 0; i < N_MAX; i++)
                    assert_int_equal(p.got[i], i < sizes[k] && i % every == 0 && i != origin);
            }
        }
    }
}

static void the_way_is_short_and_nobody_sends_much(void **unused)
{
    (void)unused;
    static struct play p;
    struct ulid self = id_of(7);
    peers_of(&p, 30, 1);
    play_from(&p, &self, &self, 1);
    assert_int_equal(p.depth, 2);
    peers_of(&p, 1000, 1);
    play_from(&p, &self, &self, 1);
    assert_in_range(p.depth, 3, 4);
    assert_in_range(p.sent_most, FANOUT_PARTS, FANOUT_DIRECT);
}

/* With how many others a peer has a connection when 20 origins somewhere among a thousand send to every 25th. */
static size_t most_met(bool sparing, unsigned *ret_depth)
{
    static struct play p;
    size_t most = 0;
    *ret_depth = 0;
    for (size_t peer = 0; peer < 1000; peer += 25) {
        size_t met = 0;
        peers_of(&p, 1000, 25);
        p.sparing = sparing;
        p.meets = peer;
        for (size_t i = 1; i <= 20; i++) {
            struct ulid self = id_of(i * i * 7919 % 1000);
            play_from(&p, &self, &self, 1);
        }
        for (size_t i = 0; i < N_MAX; i++)
            met += p.met[i];
        most = met > most ? met : most;
        *ret_depth = p.depth > *ret_depth ? p.depth : *ret_depth;
    }
    return most;
}

static void what_many_send_all_the_time_takes_fewer_connections_and_more_hops(void **unused)
{
    (void)unused;
    unsigned depth, depth_sparing;
    size_t most = most_met(false, &depth), sparing = most_met(true, &depth_sparing);
    printf("of 20 origins: %zu others and %u hops, sparing %zu and %u\n", most, depth, sparing,
           depth_sparing);
    assert_true(sparing + 4 <= most);
    assert_in_range(depth_sparing, 3, 5);
}

/* One of them does not know of some: they lie in another's stretch, who does. */
static void a_newcomer_is_found_by_whoever_serves_its_stretch(void **unused)
{
    (void)unused;
    static struct play old, now;
    struct ulid self = id_of(500);
    struct fanout to[FANOUT_MAX];
    size_t served;
    peers_of(&old, 1000, 2);
    peers_of(&now, 1000, 1);
    static const struct fanout_plan plan = {0};
    size_t n = fanout(old.peers, old.n, &self, &self, &plan, to, &served);
    for (size_t i = 0; i < n; i++) {
        now.got[index_of(&to[i].to)]++;
        if (!ulid_is_zero(&to[i].before))
            play_from(&now, &to[i].to, &to[i].before, 2);
    }
    size_t got = 0;
    for (size_t i = 0; i < 1000; i++) {
        assert_true(now.got[i] <= 1);
        got += now.got[i];
    }
    assert_in_range(got, 998, 999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_gets_one_copy_and_nobody_else),
        cmocka_unit_test(the_way_is_short_and_nobody_sends_much),
        cmocka_unit_test(what_many_send_all_the_time_takes_fewer_connections_and_more_hops),
        cmocka_unit_test(a_newcomer_is_found_by_whoever_serves_its_stretch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
