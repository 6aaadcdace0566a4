/* The verbs: what `kith --help` lists, in this order, and what each takes. */
#include "cmd/kith.h"

#define F(id) FLAG_BIT(FLAG_##id)

const struct verb kith_verbs[] = {
    {"members", "", 0, 0, F(ALL) | F(SORT), "who is in the cluster, as this peer sees it",
     "RTT_MS is the round trip as this peer measures it; with ~ it is estimated by network coordinates, as\n"
     "`kith rtt` does for any two members.\n",
     kith_members},
    {"info", "", 0, 0, 0, "about the peer that answers: id, version, counters", NULL, kith_info},
    {"rtt", "A [B]", 1, 2, 0, "the round trip between two members, or from one to all others",
     "A and B are names or ids. Any peer can be asked about any two: estimates come from network coordinates,\n"
     "which need some seconds after a start. ERROR is how far such estimates were off lately, as a share of\n"
     "the round trip; MEASURED_MS is there when the peer that answers is one of the two and probes the other.\n",
     kith_rtt},
    {"probe", "[ADDR...]", 0, ARGS_WORDS_MAX, 0, "what is wrong with this peer, or between these",
     "Tells of each address whether it can be reached, whether the handshake succeeds, whether this key is admitted,\n"
     "which cluster, node and protocol it is, its round trips, clock, view of the members and queues; then where\n"
     "several differ. What fails is told apart: unreachable, silent, no-zeromq, keys-on-one-side, foreign-ring,\n"
     "no-key-here, not-admitted, other-cluster, version, mute; each with what to do. Asks each peer about itself only,\n"
     "so it works on one that is alone or cut off. Exit status 1 when any fails, or they differ.\n",
     kith_probe},
    {"validate", "FILE", 1, 1, 0, "check a service file (- is standard input); asks no peer", NULL,
     kith_validate},
    {"apply", "FILE", 1, 1, F(WAIT) | F(ACK),
     "create or change the services of a file: all of them or none",
     "What is acknowledged is on this peer's disk, with --ack on that of others, too. With --wait it ends when every\n"
     "service of the file is at its count and healthy, or fails after --timeout (60s) and says what is missing; with\n"
     "--wait converged when every live member knows it.\n",
     kith_apply},
    {"services", "", 0, 0, 0, "what is wanted and how much of it runs", NULL, kith_services},
    {"service", "NAME", 1, 1, 0, "everything about one service", NULL, kith_service},
    {"instances", "[SERVICE]", 0, 1, F(ALL), "what runs where", NULL, kith_instances},
    {"endpoints", "SERVICE", 1, 1, 0, "where a service answers: its healthy instances", NULL,
     kith_endpoints},
    {"lookup", "SERVICE", 1, 1, F(LOOKUP), "where a service answers, out of this host's memory",
     "Asks no peer: reads the file that applications read through libkith, also while the daemon is down, and\n"
     "says on stderr how old it is.\n",
     kith_show_lookup},
    {"watch service", "SERVICE", 1, 1, F(LOOKUP), "the same again whenever it changes",
     "Asks no peer. Goes on until it is interrupted, or --timeout has passed without a change.\n",
     kith_watch_service},
    {"register", "SERVICE ADDR:PORT", 2, 2, F(ID) | F(TAG) | F(TTL) | F(PORT_NAME) | F(ACK),
     "say that a service answers there: an endpoint that Kith did not start",
     "It is on this peer's disk when the verb ends, and look-ups on every host find it. The peer answers for it:\n"
     "while the peer is down it is not shown. Saying the same again renews a --ttl; something else by the same --id\n"
     "changes it. Without an address (:PORT) it is the peer's.\n",
     kith_register},
    {"deregister", "ID", 1, 1, F(ACK), "end a registration, at the peer that it was made at", NULL,
     kith_deregister},
    {"scale", "NAME N", 2, 2, F(ACK) | F(WAIT), "change how many instances a service has", NULL,
     kith_scale},
    {"stop", "NAME | --all", 0, 1, F(ALL) | F(CASCADE) | F(KEEP_DAEMONS) | F(ACK) | F(WAIT),
     "stop a service until `kith start`, or the whole cluster",
     "With --all every service stops, dependants first, and then the daemons end (unless --keep-daemons);\n"
     "kith waits until that is so, or fails after --timeout (2m).\n",
     kith_stop},
    {"start", "NAME", 1, 1, F(ACK) | F(WAIT), "start a stopped service", NULL, kith_start},
    {"restart", "NAME", 1, 1, F(ACK) | F(WAIT), "restart a service's instances, one at a time",
     NULL, kith_restart},
    {"rm", "NAME", 1, 1, F(CASCADE) | F(ACK) | F(WAIT), "stop a service and forget it", NULL,
     kith_rm},
    {"check", "INSTANCE | SERVICE", 1, 1, 0,
     "run health checks now: an instance's, or those of all instances",
     "They run on the hosts of the instances, wherever those are, and count as any other result does: state and look-ups\n"
     "follow it once as many in a row say so as the service file has for pass and fail. One that is under way is waited\n"
     "for, as long as its own time-out allows and --timeout (2m). Exit status 0: all pass; 1: one fails, or could not be\n"
     "run, and OUTPUT says why.\n",
     kith_check},
    {"graph", "", 0, 0, F(DOT), "which service needs which", NULL, kith_graph},
    {"commands", "[ID]", 0, 1, F(LIMIT),
     "what changed the cluster, the newest first, or one command's history", NULL, kith_commands},
    {"conflicts", "", 0, 0, 0, "what was overwritten by writes that did not know of it",
     "A value that lost to a concurrent one is kept for a day (kithd --conflicts), by each peer that saw it lose.\n",
     kith_conflicts},
    {"undo", "CONFLICT", 1, 1, F(ACK) | F(WAIT),
     "bring an overwritten value back, by its id in `kith conflicts`",
     "It is written anew, as a command; what it replaces is not a conflict, since this is done knowing of it.\n",
     kith_undo},
    {"why", "INSTANCE | SERVICE", 1, 1, 0, "why it is where and what it is", NULL, kith_why},
    {"events", "", 0, 0, F(FOLLOW) | F(LIMIT), "what this peer saw happen", NULL, kith_events},
    {"logs", "INSTANCE", 1, 1, F(FOLLOW) | F(TAIL), "what an instance printed",
     "INSTANCE is an id, a beginning of one that is unique, or a service with one instance.\n",
     kith_logs},
    {"publish", "TOPIC [PAYLOAD | -]", 1, 2, F(PRIORITY) | F(LINES),
     "send a message to all subscribers of a topic",
     "A topic is words with . or / between: deploy.eu.web. The payload is at most 64 KiB; - reads it from standard\n"
     "input. Each subscriber gets a message once at most: one that is not there does not get it later. A peer sends\n"
     "10,000 messages or 4 MiB a second; what is beyond is dropped, and then the exit status is 1.\n",
     kith_publish},
    {"subscribe", "PATTERN...", 1, 16, F(MESSAGES), "print the messages of topics as they come",
     "In a pattern * stands for one word and # for any number: deploy.*.web, load.#. Quote them from the shell.\n"
     "Ends with --count, with --timeout (status 1 if fewer than --count came until then), or by Ctrl-C.\n"
     "-o json prints one object a line.\n",
     kith_subscribe},
    {"backup", "FILE", 1, 1, 0, "write the registry into a file, as it is stored now",
     "On the peer's own host, by its daemon, which goes on as before. `kithd --restore FILE` brings it back.\n",
     kith_backup},
    {"join", "ADDR", 1, 1, 0, "try another peer's address, HOST[:PORT], as a seed", NULL,
     kith_join},
    {"leave", "", 0, 0, 0,
     "this host leaves: others take over, its instances stop, its daemon ends", NULL, kith_leave},
    {"forget", "NODE", 1, 1, F(REVOKE) | F(ACK), "a dead member will not come back: drop its rows",
     NULL, kith_forget},
    {"cluster init", "", 0, 0, F(NAME) | F(FORCE),
     "make a new cluster's keys, and yours, in the operator's folder",
     "Asks no peer. Then make a founder's token for the first hosts: kith token new --founder --seed ADDR.\n"
     "Keep the folder safe and backed up: whoever holds it can let anybody in.\n",
     kith_cluster_init},
    {"token new", "", 0, 0,
     F(FOUNDER) | F(KIND) | F(ROLE) | F(SEED) | F(EXPIRES) | F(OUT) | F(FORCE),
     "make a token to join with",
     "Asks no peer; needs the folder that `kith cluster init` made. The token is a secret: whoever holds it can\n"
     "become what it grants until it expires. Give it to a host as `kithd --token FILE`, or to a person, who\n"
     "makes a key of it by `kith key new FILE`.\n",
     kith_token_new},
    {"key new", "TOKENFILE", 1, 1, F(NAME) | F(FORCE),
     "make your own operator's or client's key out of a token",
     "Asks no peer. Writes operator.key into the operator's folder; `kith -a ADDR` uses it from then on.\n",
     kith_key_new},
};

const size_t kith_verbs_n = sizeof(kith_verbs) / sizeof(kith_verbs[0]);
