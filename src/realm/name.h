/* name: what a realm is called, and the id that its issuer's key gives it. Inside the room only. */
#ifndef ADBAD_REALM_NAME_H
#define ADBAD_REALM_NAME_H

#include <openssl/types.h>
#include <stdbool.h>

#include "base/err.h"

/* 1–64 characters of letters, digits, '-', '_' and '.'. */
bool realm_name_valid(const char *name);

/* First 8 bytes of SHA-256 over the SubjectPublicKeyInfo, lower-case hexadecimal. */
MUST_CHECK enum err realm_id_of(X509 *issuer, char id[17], struct errinfo *ei);

#endif
