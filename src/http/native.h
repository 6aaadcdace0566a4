#ifndef KITH_HTTP_NATIVE_H
#define KITH_HTTP_NATIVE_H
/*
 * Kith's own API, /api/v1: lists as `kith -o json` prints them, read from the directory. Each can be waited on: an answer
 * has X-Kith-Index, and a request with that as `index` is answered when there is another, or after `wait` (5m).
 */
#include "http/exchange.h"

void native_members(struct exchange *x);
void native_services(struct exchange *x);
/* All endpoints of a service, those that fail too; with `passing` only those that do not, with `tag` those that have all of
 * these, with `near` the nearest first. 404 for a service that is not known. */
void native_endpoints(struct exchange *x);
/* For Prometheus' http_sd_configs, whose source is its documentation of 2.42: a target for each port (those of the name `port`,
 * if given) of all services or those named by `service`, failing ones too, with what is known of them as labels. */
void native_targets(struct exchange *x);

#endif
