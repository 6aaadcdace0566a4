#include "client/address.h"

#include "test.h"

static void becomes(const char *text, const char *uri)
{
    struct buf out = {0};

    assert_int_equal(address_uri(&out, bytes_str(text)), 0);
    assert_string_equal(buf_cstr(&out), uri);
    buf_deinit(&out);
}

static void is_none(const char *text)
{
    struct buf out = {0};

    if (address_uri(&out, bytes_str(text)) != ADDRESS_BAD)
        fail_msg("'%s' became %s", text, buf_cstr(&out));
    buf_deinit(&out);
}

static void what_people_write(void **state)
{
    (void)state;
    becomes("10.0.0.1", "tcp://10.0.0.1:5488");
    becomes("10.0.0.1:77", "tcp://10.0.0.1:77");
    becomes("host-1.example", "tcp://host-1.example:5488");
    becomes("tcp://host-1", "tcp://host-1:5488");
    becomes("tcp://host-1:9", "tcp://host-1:9");
    becomes("::1", "tcp://[::1]:5488");
    becomes("[::1]", "tcp://[::1]:5488");
    becomes("[::1]:77", "tcp://[::1]:77");
    becomes("/run/kith/kithd.sock", "ipc:///run/kith/kithd.sock");
    becomes("./kithd.sock", "ipc://./kithd.sock");
    becomes("ipc:///run/x", "ipc:///run/x");
    becomes("ws://host:80/kith", "ws://host:80/kith");
}

static void what_is_no_address(void **state)
{
    (void)state;
    is_none("");
    is_none("tcp://");
    is_none("ipc://");
    is_none("host:");
    is_none("host:0");
    is_none("host:65536");
    is_none("host:12x");
    is_none("[::1");
    is_none("[::1]77");
    is_none("[::1]:");
    is_none("[]:77");
    is_none("a host");
    is_none(":77");
}

static void only_ipc_has_a_path(void **state)
{
    (void)state;
    assert_string_equal(address_ipc_path("ipc:///a/b"), "/a/b");
    assert_null(address_ipc_path("tcp://a:1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_people_write),
        cmocka_unit_test(what_is_no_address),
        cmocka_unit_test(only_ipc_has_a_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
