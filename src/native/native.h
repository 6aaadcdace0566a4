#ifndef KITH_NATIVE_NATIVE_H
#define KITH_NATIVE_NATIVE_H
/*
 * Kith's own API, /api/v1: whatever `kith` can do (verbs.h says which way each verb has), in the same shape as `kith -o json`
 * prints it. Members and endpoints are read from the directory and can be waited on: an answer has X-Kith-Index, and a
 * request with that as `index` is answered when there is another, or after `wait` (5m). All else asks the peer (ask.h).
 */
#include "http/exchange.h"

/* Reads of the directory. Of lists, part can be asked for: pick.h. */
void native_members(struct exchange *x);
/* All endpoints of a service, those that fail too; with `passing` only those that do not, with `tag` those that have all of
 * these, with `near` the nearest first. 404 for a service that is not known. */
void native_endpoints(struct exchange *x);
/* For Prometheus' http_sd_configs, whose source is its documentation of 2.42: a target for each port (those of the name `port`,
 * if given) of all services or those named by `service`, failing ones too, with what is known of them as labels. */
void native_targets(struct exchange *x);

/* What changes, as it does: `service` (several), `members`, or all; `after`, as Last-Event-ID has it, or now (stream.h). */
void native_changes(struct exchange *x);

/* The messages of topics, by `pattern` (several), as they come. */
void native_messages(struct exchange *x);

/* Questions to the peer. */
void native_member(struct exchange *x); /* by id or name */
void native_rtt(struct exchange *x);    /* from it `to` another, or to all */
void native_info(struct exchange *x);
void native_metrics(struct exchange *x);  /* the counters of info */
void native_services(struct exchange *x); /* with what is only registered, as look-ups know it */
void native_service(struct exchange *x);
void native_instances(struct exchange *x); /* `service`, `all` */
void native_instance(struct exchange *x);
void native_logs(struct exchange *x);  /* `offset`, `tail`, `raw` */
void native_graph(struct exchange *x); /* `dot` */
void native_why(struct exchange *x);
void native_commands(struct exchange *x);
void native_command(struct exchange *x); /* with `wait`: when it is over */
void native_events(struct exchange *x);  /* `after`, `limit` */
void native_conflicts(struct exchange *x);

/* Changes: the fields of their messages (proto/client.toml) as members of a JSON object, or as parameters. A command takes
 * `id`, a ULID of the client's: said again it is done once. */
void native_submit(struct exchange *x); /* any `change` */
void native_validate(struct exchange *x);
void native_apply(struct exchange *x); /* the body is a service file, in YAML or JSON */
void native_scale(struct exchange *x);
void native_stop(struct exchange *x);
void native_stop_all(struct exchange *x);
void native_start(struct exchange *x);
void native_restart(struct exchange *x);
void native_remove(struct exchange *x);
void native_undo(struct exchange *x);
/* Run health checks now: of all instances, a list; of one. 200 whatever they find. */
void native_check_service(struct exchange *x);
void native_check_instance(struct exchange *x);
void native_register(struct exchange *x);
void native_register_any(struct exchange *x); /* one, or a list: all of them or none */
void native_deregister(struct exchange *x);
void native_report(struct exchange *x); /* how a registered endpoint does */
void native_join(struct exchange *x);
void native_leave(struct exchange *x);
void native_forget(struct exchange *x);
void native_backup(struct exchange *x);
void native_publish(struct exchange *x); /* the body is the message */

#endif
