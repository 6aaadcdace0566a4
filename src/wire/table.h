#ifndef KITH_WIRE_TABLE_H
#define KITH_WIRE_TABLE_H
/*
 * For tables written by hand, of structs that do not travel: effects and events. Their fields have
 * no bounds, and they are written only to be hashed (wire_write()), never read back.
 */
#include "wire/value.h"

#include <stddef.h>

#define TABLE_FIELD(owner, number, member, code, ...)                                              \
    {                                                                                              \
        .name = #member, .path = #owner "." #member, .id = (number), .type = WIRE_T_##code,        \
        .offset = offsetof(struct owner, member), .max = UINT32_MAX, .max_items = UINT32_MAX,      \
        .max_value = UINT64_MAX, __VA_ARGS__                                                       \
    }

/* A list: its length stands in MEMBER_n. */
#define TABLE_LIST(owner, number, member, code, ...)                                               \
    TABLE_FIELD(owner, number, member, code, .list = true,                                         \
                .offset_n = offsetof(struct owner, member##_n),                                    \
                .item_size = sizeof(*((struct owner *)NULL)->member), __VA_ARGS__)

/* static const struct wire_struct OWNER_table, from OWNER_fields. */
#define TABLE(owner)                                                                               \
    static const struct wire_struct owner##_table = {                                              \
        .name = #owner,                                                                            \
        .size = sizeof(struct owner),                                                              \
        .fields = owner##_fields,                                                                  \
        .fields_n = sizeof(owner##_fields) / sizeof(owner##_fields[0]),                            \
    }

#endif
