#ifndef KITH_SPEC_SERVICE_FILE_H
#define KITH_SPEC_SERVICE_FILE_H
/*
 * Service files: YAML, one service per document. What is read has all defaults filled in and is
 * complete or refused: with any error in the file nothing of it is applied.
 *
 *     service: api                   required; a DNS label
 *     count: 3                       default 1; or every: one per host
 *     run: {exec: [prog, "${addr}"]} required
 *     ports: {http: auto}            or a fixed number
 *     needs: [redis]                 required before it starts; no cycles within the file
 *     wants: [cache]                 optional
 *     check: {http: /, port: http, every: 1s, timeout: 500ms, fail: 3, pass: 1}
 *                                    or tcp: PORTNAME, or exec: [prog]; port may be left out when
 * there is only one; without a check: healthy while the process runs resources: {cpu: 0.5, memory:
 * 64MiB, disk: 100MiB}     default 0: not counted place: {strategy: spread}      or pack partition:
 * available restart: {backoff: [1s, 2s, 4s, 8s, 15s, 30s], max: 0, per: 10m}       max 0: no limit
 *     stop: {signal: TERM, grace: 10s}
 *     env: {REDIS: "${endpoint.redis}"}
 *     on_change: restart             or signal, ignore
 *     tags: [v1]
 *     meta: {team: web}
 *     user: www-data                 default: the daemon's
 *
 * Variables stand in run.exec, check.exec and env: ${addr}, ${port.NAME} of a declared port,
 * ${instance}, ${slot}, ${data}, ${endpoint.SERVICE} of a service in needs or wants. Unknown ones
 * are refused. Keys of later parts are refused as not available yet: owner, run.oci, check.ttl,
 * resources.limits, place.require, place.prefer, partition: quorum.
 */
#include "spec/errors.h"
#include "wire/wire.h"

#define SERVICE_FILE_MAX_SERVICES 512
#define SERVICE_FILE_MAX_COUNT    10000

/* One specification must fit into a record with room to spare. */
#define SERVICE_FILE_MAX_SPEC_BYTES (64 * 1024)

struct service_file {
    const struct service_spec *specs; /* in the order of the file */
    uint32_t count;
};

/* The result, and all that it points to, lives in `mem`. 0, or SPEC_BAD with the reasons in
 * `errors`, or negative when the parser could not be made. */
int service_file_read(struct service_file *ret, struct bytes text, struct arena *mem,
                      struct spec_errors *errors);

#endif
