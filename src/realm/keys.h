/* keys: the protocol keys of a lab realm.
 *
 * HKDF-SHA256 (RFC 5869) of the 32-byte realm secret; salt "adbad lab realm", info
 * "kms <generation> <direction> <purpose>", for example "kms 5 request mac". None depends on
 * time. There is no way to configure a key: they come from a realm secret or from a bundle that
 * was made from one. */
#ifndef ADBAD_REALM_KEYS_H
#define ADBAD_REALM_KEYS_H

#include <stdint.h>

#include "base/err.h"

#define REALM_SECRET_LEN 32

enum realm_direction { REALM_REQUEST, REALM_RESPONSE, REALM_DIRECTIONS };

/* One per protocol generation and direction; a generation uses the parts that it needs:
 * 4: mac (AES-128-CMAC, first 16 bytes); 5: enc (AES-128, first 16) and mac (HMAC-SHA256, 32);
 * 6: enc (32), from which each message's AES-256-GCM key comes. */
struct realm_key_pair {
    uint8_t enc[32];
    uint8_t mac[32];
};

struct realm_keys {
    struct realm_key_pair gen[3][REALM_DIRECTIONS]; /* [version - 4][direction] */
};

MUST_CHECK enum err realm_keys_derive(const uint8_t secret[REALM_SECRET_LEN],
                                      struct realm_keys *out, struct errinfo *ei);
void realm_keys_wipe(struct realm_keys *keys);

#endif
