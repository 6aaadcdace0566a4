#ifndef KITH_CONTROL_COUNTERS_H
#define KITH_CONTROL_COUNTERS_H
/*
 * What this peer has done about services since its start. Each counts at the one place where it happens;
 * docs/info.md says what each means, and `kith info` and /metrics show them.
 */
#include <stdint.h>

#define CONTROL_COUNTS(X)                                                                          \
    X(commands_accepted, "commands.accepted")                                                      \
    X(commands_rejected, "commands.rejected")                                                      \
    X(placements_written, "placements.written")                                                    \
    X(placements_withdrawn, "placements.withdrawn")                                                \
    X(instances_started, "instances.started")                                                      \
    X(instances_ended, "instances.ended")                                                          \
    X(checks_passed, "checks.passed")                                                              \
    X(checks_failed, "checks.failed")

struct control_counts {
#define CONTROL_COUNT_FIELD(field, name) uint64_t field;
    CONTROL_COUNTS(CONTROL_COUNT_FIELD)
#undef CONTROL_COUNT_FIELD
};

#endif
