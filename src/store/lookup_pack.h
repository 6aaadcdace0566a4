#ifndef KITH_STORE_LOOKUP_PACK_H
#define KITH_STORE_LOOKUP_PACK_H
/*
 * One service as the words of a row (lookup_format.h). Equal services give equal words but for STAMP and
 * CHECK, which lookup_pack_stamp() fills in. Texts that are too long are cut, endpoints beyond
 * LOOKUP_ENDPOINTS_MAX left out: the wire bounds all of them lower.
 */
#include "store/lookup_format.h"
#include "wire/effect.h"

#define LOOKUP_ENDPOINTS_MAX 262144u /* so that the longest row stays under LOOKUP_ROW_MAX */

struct lookup_pack { /* a zeroed one is valid; its memory is used again */
    uint64_t *words;
    size_t count, cap;
};

void lookup_pack_deinit(struct lookup_pack *p);
void lookup_pack_service(struct lookup_pack *p, const struct lookup_service *service);
void lookup_pack_stamp(struct lookup_pack *p, uint64_t stamp);

/* They tell the same, whenever each was written. */
bool lookup_pack_equal(const struct lookup_pack *p, const uint64_t *row);

#endif
