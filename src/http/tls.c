#include "http/tls.h"

#include "base/mem.h"
#include "store/file.h"

#include <assert.h>
#include <string.h>

struct pair_read {            /* of one reading of the files */
    struct pair_read *before; /* handshakes that began with it may still need it */
    gnutls_pcert_st chain[TLS_CHAIN_MAX];
    unsigned chain_n;
    gnutls_privkey_t key;
};

struct tls {
    const char *certificate, *key; /* paths */
    struct pair_read *latest;
};

static struct tls *in_use; /* see tls.h */

/* ---- reading ---- */

static void pair_free(struct pair_read *p)
{
    for (unsigned i = 0; i < p->chain_n; i++)
        gnutls_pcert_deinit(&p->chain[i]);
    if (p->key)
        gnutls_privkey_deinit(p->key);
    mem_free(p);
}

static int read_one(struct buf *ret, const char *path, struct buf *why)
{
    int r = file_read(ret, path, TLS_FILE_MAX);

    if (r < 0)
        buf_printf(why, "cannot read %s: %s", path, strerror(-r));
    else if (r != 0)
        buf_printf(why, "%s: %s", path,
                   r == FILE_ABSENT ? "there is no such file" : "it is too long");
    return r != 0;
}

/* Whether they belong together; GnuTLS says so when it is given both. */
static int check_both(const gnutls_datum_t *certificate, const gnutls_datum_t *key)
{
    gnutls_certificate_credentials_t both;
    int r = gnutls_certificate_allocate_credentials(&both);

    if (r < 0)
        return r;
    r = gnutls_certificate_set_x509_key_mem(both, certificate, key, GNUTLS_X509_FMT_PEM);
    gnutls_certificate_free_credentials(both);
    return r < 0 ? r : 0;
}

static int take(struct pair_read *p, const struct buf *certificate, const struct buf *key)
{
    const gnutls_datum_t chain = {certificate->data, (unsigned)certificate->len};
    const gnutls_datum_t secret = {key->data, (unsigned)key->len};
    unsigned n = TLS_CHAIN_MAX;
    int r = check_both(&chain, &secret);

    if (r == 0)
        r = gnutls_pcert_list_import_x509_raw(p->chain, &n, &chain, GNUTLS_X509_FMT_PEM, 0);
    if (r < 0)
        return r;
    p->chain_n = n;
    r = gnutls_privkey_init(&p->key);
    return r < 0 ? r
                 : gnutls_privkey_import_x509_raw(p->key, &secret, GNUTLS_X509_FMT_PEM,
                                                  /* password= */ NULL, /* flags= */ 0);
}

int tls_reload(struct tls *t, struct buf *why)
{
    struct buf certificate = {0}, key = {0};
    int bad = read_one(&certificate, t->certificate, why) || read_one(&key, t->key, why);

    if (!bad) {
        struct pair_read *p = mem_alloc(sizeof(*p));
        int r = take(p, &certificate, &key);

        bad = r < 0;
        if (bad) {
            buf_printf(why, "%s, %s: %s", t->certificate, t->key, gnutls_strerror(r));
            pair_free(p);
        } else {
            p->before = t->latest;
            t->latest = p;
        }
    }
    gnutls_memset(key.data, 0, key.len);
    buf_deinit(&certificate);
    buf_deinit(&key);
    return bad;
}

struct tls *tls_open(const char *certificate, const char *key, struct buf *why)
{
    struct tls *t = mem_alloc(sizeof(*t));

    assert(!in_use);
    t->certificate = certificate;
    t->key = key;
    if (tls_reload(t, why) == 0)
        return in_use = t;
    mem_free(t);
    return NULL;
}

void tls_close(struct tls *t)
{
    if (!t)
        return;
    for (struct pair_read *p = t->latest, *before; p; p = before) {
        before = p->before;
        pair_free(p);
    }
    in_use = NULL;
    mem_free(t);
}

int tls_certificate(gnutls_session_t session, const gnutls_datum_t *issuers, int issuers_n,
                    const gnutls_pk_algorithm_t *kinds, int kinds_n, gnutls_pcert_st **ret,
                    unsigned *ret_n, gnutls_privkey_t *ret_key)
{
    struct pair_read *p = in_use->latest;

    (void)session, (void)issuers, (void)issuers_n, (void)kinds, (void)kinds_n;
    *ret = p->chain;
    *ret_n = p->chain_n;
    *ret_key = p->key;
    return 0;
}
