#include "clearing/message.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/wire.h"

/* ---- tags ---- */

static bool request_tag_of(const uint8_t *data, size_t len, const uint8_t *confirm,
                           uint8_t tag[CLEARING_TAG_LEN])
{
    return realm_hmac(confirm, "adbad clearing request", data, len, tag);
}

/* Covers the request's tag, so that an answer fits one request only. */
static bool answer_tag_of(const uint8_t *data, size_t len, const uint8_t *confirm,
                          const uint8_t *request_tag, uint8_t tag[CLEARING_TAG_LEN])
{
    uint8_t both[CLEARING_TAG_LEN + CLEARING_ANSWER_LEN];

    if (len > CLEARING_ANSWER_LEN)
        return false;
    memcpy(both, request_tag, CLEARING_TAG_LEN);
    memcpy(both + CLEARING_TAG_LEN, data, len);
    return realm_hmac(confirm, "adbad clearing answer", both, CLEARING_TAG_LEN + len, tag);
}

static enum err no_hmac(struct errinfo *ei)
{
    return err_fail(ei, ERR_CRYPTO, "clearing message: HMAC-SHA256 is not available in OpenSSL");
}

/* ---- texts ---- */

static bool all_digits(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
    }
    return true;
}

static void get_digits(struct wire_rd *r, char *out, size_t n)
{
    wire_copy(r, out, n);
    out[n] = '\0';
    if (r->err == ERR_OK && !all_digits(out, n))
        wire_reject(r, ERR_MALFORMED);
}

static void get_text(struct wire_rd *r, char *out, size_t max, bool ascii)
{
    size_t n = wire_u8(r);

    if (n > max)
        wire_reject(r, ERR_MALFORMED);
    else
        wire_copy(r, out, n);
    out[r->err == ERR_OK ? n : 0] = '\0';
    if (r->err == ERR_OK && !utf8_is_plain(out, n, ascii))
        wire_reject(r, ERR_MALFORMED);
}

static void put_text(struct wire_wr *w, const char *text)
{
    size_t n = strlen(text);

    wire_put_u8(w, (uint8_t)n);
    wire_put(w, text, n);
}

static void get_version(struct wire_rd *r)
{
    if (wire_u16(r) != CLEARING_VERSION)
        wire_reject(r, ERR_VERSION);
}

/* ---- requests ---- */

enum err clearing_request_write(struct clearing_request *m,
                                const uint8_t confirm[REALM_CONFIRM_LEN], struct buf *out,
                                struct errinfo *ei)
{
    struct wire_wr w = wire_writer(out);
    size_t start = out->len;

    if (strlen(m->iid) != IID_DIGITS || !utf8_is_plain(m->pid, strlen(m->pid), true) ||
        !utf8_is_plain(m->name, strlen(m->name), false))
        return err_fail(ei, ERR_USAGE, "clearing request: its texts are not plain text");
    wire_put_u16(&w, CLEARING_VERSION);
    wire_put_guid(&w, &m->target);
    wire_put(&w, m->iid, IID_DIGITS);
    put_text(&w, m->pid);
    put_text(&w, m->name);
    wire_put(&w, m->nonce, sizeof(m->nonce));
    if (wire_written(&w) != ERR_OK)
        return err_nomem(ei);
    if (!request_tag_of(out->data + start, out->len - start, confirm, m->tag))
        return no_hmac(ei);
    wire_put(&w, m->tag, sizeof(m->tag));
    return wire_written(&w) == ERR_OK ? ERR_OK : err_nomem(ei);
}

enum err clearing_request_read(const void *data, size_t len, struct clearing_request *out)
{
    struct wire_rd r = wire_reader(data, len);
    struct clearing_request m = {0};
    enum err e;

    get_version(&r);
    m.target = wire_guid(&r);
    get_digits(&r, m.iid, IID_DIGITS);
    get_text(&r, m.pid, CLEARING_PID_MAX, true);
    get_text(&r, m.name, CLEARING_NAME_MAX, false);
    wire_copy(&r, m.nonce, sizeof(m.nonce));
    wire_copy(&r, m.tag, sizeof(m.tag));
    e = wire_end(&r);
    if (e == ERR_OK)
        *out = m;
    return e;
}

bool clearing_request_is_of(const void *data, size_t len, const uint8_t confirm[REALM_CONFIRM_LEN])
{
    const uint8_t *bytes = data;
    uint8_t tag[CLEARING_TAG_LEN];

    return len > sizeof(tag) && request_tag_of(bytes, len - sizeof(tag), confirm, tag) &&
           CRYPTO_memcmp(tag, bytes + len - sizeof(tag), sizeof(tag)) == 0;
}

/* ---- answers ---- */

enum err clearing_answer_write(struct clearing_answer *m, const uint8_t confirm[REALM_CONFIRM_LEN],
                               const uint8_t request_tag[CLEARING_TAG_LEN], struct buf *out,
                               struct errinfo *ei)
{
    struct wire_wr w = wire_writer(out);
    size_t start = out->len;

    wire_put_u16(&w, CLEARING_VERSION);
    wire_put_u16(&w, 0);
    wire_put(&w, m->cid, CID_DIGITS);
    wire_put_u32(&w, m->used);
    wire_put_u32(&w, m->left);
    wire_put_u32(&w, m->hosts_used);
    wire_put_u32(&w, m->hosts_left);
    wire_put_u64(&w, (uint64_t)m->when);
    if (wire_written(&w) != ERR_OK)
        return err_nomem(ei);
    if (!answer_tag_of(out->data + start, out->len - start, confirm, request_tag, m->tag))
        return no_hmac(ei);
    wire_put(&w, m->tag, sizeof(m->tag));
    return wire_written(&w) == ERR_OK ? ERR_OK : err_nomem(ei);
}

enum err clearing_answer_read(const void *data, size_t len, struct clearing_answer *out)
{
    struct wire_rd r = wire_reader(data, len);
    struct clearing_answer m = {0};
    enum err e;

    get_version(&r);
    if (wire_u16(&r) != 0)
        wire_reject(&r, ERR_MALFORMED);
    get_digits(&r, m.cid, CID_DIGITS);
    m.used = wire_u32(&r);
    m.left = wire_u32(&r);
    m.hosts_used = wire_u32(&r);
    m.hosts_left = wire_u32(&r);
    m.when = (int64_t)wire_u64(&r);
    wire_copy(&r, m.tag, sizeof(m.tag));
    e = wire_end(&r);
    if (e == ERR_OK)
        *out = m;
    return e;
}

bool clearing_answer_is_of(const void *data, size_t len, const uint8_t confirm[REALM_CONFIRM_LEN],
                           const uint8_t request_tag[CLEARING_TAG_LEN])
{
    const uint8_t *bytes = data;
    uint8_t tag[CLEARING_TAG_LEN];

    return len > sizeof(tag) &&
           answer_tag_of(bytes, len - sizeof(tag), confirm, request_tag, tag) &&
           CRYPTO_memcmp(tag, bytes + len - sizeof(tag), sizeof(tag)) == 0;
}
