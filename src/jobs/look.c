#include "jobs/look.h"

#include <stdlib.h>
#include <string.h>

#define COVERED_PACKET 1024 /* in one packet */

void look_fini(struct look *l)
{
    json_decref(l->facts);
    json_decref(l->objects);
    json_decref(l->checks);
    free(l->covered);
    tended_fini(&l->tended);
    memset(l, 0, sizeof(*l));
}

struct covered *look_cover(struct look *l, size_t n)
{
    struct covered *grown = realloc(l->covered, (l->covered_count + n + 1) * sizeof(*grown)), *at;

    if (grown == NULL)
        return NULL;
    l->covered = grown;
    at = grown + l->covered_count;
    l->covered_count += n;
    return at;
}

/* ---- writing ---- */

static void put_json(struct wire_wr *w, const json_t *j)
{
    char *text = j == NULL ? NULL : json_dumps(j, JSON_COMPACT);

    if (j != NULL && text == NULL)
        w->err = ERR_NOMEM;
    packet_put_text(w, text);
    free(text);
}

static enum err send_state(const struct look *l, struct packet_out *o, struct errinfo *ei)
{
    struct wire_wr w = packet_begin(o, PACKET_LOOK);

    wire_put_u8(&w, l->up);
    packet_put_text(&w, l->why);
    packet_put_text(&w, l->forest);
    put_json(&w, l->facts);
    wire_put_u32(&w, (uint32_t)l->object_count);
    wire_put_u32(&w, (uint32_t)l->good);
    return packet_send(o, &w, ei);
}

/* Each in a packet of its own. */
static enum err send_each(const json_t *objects, enum packet_type type, struct packet_out *o,
                          struct errinfo *ei)
{
    enum err e = ERR_OK;
    const json_t *object;
    size_t i;

    json_array_foreach(objects, i, object)
    {
        struct wire_wr w = packet_begin(o, type);

        put_json(&w, object);
        if (e == ERR_OK)
            e = packet_send(o, &w, ei);
    }
    return e;
}

static enum err send_covered(const struct covered *c, size_t n, struct packet_out *o,
                             struct errinfo *ei)
{
    struct wire_wr w = packet_begin(o, PACKET_LOOK_COVERED);

    wire_put_u16(&w, (uint16_t)n);
    for (size_t i = 0; i < n; i++) {
        wire_put_guid(&w, &c[i].kms_id);
        wire_put_u64(&w, (uint64_t)c[i].not_after);
    }
    return packet_send(o, &w, ei);
}

static enum err send_line(const struct tend_line *line, struct packet_out *o, struct errinfo *ei)
{
    struct wire_wr w = packet_begin(o, PACKET_LOOK_LINE);

    wire_put_u8(&w, (uint8_t)line->level);
    wire_put_u8(&w, line->deed);
    packet_put_text(&w, line->text);
    return packet_send(o, &w, ei);
}

enum err look_send(const struct look *l, struct packet_out *o, struct errinfo *ei)
{
    enum err e = send_state(l, o, ei);
    size_t i;

    if (e == ERR_OK)
        e = send_each(l->objects, PACKET_LOOK_OBJECT, o, ei);
    if (e == ERR_OK)
        e = send_each(l->checks, PACKET_LOOK_CHECK, o, ei);
    for (i = 0; e == ERR_OK && i < l->covered_count; i += COVERED_PACKET) {
        size_t left = l->covered_count - i;

        e = send_covered(l->covered + i, left < COVERED_PACKET ? left : COVERED_PACKET, o, ei);
    }
    for (i = 0; e == ERR_OK && i < l->tended.n; i++)
        e = send_line(&l->tended.lines[i], o, ei);
    return e;
}

/* ---- reading ---- */

/* An object, or NULL for an empty text. */
static json_t *take_json(struct wire_rd *r)
{
    size_t n;
    const uint8_t *p = packet_bytes(r, &n);
    json_t *j = n > 0 ? json_loadb((const char *)p, n, JSON_REJECT_DUPLICATES, NULL) : NULL;

    if (n > 0 && !json_is_object(j)) {
        wire_reject(r, ERR_MALFORMED);
        json_decref(j);
        return NULL;
    }
    return j;
}

static enum err take_state(struct look *l, struct wire_rd *r, struct errinfo *ei)
{
    l->up = packet_bool(r);
    packet_text_into(r, l->why);
    packet_text_into(r, l->forest);
    json_decref(l->facts);
    l->facts = take_json(r);
    l->object_count = wire_u32(r);
    l->good = wire_u32(r);
    if (l->objects == NULL && l->up && (l->objects = json_array()) == NULL)
        return err_nomem(ei);
    if (l->checks == NULL && l->up && (l->checks = json_array()) == NULL)
        return err_nomem(ei);
    return packet_read(r, ei);
}

static enum err take_object(json_t *objects, struct wire_rd *r, struct errinfo *ei)
{
    json_t *j = take_json(r);

    if (j == NULL || objects == NULL)
        wire_reject(r, ERR_MALFORMED);
    else if (json_array_append(objects, j) != 0)
        wire_reject(r, ERR_NOMEM);
    json_decref(j);
    return packet_read(r, ei);
}

static enum err take_covered(struct look *l, struct wire_rd *r, struct errinfo *ei)
{
    size_t n = wire_u16(r), before = l->covered_count;
    struct covered *c;
    enum err e;

    if (n > COVERED_PACKET)
        return err_fail(ei, ERR_MALFORMED, "steward: %zu KMS ids in one packet", n);
    c = look_cover(l, n);
    if (c == NULL)
        return err_nomem(ei);
    for (size_t i = 0; i < n; i++) {
        c[i].kms_id = wire_guid(r);
        c[i].not_after = (int64_t)wire_u64(r);
    }
    e = packet_read(r, ei);
    if (e != ERR_OK)
        l->covered_count = before;
    return e;
}

static enum err take_line(struct look *l, struct wire_rd *r, struct errinfo *ei)
{
    enum log_level level = (enum log_level)packet_enum(r, LOGL_DEBUG + 1);
    struct tend_line *line = tended_add(&l->tended, level, packet_bool(r));

    if (line == NULL)
        return err_nomem(ei);
    packet_text_into(r, line->text);
    return packet_read(r, ei);
}

enum err look_take(void *look, enum packet_type type, struct wire_rd *r, struct errinfo *ei)
{
    struct look *l = look;

    switch (type) {
    case PACKET_LOOK:
        return take_state(l, r, ei);
    case PACKET_LOOK_OBJECT:
        return take_object(l->objects, r, ei);
    case PACKET_LOOK_CHECK:
        return take_object(l->checks, r, ei);
    case PACKET_LOOK_COVERED:
        return take_covered(l, r, ei);
    case PACKET_LOOK_LINE:
        return take_line(l, r, ei);
    default:
        return err_fail(ei, ERR_MALFORMED, "steward: a packet of type %d in a look", (int)type);
    }
}
