/* seal: puts any bytes behind a good tag, for no fuzz engine finds one. Written from
 * docs/protocol/kms.md with the primitives alone, so that what kms_seal_… would never seal gets
 * behind the tag too. Aborts where the library fails. */
#ifndef ADBAD_TESTS_FUZZ_SEAL_H
#define ADBAD_TESTS_FUZZ_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "realm/keys.h"

#define SEAL_OVERHEAD 96 /* version, nonce, IV, padding and tag are less */

/* The message of generation 0, 1 or 2 (versions 4, 5, 6) around len bytes; returns its length. The
 * nonce and the IV are zero. For an answer bind is the request's tag. raw: generation 1 takes the
 * bytes as cipher text, so that what they decrypt to may end in any padding. out has room for
 * len + SEAL_OVERHEAD. */
size_t seal_any(const struct realm_keys *keys, unsigned generation, enum realm_direction direction,
                const uint8_t *bind, size_t bind_len, bool raw, const uint8_t *data, size_t len,
                uint8_t *out);

#endif
