/* The verb backup. */
#include "cmd/kith_ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKUP_TIMEOUT_MS 120000

int kith_backup(struct kith *k)
{
    const char *path = kith_word(k, 0);
    char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);

    if (path[0] != '/' && !here)
        return kith_failed("cannot tell where this is: %s; write the whole path", strerror(errno));
    if (!args_has(&k->args, FLAG_TIMEOUT)) {
        k->args.given |= FLAG_BIT(FLAG_TIMEOUT);
        k->args.number[FLAG_TIMEOUT] = BACKUP_TIMEOUT_MS;
    }
    struct backup request = {
        .path = bytes_str(here ? arena_printf(&k->mem, "%s/%s", here, path) : path)};

    free(here);
    return ask_and_show(k, WIRE_BACKUP, &request, WIRE_BACKED_UP, VIEW_ONE);
}
