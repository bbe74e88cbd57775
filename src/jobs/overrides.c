#include "jobs/overrides.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "jobs/packet.h"

#define HR_INVALID_ARG 0x80070057u
#define FILE_MAX       4096

/* ---- values ---- */

static enum err read_number(const json_t *from, const char *name, uint32_t min, uint32_t max,
                            uint32_t *out, struct errinfo *ei)
{
    const json_t *v = json_object_get(from, name);

    if (v == NULL)
        return ERR_OK;
    if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
        return err_fail_hr(ei, ERR_USAGE, HR_INVALID_ARG, "%s: expected a number from %u to %u",
                           name, min, max);
    *out = (uint32_t)json_integer_value(v);
    return ERR_OK;
}

static enum err read_flag(const json_t *from, const char *name, bool yes, bool *out,
                          struct errinfo *ei)
{
    const json_t *v = json_object_get(from, name);

    if (v == NULL)
        return ERR_OK;
    if (!json_is_boolean(v))
        return err_fail_hr(ei, ERR_USAGE, HR_INVALID_ARG, "%s: expected true or false", name);
    *out = json_is_true(v) == yes;
    return ERR_OK;
}

enum err overrides_change(struct overrides *o, const json_t *change, struct errinfo *ei)
{
    struct overrides n = *o;
    uint32_t port = n.port;
    enum err e = read_number(change, "listening_port", 1, 65535, &port, ei);

    if (e == ERR_OK)
        e = read_number(change, "activation_interval", OVERRIDES_INTERVAL_MIN,
                        OVERRIDES_INTERVAL_MAX, &n.activation, ei);
    if (e == ERR_OK)
        e = read_number(change, "renewal_interval", OVERRIDES_INTERVAL_MIN, OVERRIDES_INTERVAL_MAX,
                        &n.renewal, ei);
    if (e == ERR_OK)
        e = read_flag(change, "dns_publishing", false, &n.no_dns_publishing, ei);
    if (e == ERR_OK)
        e = read_flag(change, "low_priority", true, &n.low_priority, ei);
    if (e != ERR_OK)
        return e;
    n.port = (uint16_t)port;
    *o = n;
    return ERR_OK;
}

json_t *overrides_json(const struct overrides *o)
{
    json_t *j = json_pack("{s:b, s:b}", "dns_publishing", !o->no_dns_publishing, "low_priority",
                          o->low_priority);

    if (o->port != 0)
        json_object_set_new(j, "listening_port", json_integer(o->port));
    if (o->activation != 0)
        json_object_set_new(j, "activation_interval", json_integer(o->activation));
    if (o->renewal != 0)
        json_object_set_new(j, "renewal_interval", json_integer(o->renewal));
    return j;
}

/* ---- the file ---- */

static enum err path_of(const char *state_dir, char path[4096], struct errinfo *ei)
{
    if (snprintf(path, 4096, "%s/" OVERRIDES_FILE, state_dir) >= 4096)
        return err_fail(ei, ERR_LIMIT, "state folder %s: the path is too long", state_dir);
    return ERR_OK;
}

enum err overrides_load(const char *state_dir, struct overrides *out, struct errinfo *ei)
{
    struct buf text = BUF_INIT;
    char path[4096];
    json_t *j = NULL;
    enum err e = path_of(state_dir, path, ei);

    memset(out, 0, sizeof(*out));
    if (e == ERR_OK)
        e = file_read(path, FILE_MAX, &text, ei);
    if (e == ERR_OK) {
        j = json_loadb((const char *)text.data, text.len, 0, NULL);
        e = json_is_object(j) ? overrides_change(out, j, ei)
                              : err_fail(ei, ERR_MALFORMED, "it is no JSON object");
        if (e != ERR_OK) {
            ei->code = ERR_MALFORMED;
            e = err_context(ei, "%s (remove it to go back to adbad.conf)", path);
        }
    }
    json_decref(j);
    buf_fini(&text);
    return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err overrides_save(const char *state_dir, const struct overrides *o, struct errinfo *ei)
{
    json_t *j = overrides_json(o);
    char *text = j == NULL ? NULL : json_dumps(j, JSON_INDENT(2));
    char path[4096];
    enum err e = text == NULL ? err_nomem(ei) : path_of(state_dir, path, ei);

    if (e == ERR_OK)
        e = file_write_atomic(path, text, strlen(text), 0600, ei);
    free(text);
    json_decref(j);
    return e;
}

/* ---- in a packet ---- */

void overrides_put(struct wire_wr *w, const struct overrides *o)
{
    wire_put_u16(w, o->port);
    wire_put_u32(w, o->activation);
    wire_put_u32(w, o->renewal);
    wire_put_u8(w, o->no_dns_publishing);
    wire_put_u8(w, o->low_priority);
}

static uint32_t get_interval(struct wire_rd *r)
{
    uint32_t v = wire_u32(r);

    if (v != 0 && (v < OVERRIDES_INTERVAL_MIN || v > OVERRIDES_INTERVAL_MAX))
        wire_reject(r, ERR_MALFORMED);
    return v;
}

void overrides_get(struct wire_rd *r, struct overrides *out)
{
    out->port = wire_u16(r);
    out->activation = get_interval(r);
    out->renewal = get_interval(r);
    out->no_dns_publishing = packet_bool(r);
    out->low_priority = packet_bool(r);
}
