#ifndef KITH_STORE_LOOKUP_PACK_H
#define KITH_STORE_LOOKUP_PACK_H
/*
 * A service, or a member, as the words of a row (lookup_format.h). Equal ones give equal words but for STAMP and
 * CHECK, which lookup_pack_stamp() fills in. Texts that are too long are cut, endpoints beyond
 * LOOKUP_ENDPOINTS_MAX left out: the wire bounds all of them lower.
 */
#include "store/lookup_map.h"
#include "wire/effect.h"

#define LOOKUP_ENDPOINTS_MAX 262144u /* so that the longest row stays under LOOKUP_ROW_MAX */

struct lookup_pack { /* a zeroed one is valid; its memory is used again */
    uint64_t *words;
    size_t count, cap;
};

void lookup_pack_deinit(struct lookup_pack *p);

/* The row that applications read: its healthy endpoints. */
void lookup_pack_service(struct lookup_pack *p, const struct lookup_service *service);
/* That row says all there is of the service, so that it needs no other. */
bool lookup_pack_is_all(const struct lookup_service *service);
/* The row of kind WHOLE. A service that is gone: of no endpoints, and flagged so. */
void lookup_pack_whole(struct lookup_pack *p, const struct lookup_service *service);

/* The row of kind MEMBER; of one that is not known (any more) it is flagged GONE. */
void lookup_pack_member(struct lookup_pack *p, const struct lookup_member *member);
/* The row of kind NAMED: GONE when there are none. */
void lookup_pack_named(struct lookup_pack *p, struct bytes name, const struct ulid *ids,
                       uint32_t ids_n);

/* What it is found by; the texts stay in the pack. */
struct lookup_name lookup_pack_name(const struct lookup_pack *p);
void lookup_pack_stamp(struct lookup_pack *p, uint64_t stamp);

/* They tell the same, whenever each was written. */
bool lookup_pack_equal(const struct lookup_pack *p, const uint64_t *row);

#endif
