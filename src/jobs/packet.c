#include "jobs/packet.h"

#include <string.h>

/* ---- writing ---- */

struct wire_wr packet_begin(struct packet_out *o, enum packet_type type)
{
    struct wire_wr w;

    buf_clear(&o->buf);
    w = wire_writer(&o->buf);
    wire_put_u8(&w, (uint8_t)type);
    return w;
}

enum err packet_send(struct packet_out *o, const struct wire_wr *w, struct errinfo *ei)
{
    enum err e = wire_written(w);

    if (e == ERR_NOMEM)
        return err_nomem(ei);
    if (e != ERR_OK || o->buf.len > PACKET_MAX)
        return err_fail(ei, ERR_LIMIT, "steward: an answer of %zu bytes in one piece", o->buf.len);
    return o->send(o->arg, &o->buf, ei);
}

enum err packet_send_end(struct packet_out *o, struct errinfo *ei)
{
    struct wire_wr w = packet_begin(o, PACKET_END);

    return packet_send(o, &w, ei);
}

enum err packet_send_failed(struct packet_out *o, const struct errinfo *why, struct errinfo *ei)
{
    struct wire_wr w = packet_begin(o, PACKET_FAILED);

    packet_put_error(&w, why);
    return packet_send(o, &w, ei);
}

void packet_put_bytes(struct wire_wr *w, const void *data, size_t n)
{
    struct wire_slot len = wire_hold_u16(w);

    wire_fill_u16(w, len, n);
    if (n > 0 && wire_written(w) == ERR_OK)
        wire_put(w, data, n);
}

void packet_put_text(struct wire_wr *w, const char *text)
{
    packet_put_bytes(w, text, text == NULL ? 0 : strlen(text));
}

void packet_put_error(struct wire_wr *w, const struct errinfo *e)
{
    wire_put_u8(w, (uint8_t)e->code);
    wire_put_u32(w, e->hresult);
    packet_put_text(w, e->text);
}

/* ---- reading ---- */

const uint8_t *packet_bytes(struct wire_rd *r, size_t *n)
{
    const uint8_t *p;

    *n = wire_u16(r);
    p = wire_take(r, *n);
    if (p == NULL)
        *n = 0;
    return p;
}

void packet_text(struct wire_rd *r, char *out, size_t size)
{
    size_t n;
    const uint8_t *p = packet_bytes(r, &n);

    if (n >= size || (n > 0 && memchr(p, '\0', n) != NULL)) {
        wire_reject(r, ERR_MALFORMED);
        n = 0;
    }
    if (n > 0)
        memcpy(out, p, n);
    out[n] = '\0';
}

unsigned packet_enum(struct wire_rd *r, unsigned end)
{
    unsigned v = wire_u8(r);

    if (v < end)
        return v;
    wire_reject(r, ERR_MALFORMED);
    return 0;
}

bool packet_bool(struct wire_rd *r)
{
    return packet_enum(r, 2) == 1;
}

void packet_error(struct wire_rd *r, struct errinfo *out)
{
    out->code = (enum err)packet_enum(r, ERR_COUNT);
    out->hresult = wire_u32(r);
    packet_text_into(r, out->text);
}

enum err packet_read(const struct wire_rd *r, struct errinfo *ei)
{
    enum err e = wire_end(r);

    return e == ERR_OK ? ERR_OK
                       : err_fail(ei, e, "a packet between the processes breaks its format (%s)",
                                  err_name(e));
}
