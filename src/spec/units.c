#include "spec/units.h"

#include <stddef.h>

/* So that a thousandth fits too. */
#define WHOLE_MAX (UINT64_MAX / 1000 - 1)

struct unit {
    const char *name;
    uint64_t size;
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static int take_whole(struct bytes *text, uint64_t *ret)
{
    uint64_t value = 0;

    if (!text->len || !is_digit(text->data[0]))
        return UNITS_BAD;
    for (; text->len && is_digit(text->data[0]); text->data++, text->len--) {
        value = value * 10 + (uint64_t)(text->data[0] - '0');
        if (value > WHOLE_MAX)
            return UNITS_RANGE;
    }
    *ret = value;
    return 0;
}

/* The number at the start of the text, in thousandths; the text becomes what follows. */
static int take_millis(struct bytes *text, uint64_t *ret)
{
    uint64_t value;
    int result = take_whole(text, &value);

    if (result)
        return result;
    value *= 1000;
    if (text->len && text->data[0] == '.') {
        uint64_t part = 100;

        *text = bytes_of(text->data + 1, text->len - 1);
        if (!text->len || !is_digit(text->data[0]))
            return UNITS_BAD;
        for (; text->len && is_digit(text->data[0]); text->data++, text->len--, part /= 10) {
            if (!part && text->data[0] != '0')
                return UNITS_RANGE;
            value += part * (uint64_t)(text->data[0] - '0');
        }
    }
    *ret = value;
    return 0;
}

static const struct unit *find_unit(const struct unit *units, struct bytes name)
{
    for (; units->name; units++) {
        if (bytes_equal_str(name, units->name))
            return units;
    }
    return NULL;
}

static int with_unit(struct bytes text, const struct unit *units, uint64_t *ret)
{
    uint64_t millis, product;
    int result = take_millis(&text, &millis);

    if (result)
        return result;
    if (!text.len && millis)
        return UNITS_NO_UNIT;
    const struct unit *unit = text.len ? find_unit(units, text) : units;

    if (!unit)
        return UNITS_UNKNOWN;
    if (__builtin_mul_overflow(millis, unit->size, &product) || product % 1000)
        return UNITS_RANGE;
    *ret = product / 1000;
    return 0;
}

int units_whole(struct bytes text, uint64_t *ret)
{
    uint64_t value = 0;
    int result = take_whole(&text, &value);

    if (result)
        return result;
    if (text.len)
        return UNITS_BAD;
    *ret = value;
    return 0;
}

int units_duration_us(struct bytes text, int64_t *ret)
{
    static const struct unit units[] = {
        {"us", 1},          {"ms", 1000},        {"s", 1000000}, {"m", 60000000},
        {"h", 3600000000u}, {"d", 86400000000u}, {NULL, 0},
    };
    uint64_t us;
    int result = with_unit(text, units, &us);

    if (result)
        return result;
    if (us > INT64_MAX / 2) /* room to add it to a time */
        return UNITS_RANGE;
    *ret = (int64_t)us;
    return 0;
}

int units_size_bytes(struct bytes text, uint64_t *ret)
{
    static const struct unit units[] = {
        {"B", 1},
        {"kB", 1000},
        {"MB", 1000000},
        {"GB", 1000000000},
        {"TB", 1000000000000},
        {"KiB", UINT64_C(1) << 10},
        {"MiB", UINT64_C(1) << 20},
        {"GiB", UINT64_C(1) << 30},
        {"TiB", UINT64_C(1) << 40},
        {NULL, 0},
    };

    return with_unit(text, units, ret);
}

int units_millis(struct bytes text, uint64_t *ret)
{
    uint64_t millis = 0;
    int result = take_millis(&text, &millis);

    if (result)
        return result;
    if (text.len)
        return UNITS_UNKNOWN;
    *ret = millis;
    return 0;
}

int units_share_ppm(struct bytes text, uint32_t *ret)
{
    static const struct unit percent[] = {{"%", 10000}, {NULL, 0}};
    uint64_t ppm;
    int result = with_unit(text, percent, &ppm);

    if (result)
        return result;
    if (ppm > 1000000)
        return UNITS_RANGE;
    *ret = (uint32_t)ppm;
    return 0;
}
