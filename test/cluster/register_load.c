/*
 * The write load of test/cluster/test_crash.py.
 *
 *     register-load SOCKET SERVICE CONNECTIONS
 *
 * Registers one endpoint of the service after another on each connection, until the daemon is gone, and writes the name of
 * each to standard output once it was acknowledged.
 */
#include "../bench/bench_dealer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *path, *service;

static void *load(void *arg)
{
    void *dealer = dealer_open(path, true);
    char key[128];

    for (unsigned n = 0;; n++) {
        int len = snprintf(key, sizeof(key), "%s/%s-%d-%u\n", service, service, *(int *)arg, n);

        key[len - 1] = '\0';
        dealer_put(dealer, key, "x", 1);
        key[len - 1] = '\n';
        const char *name = strchr(key, '/') + 1;

        if (write(1, name, strlen(name)) < 0) /* one call: lines do not mix */
            exit(1);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static int numbers[64];
    static pthread_t threads[64];
    int count = argc == 4 ? atoi(argv[3]) : 0;

    if (count < 1 || count > 64) {
        fprintf(stderr, "register-load SOCKET SERVICE CONNECTIONS (up to 64)\n");
        return 2;
    }
    path = argv[1];
    service = argv[2];
    for (int i = 0; i < count; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, load, &numbers[i]))
            return 1;
    }
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
