#include "test.h"

#include "cmd/kithd_flags.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct line { /* one command line, read */
    struct flags flags;
    struct arena mem;
    struct buf why;
    int rc;
};

#define MAX_ARGS 24

static void read_line(struct line *l, const char *const *args)
{
    char *argv[MAX_ARGS + 2] = {"kithd"};
    int argc = 1;
    for (; args[argc - 1] != NULL; argc++) {
        assert_in_range(argc, 1, MAX_ARGS);
        argv[argc] = (char *)args[argc - 1];
    }
    *l = (struct line){0};
    l->rc = flags_read(&l->flags, argc, argv, &l->mem, &l->why);
}

#define READ(l, ...) read_line((l), (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void done(struct line *l)
{
    arena_deinit(&l->mem);
    buf_deinit(&l->why);
}

static void refused(struct line *l, const char *part)
{
    assert_int_equal(l->rc, 1);
    if (strstr(buf_cstr(&l->why), part) == NULL)
        print_message("said: %s", buf_cstr(&l->why));
    assert_non_null(strstr(buf_cstr(&l->why), part));
    done(l);
}

static void nothing_said_means_the_defaults(void **state)
{
    (void)state;
    struct line l;
    READ(&l, "--name", "a");
    assert_int_equal(l.rc, 0);
    assert_string_equal(l.flags.data, FLAGS_DATA);
    assert_string_equal(l.flags.socket, FLAGS_SOCKET);
    assert_string_equal(l.flags.bind, "127.0.0.1");
    assert_string_equal(l.flags.advertise, "127.0.0.1");
    assert_int_equal(l.flags.port_base, 5484);
    assert_int_equal(l.flags.port_low, 20000);
    assert_int_equal(l.flags.port_high, 29999);
    assert_false(l.flags.wan);
    assert_false(l.flags.insecure);
    assert_null(l.flags.token);
    done(&l);
}

static void every_flag_is_taken(void **state)
{
    (void)state;
    struct line l;
    READ(&l, "--data=/d", "--bind=127.0.0.2", "--port-base", "7000", "--ports=100-200",
         "--profile=wan", "--insecure", "--tag", "zone=eu", "--token=/t", "--horizon", "7d",
         "--fold", "1MiB");
    assert_int_equal(l.rc, 0);
    assert_string_equal(l.flags.data, "/d");
    assert_string_equal(l.flags.socket, "/d/kithd.sock");
    assert_int_equal(l.flags.port_base, 7000);
    assert_int_equal(l.flags.port_low, 100);
    assert_int_equal(l.flags.port_high, 200);
    assert_true(l.flags.wan);
    assert_true(l.flags.insecure);
    assert_int_equal(l.flags.tags_n, 1);
    assert_true(bytes_equal_str(l.flags.tags[0].key, "zone"));
    assert_true(bytes_equal_str(l.flags.tags[0].value, "eu"));
    assert_string_equal(l.flags.token, "/t");
    assert_int_equal(l.flags.horizon_us, 7 * 24 * KITH_HOUR);
    assert_int_equal(l.flags.fold_bytes, 1 << 20);
    done(&l);
}

static void a_seed_becomes_the_uri_of_a_probe_router(void **state)
{
    (void)state;
    struct line l;
    READ(&l, "--seed=10.0.0.1", "--seed=10.0.0.2:7000", "--seed=fe80::1", "--seed=[fe80::1]:7000",
         "--seed=tcp://a:1");
    assert_int_equal(l.rc, 0);
    const char *want[] = {"tcp://10.0.0.1:5484", "tcp://10.0.0.2:7000", "tcp://[fe80::1]:5484",
                          "tcp://[fe80::1]:7000", "tcp://a:1"};
    assert_int_equal(l.flags.seeds_n, 5);
    for (size_t i = 0; i < 5; i++)
        assert_true(bytes_equal_str(l.flags.seeds[i], want[i]));
    done(&l);
}

static void mistakes_are_told_with_what_to_write(void **state)
{
    (void)state;
    struct line l;
    READ(&l, "--bnid", "10.0.0.1");
    refused(&l, "did you mean --bind");
    READ(&l, "--nothing-of-the-kind");
    refused(&l, "--help");
    READ(&l, "--seed");
    refused(&l, "write --seed ADDR[:PORT]");
    READ(&l, "--tag", "zone");
    refused(&l, "write --tag K=V");
    READ(&l, "--insecure=yes");
    refused(&l, "takes no value");
    READ(&l, "--ports", "30000-20000");
    refused(&l, "LOW-HIGH");
    READ(&l, "--port-base", "65532");
    refused(&l, "--port-base");
    READ(&l, "--horizon", "5s"); /* whoever restarts would be forgotten */
    refused(&l, "--horizon TIME");
    READ(&l, "--fold", "1GiB");
    refused(&l, "--fold SIZE");
    READ(&l, "--profile", "moon");
    refused(&l, "lan|wan");
    READ(&l, "--log-level", "loud");
    refused(&l, "debug, info");
    READ(&l, "--bind", "host.example");
    refused(&l, "IP address");
    READ(&l, "--bind", "0.0.0.0");
    refused(&l, "--advertise");
    READ(&l, "--bind", "10.0.0.1", "--insecure");
    refused(&l, "loopback");
    READ(&l, "--config", "/no/such/file");
    refused(&l, "/no/such/file");
}

static void several_ways_are_bound_and_advertised_in_their_order(void **state)
{
    (void)state;
    struct line l;
    READ(&l, "--bind", "10.0.0.1", "--bind", "ws://10.0.0.1", "--bind", "ipc:///run/kith/peer");
    assert_int_equal(l.rc, 0);
    assert_int_equal(l.flags.advertised.n, 3);
    assert_string_equal(l.flags.binds.bases[0], "tcp://10.0.0.1:5484");
    assert_string_equal(l.flags.advertised.bases[1], "ws://10.0.0.1:5494");
    assert_string_equal(l.flags.advertised.bases[2], "ipc:///run/kith/peer");
    done(&l);

    READ(&l, "--bind", "0.0.0.0", "--bind", "ws://0.0.0.0:80", "--advertise", "203.0.113.7",
         "--port-base", "7000");
    assert_int_equal(l.rc, 0);
    assert_string_equal(l.flags.binds.bases[0], "tcp://0.0.0.0:7000");
    assert_string_equal(l.flags.advertised.bases[0], "tcp://203.0.113.7:7000");
    assert_string_equal(l.flags.advertised.bases[1], "ws://203.0.113.7:80");
    assert_string_equal(l.flags.advertise, "203.0.113.7");
    done(&l);

    READ(&l, "--bind", "tcp://[::1]:6000", "--advertise", "ws://[2001:db8::1]", "--advertise",
         "2001:db8::1");
    assert_int_equal(l.rc, 0);
    assert_string_equal(l.flags.binds.bases[0], "tcp://[::1]:6000");
    assert_string_equal(l.flags.advertised.bases[0], "ws://[2001:db8::1]:5494");
    assert_string_equal(l.flags.advertised.bases[1], "tcp://[2001:db8::1]:5484");
    done(&l);
}

static void ways_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "udp://10.0.0.1", "tcp://10.0.0.1:", "tcp://10.0.0.1:0", "ws://10.0.0.1:65535",
        "ws://host",      "ipc://relative",  "tcp://[::1",       "tcp://"};
    struct line l;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        READ(&l, "--bind", (char *)(uintptr_t)wrong[i]);
        refused(&l, "ws://ADDR[:PORT]");
    }
    READ(&l, "--bind", "127.0.0.1", "--bind", "ws://10.0.0.1", "--insecure");
    refused(&l, "loopback");
    READ(&l, "--bind", "127.0.0.1", "--advertise", "ws://0.0.0.0");
    refused(&l, "--advertise");
    READ(&l, "--bind", "ipc:///run/kith/p", "--insecure");
    assert_int_equal(l.rc, 0);
    done(&l);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void the_file_says_what_no_flag_says(void **state)
{
    (void)state;
    char path[] = "/tmp/kith-config-XXXXXX";
    close(mkstemp(path));
    write_file(
        path,
        "data: /from/file\nname: file\nseed: [10.0.0.9]\nports: 1000-2000\n"
        "port-base: 6000\nlog-level: debug\nuser: daemon\nprofile: wan\nhorizon: 90d\nfold: 256KiB\n");
    struct line l;
    READ(&l, "--config", path, "--name", "flag", "--seed", "10.0.0.1");
    assert_int_equal(l.rc, 0);
    assert_string_equal(l.flags.data, "/from/file");
    assert_string_equal(l.flags.name, "flag");
    assert_int_equal(l.flags.seeds_n, 1);
    assert_true(bytes_equal_str(l.flags.seeds[0], "tcp://10.0.0.1:5484"));
    assert_int_equal(l.flags.port_base, 6000);
    assert_int_equal(l.flags.port_low, 1000);
    assert_int_equal(l.flags.log_level, LOG_DEBUG_);
    assert_true(l.flags.wan);
    assert_int_equal(l.flags.horizon_us, 90 * 24 * KITH_HOUR);
    assert_int_equal(l.flags.fold_bytes, 256 << 10);
    done(&l);

    write_file(path, "data: /d\nbnid: 10.0.0.1\n");
    READ(&l, "--config", path);
    refused(&l, ":2:");
    unlink(path);
}

static void help_names_every_flag(void **state)
{
    (void)state;
    struct line l;
    READ(&l, "--help");
    assert_int_equal(l.rc, 0);
    assert_true(l.flags.help);
    flags_help(&l.why);
    assert_non_null(strstr(buf_cstr(&l.why), "--advertise"));
    done(&l);
}

static void http_is_answered_beside_the_peer_or_where_it_is_told_to(void **state)
{
    (void)state;
    struct line l;
    READ(&l, "--bind=127.0.0.2");
    assert_int_equal(l.flags.https_n, 1);
    assert_string_equal(l.flags.https[0], "127.0.0.2:5486");
    assert_true(l.flags.http_default);
    done(&l);
    READ(&l, "--bind=ws://[::1]", "--port-base=7000");
    assert_string_equal(l.flags.https[0], "[::1]:7002");
    done(&l);
    READ(&l, "--bind=ipc:///tmp/peer");
    assert_int_equal(l.flags.https_n, 0); /* nobody knows where */
    done(&l);
    READ(&l, "--http=127.0.0.1:80", "--http=[::1]:81", "--http-log=/l");
    assert_int_equal(l.flags.https_n, 2);
    assert_string_equal(l.flags.https[1], "[::1]:81");
    assert_false(l.flags.http_default);
    assert_string_equal(l.flags.http_log, "/l");
    done(&l);
    READ(&l, "--http=none");
    assert_int_equal(l.flags.https_n, 0);
    done(&l);
    READ(&l, "--insecure", "--http=10.0.0.1:80");
    refused(&l, "only on a loopback address");
    READ(&l, "--http=localhost:80");
    refused(&l, "ADDR:PORT in numbers");
    READ(&l, "--http=");
    refused(&l, "--http");
    READ(&l, "--http=https://10.0.0.1:80", "--http-cert=/c", "--http-key=/k");
    assert_string_equal(l.flags.https[0], "https://10.0.0.1:80");
    assert_string_equal(l.flags.http_cert, "/c");
    assert_string_equal(l.flags.http_key, "/k");
    done(&l);
    READ(&l, "--http=https://10.0.0.1:80");
    refused(&l, "--http-cert");
    READ(&l, "--http-cert=/c");
    refused(&l, "both, or none");
    READ(&l, "--http=https://host:80", "--http-cert=/c", "--http-key=/k");
    refused(&l, "ADDR:PORT in numbers");
}

static void dns_is_answered_beside_http_or_as_it_is_told_to(void **state)
{
    (void)state;
    struct line l;
    READ(&l, "--bind=127.0.0.2");
    assert_int_equal(l.flags.dns.addresses_n, 1);
    assert_string_equal(l.flags.dns.addresses[0], "127.0.0.2:5487");
    assert_true(l.flags.dns.by_default);
    assert_int_equal(l.flags.dns.domains_n, 1);
    assert_memory_equal(l.flags.dns.domains[0].name, "\4kith", 6);
    assert_int_equal(l.flags.dns.ttl_s, 1);
    assert_int_equal(l.flags.dns.rate, DNS_RATE);
    assert_false(l.flags.dns.near || l.flags.dns.rate_own);
    done(&l);
    READ(&l, "--dns=10.0.0.1:53", "--dns=[::1]:53", "--dns-domain=svc.example.com", "--dns-consul",
         "--dns-ttl=30s", "--dns-order=near", "--dns-rate=0");
    assert_string_equal(l.flags.dns.addresses[1], "[::1]:53");
    assert_false(l.flags.dns.by_default);
    assert_int_equal(l.flags.dns.domains_n, 2);
    assert_memory_equal(l.flags.dns.domains[1].name, "\6consul", 8);
    assert_int_equal(l.flags.dns.ttl_s, 30);
    assert_int_equal(l.flags.dns.rate, 0);
    assert_true(l.flags.dns.near && l.flags.dns.rate_own);
    done(&l);
    READ(&l, "--dns=none", "--dns-forward=10.0.0.53", "--dns-forward=10.0.0.54:5353",
         "--dns-forward=2001:db8::1");
    assert_int_equal(l.flags.dns.addresses_n, 0);
    assert_string_equal(l.flags.dns.forwards[0], "10.0.0.53:53");
    assert_string_equal(l.flags.dns.forwards[1], "10.0.0.54:5353");
    assert_string_equal(l.flags.dns.forwards[2], "[2001:db8::1]:53");
    done(&l);
    READ(&l, "--dns-ttl=1500ms");
    refused(&l, "whole seconds");
    READ(&l, "--dns-order=random");
    refused(&l, "rotate or near");
    READ(&l, "--dns-rate=many");
    refused(&l, "--dns-rate");
    READ(&l, "--dns-domain=a..b");
    refused(&l, "--dns-domain");
    READ(&l, "--dns-forward=resolver");
    refused(&l, "--dns-forward \"resolver\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_means_the_defaults),
        cmocka_unit_test(http_is_answered_beside_the_peer_or_where_it_is_told_to),
        cmocka_unit_test(dns_is_answered_beside_http_or_as_it_is_told_to),
        cmocka_unit_test(every_flag_is_taken),
        cmocka_unit_test(a_seed_becomes_the_uri_of_a_probe_router),
        cmocka_unit_test(mistakes_are_told_with_what_to_write),
        cmocka_unit_test(several_ways_are_bound_and_advertised_in_their_order),
        cmocka_unit_test(ways_that_cannot_be_are_refused),
        cmocka_unit_test(the_file_says_what_no_flag_says),
        cmocka_unit_test(help_names_every_flag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
