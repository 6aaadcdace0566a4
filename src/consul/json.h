#ifndef KITH_CONSUL_JSON_H
#define KITH_CONSUL_JSON_H
/*
 * Reads JSON that Consul's clients send. Names are taken in either of the two forms that Consul takes
 * ("DeregisterCriticalServiceAfter" and "deregister_critical_service_after"), of any case. Pure but for the memory that jansson
 * takes. For the files of this folder that read bodies.
 */
#include "base/arena.h"

#include <jansson.h>

#define CONSUL_BODY_MAX 1048576u /* of JSON: as the server takes it */

struct consul_reader {
    struct arena *mem;
    const char *why; /* what to write instead; the first thing that is wrong */
};

/* Notes why; 1. */
int consul_refuse(struct consul_reader *r, const char *why);

/* NULL, and *why says so. The caller's to give back. */
json_t *consul_parse(struct bytes body, const char **why);

/* NULL: absent, or null. */
json_t *consul_value(json_t *object, const char *name);

/* Each 0 or 1. Of what is absent *ret stays as it is. */
int consul_take_text(struct consul_reader *r, json_t *value, size_t max, struct bytes *ret);
int consul_take_member(struct consul_reader *r, json_t *object, const char *name, size_t max,
                       struct bytes *ret);
/* "10s"; Consul's clients write numbers of nanoseconds, too. */
int consul_take_duration(struct consul_reader *r, json_t *object, const char *name,
                         uint32_t *ret_ms);
int consul_take_unsigned(struct consul_reader *r, json_t *object, const char *name, uint64_t *ret);

#endif
