#include "relay/dialling.h"

#include <string.h>

#include "wire/wire.h"

#define ERRNO_MAX 4095 /* of Linux (MAX_ERRNO) */

/* ---- writing ---- */

static void put_text(struct wire_wr *w, const char *text, size_t size)
{
    size_t n = strnlen(text, size - 1);

    wire_put_u16(w, (uint16_t)n);
    if (n > 0)
        wire_put(w, text, n);
}

static void put_address(struct wire_wr *w, const struct relay_address *a)
{
    const union address *at = &a->at;

    wire_put_u32(w, a->number);
    wire_put_u8(w, a->local);
    wire_put_u8(w, at->any.sa_family == AF_INET6 ? 6 : 4);
    if (at->any.sa_family == AF_INET6) {
        wire_put(w, &at->v6.sin6_addr, sizeof(at->v6.sin6_addr));
        wire_put_u32(w, at->v6.sin6_scope_id);
    } else {
        wire_put(w, &at->v4.sin_addr, sizeof(at->v4.sin_addr));
    }
    wire_put_u16(w, address_port(at));
}

static void put_found(struct wire_wr *w, const struct dialling_found *f)
{
    put_text(w, f->target.host, sizeof(f->target.host));
    wire_put_u16(w, f->target.port);
    wire_put_u16(w, f->target.priority);
    wire_put_u16(w, f->target.weight);
    put_text(w, f->why, sizeof(f->why));
    wire_put_u8(w, (uint8_t)f->n);
    for (unsigned i = 0; i < f->n; i++)
        put_address(w, &f->at[i]);
}

static struct wire_wr begin(struct buf *out, enum dialling_type type)
{
    struct wire_wr w;

    buf_clear(out);
    w = wire_writer(out);
    wire_put_u8(&w, (uint8_t)type);
    return w;
}

enum err dialling_write_request(const struct dialling_request *r, struct buf *out)
{
    struct wire_wr w = begin(out, r->type);

    if (r->type == DIALLING_CONNECT) {
        wire_put_u32(&w, r->ticket);
        wire_put_u32(&w, r->number);
        wire_put_u32(&w, r->limit_ms);
    }
    return wire_written(&w);
}

enum err dialling_write_answer(const struct dialling_answer *a, struct buf *out)
{
    struct wire_wr w = begin(out, a->type);

    if (a->type == DIALLING_CONNECTED) {
        wire_put_u32(&w, a->ticket);
        wire_put_u32(&w, (uint32_t)a->error);
    } else if (a->type == DIALLING_FOUND) {
        put_found(&w, &a->found);
    } else {
        wire_put_u8(&w, a->failed);
        wire_put_u32(&w, a->records);
        put_text(&w, a->why, sizeof(a->why));
    }
    return wire_written(&w);
}

/* ---- reading ---- */

/* A number that is at most max. */
static uint32_t limited(struct wire_rd *r, uint32_t value, uint32_t max)
{
    if (value <= max)
        return value;
    wire_reject(r, ERR_MALFORMED);
    return 0;
}

static void take_text(struct wire_rd *r, char *out, size_t size)
{
    size_t n = limited(r, wire_u16(r), (uint32_t)size - 1);
    const uint8_t *text = wire_take(r, n);

    out[0] = '\0';
    if (text == NULL || n == 0)
        return;
    if (memchr(text, '\0', n) != NULL) {
        wire_reject(r, ERR_MALFORMED);
        return;
    }
    memcpy(out, text, n);
    out[n] = '\0';
}

static void take_address(struct wire_rd *r, struct relay_address *out)
{
    unsigned version;

    out->number = wire_u32(r);
    out->local = limited(r, wire_u8(r), 1) == 1;
    version = wire_u8(r);
    if (version == 6) {
        out->at.v6.sin6_family = AF_INET6;
        wire_copy(r, &out->at.v6.sin6_addr, sizeof(out->at.v6.sin6_addr));
        out->at.v6.sin6_scope_id = wire_u32(r);
        out->at.v6.sin6_port = htons(wire_u16(r));
    } else if (version == 4) {
        out->at.v4.sin_family = AF_INET;
        wire_copy(r, &out->at.v4.sin_addr, sizeof(out->at.v4.sin_addr));
        out->at.v4.sin_port = htons(wire_u16(r));
    } else {
        wire_reject(r, ERR_MALFORMED);
    }
}

static void take_found(struct wire_rd *r, struct dialling_found *out)
{
    take_text(r, out->target.host, sizeof(out->target.host));
    out->target.port = wire_u16(r);
    out->target.priority = wire_u16(r);
    out->target.weight = wire_u16(r);
    take_text(r, out->why, sizeof(out->why));
    out->n = limited(r, wire_u8(r), RELAY_ADDRESSES_MAX);
    for (unsigned i = 0; i < out->n; i++)
        take_address(r, &out->at[i]);
}

enum err dialling_read_request(const void *record, size_t len, struct dialling_request *out)
{
    struct wire_rd r = wire_reader(record, len);
    enum err e;

    *out = (struct dialling_request){.type = (enum dialling_type)wire_u8(&r)};
    if (out->type == DIALLING_CONNECT) {
        out->ticket = wire_u32(&r);
        out->number = wire_u32(&r);
        out->limit_ms = wire_u32(&r);
    } else if (out->type != DIALLING_LOOK) {
        wire_reject(&r, ERR_MALFORMED);
    }
    e = wire_end(&r);
    if (e != ERR_OK)
        memset(out, 0, sizeof(*out));
    return e;
}

enum err dialling_read_answer(const void *record, size_t len, struct dialling_answer *out)
{
    struct wire_rd r = wire_reader(record, len);
    enum err e;

    memset(out, 0, sizeof(*out));
    out->type = (enum dialling_type)wire_u8(&r);
    if (out->type == DIALLING_CONNECTED) {
        out->ticket = wire_u32(&r);
        out->error = (int)limited(&r, wire_u32(&r), ERRNO_MAX);
    } else if (out->type == DIALLING_FOUND) {
        take_found(&r, &out->found);
    } else if (out->type == DIALLING_LOOKED) {
        out->failed = limited(&r, wire_u8(&r), 1) == 1;
        out->records = wire_u32(&r);
        take_text(&r, out->why, sizeof(out->why));
    } else {
        wire_reject(&r, ERR_MALFORMED);
    }
    e = wire_end(&r);
    if (e != ERR_OK)
        memset(out, 0, sizeof(*out));
    return e;
}
