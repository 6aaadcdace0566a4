#ifndef KITH_HTTP_TLS_H
#define KITH_HTTP_TLS_H
/*
 * The certificate and key that HTTP speaks TLS with: two files in PEM, the certificate with those that signed it behind it. They
 * are read at the start, and again when they have been renewed (SIGHUP); what is wrong is told, and the former ones stay.
 *
 * One in a process, and one thread: GnuTLS asks for the certificate at each handshake without saying for whom. Who
 * connects shows none of his own; who may do what is decided by the token.
 */
#include "base/buf.h"

#include <gnutls/abstract.h>

#define TLS_FILE_MAX  (256u << 10) /* bytes; chains are a few KiB */
#define TLS_CHAIN_MAX 8            /* certificates */
/* As what gnutls calls NORMAL, and nothing that browsers have dropped. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct tls;

/* NULL with the reason in *why. Paths are borrowed until tls_close(). */
struct tls *tls_open(const char *certificate, const char *key, struct buf *why);
void tls_close(struct tls *t); /* may be given NULL; no connection is left */

/* 0: connections that come from now on get what is in the files; 1 with the reason in *why. */
int tls_reload(struct tls *t, struct buf *why);

/* What libmicrohttpd is given (MHD_OPTION_HTTPS_CERT_CALLBACK), as GnuTLS wants it. */
int tls_certificate(gnutls_session_t session, const gnutls_datum_t *issuers, int issuers_n,
                    const gnutls_pk_algorithm_t *kinds, int kinds_n, gnutls_pcert_st **ret,
                    unsigned *ret_n, gnutls_privkey_t *ret_key);

#endif
