#include "state/inside.h"
#include "state/sync_inside.h"

#define RECORD_HEAD_BYTES 5u /* of MessagePack */

/* ---- a frame's worth of records ---- */

void load_init(struct sync_load *load, struct arena *mem)
{
    *load = (struct sync_load){
        .records = arena_array(mem, SYNC_PAGE_RECORDS_MAX_ITEMS, sizeof(*load->records)),
    };
}

bool load_add(struct sync_load *load, const struct state *state, struct digest_item *first,
              struct digest_walk *walk)
{
    struct digest_item *item = first;
    struct sync_load more = *load;

    for (; item && item->key_hash == first->key_hash; item = digest_next(walk)) {
        struct content *c = (struct content *)item;
        uint64_t wait = state_content_token(state, c);

        if (more.n == SYNC_PAGE_RECORDS_MAX_ITEMS)
            continue; /* as many twins of 64 bits as that, and there is nobody to count them */
        more.records[more.n++] = content_record(c);
        more.bytes += content_record(c).len + RECORD_HEAD_BYTES;
        more.wait = wait > more.wait ? wait : more.wait;
    }
    if (load->n > 0 && (more.bytes > SYNC_FRAME_BYTES || more.n == SYNC_PAGE_RECORDS_MAX_ITEMS))
        return false;
    *load = more;
    return true;
}

bool load_range(struct sync_load *load, const struct state *state, struct sync_place place,
                uint64_t from, uint64_t *ret_next)
{
    uint64_t last = digest_last(place.depth, place.prefix);
    struct digest_walk walk;
    struct digest_item *item = digest_from(&state_table(state)->digest, from, &walk);

    for (;;) {
        *ret_next = item ? item->key_hash : from;
        if (!item || item->key_hash > last)
            return true;
        if (!load_add(load, state, item, &walk))
            return false;
        item = digest_at(&walk);
    }
}

/* ---- compare ---- */

static void split(const struct digest *digest, const struct sync_node *node, struct sync_split *ret,
                  struct arena *mem)
{
    struct digest_sum child[DIGEST_FANOUT];
    uint64_t *digests = arena_array(mem, DIGEST_FANOUT, sizeof(*digests));
    uint64_t *counts = arena_array(mem, DIGEST_FANOUT, sizeof(*counts));

    digest_children(digest, node->depth, node->prefix, child);
    for (uint32_t i = 0; i < DIGEST_FANOUT; i++) {
        digests[i] = child[i].digest;
        counts[i] = child[i].count;
    }
    *ret = (struct sync_split){
        .depth = node->depth,
        .prefix = node->prefix,
        .digests = digests,
        .digests_n = DIGEST_FANOUT,
        .counts = counts,
        .counts_n = DIGEST_FANOUT,
    };
}

/* Rows of one key hash beyond what fits are left out: that needs more than 64 twins of 64 bits. */
static void list_rows(const struct digest *digest, const struct sync_node *node,
                      struct sync_leaf *ret, struct arena *mem)
{
    uint64_t last = digest_last(node->depth, node->prefix);
    uint64_t *keys = arena_array(mem, SYNC_LEAF_KEYS_MAX_ITEMS, sizeof(*keys));
    uint64_t *hashes = arena_array(mem, SYNC_LEAF_KEYS_MAX_ITEMS, sizeof(*hashes));
    uint32_t n = 0;
    struct digest_walk walk;
    struct digest_item *item = digest_from(digest, node->prefix, &walk);

    for (; item && item->key_hash <= last; item = digest_next(&walk)) {
        if (n == SYNC_LEAF_KEYS_MAX_ITEMS)
            break;
        keys[n] = item->key_hash;
        hashes[n++] = item->hash;
    }
    *ret = (struct sync_leaf){
        .depth = node->depth,
        .prefix = node->prefix,
        .keys = keys,
        .keys_n = n,
        .hashes = hashes,
        .hashes_n = n,
    };
}

/* Two walks at a time would carry everything twice. Of two that compare all they have, the one that holds less
 * asks: it knows best what it lacks, and a snapshot goes at its pace. */
static bool is_for_us_to_ask(struct sync *s, struct turn *t, const struct incoming *in,
                             const struct sync_compare *question)
{
    const struct sync_node *node = &question->nodes[0];
    const struct member *asker = members_get(s->members, &in->envelope->sender);
    struct digest_sum sum = digest_sum(&state_table(t->state)->digest, 0, 0);
    struct bytes uri = asker ? member_uri(asker, ADDR_ROLE_BULK) : (struct bytes){0};

    if (question->nodes_n != 1 || node->depth != 0 || uri.len == 0 || sum.digest == node->digest)
        return false;
    if (sum.count * SYNC_NEARLY_EMPTY < node->count)
        sync_with(s, t, uri);
    bool fewer = sum.count != node->count ? sum.count < node->count
                                          : ulid_compare(&t->post->self, &in->envelope->sender) < 0;
    return fewer && sync_is_with(s, uri);
}

static bool answer_compare(struct sync *s, struct turn *t, const struct incoming *in,
                           struct arena *mem, struct buf *out)
{
    const struct digest *digest = &state_table(t->state)->digest;
    struct sync_compare question;
    struct wire_error err;

    if (sync_compare_decode(&question, in->payload, mem, &err) != 0)
        return false;
    struct sync_split *splits = arena_array(mem, question.nodes_n, sizeof(*splits));
    struct sync_leaf *leaves = arena_array(mem, question.nodes_n, sizeof(*leaves));
    struct sync_diff diff = {.splits = splits, .leaves = leaves};
    bool ours = is_for_us_to_ask(s, t, in, &question); /* then nothing is said to differ */
    for (uint32_t i = 0; i < question.nodes_n && !ours; i++) {
        const struct sync_node *node = &question.nodes[i];

        if (!digest_is_node(node->depth, node->prefix))
            return false;
        struct digest_sum sum = digest_sum(digest, node->depth, node->prefix);
        if (sum.digest == node->digest && sum.count == node->count)
            continue;
        if (sum.count <= DIGEST_LEAF_MAX || node->depth == DIGEST_DEPTH_MAX)
            list_rows(digest, node, &leaves[diff.leaves_n++], mem);
        else
            split(digest, node, &splits[diff.splits_n++], mem);
    }
    sync_diff_encode(out, &diff);
    turn_reply(t, in, WIRE_SYNC_DIFF, buf_bytes(out), 0);
    return true;
}

/* ---- want, range, push ---- */

static bool answer_want(struct sync *s, struct turn *t, const struct incoming *in,
                        struct arena *mem, struct buf *out)
{
    struct sync_want question;
    struct sync_rows rows = {0};
    struct sync_load load;
    struct wire_error err;

    if (sync_want_decode(&question, in->payload, mem, &err) != 0)
        return false;
    load_init(&load, mem);
    while (rows.done < question.keys_n) {
        struct digest_walk walk;
        struct digest_item *item =
            digest_find(&state_table(t->state)->digest, question.keys[rows.done], &walk);

        if (item && !load_add(&load, t->state, item, &walk))
            break;
        rows.done++;
    }
    rows.records = load.records;
    rows.records_n = load.n;
    s->counts.rows_out += load.n;
    sync_rows_encode(out, &rows);
    turn_reply(t, in, WIRE_SYNC_ROWS, buf_bytes(out), load.wait);
    return true;
}

static bool answer_range(struct sync *s, struct turn *t, const struct incoming *in,
                         struct arena *mem, struct buf *out)
{
    struct sync_range question;
    struct sync_page page = {0};
    struct sync_load load;
    struct wire_error err;

    if (sync_range_decode(&question, in->payload, mem, &err) != 0)
        return false;
    struct sync_place place = {question.depth, question.prefix};
    if (!digest_is_node(place.depth, place.prefix) || question.from < place.prefix)
        return false;
    load_init(&load, mem);
    page.end = load_range(&load, t->state, place, question.from, &page.next);
    page.records = load.records;
    page.records_n = load.n;
    s->counts.rows_out += load.n;
    sync_page_encode(out, &page);
    turn_reply(t, in, WIRE_SYNC_PAGE, buf_bytes(out), load.wait);
    return true;
}

static bool answer_push(struct sync *s, struct turn *t, const struct incoming *in,
                        struct arena *mem, struct buf *out)
{
    struct sync_push push;
    struct wire_error err;

    if (sync_push_decode(&push, in->payload, mem, &err) != 0)
        return false;
    for (uint32_t i = 0; i < push.records_n; i++)
        (void)state_merge(t->state, push.records[i]); /* what it refuses is counted there */
    s->counts.rows_in += push.records_n;
    sync_taken_encode(out, &(struct sync_taken){0});
    turn_reply(t, in, WIRE_SYNC_TAKEN, buf_bytes(out), 0);
    return true;
}

bool answer(struct sync *s, struct turn *t, const struct incoming *in)
{
    struct arena mem = {0};
    struct buf out = {0};
    bool ok = false;

    switch ((enum wire_kind)in->envelope->kind) {
    case WIRE_SYNC_COMPARE:
        ok = answer_compare(s, t, in, &mem, &out);
        break;
    case WIRE_SYNC_WANT:
        ok = answer_want(s, t, in, &mem, &out);
        break;
    case WIRE_SYNC_RANGE:
        ok = answer_range(s, t, in, &mem, &out);
        break;
    case WIRE_SYNC_PUSH:
        ok = answer_push(s, t, in, &mem, &out);
        break;
    default:
        break;
    }
    buf_deinit(&out);
    arena_deinit(&mem);
    return ok;
}
