#include "kms/protect.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "kms/cipher.h"
#include "wire/wire.h"

/* docs/protocol/kms.md, section 5: version | nonce | IV | payload | tag */
#define VERSION_LEN 4
#define IV_AT       (VERSION_LEN + KMS_NONCE_LEN)
#define IV_MAX      16
#define BODY_ROOM   (KMS_REQUEST_BODY + 2 * CIPHER_BLOCK)

/* What one generation needs in one direction. */
struct guard {
    struct cipher_mac mac; /* 4: CMAC; 5: HMAC; 6: HMAC, from which message keys come */
    struct cipher_cbc cbc; /* 5 */
};

struct kms_protector {
    struct guard guard[3][REALM_DIRECTIONS]; /* [major - 4] */
    struct cipher_gcm gcm;
    struct rng rng;
    struct buf body; /* of the message in work */
};

/* One message taken apart, or about to be put together. plain is the body without its version. */
struct sealed {
    struct guard *guard;
    struct cipher_gcm *gcm;
    struct cipher_part bind; /* the request's tag for an answer, empty for a request */
    const uint8_t *head;     /* version, nonce, IV */
    size_t head_len;
    uint8_t *payload;
    size_t payload_len;
    uint8_t *tag;
};

struct scheme {
    size_t iv_len, tag_len, padding_block; /* block 1: the payload is as long as the plain text */
    enum err (*seal)(const struct sealed *s, const uint8_t *plain, size_t len);
    /* plain has room for the payload and a block more. */
    enum err (*open)(const struct sealed *s, uint8_t *plain, size_t *len);
};

/* Over all that goes before it. */
static enum err make_tag(const struct sealed *s, uint8_t *tag)
{
    const struct cipher_part parts[] = {
        s->bind, {s->head, s->head_len}, {s->payload, s->payload_len}};

    return cipher_mac(&s->guard->mac, parts, 3, tag);
}

static enum err seal_clear(const struct sealed *s, const uint8_t *plain, size_t len)
{
    memcpy(s->payload, plain, len);
    return make_tag(s, s->tag);
}

static enum err open_clear(const struct sealed *s, uint8_t *plain, size_t *len)
{
    uint8_t tag[CIPHER_CMAC_TAG];
    enum err e = make_tag(s, tag);

    if (e == ERR_OK)
        e = cipher_tag_equal(tag, s->tag, sizeof(tag));
    if (e != ERR_OK)
        return e;
    memcpy(plain, s->payload, s->payload_len);
    *len = s->payload_len;
    return ERR_OK;
}

static enum err seal_cbc(const struct sealed *s, const uint8_t *plain, size_t len)
{
    size_t got;
    enum err e = cipher_cbc_encrypt(&s->guard->cbc, s->head + IV_AT, plain, len, s->payload, &got);

    return e == ERR_OK ? make_tag(s, s->tag) : e;
}

/* The tag first: nothing is decrypted, and no padding looked at, before it holds. */
static enum err open_cbc(const struct sealed *s, uint8_t *plain, size_t *len)
{
    uint8_t tag[CIPHER_HMAC_TAG];
    enum err e = make_tag(s, tag);

    if (e == ERR_OK)
        e = cipher_tag_equal(tag, s->tag, sizeof(tag));
    if (e == ERR_OK)
        e = cipher_cbc_decrypt(&s->guard->cbc, s->head + IV_AT, s->payload, s->payload_len, plain,
                               len);
    return e;
}

/* A key for this message alone, from its nonce: GCM must never meet an IV twice under one key,
 * and nobody keeps a counter for all machines of a realm. */
static enum err message_key(const struct sealed *s, uint8_t key[32])
{
    static const char label[] = "adbad kms 6 message";
    const struct cipher_part parts[] = {{label, sizeof(label) - 1},
                                        {s->head + VERSION_LEN, KMS_NONCE_LEN}};

    return cipher_mac(&s->guard->mac, parts, 2, key);
}

static enum err seal_gcm(const struct sealed *s, const uint8_t *plain, size_t len)
{
    const struct cipher_part parts[] = {s->bind, {s->head, s->head_len}};
    uint8_t key[32];
    enum err e = message_key(s, key);

    if (e == ERR_OK)
        e = cipher_gcm_encrypt(s->gcm, key, s->head + IV_AT, parts, 2, plain, len, s->payload,
                               s->tag);
    OPENSSL_cleanse(key, sizeof(key));
    return e;
}

static enum err open_gcm(const struct sealed *s, uint8_t *plain, size_t *len)
{
    const struct cipher_part parts[] = {s->bind, {s->head, s->head_len}};
    uint8_t key[32];
    enum err e = message_key(s, key);

    if (e == ERR_OK)
        e = cipher_gcm_decrypt(s->gcm, key, s->head + IV_AT, parts, 2, s->payload, s->payload_len,
                               s->tag, plain);
    OPENSSL_cleanse(key, sizeof(key));
    *len = s->payload_len;
    return e;
}

static const struct scheme schemes[] = {
    {.tag_len = CIPHER_CMAC_TAG, .padding_block = 1, .seal = seal_clear, .open = open_clear},
    {.iv_len = CIPHER_BLOCK,
     .tag_len = CIPHER_HMAC_TAG,
     .padding_block = CIPHER_BLOCK,
     .seal = seal_cbc,
     .open = open_cbc},
    {.iv_len = CIPHER_GCM_IV,
     .tag_len = CIPHER_GCM_TAG,
     .padding_block = 1,
     .seal = seal_gcm,
     .open = open_gcm},
};

static const struct scheme *scheme_of(struct kms_version v)
{
    return &schemes[v.major - 4];
}

static enum err guards_init(struct guard g[3][REALM_DIRECTIONS], const struct realm_keys *keys,
                            enum realm_direction d)
{
    enum err e = cipher_cmac_init(&g[0][d].mac, keys->gen[0][d].mac);

    if (e == ERR_OK)
        e = cipher_hmac_init(&g[1][d].mac, keys->gen[1][d].mac);
    if (e == ERR_OK)
        e = cipher_cbc_init(&g[1][d].cbc, keys->gen[1][d].enc);
    if (e == ERR_OK)
        e = cipher_hmac_init(&g[2][d].mac, keys->gen[2][d].enc);
    return e;
}

enum err kms_protector_new(const struct realm_keys *keys, struct rng rng,
                           struct kms_protector **out, struct errinfo *ei)
{
    struct kms_protector *p = calloc(1, sizeof(*p));
    enum err e;

    if (p == NULL)
        return err_nomem(ei);
    p->rng = rng;
    e = guards_init(p->guard, keys, REALM_REQUEST);
    if (e == ERR_OK)
        e = guards_init(p->guard, keys, REALM_RESPONSE);
    if (e == ERR_OK)
        e = cipher_gcm_init(&p->gcm);
    if (e != ERR_OK) {
        kms_protector_free(p);
        return err_fail(ei, e,
                        "prepare the protection of KMS messages: OpenSSL refuses AES-128-CBC, "
                        "AES-256-GCM, CMAC or HMAC-SHA256");
    }
    *out = p;
    return ERR_OK;
}

void kms_protector_free(struct kms_protector *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < 3; i++) {
        for (size_t d = 0; d < REALM_DIRECTIONS; d++) {
            cipher_mac_fini(&p->guard[i][d].mac);
            cipher_cbc_fini(&p->guard[i][d].cbc);
        }
    }
    cipher_gcm_fini(&p->gcm);
    buf_wipe(&p->body);
    free(p);
}

static size_t payload_len(const struct scheme *s, size_t plain)
{
    return s->padding_block == 1 ? plain : (plain / s->padding_block + 1) * s->padding_block;
}

static size_t sealed_len(const struct scheme *s, size_t body)
{
    return IV_AT + s->iv_len + payload_len(s, body - VERSION_LEN) + s->tag_len;
}

/* Points into one whole message of len bytes, which has the least size of its scheme at least. */
static struct sealed take_apart(const struct scheme *s, uint8_t *message, size_t len)
{
    size_t head_len = IV_AT + s->iv_len;

    return (struct sealed){
        .head = message,
        .head_len = head_len,
        .payload = message + head_len,
        .payload_len = len - head_len - s->tag_len,
        .tag = message + len - s->tag_len,
    };
}

static void arm(struct kms_protector *p, struct kms_version v, enum realm_direction direction,
                struct cipher_part bind, struct sealed *s)
{
    s->guard = &p->guard[v.major - 4][direction];
    s->gcm = &p->gcm;
    s->bind = bind;
}

/* Appends p->body, whose first bytes are its version, as a sealed message. */
static enum err seal_message(struct kms_protector *p, struct kms_version v,
                             enum realm_direction direction, struct cipher_part bind,
                             struct buf *out, struct sealed *parts)
{
    const struct scheme *scheme = scheme_of(v);
    const struct buf *body = &p->body;
    size_t len = sealed_len(scheme, body->len);
    uint8_t *message = buf_grow(out, len);
    enum err e;

    if (message == NULL)
        return ERR_NOMEM;
    memcpy(message, body->data, VERSION_LEN);
    rng_fill(&p->rng, message + VERSION_LEN, KMS_NONCE_LEN + scheme->iv_len);
    *parts = take_apart(scheme, message, len);
    arm(p, v, direction, bind, parts);
    e = scheme->seal(parts, body->data + VERSION_LEN, body->len - VERSION_LEN);
    if (e != ERR_OK)
        out->len -= len;
    return e;
}

/* Opens a message whose version and size are checked; body has BODY_ROOM bytes. */
static enum err open_message(struct kms_protector *p, struct kms_version v,
                             enum realm_direction direction, struct cipher_part bind,
                             const void *data, size_t len, uint8_t *body, size_t *body_len)
{
    const struct scheme *scheme = scheme_of(v);
    struct sealed s = take_apart(scheme, (uint8_t *)(uintptr_t)data, len); /* open only reads */
    enum err e;

    arm(p, v, direction, bind, &s);
    memcpy(body, data, VERSION_LEN);
    e = scheme->open(&s, body + VERSION_LEN, body_len);
    *body_len += VERSION_LEN;
    return e;
}

static void remember_request(struct kms_version v, const struct sealed *s, struct kms_exchange *x)
{
    *x = (struct kms_exchange){.version = v, .tag_len = scheme_of(v)->tag_len};
    memcpy(x->nonce, s->head + VERSION_LEN, KMS_NONCE_LEN);
    memcpy(x->tag, s->tag, x->tag_len);
}

enum err kms_peek_version(const void *data, size_t len, struct kms_version *out)
{
    struct wire_rd r = wire_reader(data, len);
    struct kms_version v;

    v.minor = wire_u16(&r);
    v.major = wire_u16(&r);
    if (r.err != ERR_OK)
        return r.err;
    *out = v;
    return kms_version_known(v) ? ERR_OK : ERR_VERSION;
}

enum err kms_check_request_size(struct kms_version v, size_t len)
{
    size_t want;

    if (!kms_version_known(v))
        return ERR_VERSION;
    want = sealed_len(scheme_of(v), KMS_REQUEST_BODY);
    return len == want ? ERR_OK : len < want ? ERR_TRUNCATED : ERR_MALFORMED;
}

enum err kms_peek_clear(const void *data, size_t len, struct kms_request *out)
{
    uint8_t body[KMS_REQUEST_BODY];
    const uint8_t *message = data;
    struct kms_version v = {0};
    enum err e = kms_peek_version(data, len, &v);

    if (e == ERR_OK && v.major != 4)
        e = ERR_VERSION;
    if (e == ERR_OK)
        e = kms_check_request_size(v, len);
    if (e != ERR_OK)
        return e;
    memcpy(body, message, VERSION_LEN);
    memcpy(body + VERSION_LEN, message + IV_AT, sizeof(body) - VERSION_LEN);
    return kms_request_decode(body, sizeof(body), out);
}

static enum err check_response_size(struct kms_version v, size_t len)
{
    const struct scheme *s = scheme_of(v);
    size_t rest = IV_AT + s->iv_len + s->tag_len;

    if (len < sealed_len(s, KMS_RESPONSE_BODY_MIN))
        return ERR_TRUNCATED;
    if (len > sealed_len(s, KMS_RESPONSE_BODY_MAX) || (len - rest) % s->padding_block != 0)
        return ERR_MALFORMED;
    return ERR_OK;
}

enum err kms_seal_request(struct kms_protector *p, const struct kms_request *m, struct buf *out,
                          struct kms_exchange *x, struct errinfo *ei)
{
    struct sealed parts;
    enum err e;

    if (!kms_version_known(m->version))
        return err_fail(ei, ERR_VERSION, "seal KMS request: no protocol version %u.%u",
                        m->version.major, m->version.minor);
    buf_clear(&p->body);
    kms_request_encode(m, &p->body);
    e = p->body.err;
    if (e == ERR_OK)
        e = seal_message(p, m->version, REALM_REQUEST, (struct cipher_part){0}, out, &parts);
    if (e == ERR_OK)
        remember_request(m->version, &parts, x);
    else
        err_fail(ei, e, "seal KMS request: %s", err_name(e));
    return e;
}

enum err kms_open_request(struct kms_protector *p, const void *data, size_t len,
                          struct kms_request *out, struct kms_exchange *x, struct errinfo *ei)
{
    uint8_t body[BODY_ROOM];
    size_t body_len = 0;
    struct kms_version v = {0};
    struct sealed parts;
    enum err e = kms_peek_version(data, len, &v);

    if (e == ERR_VERSION)
        return err_fail(ei, e, "open KMS request: version %u.%u is none of 4.0, 5.0 and 6.0",
                        v.major, v.minor);
    if (e == ERR_OK)
        e = kms_check_request_size(v, len);
    if (e != ERR_OK)
        return err_fail(ei, e, "open KMS request: %zu bytes is not the size of version %u.%u", len,
                        v.major, v.minor);
    e = open_message(p, v, REALM_REQUEST, (struct cipher_part){0}, data, len, body, &body_len);
    if (e == ERR_FOREIGN)
        return err_fail(ei, e,
                        "open KMS request: not of this realm (its tag does not hold); give the "
                        "client this realm's client.bundle");
    if (e == ERR_OK)
        e = kms_request_decode(body, body_len, out);
    if (e != ERR_OK)
        return err_fail(ei, e, "open KMS request: fields: %s", err_name(e));
    parts = take_apart(scheme_of(v), (uint8_t *)(uintptr_t)data, len);
    remember_request(v, &parts, x);
    return ERR_OK;
}

enum err kms_seal_response(struct kms_protector *p, const struct kms_exchange *x,
                           const struct kms_response *m, struct buf *out, struct errinfo *ei)
{
    struct sealed parts;
    struct kms_response answer = *m;
    enum err e;

    if (!kms_version_known(x->version))
        return err_fail(ei, ERR_VERSION, "seal KMS answer: no protocol version %u.%u",
                        x->version.major, x->version.minor);
    answer.version = x->version;
    buf_clear(&p->body);
    kms_response_encode(&answer, &p->body);
    e = p->body.err;
    if (e == ERR_OK)
        e = seal_message(p, x->version, REALM_RESPONSE, (struct cipher_part){x->tag, x->tag_len},
                         out, &parts);
    if (e != ERR_OK)
        err_fail(ei, e, "seal KMS answer: %s", err_name(e));
    return e;
}

enum err kms_open_response(struct kms_protector *p, const struct kms_exchange *x, const void *data,
                           size_t len, struct kms_response *out, struct errinfo *ei)
{
    uint8_t body[BODY_ROOM];
    size_t body_len = 0;
    struct kms_version v = {0};
    enum err e = kms_peek_version(data, len, &v);

    if (e == ERR_VERSION || (e == ERR_OK && v.major != x->version.major))
        return err_fail(ei, e == ERR_OK ? ERR_FOREIGN : e,
                        "open KMS answer: version %u.%u to a request of version %u.%u", v.major,
                        v.minor, x->version.major, x->version.minor);
    if (e == ERR_OK)
        e = check_response_size(v, len);
    if (e != ERR_OK)
        return err_fail(ei, e, "open KMS answer: %zu bytes is no size of version %u.%u", len,
                        v.major, v.minor);
    e = open_message(p, v, REALM_RESPONSE, (struct cipher_part){x->tag, x->tag_len}, data, len,
                     body, &body_len);
    if (e == ERR_FOREIGN)
        return err_fail(ei, e,
                        "open KMS answer: not of this realm, or not to this request (its tag does "
                        "not hold); check that client and host have bundles of one realm");
    if (e == ERR_OK)
        e = kms_response_decode(body, body_len, out);
    if (e != ERR_OK)
        return err_fail(ei, e, "open KMS answer: fields: %s", err_name(e));
    return ERR_OK;
}
