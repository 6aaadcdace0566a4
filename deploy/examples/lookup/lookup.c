/*
 * Where does a service answer? Asks the memory of this host, not the network:
 *
 *     cc lookup.c $(pkg-config --cflags --libs kith) -o lookup
 *     ./lookup api http
 *
 * Prints one endpoint a line, the nearest first, and then again whenever the service changes. Ends when
 * standard output does.
 */
#include <kith/kith.h>

#include <stdio.h>

#define MAX 64

static int print(struct kith_reader *k, const char *service, const char *port)
{
    struct kith_endpoint e[MAX];
    struct kith_filter filter = {.port = port};
    int64_t age_us;
    int n = kith_lookup(k, service, &filter, e, MAX, &age_us);

    if (n < 0) {
        printf("%s: %s\n", service, kith_error_text(n));
        return fflush(stdout);
    }
    printf("%s: %d healthy, as of %lld ms ago\n", service, n, (long long)(age_us / 1000));
    for (int i = 0; i < n && i < MAX; i++)
        printf("  %s:%u on %s\n", e[i].addr, (unsigned)e[i].port, e[i].node_name);
    return fflush(stdout);
}

int main(int argc, char **argv)
{
    uint64_t index = 0;
    int r = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: lookup SERVICE [PORT-NAME]\n");
        return 2;
    }
    struct kith_reader *k = kith_open(NULL); /* $KITH_LOOKUP, or the usual folder */

    if (!k)
        return 1;
    do {
        if (print(k, argv[1], argc > 2 ? argv[2] : NULL) != 0)
            break;
        r = kith_watch(k, NULL, argv[1], &index, /* timeout_ms= */ -1);
    } while (r == 0);
    fprintf(stderr, "lookup: %s\n", kith_error_text(r));
    kith_close(k);
    return 1;
}
