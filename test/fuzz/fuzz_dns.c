/* What anybody can send to DNS: whole messages, against a look-up file that a real writer has written, and names on their own. */
#include "dns/respond.h"

#include "base/mem.h"
#include "store/lookup_file.h"

#include <assert.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENDPOINTS 40

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct respond_config config;
static struct responder *responder;
static char folder[] = "/tmp/kith-fuzz-dns-XXXXXX";

static void remove_folder(void)
{
    static const char *const files[] = {"services", "writer.pid"};
    char path[sizeof(folder) + 16];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void tell(struct lookup_file *file)
{
    struct lookup_endpoint list[ENDPOINTS] = {0};
    struct bytes tag = bytes_str("v1");
    static char addrs[ENDPOINTS][16];

    for (unsigned i = 0; i < ENDPOINTS; i++) {
        snprintf(addrs[i], sizeof(addrs[i]), i % 9 ? "10.0.0.%u" : "h%u.example", i);
        list[i] = (struct lookup_endpoint){.node_name = bytes_str("h1"),
                                           .addr = bytes_str(addrs[i]),
                                           .port_name = bytes_str("http"),
                                           .port = (uint16_t)i,
                                           .own_tags = true,
                                           .tags = &tag,
                                           .tags_n = i % 2};
    }
    struct lookup_service web = {.space = bytes_str("default"),
                                 .name = bytes_str("web"),
                                 .endpoints = list,
                                 .endpoints_n = ENDPOINTS};
    struct lookup_member member = {
        .state = MEMBER_STATE_ALIVE, .name = bytes_str("h1"), .host = bytes_str("10.0.0.1")};

    if (lookup_file_put(file, &web) != 0 || lookup_file_put_member(file, &member) != 0 ||
        lookup_file_publish(file) != 0)
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct lookup_file *file;
    struct buf why = {0};

    if (!mkdtemp(folder) ||
        lookup_file_open(&file, &(struct lookup_file_config){.folder = folder}, &why) != 0 ||
        lookup_file_begin(file) != 0)
        abort();
    atexit(remove_folder);
    tell(file);
    lookup_file_close(file); /* readers have it */
    config = (struct respond_config){.zone = {.domains_n = 1, .ttl_s = 1, .negative_ttl_s = 1},
                                     .lookups = folder};
    if (domain_read(&config.zone.domains[0], "kith") != 0)
        abort();
    responder = responder_new(&config);
    return 0;
}

/* An answer keeps its bounds, has the query's id, says that it is one, and can be read. */
static void check(const uint8_t *query, size_t size, const uint8_t *out, size_t len, bool tcp)
{
    ldns_pkt *pkt = NULL;

    assert(len >= DNS_HEADER && len <= (tcp ? DNS_MESSAGE : DNS_UDP_MAX));
    assert(size >= DNS_HEADER && memcmp(out, query, 2) == 0 && out[2] & 0x80);
    assert(ldns_wire2pkt(&pkt, out, len) == LDNS_STATUS_OK);
    ldns_pkt_free(pkt);
}

static void answer(const uint8_t *query, size_t size, bool tcp)
{
    static uint8_t out[DNS_MESSAGE];
    size_t len = 0;

    if (responder_answer(responder, query, size, tcp, out, &len) == RESPOND_ANSWER)
        check(query, size, out, len, tcp);
    len = responder_slip(responder, query, size, out);
    if (len)
        check(query, size, out, len, /* tcp= */ false);
}

/* The bytes as a name below web.service.kith, of whatever type: most messages that are made up are no questions at all. */
static void answer_name(const uint8_t *data, size_t size, bool tcp)
{
    static const uint8_t head[] = {0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    uint8_t query[512];
    size_t len = size > 200 ? 200 : size;

    if (len < 2)
        return;
    memcpy(query, head, sizeof(head));
    memcpy(query + sizeof(head), data + 2, len - 2);
    size_t at = sizeof(head) + len - 2;

    memcpy(query + at, "\3web\7service\4kith\0\0\0\0\1", 22);
    memcpy(query + at + 18, data, 2);
    answer(query, at + 22, tcp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    static kith_time now_us;
    bool tcp = data[0] & 1;

    responder_begin(responder, now_us += KITH_MS);
    if (data[0] & 2)
        answer_name(data + 1, size - 1, tcp);
    else
        answer(data + 1, size - 1, tcp);
    responder_end(responder);
    return 0;
}
