#include "client/address.h"

#include "kith/client.h"

#include <string.h>

static bool starts(struct bytes text, const char *with)
{
    size_t n = strlen(with);

    return text.len >= n && memcmp(text.data, with, n) == 0;
}

static size_t count(struct bytes text, char c)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += text.data[i] == (uint8_t)c;
    return n;
}

/* A decimal port, 1 to 65535. */
static bool port_ok(struct bytes text)
{
    unsigned port = 0;

    for (size_t i = 0; i < text.len && port <= 65535; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text.data[i] - '0');
    }
    return port >= 1 && port <= 65535;
}

static bool host_ok(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] == 0x7f || strchr("/@#?\\", text.data[i]))
            return false;
    return text.len > 0;
}

/* Splits HOST[:PORT]; port.len 0: none. An IPv6 host keeps no brackets. */
static bool split(struct bytes text, struct bytes *host, struct bytes *port)
{
    const uint8_t *colon = memchr(text.data, ':', text.len);

    *port = (struct bytes){0};
    *host = text;
    if (text.data[0] == '[') {
        const uint8_t *end = memchr(text.data, ']', text.len);

        if (!end)
            return false;
        size_t host_len = (size_t)(end - text.data);

        *host = bytes_of(text.data + 1, host_len - 1);
        text = bytes_of(end + 1, text.len - host_len - 1);
        if (text.len && text.data[0] != ':')
            return false;
        *port = text.len ? bytes_of(text.data + 1, text.len - 1) : text;
        return text.len != 1;
    }
    if (count(text, ':') != 1)
        return true;
    *host = bytes_of(text.data, (size_t)(colon - text.data));
    *port = bytes_of(colon + 1, text.len - host->len - 1);
    return port->len > 0;
}

int address_uri(struct buf *out, struct bytes text)
{
    struct bytes host, port;

    if (starts(text, "ipc://") || starts(text, "ws://")) {
        buf_append(out, text.data, text.len);
        return text.len > 6 ? 0 : ADDRESS_BAD;
    }
    if (starts(text, "tcp://"))
        text = bytes_of(text.data + 6, text.len - 6);
    else if (text.len && memchr(text.data, '/', text.len)) {
        buf_printf(out, "ipc://" BYTES_FMT, BYTES_ARG(text));
        return 0;
    }
    if (!text.len || !split(text, &host, &port) || !host_ok(host) || (port.len && !port_ok(port)))
        return ADDRESS_BAD;
    bool ipv6 = memchr(host.data, ':', host.len) != NULL;

    buf_printf(out, ipv6 ? "tcp://[" BYTES_FMT "]:" : "tcp://" BYTES_FMT ":", BYTES_ARG(host));
    if (port.len)
        buf_append(out, port.data, port.len);
    else
        buf_printf(out, "%d", KITH_DEFAULT_PORT);
    return 0;
}

const char *address_ipc_path(const char *uri)
{
    return strncmp(uri, "ipc://", 6) == 0 ? uri + 6 : NULL;
}
