#include "jobs/reading.h"

#include <string.h>

#define FULL_AT 32768 /* bytes; the longest note is far shorter than what is left */

/* ---- writing ---- */

static enum err flush(struct reading_out *o, struct errinfo *ei)
{
    if (o->n == 0)
        return ERR_OK;
    o->n = 0;
    return packet_send(o->out, &o->w, ei);
}

static void put_member(struct wire_wr *w, const struct member *m)
{
    wire_put_guid(w, &m->guid);
    wire_put_u8(w, m->enabled);
    packet_put_text(w, m->name);
    packet_put_text(w, m->dns_name);
    packet_put_text(w, m->dn);
    packet_put_bytes(w, m->sid, m->sid_len);
}

enum err reading_note(void *reading_out, const struct members_note *note, struct errinfo *ei)
{
    struct reading_out *o = reading_out;

    if (o->n++ == 0)
        o->w = packet_begin(o->out, PACKET_NOTES);
    wire_put_u8(&o->w, (uint8_t)note->what);
    wire_put_guid(&o->w, &note->member.id);
    if (note->what == MEMBERS_PUT)
        put_member(&o->w, &note->member);
    else if (note->what == MEMBERS_SAME)
        packet_put_text(&o->w, note->member.dn);
    return o->out->buf.len < FULL_AT ? ERR_OK : flush(o, ei);
}

enum err reading_send(struct reading_out *o, const struct members_reading *reading,
                      struct errinfo *ei)
{
    struct wire_wr w;
    enum err e = flush(o, ei);

    if (e != ERR_OK)
        return e;
    w = packet_begin(o->out, PACKET_READING);
    packet_put_bytes(&w, reading->cookie.data, reading->cookie.len);
    wire_put_u8(&w, reading->full);
    packet_put_text(&w, reading->why_full);
    wire_put_u8(&w, reading->complete);
    wire_put_u8(&w, reading->tells_deletions);
    wire_put_u64(&w, reading->entries);
    wire_put_u64(&w, reading->unusable);
    return packet_send(o->out, &w, ei);
}

/* ---- reading ---- */

/* Texts of a note, NUL-terminated. */
struct texts {
    char name[ROSTER_NAME_MAX + 1], dns_name[ROSTER_DNS_MAX + 1], dn[ROSTER_DN_MAX + 1];
};

static void take_member(struct wire_rd *r, struct texts *t, struct member *m)
{
    m->guid = wire_guid(r);
    m->enabled = packet_bool(r);
    packet_text_into(r, t->name);
    packet_text_into(r, t->dns_name);
    packet_text_into(r, t->dn);
    m->sid = packet_bytes(r, &m->sid_len);
    if (t->name[0] == '\0' || m->sid_len > ROSTER_SID_MAX)
        wire_reject(r, ERR_MALFORMED);
    m->name = t->name;
    m->dns_name = t->dns_name;
    m->dn = t->dn;
}

static enum err take_notes(struct reading_in *in, struct wire_rd *r, struct errinfo *ei)
{
    struct texts t;
    enum err e = ERR_OK;

    while (e == ERR_OK && r->err == ERR_OK && wire_left(r) > 0) {
        struct members_note n = {.what = (enum members_change)packet_enum(r, MEMBERS_GONE + 1)};

        n.member.id = wire_guid(r);
        if (n.what == MEMBERS_PUT) {
            take_member(r, &t, &n.member);
        } else if (n.what == MEMBERS_SAME) {
            packet_text_into(r, t.dn);
            n.member.dn = t.dn[0] != '\0' ? t.dn : NULL;
        }
        if (r->err == ERR_OK)
            e = in->each(in->arg, &n, ei);
    }
    return e == ERR_OK ? packet_read(r, ei) : e;
}

static enum err take_reading(struct reading_in *in, struct wire_rd *r, struct errinfo *ei)
{
    struct members_reading *to = &in->reading;
    size_t n;
    const uint8_t *cookie = packet_bytes(r, &n);

    buf_clear(&to->cookie);
    if (n > 0)
        buf_add(&to->cookie, cookie, n);
    to->full = packet_bool(r);
    packet_text_into(r, to->why_full);
    to->complete = packet_bool(r);
    to->tells_deletions = packet_bool(r);
    to->entries = wire_u64(r);
    to->unusable = wire_u64(r);
    if (to->cookie.err != ERR_OK)
        return err_nomem(ei);
    in->whole = wire_end(r) == ERR_OK;
    return packet_read(r, ei);
}

enum err reading_take(void *reading_in, enum packet_type type, struct wire_rd *r,
                      struct errinfo *ei)
{
    switch (type) {
    case PACKET_NOTES:
        return take_notes(reading_in, r, ei);
    case PACKET_READING:
        return take_reading(reading_in, r, ei);
    default:
        return err_fail(ei, ERR_MALFORMED, "steward: a packet of type %d among accounts",
                        (int)type);
    }
}
