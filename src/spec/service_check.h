#ifndef KITH_SPEC_SERVICE_CHECK_H
#define KITH_SPEC_SERVICE_CHECK_H
/* What must hold between the keys of one service document, beyond the table of service_keys.h. */
#include "spec/schema.h"
#include "wire/wire.h"

/* Reports what does not; settles what follows from other keys (the only port is the checked one).
 */
void service_check(struct schema_context *c, struct service_spec *spec,
                   const struct yaml_node *document);

#endif
