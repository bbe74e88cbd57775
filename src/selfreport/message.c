#include <openssl/crypto.h>
#include <string.h>

#include "base/utf8.h"
#include "selfreport/selfreport.h"
#include "wire/wire.h"

static bool tag_of(const uint8_t *data, size_t len, const uint8_t *key,
                   uint8_t tag[SELFREPORT_TAG_LEN])
{
    return realm_hmac(key, "adbad client report", data, len, tag);
}

/* ---- texts ---- */

static void get_text(struct wire_rd *r, char *out, size_t size)
{
    size_t n = wire_u16(r);

    if (n >= size)
        wire_reject(r, ERR_MALFORMED);
    else
        wire_copy(r, out, n);
    out[r->err == ERR_OK ? n : 0] = '\0';
    if (r->err == ERR_OK && !utf8_is_plain(out, n, false))
        wire_reject(r, ERR_MALFORMED);
}

static void get_key(struct wire_rd *r, char key[SELFREPORT_KEY_LEN + 1])
{
    wire_copy(r, key, SELFREPORT_KEY_LEN);
    key[SELFREPORT_KEY_LEN] = '\0';
    if (r->err == ERR_OK && !utf8_is_plain(key, SELFREPORT_KEY_LEN, true))
        wire_reject(r, ERR_MALFORMED);
}

static void put_text(struct wire_wr *w, const char *text)
{
    size_t n = strlen(text);

    wire_put_u16(w, (uint16_t)n);
    wire_put(w, text, n);
}

static bool all_plain(const struct selfreport *m)
{
    const char *const texts[] = {m->workstation, m->account,     m->domain,
                                 m->sid,         m->object_name, m->object_dn};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (!utf8_is_plain(texts[i], strlen(texts[i]), false))
            return false;
    }
    return strlen(m->key) == SELFREPORT_KEY_LEN && utf8_is_plain(m->key, SELFREPORT_KEY_LEN, true);
}

/* ---- the message ---- */

static void put_fields(struct wire_wr *w, const struct selfreport *m)
{
    wire_put_u16(w, SELFREPORT_VERSION);
    wire_put_u16(w, m->event);
    wire_put_u32(w, m->hresult);
    wire_put_guid(w, &m->client_id);
    wire_put_guid(w, &m->application_id);
    wire_put_guid(w, &m->activation_id);
    wire_put_guid(w, &m->kms_id);
    wire_put_guid(w, &m->object_sku_id);
    wire_put_u64(w, (uint64_t)m->client_when);
    wire_put_u64(w, (uint64_t)m->activated_at);
    wire_put_u64(w, (uint64_t)m->expires);
    wire_put(w, m->key, SELFREPORT_KEY_LEN);
    put_text(w, m->workstation);
    put_text(w, m->account);
    put_text(w, m->domain);
    put_text(w, m->sid);
    put_text(w, m->object_name);
    put_text(w, m->object_dn);
}

enum err selfreport_write(const struct selfreport *m, const uint8_t key[REALM_REPORT_LEN],
                          struct buf *out, struct errinfo *ei)
{
    struct wire_wr w = wire_writer(out);
    uint8_t tag[SELFREPORT_TAG_LEN];
    size_t start = out->len;

    if (!all_plain(m))
        return err_fail(ei, ERR_USAGE, "report of %s: its texts are not plain text",
                        utf8_is_plain(m->workstation, strlen(m->workstation), true) ? m->workstation
                                                                                    : "a client");
    put_fields(&w, m);
    if (wire_written(&w) != ERR_OK)
        return err_nomem(ei);
    if (!tag_of(out->data + start, out->len - start, key, tag))
        return err_fail(ei, ERR_CRYPTO, "client's report: HMAC-SHA256 is not available in OpenSSL");
    wire_put(&w, tag, sizeof(tag));
    return wire_written(&w) == ERR_OK ? ERR_OK : err_nomem(ei);
}

enum err selfreport_read(const void *data, size_t len, struct selfreport *out)
{
    struct wire_rd r = wire_reader(data, len);
    struct selfreport m = {0};
    uint8_t tag[SELFREPORT_TAG_LEN];
    enum err e;

    if (wire_u16(&r) != SELFREPORT_VERSION)
        wire_reject(&r, ERR_VERSION);
    m.event = wire_u16(&r);
    m.hresult = wire_u32(&r);
    m.client_id = wire_guid(&r);
    m.application_id = wire_guid(&r);
    m.activation_id = wire_guid(&r);
    m.kms_id = wire_guid(&r);
    m.object_sku_id = wire_guid(&r);
    m.client_when = (int64_t)wire_u64(&r);
    m.activated_at = (int64_t)wire_u64(&r);
    m.expires = (int64_t)wire_u64(&r);
    get_key(&r, m.key);
    get_text(&r, m.workstation, sizeof(m.workstation));
    get_text(&r, m.account, sizeof(m.account));
    get_text(&r, m.domain, sizeof(m.domain));
    get_text(&r, m.sid, sizeof(m.sid));
    get_text(&r, m.object_name, sizeof(m.object_name));
    get_text(&r, m.object_dn, sizeof(m.object_dn));
    wire_copy(&r, tag, sizeof(tag));
    e = wire_end(&r);
    if (e == ERR_OK)
        *out = m;
    return e;
}

bool selfreport_is_of(const void *data, size_t len, const uint8_t key[REALM_REPORT_LEN])
{
    const uint8_t *bytes = data;
    uint8_t tag[SELFREPORT_TAG_LEN];

    return len > sizeof(tag) && tag_of(bytes, len - sizeof(tag), key, tag) &&
           CRYPTO_memcmp(tag, bytes + len - sizeof(tag), sizeof(tag)) == 0;
}
