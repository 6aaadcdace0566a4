/*
 * Says that no network protocol has a name. libzmq's PGM transport, which Kith does not use, asks for the number of
 * "pgm" whenever a context is made, and glibc then looks for a module libnss_db, which hardly any host has, in
 * some fifty folders: 0.35 of the 6 ms that `kith publish` takes. The dynamic linker takes the program's
 * definition before libc's, as that of accept4() (docs/decisions/0010); without it all works alike, only later.
 * libpgm goes on with the number that it was built with.
 */
#include <errno.h>
#include <netdb.h>
#include <stddef.h>

int getprotobyname_r(const char *name, struct protoent *entry, char *buffer, size_t size,
                     struct protoent **ret)
{
    (void)name;
    (void)entry;
    (void)buffer;
    (void)size;
    *ret = NULL;
    return ENOENT;
}
