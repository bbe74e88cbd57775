/* keys: the protocol keys of a lab realm.
 *
 * HKDF-SHA256 (RFC 5869) of the 32-byte realm secret; salt "adbad lab realm", info
 * "kms <generation> <direction> <purpose>", for example "kms 5 request mac". None depends on
 * time. There is no way to configure a key: they come from a realm secret or from a bundle that
 * was made from one. */
#ifndef ADBAD_REALM_KEYS_H
#define ADBAD_REALM_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define REALM_SECRET_LEN 32

/* Both 32 bytes, both for activation ids and the clearing house's messages
 * (docs/protocol/activation-ids.md) and nothing else. */
#define REALM_CLEARING_LEN 32
#define REALM_CONFIRM_LEN  32

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

/* The clearing house's key: HKDF as above, info "clearing". */
MUST_CHECK enum err realm_clearing_derive(const uint8_t secret[REALM_SECRET_LEN],
                                          uint8_t out[REALM_CLEARING_LEN], struct errinfo *ei);
/* The confirmation key of one host key, which its package holds: HKDF as above of the clearing
 * key, info "hostkey <5x5 key> <group>". Whoever has it was given that package by the realm. */
MUST_CHECK enum err realm_confirm_derive(const uint8_t clearing[REALM_CLEARING_LEN],
                                         const char *key, const char *group,
                                         uint8_t out[REALM_CONFIRM_LEN], struct errinfo *ei);

/* The confirmation key of a lab key that is known by its text alone, as on a machine: HKDF as above
 * of the key "kms 6 request mac", info "machine <5x5 key>". Whoever holds the realm's bundle has
 * it. */
MUST_CHECK enum err realm_machine_derive(const struct realm_keys *keys, const char *key,
                                         uint8_t out[REALM_CONFIRM_LEN], struct errinfo *ei);

/* The key of clients' reports (docs/protocol/lab.md): HKDF as above of the same key, info "report".
 * Whoever holds the realm's bundle has it. */
#define REALM_REPORT_LEN 32
MUST_CHECK enum err realm_report_derive(const struct realm_keys *keys,
                                        uint8_t out[REALM_REPORT_LEN], struct errinfo *ei);

/* HMAC-SHA256 under a key of 32 bytes of label, a zero byte, and data; false only if the library
 * fails. */
bool realm_hmac(const uint8_t key[32], const char *label, const void *data, size_t len,
                uint8_t out[32]);

void realm_keys_wipe(struct realm_keys *keys);

#endif
