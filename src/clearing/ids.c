#include "clearing/ids.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "clearing/codes.h"
#include "clearing/digits.h"

#define VERSION 1

/* The numbers' fields, from the highest bit on. */
#define VERSION_BITS 4
#define KIND_BITS    2
#define GROUP_BITS   20
#define KEY_BITS     95
#define BINDING_BITS 32
#define SEAL_BITS    26
#define IID_BITS     179
#define IID_BYTES    23
#define HALF_BITS    16 /* of a CID: for the key, for the binding */
#define MAC_BYTES    12
#define CID_BITS     132
#define CID_BYTES    17
#define KEY_BYTES    12

static const struct digits_shape iid_shape = {"installation ID", 9, 7, IID_BITS};
static const struct digits_shape cid_shape = {"confirmation ID", 8, 6, CID_BITS};

static const char *const kinds[IID_KINDS] = {
    [IID_HOST] = "host", [IID_FOREST] = "forest", [IID_MACHINE] = "machine"};

const char *iid_kind_name(enum iid_kind kind)
{
    return (unsigned)kind < IID_KINDS ? kinds[kind] : "unknown";
}

/* ---- hashes ---- */

/* SHA-256 of len bytes; no key and no state, so it cannot fail but for memory. */
static void hash(const void *data, size_t len, uint8_t out[32])
{
    bool ok = EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1;

    assert(ok);
    (void)ok;
}

/* Of a label, a zero byte and text. */
static void hash_text(const char *label, const char *text, uint8_t out[32])
{
    uint8_t data[1024] = {0};
    size_t at = strlen(label) + 1, len = strnlen(text, sizeof(data) - at);

    memcpy(data, label, at);
    memcpy(data + at, text, len);
    hash(data, at + len, out);
}

static uint32_t big_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint32_t iid_group_code(const char *group)
{
    uint8_t h[32];

    hash_text("adbad group", group, h);
    return big_u32(h) >> (32 - GROUP_BITS);
}

static struct guid target(const char *label, const char *text)
{
    struct guid g;
    uint8_t h[32];

    hash_text(label, text, h);
    memcpy(g.b, h, sizeof(g.b));
    return g;
}

struct guid iid_forest(const char *dns_name, const char *sid)
{
    char text[512];
    size_t n = 0;

    for (const char *p = dns_name; *p != '\0' && n < 256; p++)
        text[n++] = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
    text[n++] = ' ';
    memccpy(text + n, sid, '\0', sizeof(text) - n - 1);
    text[sizeof(text) - 1] = '\0';
    return target("adbad forest", text);
}

struct guid iid_host(const char *name)
{
    return target("adbad host", name);
}

struct guid iid_machine(const struct guid *hardware)
{
    char text[GUID_TEXT_MAX];

    return target("adbad machine", guid_format(hardware, text));
}

uint32_t iid_binding(const struct guid *t)
{
    uint8_t h[32];

    hash(t->b, sizeof(t->b), h);
    return big_u32(h);
}

/* ---- bits ---- */

struct bits {
    uint8_t *b;
    unsigned at; /* bits from the highest of b[0] */
};

static void put_bits(struct bits *w, uint64_t v, unsigned n)
{
    while (n-- > 0) {
        if ((v >> n & 1) != 0)
            w->b[w->at / 8] |= (uint8_t)(0x80 >> w->at % 8);
        w->at++;
    }
}

static uint64_t get_bits(struct bits *r, unsigned n)
{
    uint64_t v = 0;

    while (n-- > 0) {
        v = v << 1 | (unsigned)(r->b[r->at / 8] >> (7 - r->at % 8) & 1);
        r->at++;
    }
    return v;
}

/* The free characters of the key as one number to the base 31, the first the highest. */
static void put_key(struct bits *w, const char *key)
{
    uint8_t values[HOSTKEY_FREE], number[KEY_BYTES] = {0};
    struct bits r = {.b = number, .at = 1};
    enum labkey_kind kind;
    bool valid = labkey_values(key, &kind, values);

    assert(valid);
    for (unsigned i = 0; valid && i < HOSTKEY_FREE; i++)
        digits_multiply_add(number, sizeof(number), 31, values[i]);
    put_bits(w, get_bits(&r, KEY_BITS - 64), KEY_BITS - 64);
    put_bits(w, get_bits(&r, 64), 64);
}

static bool get_key(struct bits *r, enum labkey_kind kind, char key[HOSTKEY_TEXT_LEN + 1])
{
    uint8_t values[HOSTKEY_FREE], number[KEY_BYTES] = {0}, left = 0;
    struct bits w = {.b = number, .at = 1};

    put_bits(&w, get_bits(r, KEY_BITS - 64), KEY_BITS - 64);
    put_bits(&w, get_bits(r, 64), 64);
    for (unsigned i = HOSTKEY_FREE; i-- > 0;)
        values[i] = (uint8_t)digits_divide(number, sizeof(number), 31);
    for (unsigned i = 0; i < sizeof(number); i++)
        left |= number[i];
    labkey_from_values(kind, values, key);
    return left == 0;
}

/* ---- installation IDs ---- */

static void pack(const struct iid *id, bool with_seal, uint8_t out[IID_BYTES])
{
    struct bits w = {.b = out, .at = IID_BYTES * 8 - IID_BITS};

    memset(out, 0, IID_BYTES);
    put_bits(&w, VERSION, VERSION_BITS);
    put_bits(&w, id->kind, KIND_BITS);
    put_bits(&w, id->group, GROUP_BITS);
    put_key(&w, id->key);
    put_bits(&w, id->binding, BINDING_BITS);
    put_bits(&w, with_seal ? id->seal : 0, SEAL_BITS);
}

static bool seal_of(const struct iid *id, const uint8_t confirm[REALM_CONFIRM_LEN], uint32_t *seal)
{
    uint8_t number[IID_BYTES], mac[32];

    pack(id, false, number);
    if (!realm_hmac(confirm, "adbad iid", number, sizeof(number), mac))
        return false;
    *seal = big_u32(mac) >> (32 - SEAL_BITS);
    return true;
}

static enum err no_hmac(struct errinfo *ei)
{
    return err_fail(ei, ERR_CRYPTO, "activation ids: HMAC-SHA256 is not available in OpenSSL");
}

enum err iid_make(enum iid_kind kind, const struct hostkey *k, const struct guid *t,
                  struct iid *out, struct errinfo *ei)
{
    struct iid id = {.kind = kind, .group = iid_group_code(k->group), .binding = iid_binding(t)};

    memcpy(id.key, k->key, sizeof(id.key));
    if (!seal_of(&id, k->confirm, &id.seal))
        return no_hmac(ei);
    *out = id;
    return ERR_OK;
}

enum err iid_make_machine(const char *key, const uint8_t confirm[REALM_CONFIRM_LEN],
                          const struct guid *t, struct iid *out, struct errinfo *ei)
{
    struct iid id = {.kind = IID_MACHINE, .binding = iid_binding(t)};
    enum labkey_kind kind;

    if (!labkey_read(key, &kind, NULL))
        return err_fail_hr(ei, ERR_USAGE, SL_E_CHPA_PRODUCT_KEY_OUT_OF_RANGE,
                           "installation ID: the machine's key is no lab key, so no clearing house "
                           "knows it");
    id.group = kind;
    memcpy(id.key, key, sizeof(id.key));
    if (!seal_of(&id, confirm, &id.seal))
        return no_hmac(ei);
    *out = id;
    return ERR_OK;
}

bool iid_sealed_by(const struct iid *id, const uint8_t confirm[REALM_CONFIRM_LEN])
{
    uint32_t seal;

    return seal_of(id, confirm, &seal) && seal == id->seal;
}

void iid_write(const struct iid *id, char text[IID_TEXT_MAX])
{
    uint8_t number[IID_BYTES];

    pack(id, true, number);
    digits_write(&iid_shape, number, text);
}

enum err iid_read(const char *text, struct iid *out, struct errinfo *ei)
{
    uint8_t number[IID_BYTES];
    struct bits r = {.b = number, .at = IID_BYTES * 8 - IID_BITS};
    struct iid id = {0};
    bool key_fits;
    uint64_t version, kind, key_kind;
    enum err e = digits_read(&iid_shape, text, number, ei);

    if (e != ERR_OK)
        return e;
    version = get_bits(&r, VERSION_BITS);
    kind = get_bits(&r, KIND_BITS);
    id.group = (uint32_t)get_bits(&r, GROUP_BITS);
    key_kind = kind == IID_MACHINE ? id.group : LABKEY_HOST;
    key_fits = key_kind < LABKEY_KINDS && get_key(&r, (enum labkey_kind)key_kind, id.key);
    id.binding = (uint32_t)get_bits(&r, BINDING_BITS);
    id.seal = (uint32_t)get_bits(&r, SEAL_BITS);
    if (version != VERSION)
        return err_fail_hr(ei, ERR_VERSION, SL_E_CIDIID_VERSION_NOT_SUPPORTED,
                           "installation ID: its version is %u, expected %u", (unsigned)version,
                           VERSION);
    if (kind >= IID_KINDS || !key_fits)
        return err_fail_hr(ei, ERR_MALFORMED, SL_E_CIDIID_INVALID_DATA,
                           "installation ID: it names %s that does not exist",
                           key_fits ? "a kind of target" : "a key");
    id.kind = (enum iid_kind)kind;
    *out = id;
    return ERR_OK;
}

/* ---- confirmation IDs ---- */

struct cid {
    unsigned key, binding; /* what it was given for, so that a mix-up can be told */
    uint8_t mac[MAC_BYTES];
};

static bool cid_of(const struct iid *id, const uint8_t confirm[REALM_CONFIRM_LEN], struct cid *out)
{
    uint8_t number[IID_BYTES], h[32];

    hash_text("adbad key", id->key, h);
    out->key = big_u32(h) >> (32 - HALF_BITS);
    out->binding = id->binding >> (BINDING_BITS - HALF_BITS);
    pack(id, true, number);
    if (!realm_hmac(confirm, "adbad cid", number, sizeof(number), h))
        return false;
    memcpy(out->mac, h, sizeof(out->mac));
    return true;
}

enum err cid_make(const struct iid *id, const uint8_t confirm[REALM_CONFIRM_LEN],
                  char text[CID_TEXT_MAX], struct errinfo *ei)
{
    uint8_t number[CID_BYTES] = {0};
    struct bits w = {.b = number, .at = CID_BYTES * 8 - CID_BITS};
    struct cid c;

    if (!cid_of(id, confirm, &c))
        return no_hmac(ei);
    put_bits(&w, VERSION, VERSION_BITS);
    put_bits(&w, c.key, HALF_BITS);
    put_bits(&w, c.binding, HALF_BITS);
    for (unsigned i = 0; i < MAC_BYTES; i++)
        put_bits(&w, c.mac[i], 8);
    digits_write(&cid_shape, number, text);
    return ERR_OK;
}

static enum err cid_read(const char *text, struct cid *out, struct errinfo *ei)
{
    uint8_t number[CID_BYTES];
    struct bits r = {.b = number, .at = CID_BYTES * 8 - CID_BITS};
    uint64_t version;
    enum err e = digits_read(&cid_shape, text, number, ei);

    if (e != ERR_OK)
        return e;
    version = get_bits(&r, VERSION_BITS);
    if (version != VERSION)
        return err_fail_hr(ei, ERR_VERSION, SL_E_CIDIID_VERSION_NOT_SUPPORTED,
                           "confirmation ID: its version is %u, expected %u", (unsigned)version,
                           VERSION);
    out->key = (unsigned)get_bits(&r, HALF_BITS);
    out->binding = (unsigned)get_bits(&r, HALF_BITS);
    for (unsigned i = 0; i < MAC_BYTES; i++)
        out->mac[i] = (uint8_t)get_bits(&r, 8);
    return ERR_OK;
}

enum err cid_check(const char *text, const struct iid *id, const uint8_t confirm[REALM_CONFIRM_LEN],
                   struct errinfo *ei)
{
    struct cid given, right;
    enum err e = cid_read(text, &given, ei);

    if (e != ERR_OK)
        return e;
    if (!cid_of(id, confirm, &right))
        return no_hmac(ei);
    if (given.key != right.key)
        return err_fail_hr(ei, ERR_REFUSED, SL_E_CIDIID_MISMATCHED_PKEY,
                           "confirmation ID: it was given for another key than the one that "
                           "ends in %s",
                           id->key + HOSTKEY_TEXT_LEN - 5);
    if (given.binding != right.binding)
        return err_fail_hr(ei, ERR_REFUSED, SL_E_CIDIID_NOT_BOUND,
                           "confirmation ID: it was given for another %s than this one",
                           iid_kind_name(id->kind));
    if (CRYPTO_memcmp(given.mac, right.mac, sizeof(right.mac)) != 0)
        return err_fail_hr(ei, ERR_REFUSED, SL_E_CIDIID_MISMATCHED,
                           "confirmation ID: it does not answer this installation ID; ask the "
                           "clearing house for it again");
    return ERR_OK;
}
