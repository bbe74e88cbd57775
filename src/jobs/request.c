#include "jobs/request.h"

#include <string.h>

#include "jobs/packet.h"

#define DOWN_ROUNDS_MAX 255 /* more mean the same */

const char *job_kind_name(enum job_kind k)
{
    static const char *const names[JOB_KINDS] = {
        "look", "accounts", "update", "clearing", "overrides", "clock", "log", "keytab", "listen"};

    return names[k];
}

enum err request_write(const struct job_request *r, struct buf *out)
{
    struct wire_wr w = wire_writer(out);
    unsigned rounds = r->down_rounds > DOWN_ROUNDS_MAX ? DOWN_ROUNDS_MAX : r->down_rounds;

    if (r->cookie_len > REQUEST_COOKIE_MAX)
        return ERR_LIMIT;
    wire_put_u8(&w, PACKET_REQUEST);
    wire_put_u8(&w, (uint8_t)r->kind);
    if (r->kind == JOB_ACCOUNTS) {
        wire_put_u8(&w, r->list);
        packet_put_bytes(&w, r->cookie, r->cookie_len);
    } else if (r->kind == JOB_UPDATE) {
        wire_put_u8(&w, (uint8_t)r->what);
        wire_put_u8(&w, (uint8_t)r->relay);
        wire_put_u8(&w, (uint8_t)rounds);
    } else if (r->kind == JOB_OVERRIDES) {
        overrides_put(&w, &r->overrides);
    } else if (r->kind == JOB_CLOCK) {
        wire_put_u64(&w, (uint64_t)r->seconds);
    } else if (r->kind == JOB_LISTEN) {
        wire_put_u16(&w, (uint16_t)r->address);
    }
    return wire_written(&w);
}

enum err request_read(const void *packet, size_t len, struct job_request *out, struct errinfo *ei)
{
    struct wire_rd r = wire_reader(packet, len);
    enum err e;

    memset(out, 0, sizeof(*out));
    if (wire_u8(&r) != PACKET_REQUEST)
        wire_reject(&r, ERR_MALFORMED);
    out->kind = (enum job_kind)packet_enum(&r, JOB_KINDS);
    if (out->kind == JOB_ACCOUNTS) {
        out->list = packet_bool(&r);
        out->cookie = packet_bytes(&r, &out->cookie_len);
        if (out->cookie_len > REQUEST_COOKIE_MAX)
            wire_reject(&r, ERR_LIMIT);
    } else if (out->kind == JOB_UPDATE) {
        out->what = (enum update_what)packet_enum(&r, UPDATE_WHATS);
        out->relay = (enum publish_relay)packet_enum(&r, PUBLISH_RELAY_HEALTHY + 1);
        out->down_rounds = wire_u8(&r);
    } else if (out->kind == JOB_OVERRIDES) {
        overrides_get(&r, &out->overrides);
    } else if (out->kind == JOB_CLOCK) {
        out->seconds = (int64_t)wire_u64(&r);
        if (out->seconds < 0)
            wire_reject(&r, ERR_MALFORMED);
    } else if (out->kind == JOB_LISTEN) {
        out->address = wire_u16(&r);
    }
    e = packet_read(&r, ei);
    if (e != ERR_OK)
        memset(out, 0, sizeof(*out));
    return e;
}
