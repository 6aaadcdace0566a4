#include "trust/keyfile.h"

#include "trust/armor.h"
#include "trust/keys.h"

/* Armors and forgets the encoded secret. */
static void write_text(struct buf *out, const char *label, struct buf *encoded)
{
    armor_write(out, label, buf_bytes(encoded));
    keys_wipe(encoded->data, encoded->len);
    buf_deinit(encoded);
}

void keyfile_write_identity(struct buf *out, const struct identity *identity)
{
    struct buf encoded = {0};

    identity_encode(&encoded, identity);
    write_text(out, KEYFILE_IDENTITY_LABEL, &encoded);
}

void keyfile_write_cluster(struct buf *out, const struct cluster_keys *keys)
{
    struct buf encoded = {0};

    cluster_keys_encode(&encoded, keys);
    write_text(out, KEYFILE_CLUSTER_LABEL, &encoded);
}

/* What stands in the armor, in mem; len 0 when there is none, which no struct of ours is. */
static struct bytes read_text(const char *label, struct bytes text, struct arena *mem)
{
    struct buf encoded = {0};
    struct bytes content = {0};

    if (armor_read(&encoded, label, text) == 0) {
        content = arena_bytes(mem, buf_bytes(&encoded));
        keys_wipe(encoded.data, encoded.len);
    }
    buf_deinit(&encoded);
    return content;
}

int keyfile_read_identity(struct identity *ret, struct bytes text, struct arena *mem)
{
    struct wire_error err;

    return identity_decode(ret, read_text(KEYFILE_IDENTITY_LABEL, text, mem), mem, &err)
               ? KEYFILE_BAD
               : 0;
}

int keyfile_read_cluster(struct cluster_keys *ret, struct bytes text, struct arena *mem)
{
    struct wire_error err;

    return cluster_keys_decode(ret, read_text(KEYFILE_CLUSTER_LABEL, text, mem), mem, &err)
               ? KEYFILE_BAD
               : 0;
}
