#include "gossip/coord.h"

#define ONE 65536 /* 1.0 of errors, weights and unit vectors */
/* How much of the way to where a measurement wants it a place moves, and its error: a quarter. */
#define GAIN 4
/* A factor below it, and products of a distance stay in 64 bits. */
#define SQUARE_MAX (UINT64_C(1) << 30)

static int64_t bounded(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

static uint64_t magnitude(int64_t v)
{
    return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

/* The largest whole number whose square is no more than v: bit by bit. */
static uint64_t square_root(uint64_t v)
{
    uint64_t root = 0, bit = UINT64_C(1) << 62;
    while (bit > v)
        bit >>= 2;
    for (; bit != 0; bit >>= 2) {
        if (v >= root + bit) {
            v -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return root;
}

/* Of a vector; long ones lose their lowest bits, which are below a millionth of them. */
static int64_t length(const int64_t v[COORD_AXES])
{
    uint64_t largest = 0, sum = 0;
    unsigned shift = 0;
    for (int i = 0; i < COORD_AXES; i++)
        largest = magnitude(v[i]) > largest ? magnitude(v[i]) : largest;
    while (largest >> shift >= SQUARE_MAX)
        shift++;
    for (int i = 0; i < COORD_AXES; i++)
        sum += (magnitude(v[i]) >> shift) * (magnitude(v[i]) >> shift);
    return (int64_t)(square_root(sum) << shift);
}

void coord_init(struct coord_self *self)
{
    *self = (struct coord_self){
        .height = COORD_HEIGHT_MIN * COORD_FINE,
        .error = (int64_t)COORD_ERROR_MAX * ONE / 1000,
    };
}

bool coord_is_known(const struct coord *c)
{
    return c->error != 0;
}

static bool in_bounds(const struct coord *c)
{
    return magnitude(c->x) <= COORD_AXIS_MAX && magnitude(c->y) <= COORD_AXIS_MAX &&
           magnitude(c->z) <= COORD_AXIS_MAX && c->height <= COORD_AXIS_MAX;
}

/* Any direction, for two that stand in one spot. */
static int64_t push_apart(int64_t way[COORD_AXES], struct rng *rng)
{
    for (int i = 0; i < COORD_AXES; i++)
        way[i] = rng_between(rng, -ONE, ONE);
    way[0] += way[0] == 0;
    return length(way);
}

void coord_update(struct coord_self *self, const struct coord *there, kith_time rtt_us,
                  struct rng *rng)
{
    if (!coord_is_known(there) || !in_bounds(there))
        return;
    const int64_t other[COORD_AXES] = {there->x, there->y, there->z};
    int64_t rtt = bounded(rtt_us, 1, COORD_RTT_MAX) * COORD_FINE;
    int64_t there_error = (int64_t)there->error * ONE / 1000;
    int64_t way[COORD_AXES];
    for (int i = 0; i < COORD_AXES; i++)
        way[i] = self->axes[i] - other[i] * COORD_FINE;

    int64_t flat = length(way);
    int64_t heights = self->height + (int64_t)there->height * COORD_FINE;
    int64_t distance = flat + heights;
    int64_t weight = self->error * ONE / (self->error + there_error);
    int64_t off = (int64_t)magnitude(distance - rtt) * ONE / rtt;
    off = bounded(off, 0, (int64_t)COORD_ERROR_MAX * ONE / 1000);
    self->error += (off - self->error) * weight / ONE / GAIN;
    self->error = bounded(self->error, (int64_t)COORD_ERROR_MIN * ONE / 1000,
                          (int64_t)COORD_ERROR_MAX * ONE / 1000);

    int64_t force = (rtt - distance) * weight / ONE / GAIN;
    int64_t whole = flat == 0 ? push_apart(way, rng) : distance;
    const int64_t edge = COORD_AXIS_MAX * COORD_FINE;
    for (int i = 0; i < COORD_AXES; i++)
        self->axes[i] = bounded(self->axes[i] + force * (way[i] * ONE / whole) / ONE, -edge, edge);
    self->height = bounded(self->height + force * (heights * ONE / distance) / ONE,
                           COORD_HEIGHT_MIN * COORD_FINE, edge);
}

/* To whole microseconds, the nearest. */
static int64_t coarse(int64_t fine)
{
    return (fine + (fine < 0 ? -COORD_FINE / 2 : COORD_FINE / 2)) / COORD_FINE;
}

struct coord coord_told(const struct coord_self *self)
{
    return (struct coord){
        .x = coarse(self->axes[0]),
        .y = coarse(self->axes[1]),
        .z = coarse(self->axes[2]),
        .height = (uint32_t)coarse(self->height),
        .error = (uint32_t)(self->error * 1000 / ONE),
    };
}

static int64_t flat_distance(const struct coord *a, const struct coord *b)
{
    const int64_t way[COORD_AXES] = {a->x - b->x, a->y - b->y, a->z - b->z};
    return length(way);
}

uint64_t coord_rtt_us(const struct coord *a, const struct coord *b)
{
    if (!coord_is_known(a) || !coord_is_known(b) || !in_bounds(a) || !in_bounds(b))
        return 0;
    uint64_t us = (uint64_t)flat_distance(a, b) + a->height + b->height;
    return us > 0 ? us : 1;
}

uint64_t coord_moved_us(const struct coord *before, const struct coord *now)
{
    if (!in_bounds(before) || !in_bounds(now))
        return 0;
    return (uint64_t)flat_distance(before, now) +
           magnitude((int64_t)before->height - (int64_t)now->height);
}
