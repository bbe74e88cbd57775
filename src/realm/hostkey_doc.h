/* hostkey_doc: what a host key's package and its installed form have in common. Inside the room
 * only. */
#ifndef ADBAD_REALM_HOSTKEY_DOC_H
#define ADBAD_REALM_HOSTKEY_DOC_H

#include "realm/doc.h"
#include "realm/hostkey.h"

/* Reads key, group, pid and issued; k owns what it got even on failure. */
MUST_CHECK enum err hostkey_parse_names(struct doc *d, struct hostkey *k);

/* Check characters, group and certificate, certificate and private key (if there) agree. */
MUST_CHECK enum err hostkey_check(struct doc *d, const struct hostkey *k);

#endif
