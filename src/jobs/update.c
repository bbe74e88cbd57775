#include "jobs/update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *update_what_name(enum update_what w)
{
    static const char *const names[UPDATE_WHATS] = {"check", "publish", "withdraw", "retract"};

    return names[w];
}

void update_fini(struct update *u)
{
    for (size_t i = 0; i < u->n; i++)
        free(u->domains[i].records);
    free(u->domains);
    u->domains = NULL;
    u->n = 0;
}

struct update_domain *update_add(struct update *u, const char *name, bool configured)
{
    struct update_domain *grown = realloc(u->domains, (u->n + 1) * sizeof(*grown));

    if (grown == NULL)
        return NULL;
    u->domains = grown;
    grown[u->n] = (struct update_domain){.configured = configured};
    snprintf(grown[u->n].domain, sizeof(grown[u->n].domain), "%s", name);
    return &grown[u->n++];
}

bool update_good(const struct update *u)
{
    for (size_t i = 0; i < u->n; i++)
        if (u->domains[i].result != ERR_OK)
            return false;
    return u->result == ERR_OK;
}

/* ---- writing ---- */

static void put_record(struct wire_wr *w, const struct publish_record *r)
{
    wire_put_u16(w, r->priority);
    wire_put_u16(w, r->weight);
    wire_put_u16(w, r->port);
    packet_put_text(w, r->host);
}

/* Of a success the text means nothing. */
static void put_result(struct wire_wr *w, enum err result, const struct errinfo *why)
{
    struct errinfo none = {0};

    wire_put_u8(w, (uint8_t)result);
    packet_put_error(w, result == ERR_OK ? &none : why);
}

static enum err send_domain(const struct update_domain *d, struct packet_out *o, struct errinfo *ei)
{
    struct wire_wr w = packet_begin(o, PACKET_DOMAIN);
    enum err e;

    packet_put_text(&w, d->domain);
    wire_put_u8(&w, d->configured);
    packet_put_text(&w, d->zone);
    packet_put_text(&w, d->primary);
    wire_put_u8(&w, d->seen);
    wire_put_u8(&w, (uint8_t)d->state);
    put_result(&w, d->result, &d->why);
    e = packet_send(o, &w, ei);
    for (size_t i = 0; e == ERR_OK && i < d->n; i++) {
        w = packet_begin(o, PACKET_RECORD);
        put_record(&w, &d->records[i].record);
        wire_put_u8(&w, (uint8_t)d->records[i].whose);
        e = packet_send(o, &w, ei);
    }
    return e;
}

enum err update_send(const struct update *u, struct packet_out *o, struct errinfo *ei)
{
    struct wire_wr w = packet_begin(o, PACKET_UPDATE);
    enum err e;

    put_record(&w, &u->record);
    put_result(&w, u->result, &u->why);
    e = packet_send(o, &w, ei);
    for (size_t i = 0; e == ERR_OK && i < u->n; i++)
        e = send_domain(&u->domains[i], o, ei);
    return e;
}

/* ---- reading ---- */

static void take_record(struct wire_rd *r, struct publish_record *out)
{
    out->priority = wire_u16(r);
    out->weight = wire_u16(r);
    out->port = wire_u16(r);
    packet_text_into(r, out->host);
}

static void take_result(struct wire_rd *r, enum err *result, struct errinfo *why)
{
    *result = (enum err)packet_enum(r, ERR_COUNT);
    packet_error(r, why);
}

static enum err take_domain(struct update *u, struct wire_rd *r, struct errinfo *ei)
{
    struct update_domain *d = update_add(u, "", false);

    if (d == NULL)
        return err_nomem(ei);
    packet_text_into(r, d->domain);
    d->configured = packet_bool(r);
    packet_text_into(r, d->zone);
    packet_text_into(r, d->primary);
    d->seen = packet_bool(r);
    d->state = (enum publish_state)packet_enum(r, PUBLISH_OUTDATED + 1);
    take_result(r, &d->result, &d->why);
    return packet_read(r, ei);
}

/* Of the last domain. */
static enum err take_domain_record(struct update *u, struct wire_rd *r, struct errinfo *ei)
{
    struct update_domain *d = u->n == 0 ? NULL : &u->domains[u->n - 1];
    struct update_record *grown;

    if (d == NULL)
        return err_fail(ei, ERR_MALFORMED, "steward: a record of no domain");
    grown = realloc(d->records, (d->n + 1) * sizeof(*grown));
    if (grown == NULL)
        return err_nomem(ei);
    d->records = grown;
    grown[d->n] = (struct update_record){0};
    take_record(r, &grown[d->n].record);
    grown[d->n++].whose = (enum publish_whose)packet_enum(r, PUBLISH_OTHER + 1);
    return packet_read(r, ei);
}

enum err update_take(void *update, enum packet_type type, struct wire_rd *r, struct errinfo *ei)
{
    struct update *u = update;

    switch (type) {
    case PACKET_UPDATE:
        take_record(r, &u->record);
        take_result(r, &u->result, &u->why);
        return packet_read(r, ei);
    case PACKET_DOMAIN:
        return take_domain(u, r, ei);
    case PACKET_RECORD:
        return take_domain_record(u, r, ei);
    default:
        return err_fail(ei, ERR_MALFORMED, "steward: a packet of type %d in a round of DNS",
                        (int)type);
    }
}
