#ifndef KITH_SHELL_OUTLOG_H
#define KITH_SHELL_OUTLOG_H
/*
 * A process's output in its run directory: files `out-OFFSET`, where OFFSET (20 digits) is the place
 * of the file's first byte in everything the instance ever wrote. So a place in the output is one
 * number that stays right when files are rotated away, and over restarts.
 *
 * kith-run writes, kithd reads, at the same time and without locks: files are only appended to and
 * removed whole. Bounded: when one file is full the next begins, and the oldest go.
 */
#include "base/buf.h"

#define OUTLOG_FILE_BYTES (1 << 20)
#define OUTLOG_FILES      4
#define OUTLOG_READ_MAX   (256 << 10) /* bytes in one answer */
#define OUTLOG_TAIL_BYTES (16 << 10)  /* of the end, when nobody says how much */

struct outlog;

/* Goes on behind what is there. NULL with errno set when the folder cannot be written. */
struct outlog *outlog_open(const char *dir, uint64_t file_bytes, uint32_t files);
void outlog_close(struct outlog *o);

/* Output that cannot be written (a full disk) is lost: the service must not stop because of it. */
void outlog_write(struct outlog *o, const void *data, size_t len);

/*
 * Reads at most OUTLOG_READ_MAX bytes from `offset` on, or the last tail_bytes when offset is 0 (0:
 * OUTLOG_TAIL_BYTES). What was rotated away is passed over. *ret_offset is the place of the first
 * byte, *ret_next where to read on. 0, or 1: there is no output.
 */
int outlog_read(const char *dir, uint64_t offset, uint64_t tail_bytes, struct buf *out,
                uint64_t *ret_offset, uint64_t *ret_next);

#endif
