#include "seal.h"

#include <stdlib.h>
#include <string.h>

#include "kms/cipher.h"

#define NONCE_AT 4
#define IV_AT    20

struct message {
    const struct realm_key_pair *key;
    struct cipher_part bind;
    uint8_t *out;
    size_t head_len, payload_len;
};

static void must(enum err e)
{
    if (e != ERR_OK)
        abort();
}

static size_t put_mac(const struct message *m, struct cipher_mac *mac)
{
    const struct cipher_part parts[] = {m->bind, {m->out, m->head_len + m->payload_len}};

    size_t len = m->head_len + m->payload_len + mac->tag_len;

    must(cipher_mac(mac, parts, 2, m->out + m->head_len + m->payload_len));
    cipher_mac_fini(mac);
    return len;
}

static size_t seal_4(struct message *m, const uint8_t *data, size_t len)
{
    struct cipher_mac mac;

    memcpy(m->out + m->head_len, data, len);
    m->payload_len = len;
    must(cipher_cmac_init(&mac, m->key->mac));
    return put_mac(m, &mac);
}

static size_t seal_5(struct message *m, bool raw, const uint8_t *data, size_t len)
{
    struct cipher_mac mac;
    struct cipher_cbc cbc;

    memcpy(m->out + m->head_len, data, len);
    m->payload_len = len;
    if (!raw) {
        must(cipher_cbc_init(&cbc, m->key->enc));
        must(cipher_cbc_encrypt(&cbc, m->out + IV_AT, data, len, m->out + m->head_len,
                                &m->payload_len));
        cipher_cbc_fini(&cbc);
    }
    must(cipher_hmac_init(&mac, m->key->mac));
    return put_mac(m, &mac);
}

static size_t seal_6(const struct message *m, const uint8_t *data, size_t len)
{
    static const char label[] = "adbad kms 6 message";
    const struct cipher_part seed[] = {{label, sizeof(label) - 1}, {m->out + NONCE_AT, 16}};
    const struct cipher_part parts[] = {m->bind, {m->out, m->head_len}};
    struct cipher_mac mac;
    struct cipher_gcm gcm;
    uint8_t key[32];

    must(cipher_hmac_init(&mac, m->key->enc));
    must(cipher_mac(&mac, seed, 2, key));
    cipher_mac_fini(&mac);
    must(cipher_gcm_init(&gcm));
    must(cipher_gcm_encrypt(&gcm, key, m->out + IV_AT, parts, 2, data, len, m->out + m->head_len,
                            m->out + m->head_len + len));
    cipher_gcm_fini(&gcm);
    return m->head_len + len + CIPHER_GCM_TAG;
}

size_t seal_any(const struct realm_keys *keys, unsigned generation, enum realm_direction direction,
                const uint8_t *bind, size_t bind_len, bool raw, const uint8_t *data, size_t len,
                uint8_t *out)
{
    static const size_t iv_len[] = {0, 16, CIPHER_GCM_IV};
    struct message m = {.key = &keys->gen[generation][direction],
                        .bind = {bind, bind_len},
                        .out = out,
                        .head_len = IV_AT + iv_len[generation]};

    memset(out, 0, m.head_len);
    out[2] = (uint8_t)(4 + generation); /* the version: minor, then major */
    switch (generation) {
    case 0:
        return seal_4(&m, data, len);
    case 1:
        return seal_5(&m, raw, data, len);
    default:
        return seal_6(&m, data, len);
    }
}
