/* The verbs that make keys and tokens: cluster init, token new, key new. They ask no peer. */
#include "cmd/kith_ask.h"
#include "cmd/kith_folder.h"
#include "cmd/kith_object.h"
#include "store/file.h"
#include "store/identity.h"
#include "trust/certificate.h"
#include "view/rfc3339.h"
#include "wire/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HOUR_MS  INT64_C(3600000)
#define TOKEN_MS HOUR_MS
#define OWN_TOKEN_MS                                                                               \
    (10 * 365 * 24 *                                                                               \
     HOUR_MS) /* the operator's own: lies beside the keys that could make a new one */
#define NAME_MAX_BYTES 64

static struct key32 random_key(void)
{
    struct key32 key;

    identity_random(&key, sizeof(key));
    return key;
}

/* --name, or the user's. */
static struct bytes own_name(const struct kith *k)
{
    const char *user = getenv("USER");
    const char *name = user && *user ? user : "operator";

    return bytes_str(k->args.text[FLAG_NAME] ? k->args.text[FLAG_NAME] : name);
}

static int check_name(const struct kith *k)
{
    return own_name(k).len > NAME_MAX_BYTES
               ? kith_usage(k, "--name: at most %d bytes", NAME_MAX_BYTES)
               : 0;
}

/* ---- cluster init ---- */

static void issue(struct buf *out, const struct cluster_keys *keys, struct token_request request)
{
    struct sign_pair issuer;
    struct curve_pair ring;

    keys_sign_pair(&issuer, &keys->issuer_seed);
    keys_curve_pair_from_secret(&ring, &keys->ring_secret);
    request.issuer = &issuer;
    request.id = ask_fresh_id();
    request.cluster = keys->cluster;
    request.seed = random_key();
    request.issued_ms = ask_wall_ms();
    request.expires_ms += request.issued_ms; /* given as a duration */
    request.ring_public = ring.public_key;
    token_make(out, &request);
    keys_wipe(&issuer, sizeof(issuer));
    keys_wipe(&ring, sizeof(ring));
    keys_wipe(&request, sizeof(request));
}

/* Makes a key of an opened token: fresh id and seed, certificate signed with the token's key. */
static void key_of(struct buf *out, const struct token *token, const struct grant *grant,
                   struct bytes name)
{
    struct identity who = {.id = ask_fresh_id(),
                           .seed = random_key(),
                           .made_ms = ask_wall_ms(),
                           .name = name,
                           .cluster = grant->cluster,
                           .ring_public = token->ring_public};
    struct sign_pair pair;
    struct buf certificate = {0};

    keys_sign_pair(&pair, &who.seed);
    certificate_make(&certificate, token, grant,
                     &(struct certificate_subject){
                         .id = who.id, .pair = &pair, .name = name, .issued_ms = who.made_ms});
    who.certificate = buf_bytes(&certificate);
    buf_printf(out, "The key of " BYTES_FMT ", %s of the Kith cluster %s. It is a secret.\n",
               BYTES_ARG(name), principal_kind_name(grant->kind), ulid_text(&grant->cluster).s);
    keyfile_write_identity(out, &who);
    keys_wipe(&pair, sizeof(pair));
    keys_wipe(&who, sizeof(who));
    buf_deinit(&certificate);
}

static int write_cluster(struct kith *k, const struct cluster_keys *keys)
{
    struct buf path = {0}, text = {0};

    folder_path(k, &path, FOLDER_CLUSTER_FILE);
    buf_printf(
        &text,
        "The keys of the Kith cluster %s. Whoever holds them can let anybody in: keep them safe.\n",
        ulid_text(&keys->cluster).s);
    keyfile_write_cluster(&text, keys);
    int status = folder_write(k, buf_cstr(&path), buf_bytes(&text));

    keys_wipe(text.data, text.len);
    buf_deinit(&text);
    buf_deinit(&path);
    return status;
}

static int write_key(struct kith *k, const struct token *token, const struct grant *grant)
{
    struct buf path = {0}, text = {0};

    folder_path(k, &path, FOLDER_OPERATOR_FILE);
    key_of(&text, token, grant, own_name(k));
    int status = folder_write(k, buf_cstr(&path), buf_bytes(&text));

    if (status == KITH_DONE)
        kith_tell("wrote %s", buf_cstr(&path));
    keys_wipe(text.data, text.len);
    buf_deinit(&text);
    buf_deinit(&path);
    return status;
}

static int write_own_key(struct kith *k, const struct cluster_keys *keys)
{
    struct buf encoded = {0};
    struct token token;
    struct grant grant;

    issue(&encoded, keys,
          (struct token_request){.kind = PRINCIPAL_KIND_OPERATOR, .expires_ms = OWN_TOKEN_MS});
    int problem = token_open(&token, &grant, buf_bytes(&encoded), ask_wall_ms(), &k->mem);
    int status =
        problem ? kith_failed("%s", token_problem_text(problem)) : write_key(k, &token, &grant);

    keys_wipe(encoded.data, encoded.len);
    buf_deinit(&encoded);
    return status;
}

/* Both files or none: a key beside the keys of another cluster helps nobody. */
static int check_free(struct kith *k)
{
    struct buf path = {0};
    struct stat st;

    if (!folder_path(k, &path, FOLDER_OPERATOR_FILE))
        return kith_failed(
            "there is no home folder: name the operator's folder with --dir or KITH_DIR");
    int status = KITH_DONE;

    if (!args_has(&k->args, FLAG_FORCE) && stat(buf_cstr(&path), &st) == 0)
        status = kith_failed(
            "%s is there already: use another folder with --dir, or replace it with --force",
            buf_cstr(&path));
    buf_deinit(&path);
    return status;
}

int kith_cluster_init(struct kith *k)
{
    struct cluster_keys keys = {.cluster = ask_fresh_id(),
                                .issuer_seed = random_key(),
                                .ring_secret = random_key(),
                                .made_ms = ask_wall_ms()};
    int status = check_name(k);

    if (status == KITH_DONE)
        status = check_free(k);
    if (status == KITH_DONE)
        status = write_cluster(k, &keys);
    if (status == KITH_DONE)
        status = write_own_key(k, &keys);
    keys_wipe(&keys.issuer_seed, sizeof(keys.issuer_seed));
    keys_wipe(&keys.ring_secret, sizeof(keys.ring_secret));
    if (status)
        return status;
    if (object_wanted(k))
        object_show(k, json_pack("{s:s}", "cluster", ulid_text(&keys.cluster).s));
    else
        buf_printf(
            &k->out,
            "cluster %s is made. Next: kith token new --founder --out token, then on the first host "
            "kithd --token token\n",
            ulid_text(&keys.cluster).s);
    return kith_print(k);
}

/* ---- token new ---- */

static int kind_of(const struct kith *k, enum principal_kind *ret)
{
    static const enum principal_kind kinds[] = {PRINCIPAL_KIND_NODE, PRINCIPAL_KIND_OPERATOR,
                                                PRINCIPAL_KIND_CLIENT};
    const char *text = k->args.text[FLAG_KIND] ? k->args.text[FLAG_KIND] : "node";

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(principal_kind_name(kinds[i]), text) == 0) {
            *ret = kinds[i];
            return KITH_DONE;
        }
    return kith_usage(k, "--kind %s: it is node, operator or client", text);
}

static int fill_request(struct kith *k, struct token_request *r, const struct cluster_keys *keys)
{
    int status = kind_of(k, &r->kind);

    if (status)
        return status;
    if (args_has(&k->args, FLAG_FOUNDER) && r->kind != PRINCIPAL_KIND_NODE)
        return kith_usage(k, "--founder is for nodes only");
    if (args_has(&k->args, FLAG_FOUNDER))
        r->ring_secret = keys->ring_secret;
    struct bytes *roles = arena_array(&k->mem, ARGS_LIST_MAX, sizeof(*roles));
    struct bytes *seeds = arena_array(&k->mem, ARGS_LIST_MAX, sizeof(*seeds));

    for (uint32_t i = 0; i < k->args.list_n[FLAG_ROLE]; i++)
        roles[r->roles_n++] = bytes_str(k->args.list[FLAG_ROLE][i]);
    for (uint32_t i = 0; i < k->args.list_n[FLAG_SEED]; i++)
        seeds[r->seeds_n++] = bytes_str(k->args.list[FLAG_SEED][i]);
    r->roles = roles;
    r->seeds = seeds;
    r->expires_ms = args_has(&k->args, FLAG_EXPIRES) ? k->args.number[FLAG_EXPIRES] : TOKEN_MS;
    return KITH_DONE;
}

/* Roles and seeds are the only parts of a token that come from the command line. */
static int check_lists(const struct kith *k, const struct token_request *r)
{
    if (r->roles_n > GRANT_ROLES_MAX_ITEMS)
        return kith_usage(k, "--role: at most %d of them", GRANT_ROLES_MAX_ITEMS);
    for (uint32_t i = 0; i < r->roles_n; i++)
        if (r->roles[i].len > GRANT_ROLES_MAX || !wire_text_ok(r->roles[i]))
            return kith_usage(k, "--role: at most %d bytes of text", GRANT_ROLES_MAX);
    for (uint32_t i = 0; i < r->seeds_n; i++)
        if (r->seeds[i].len == 0 || r->seeds[i].len > TOKEN_SEEDS_MAX || !wire_text_ok(r->seeds[i]))
            return kith_usage(k, "--seed: write HOST or HOST:PORT");
    return KITH_DONE;
}

/* For programs: what it is, and the token itself (as in the file) unless that was written to a file. */
static void show_token(struct kith *k, const struct token_request *r, const char *until,
                       struct bytes file)
{
    const char *path = k->args.text[FLAG_OUT];
    json_t *o = json_pack("{s:s, s:b, s:s}", "kind", principal_kind_name(r->kind), "founder",
                          !key32_is_zero(&r->ring_secret), "expires", until);

    json_object_set_new(o, path ? "file" : "token", object_text(path ? bytes_str(path) : file));
    object_show(k, o);
}

static int print_token(struct kith *k, const struct token_request *r, struct bytes encoded)
{
    struct buf text = {0};
    const char *path = k->args.text[FLAG_OUT];
    struct rfc3339 until = rfc3339_text(ask_wall_ms() + r->expires_ms);
    int status = KITH_DONE;

    buf_printf(&text, "A Kith token: %s%s, valid until %s. It is a secret.\n",
               key32_is_zero(&r->ring_secret) ? "" : "founding ", principal_kind_name(r->kind),
               until.s);
    token_to_text(&text, encoded);
    if (path)
        status = folder_write(k, path, buf_bytes(&text));
    if (path && status == KITH_DONE)
        kith_tell("wrote %s", path);
    if (object_wanted(k))
        show_token(k, r, until.s, buf_bytes(&text));
    else if (!path)
        buf_append(&k->out, text.data, text.len);
    if (status == KITH_DONE)
        status = kith_print(k);
    keys_wipe(text.data, text.len);
    buf_deinit(&text);
    return status;
}

int kith_token_new(struct kith *k)
{
    struct cluster_keys keys;
    struct token_request request = {0};
    struct buf encoded = {0};
    int status = folder_read_cluster(k, &keys);

    if (status == KITH_DONE)
        status = fill_request(k, &request, &keys);
    if (status == KITH_DONE)
        status = check_lists(k, &request);
    if (status == KITH_DONE) {
        issue(&encoded, &keys, request);
        status = print_token(k, &request, buf_bytes(&encoded));
        keys_wipe(encoded.data, encoded.len);
    }
    keys_wipe(&request.ring_secret, sizeof(request.ring_secret));
    buf_deinit(&encoded);
    return status;
}

/* ---- key new ---- */

static int make_key(struct kith *k, struct bytes text, const char *path)
{
    struct buf encoded = {0};
    struct token token;
    struct grant grant;
    int problem = token_from_text(&encoded, text), status;

    if (!problem)
        problem = token_open(&token, &grant, buf_bytes(&encoded), ask_wall_ms(), &k->mem);
    if (problem)
        status = kith_failed("%s: %s", path, token_problem_text(problem));
    else if (grant.kind == PRINCIPAL_KIND_NODE)
        status = kith_failed(
            "%s is a host's token: give it to kithd with --token; a person's is made with `kith token "
            "new --kind operator`",
            path);
    else
        status = write_key(k, &token, &grant);
    buf_deinit(&encoded);
    return status;
}

int kith_key_new(struct kith *k)
{
    const char *path = kith_word(k, 0);
    struct buf text = {0};
    int status = check_name(k);

    if (status == KITH_DONE)
        status = check_free(k);
    if (status)
        return status;
    int r = file_read(&text, strcmp(path, "-") == 0 ? "/dev/stdin" : path, KEYFILE_MAX_BYTES);

    if (r == FILE_ABSENT)
        status = kith_failed("there is no file %s", path);
    else if (r < 0)
        status = kith_failed("cannot read %s: %s", path, strerror(-r));
    else
        status = make_key(k, buf_bytes(&text), path); /* empty when it was too long */
    buf_deinit(&text);
    return status;
}
