#include "trust/authority.h"

/* Verbs as bits, so that what a kind may do is one line. */
#define BIT(verb) (1u << (verb))

static const uint32_t people = BIT(AUTHORITY_HELLO) | BIT(AUTHORITY_READ) | BIT(AUTHORITY_LOGS) |
                               BIT(AUTHORITY_APPLY) | BIT(AUTHORITY_CHANGE) |
                               BIT(AUTHORITY_REGISTER) | BIT(AUTHORITY_KEYS) | BIT(AUTHORITY_HALT) |
                               BIT(AUTHORITY_MEMBER) | BIT(AUTHORITY_FORGET) |
                               BIT(AUTHORITY_PUBLISH) | BIT(AUTHORITY_SUBSCRIBE);

static uint32_t verbs_of(enum principal_kind kind)
{
    switch (kind) {
    case PRINCIPAL_KIND_NOBODY:
        return BIT(AUTHORITY_HELLO);
    case PRINCIPAL_KIND_NODE:
        return BIT(AUTHORITY_HELLO) | BIT(AUTHORITY_GOSSIP) | BIT(AUTHORITY_FORWARD) |
               BIT(AUTHORITY_ANSWER);
    case PRINCIPAL_KIND_CLIENT:
        return BIT(AUTHORITY_HELLO) | BIT(AUTHORITY_READ) | BIT(AUTHORITY_PUBLISH) |
               BIT(AUTHORITY_SUBSCRIBE);
    case PRINCIPAL_KIND_OPERATOR:
        return people;
    case PRINCIPAL_KIND_LOCAL:
        return people | BIT(AUTHORITY_BACKUP);
    }
    return 0;
}

bool may(const struct authority_subject *who, enum authority_verb verb, struct bytes object)
{
    (void)object;
    if (who->revoked || verb == AUTHORITY_NOTHING)
        return false;
    return verbs_of(who->kind) & BIT(verb);
}

static enum authority_verb verb_of(enum wire_kind kind)
{
    switch (kind) {
    case WIRE_HELLO:
        return AUTHORITY_HELLO;
    case WIRE_FORWARD:
        return AUTHORITY_FORWARD;
    case WIRE_GET_LOGS:
        return AUTHORITY_LOGS;
    case WIRE_APPLY:
        return AUTHORITY_APPLY;
    case WIRE_CHANGE:
    case WIRE_CHECK_NOW: /* it runs a program, and what is found changes what others see */
        return AUTHORITY_CHANGE;
    case WIRE_BACKUP:
        return AUTHORITY_BACKUP;
    case WIRE_REGISTER_ENDPOINT:
    case WIRE_REGISTER_ENDPOINTS:
    case WIRE_DEREGISTER_ENDPOINT:
    case WIRE_REPORT_ENDPOINT:
    case WIRE_CHECK_ENDPOINT:
    case WIRE_MAINTAIN:
        return AUTHORITY_REGISTER;
    case WIRE_CHANGE_KEYS:
    case WIRE_OPEN_SESSION:
    case WIRE_RENEW_SESSION:
    case WIRE_END_SESSION:
        return AUTHORITY_KEYS;
    case WIRE_JOIN:
    case WIRE_LEAVE:
        return AUTHORITY_MEMBER;
    case WIRE_FORGET:
        return AUTHORITY_FORGET;
    case WIRE_PUBLISH:
        return AUTHORITY_PUBLISH;
    case WIRE_SUBSCRIBE:
    case WIRE_TAKEN:
    case WIRE_UNSUBSCRIBE:
        return AUTHORITY_SUBSCRIBE;
    case WIRE_GET_MEMBERS:
    case WIRE_GET_INFO:
    case WIRE_GET_SERVICES:
    case WIRE_GET_INSTANCES:
    case WIRE_GET_ENDPOINTS:
    case WIRE_GET_GRAPH:
    case WIRE_GET_COMMANDS:
    case WIRE_GET_WHY:
    case WIRE_GET_EVENTS:
    case WIRE_GET_CONFLICTS:
    case WIRE_GET_RTT:
    case WIRE_PING:
        return AUTHORITY_READ;
    default:
        return AUTHORITY_NOTHING;
    }
}

static const struct wire_kind_info *info_of(uint32_t kind)
{
    for (uint32_t i = 0; i < wire_kinds_n; i++)
        if ((uint32_t)wire_kinds[i].kind == kind)
            return &wire_kinds[i];
    return NULL;
}

enum authority_verb authority_verb_of(uint32_t kind)
{
    enum authority_verb verb = verb_of((enum wire_kind)kind);

    if (verb != AUTHORITY_NOTHING)
        return verb;
    const struct wire_kind_info *info = info_of(kind);

    if (!info)
        return AUTHORITY_NOTHING;
    /* Of the client lane only answers are left; between nodes everything but a hello's answer is
     * gossip. */
    if (info->lane == WIRE_LANE_CLIENT || kind == WIRE_HELLO_OK || kind == WIRE_HELLO_REFUSED)
        return AUTHORITY_ANSWER;
    return AUTHORITY_GOSSIP;
}
