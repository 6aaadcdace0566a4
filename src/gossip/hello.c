#include "gossip/hello.h"

#include "base/mem.h"
#include "gossip/admit.h"

int hello_admit(struct turn *t, const struct key32 *curve, const struct admission_row *row)
{
    struct buf value = {0};
    admission_row_encode(&value, row);
    int r = state_put(t->state, TABLE_ID_ADMISSION, bytes_of(curve->b, sizeof(curve->b)),
                      buf_bytes(&value), /* major= */ 0, /* expires_ms= */ 0);
    buf_deinit(&value);
    return r;
}

static void refuse(struct hello_house *h, struct turn *t, const struct incoming *in,
                   const char *why, bool final)
{
    h->core->counts.hellos_refused++;
    naming_refuse(&h->core->naming, t, REFUSAL_HELLO, in->from, "hello refused: %s", why);
    struct hello_refused refused = {.why = bytes_str(why), .final = final};
    struct buf payload = {0};
    hello_refused_encode(&payload, &refused);
    post_reply(t->post, t->out, in->route, WIRE_HELLO_REFUSED, buf_bytes(&payload),
               in->envelope->correlation);
    buf_deinit(&payload);
}

/* The records of one table, as far as there is room. */
static size_t gather(struct turn *t, enum table_id table, struct bytes *records, size_t n,
                     size_t *room)
{
    const struct row *row = state_first(t->state, table, (struct bytes){0});
    for (; row && n < HELLO_ROWS_MAX; row = state_next(t->state, row, (struct bytes){0})) {
        if (row->record.len > *room)
            break;
        *room -= row->record.len;
        records[n++] = row->record;
    }
    return n;
}

/* It hears that it is in, and of the others, when all that is on disk here. The ring's secret and the rows
 * are for nodes: people ask for what they want to see. */
static void welcome(struct hello_house *h, struct turn *t, const struct incoming *in, bool node)
{
    struct bytes *records = mem_alloc(HELLO_ROWS_MAX * sizeof(*records));
    size_t room = HELLO_ROWS_BYTES;
    size_t n = 0;

    if (node) {
        n = gather(t, TABLE_ID_ADMISSION, records, n, &room);
        n = gather(t, TABLE_ID_MEMBER, records, n, &room);
        n = gather(t, TABLE_ID_VERDICT, records, n, &room);
    }

    struct hello_ok ok = {
        .cluster = t->post->cluster,
        .ring_public = h->ring_public,
        .ring_secret = node ? h->ring_secret : (struct key32){{0}},
        .rows = records,
        .rows_n = (uint32_t)n,
    };
    struct buf payload = {0};
    hello_ok_encode(&payload, &ok);
    uint64_t token = state_unstored(t->state);
    uint64_t before = effects_wait(t->out, token);
    post_reply(t->post, t->out, in->route, WIRE_HELLO_OK, buf_bytes(&payload),
               in->envelope->correlation);
    effects_wait(t->out, before);
    if (node)
        guests_add(&h->core->guests, t->now_us, in->route, token);
    keys_wipe(payload.data, payload.len);
    buf_deinit(&payload);
    mem_free(records);
}

static void admit(struct hello_house *h, struct turn *t, const struct incoming *in,
                  struct bytes certificate, const struct certificate_facts *facts)
{
    struct admission_row row = {
        .id = facts->body.id,
        .kind = facts->body.kind,
        .key = facts->body.key,
        .name = facts->body.name,
        .roles = facts->body.roles,
        .roles_n = facts->body.roles_n,
        .certificate = certificate,
        .admitted_by = h->core->self,
        .admitted_ms = t->wall_us / KITH_MS,
    };
    if (hello_admit(t, &facts->curve, &row) != 0) {
        refuse(h, t, in, "this peer cannot write now (is its clock right?): ask another", false);
        return;
    }
    h->core->counts.hellos_admitted++;
    effect_log(t->out, LOG_INFO_, "admitted %s " BYTES_FMT ", which is at " BYTES_FMT,
               principal_kind_name(row.kind), BYTES_ARG(row.name), BYTES_ARG(in->from));
    welcome(h, t, in, row.kind == PRINCIPAL_KIND_NODE);
}

static void check(struct hello_house *h, const struct hello_door *door, struct turn *t,
                  const struct incoming *in, const struct hello *hello, struct arena *mem)
{
    struct certificate_facts facts;
    /* Whoever is in stays in when its token is over. */
    int64_t at = door->admitted ? CERTIFICATE_ANY_TIME : t->wall_us / KITH_MS;
    int problem = certificate_verify(&facts, hello->certificate, &h->trust, at, mem);
    if (problem != 0)
        refuse(h, t, in, certificate_problem_text(problem), true);
    else if (!keys_equal(&facts.curve, &door->key) ||
             !ulid_equal(&facts.body.id, &in->envelope->sender))
        refuse(h, t, in, "the certificate is not that of the key that sent it", true);
    else if (door->admitted)
        welcome(h, t, in, facts.body.kind == PRINCIPAL_KIND_NODE);
    else
        admit(h, t, in, hello->certificate, &facts);
}

void hello_receive(struct hello_house *h, const struct hello_door *door, struct turn *t,
                   const struct incoming *in)
{
    struct limit *own = &h->by_key[door->key.b[0] % HELLO_BUCKETS];
    if (in->route == 0 || !h->core->member)
        return;
    if (door->person) { /* nothing to check, next to nothing to send: no dearer than any request of theirs */
        welcome(h, t, in, /* node= */ false);
        return;
    }
    /* Without keys all share one bucket, which only loopback can fill. */
    if ((!h->core->insecure &&
         !limit_take(own, t->now_us, ADMIT_HELLOS_KEY, ADMIT_HELLOS_KEY_BURST)) ||
        !limit_take(&h->all, t->now_us, ADMIT_HELLOS_ALL, ADMIT_HELLOS_ALL_BURST)) {
        naming_refuse(&h->core->naming, t, REFUSAL_RATE, in->from,
                      "says hello more often than is read");
        return;
    }
    struct hello hello;
    struct arena mem = {0};
    struct wire_error err;
    if (hello_decode(&hello, in->payload, &mem, &err) != 0)
        naming_refuse(&h->core->naming, t, REFUSAL_PAYLOAD, in->from, "%s: %s", err.field, err.why);
    else if (h->core->insecure)
        welcome(h, t, in, /* node= */ true);
    else if (door->revoked)
        refuse(h, t, in,
               "this key was revoked: the host needs an empty data folder and a new token", true);
    else
        check(h, door, t, in, &hello, &mem);
    arena_deinit(&mem);
}
