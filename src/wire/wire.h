#ifndef KITH_WIRE_WIRE_H
#define KITH_WIRE_WIRE_H
/* Every message and record of proto/, for those who dispatch on them. Others include what they use.
 */
#include "wire/codec.h"
#include "wire/gen/client.h"
#include "wire/gen/envelope.h"
#include "wire/gen/key.h"
#include "wire/gen/kinds.h"
#include "wire/gen/member.h"
#include "wire/gen/overlay.h"
#include "wire/gen/run.h"
#include "wire/gen/service.h"
#include "wire/gen/state.h"
#include "wire/gen/topic.h"
#include "wire/gen/trust.h"

#endif
