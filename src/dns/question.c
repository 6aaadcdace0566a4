#include "dns/question.h"

#define LABEL_KIND   0xc0 /* of a length: 0 for a label; both: a pointer; else given up */
#define RECORD_FIXED 10   /* type, class, TTL, length */

static inline uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint8_t lower(uint8_t c)
{
    return (uint8_t)(c + ((unsigned)(c - 'A') < 26 ? 'a' - 'A' : 0));
}

/* The name at DNS_HEADER, in lower case. Where it ends; 0: it is none. */
static size_t read_name(struct question *q, const uint8_t *message, size_t size)
{
    size_t from = DNS_HEADER, len = 0;

    q->labels = 0;
    for (;;) {
        if (from + len >= size || len >= DNS_NAME_MAX)
            return 0;
        uint8_t label = message[from + len];

        q->at[q->labels] = (uint8_t)len;
        q->lower[len++] = label;
        if (label == 0)
            break;
        if (label & LABEL_KIND || len + label >= DNS_NAME_MAX || from + len + label >= size)
            return 0;
        for (unsigned i = 0; i < label; i++, len++)
            q->lower[len] = lower(message[from + len]);
        q->labels++; /* each takes two bytes at least: DNS_LABELS_MAX of them fit */
    }
    q->name_len = (uint8_t)len;
    return from + len;
}

static void take_opt(struct question *q, uint16_t size, uint8_t version)
{
    q->edns = true;
    q->version = version;
    q->room = size < DNS_UDP_PLAIN ? DNS_UDP_PLAIN : size > DNS_UDP_MAX ? DNS_UDP_MAX : size;
}

/* Behind the name of a record; 0: there is none. Where a pointer leads is not looked at, so none can lead in circles. */
static size_t skip_name(const uint8_t *message, size_t size, size_t at)
{
    while (at < size) {
        uint8_t label = message[at];

        if (label == 0)
            return at + 1;
        if ((label & LABEL_KIND) == LABEL_KIND)
            return at + 2;
        if (label & LABEL_KIND)
            return 0;
        at += 1u + label;
    }
    return 0;
}

/* Records behind the question that are not one OPT alone. False: they are no records, or there are two OPTs. */
static bool read_records(struct question *q, const uint8_t *message, size_t size, unsigned n)
{
    size_t at = q->end;

    for (unsigned i = 0; i < n; i++) {
        size_t fixed = skip_name(message, size, at);

        if (fixed == 0 || fixed > size || size - fixed < RECORD_FIXED)
            return false;
        if (get16(message + fixed) == DNS_OPT) {
            if (q->edns || fixed != at + 1)
                return false;
            take_opt(q, get16(message + fixed + 2), message[fixed + 5]);
        }
        at = fixed + RECORD_FIXED + get16(message + fixed + 8);
        if (at > size)
            return false;
    }
    return at == size;
}

static bool read_more(struct question *q, const uint8_t *message, size_t size)
{
    unsigned others = get16(message + 6) + get16(message + 8), additional = get16(message + 10);

    return others + additional <= DNS_RECORDS_LOOKED_AT &&
           read_records(q, message, size, others + additional);
}

int question_read(struct question *ret, const uint8_t *message, size_t size)
{
    if (size < DNS_HEADER || message[2] & 0x80)
        return QUESTION_IGNORED;
    ret->message = message;
    ret->end = DNS_HEADER;
    ret->id = get16(message);
    ret->flags = get16(message + 2);
    ret->room = DNS_UDP_PLAIN;
    ret->edns = false;
    ret->version = 0;
    if (ret->flags & DNS_OPCODE)
        return QUESTION_OTHER;
    if (get16(message + 4) != 1)
        return QUESTION_BROKEN;
    size_t at = read_name(ret, message, size);

    if (at == 0 || size - at < 4)
        return QUESTION_BROKEN;
    ret->type = get16(message + at);
    ret->class = get16(message + at + 2);
    ret->end = at + 4;
    if (read_more(ret, message, size))
        return 0;
    ret->end = DNS_HEADER; /* what cannot be read is not repeated */
    ret->edns = false;
    return QUESTION_BROKEN;
}
