#ifndef KITH_SPEC_SERVICE_KEYS_H
#define KITH_SPEC_SERVICE_KEYS_H
/* The table of a service document's keys, and what holds where a key is left out. */
#include "spec/schema.h"
#include "wire/wire.h"

extern const struct schema service_schema;         /* into struct service_spec */
extern const struct service_spec service_defaults; /* all static memory */

#endif
