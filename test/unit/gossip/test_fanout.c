#include "gossip/fanout.h"

#include "test.h"

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
    size_t n = fanout(p->peers, p->n, self, before, every_third, p, to, &served);
    assert_true(n <= FANOUT_MAX);
    p->sent_most = n > p->sent_most ? (unsigned)n : p->sent_most;
    for (size_t i = 0; i < n; i++) {
        p->got[index_of(&to[i].to)]++;
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
    size_t n = fanout(old.peers, old.n, &self, &self, NULL, NULL, to, &served);
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
        cmocka_unit_test(a_newcomer_is_found_by_whoever_serves_its_stretch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
