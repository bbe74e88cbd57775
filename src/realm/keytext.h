/* keytext: the 5x5 text of a lab host key (docs/hostkeys.md).
 *
 * A word of a Reed-Solomon code over GF(31): the letter A, 19 random characters, 5 check
 * characters. Two words differ in at least 6 places, so up to 5 wrong characters, and with them
 * every transposition, are noticed. Microsoft's keys never hold the letter A, so neither can be
 * taken for the other. Inside the room only. */
#ifndef ADBAD_REALM_KEYTEXT_H
#define ADBAD_REALM_KEYTEXT_H

#include "base/rng.h"
#include "realm/hostkey.h"

void keytext_make(const struct rng *rng, char out[HOSTKEY_TEXT_LEN + 1]);

#endif
