/* keytext: the 5x5 text of a lab key (docs/hostkeys.md).
 *
 * A word of a Reed-Solomon code over GF(31): a letter for the kind of key, 19 free characters, 5
 * check characters. Two words differ in at least 6 places, so up to 5 wrong characters, and with
 * them every transposition, are noticed. Microsoft's keys never hold the first letter (A for a host
 * key), so neither can be taken for the other. Inside the room only. */
#ifndef ADBAD_REALM_KEYTEXT_H
#define ADBAD_REALM_KEYTEXT_H

#include "base/rng.h"
#include "realm/hostkey.h"

#define KEYTEXT_FIELD 31 /* values of a character */

/* The text of that kind with these free characters (each below KEYTEXT_FIELD). */
void keytext_write(char leader, const uint8_t values[HOSTKEY_FREE], char out[HOSTKEY_TEXT_LEN + 1]);
/* False if text is not well-formed or of another kind. values may be NULL. */
bool keytext_read(const char *text, char leader, uint8_t values[HOSTKEY_FREE]);

/* A random host key's. */
void keytext_make(const struct rng *rng, char out[HOSTKEY_TEXT_LEN + 1]);

#endif
