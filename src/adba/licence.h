/* licence: what an activation object carries (docs/protocol/adba.md): CMS SignedData (RFC 5652,
 * DER, attached) over a JSON document, signed with a host key's certificate that chains to the
 * realm's issuer. "openssl cms -verify" checks it. */
#ifndef ADBAD_ADBA_LICENCE_H
#define ADBAD_ADBA_LICENCE_H

#include <openssl/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/guid.h"
#include "realm/hostkey.h"
#include "realm/realm.h"

#define LICENCE_LIFE_DAYS 730
#define LICENCE_VALIDITY  (180 * 24 * 60) /* minutes a client is Licensed */
#define LICENCE_RENEWAL   (7 * 24 * 60)   /* minutes between renewals */
#define LICENCE_DER_MAX   (5u * 1024 * 1024)

enum licence_kind { LICENCE_ISSUANCE, LICENCE_CONFIG, LICENCE_ONLINE, LICENCE_PHONE };

struct licence {
    enum licence_kind kind;
    char *realm; /* name */
    char *realm_id;
    char *object;     /* displayName / name of the activation object */
    char *forest;     /* DNS name of the forest root, lower case */
    char *domain_sid; /* of the forest root domain; "" if the directory has none */
    char *group;
    size_t kms_id_count;
    struct guid *kms_ids;
    int64_t not_before, not_after; /* Unix seconds */
    uint32_t validity;             /* minutes */
    uint32_t renewal;              /* minutes */
};

void licence_fini(struct licence *l);

/* "issuance", "config", "online", "phone". */
const char *licence_kind_name(enum licence_kind kind);

/* Appends the DER to out. k must hold its private key and be of l->group. */
MUST_CHECK enum err licence_sign(const struct licence *l, const struct hostkey *k, struct buf *out,
                                 struct errinfo *ei);

/* Parses and verifies: signature, chain to the bundle's issuer at lab time now, signer's group
 * equals the document's. On success *out is owned by the caller. ei->hresult is what a client
 * shows: 0xC004F081 invalid. Not-before, not-after and forest are judged by ao_verify. */
MUST_CHECK enum err licence_open(const struct bundle *b, const void *der, size_t len, int64_t now,
                                 struct licence *out, struct errinfo *ei);

/* ERR_OK if the realm signed it, now or long ago: the signer's certificate is judged at the
 * start of its own time. Else as licence_open. */
MUST_CHECK enum err licence_is_ours(const struct bundle *b, const void *der, size_t len,
                                    struct errinfo *ei);

#endif
