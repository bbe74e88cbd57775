#include "daemon/selfreports.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "store/selfreports.h"

#define LINES_PER_SECOND 100

/* Reports of one worker that may wait for the ledger, in all and from one address: their rows are
 * long, and the answers to activations wait for the same commit. */
#define WAITING_MAX    256
#define WAITING_SOURCE 64

/* One report that waits for its commit. */
struct told {
    struct ledger_job job;
    struct told *prev, *next; /* of those that wait */
    uint8_t source[16];       /* address_key */
    struct daemon_worker *w;
    struct net_call *call;
    const struct cat_product *product;
    struct store_self_report row;
    bool ndr64;
};

/* ---- what waits ---- */

static bool has_room(const struct selfreports *s, const uint8_t source[16])
{
    unsigned all = 0, same = 0;

    for (const struct told *t = s->waiting; t != NULL; t = t->next) {
        all++;
        same += memcmp(t->source, source, sizeof(t->source)) == 0;
    }
    return all < WAITING_MAX && same < WAITING_SOURCE;
}

static void wait_for_commit(struct selfreports *s, struct told *t)
{
    t->prev = NULL;
    t->next = s->waiting;
    if (s->waiting != NULL)
        s->waiting->prev = t;
    s->waiting = t;
}

static void waits_no_more(struct selfreports *s, struct told *t)
{
    if (t->prev != NULL)
        t->prev->next = t->next;
    else
        s->waiting = t->next;
    if (t->next != NULL)
        t->next->prev = t->prev;
}

/* ---- what the log says ---- */

static void log_taken(const struct told *t)
{
    const struct store_self_report *r = &t->row;
    char cmid[GUID_TEXT_MAX], expires[CLK_TEXT_MAX];

    if (!daemon_worker_line_due(t->w, &t->w->selfreports.taken_lines, LOGL_INFO))
        return;
    log_as(&t->w->d->log, LOGL_INFO, LOGK_SELF_REPORT, NULL,
           "report %s \"%s\" %s%s%s: it says that the object \"%s\" activated it until %s (CMID "
           "%s, not counted)",
           r->peer, r->workstation, t->product->product, t->product->edition[0] != '\0' ? " " : "",
           t->product->edition, r->object_name, clk_format(r->expires, expires),
           guid_format(&r->client_id, cmid));
}

static void log_refused(struct daemon_worker *w, const char *peer, const struct selfreport *m,
                        enum selfreport_reason reason)
{
    bool known = reason > SELFREPORT_FOREIGN;

    if (!daemon_worker_line_due(w, &w->selfreports.refused_lines, LOGL_INFO))
        return;
    log_as(&w->d->log, LOGL_INFO, LOGK_SELF_REPORT_REFUSED, selfreport_reason_name(reason),
           "report %s%s%s%s: refused, 0x%08X %s: %s", peer, known ? " \"" : "",
           known ? m->workstation : "", known ? "\"" : "", selfreport_reason_hresult(reason),
           selfreport_reason_name(reason), selfreport_reason_text(reason));
}

/* ---- answers ---- */

static void reply(struct net_call *call, uint32_t hresult, bool ndr64)
{
    struct buf stub = BUF_INIT;

    kms_stub_write_response(NULL, 0, hresult, ndr64, &stub);
    if (stub.err == ERR_OK)
        net_call_reply(call, stub.data, stub.len);
    else
        net_call_abort(call, "out of memory");
    buf_fini(&stub);
}

static void unrecorded(struct daemon_worker *w, struct net_call *call)
{
    counter_add(&w->selfreports.unrecorded, 1);
    net_call_abort(call, "the report could not be recorded");
}

static enum err write_row(void *arg, struct store *s, struct errinfo *ei)
{
    const struct told *t = arg;

    return store_add_self_report(s, &t->row, ei);
}

static void on_written(void *arg, enum err e)
{
    struct told *t = arg;

    waits_no_more(&t->w->selfreports, t);
    if (e != ERR_OK) {
        unrecorded(t->w, t->call);
    } else {
        counter_add(&t->w->selfreports.judged[SELFREPORT_TAKEN], 1);
        log_taken(t);
        reply(t->call, 0, t->ndr64);
    }
    free(t);
}

static void describe(const struct selfreport *m, int64_t now, struct store_self_report *r)
{
    *r = (struct store_self_report){
        .when = now,
        .event_id = m->event,
        .client_id = m->client_id,
        .application_id = m->application_id,
        .activation_id = m->activation_id,
        .kms_id = m->kms_id,
        .object_sku_id = m->object_sku_id,
        .activated_at = m->activated_at,
        .expires = m->expires,
        .client_when = m->client_when,
    };
    snprintf(r->key, sizeof(r->key), "%s", m->key);
    snprintf(r->workstation, sizeof(r->workstation), "%s", m->workstation);
    snprintf(r->account, sizeof(r->account), "%s", m->account);
    snprintf(r->domain, sizeof(r->domain), "%s", m->domain);
    snprintf(r->sid, sizeof(r->sid), "%s", m->sid);
    snprintf(r->object_name, sizeof(r->object_name), "%s", m->object_name);
    snprintf(r->object_dn, sizeof(r->object_dn), "%s", m->object_dn);
}

static void record(struct daemon_worker *w, struct net_call *call, const struct selfreport *m,
                   const struct cat_product *product)
{
    struct told *t = NULL;
    uint8_t source[16];

    net_call_source(call, source);
    if (ledger_ready(w->d->ledger) && has_room(&w->selfreports, source))
        t = malloc(sizeof(*t));
    if (t == NULL) {
        unrecorded(w, call);
        return;
    }
    *t = (struct told){.w = w,
                       .call = call,
                       .product = product,
                       .ndr64 = net_call_rpc(call)->ndr64,
                       .job = {.write = write_row, .done = on_written, .arg = t}};
    describe(m, daemon_worker_now(w), &t->row);
    net_call_peer(call, t->row.peer);
    memcpy(t->source, source, sizeof(source));
    wait_for_commit(&w->selfreports, t);
    ledger_post(w->port, &t->job);
}

void selfreports_call(struct daemon_worker *w, struct net_call *call)
{
    const struct rpc_call *rpc = net_call_rpc(call);
    const struct cat_product *product;
    char peer[NET_ADDRESS_MAX];
    enum selfreport_reason reason;
    struct selfreport m;
    const uint8_t *data;
    size_t n;

    if (kms_stub_read_request(rpc->stub, rpc->stub_len, rpc->big, rpc->ndr64, &data, &n) !=
        ERR_OK) {
        counter_add(&w->bad_stubs, 1);
        net_call_fault(call, RPC_FAULT_BAD_STUB);
        return;
    }
    reason = selfreport_receive(data, n, w->selfreports.key, w->d->catalog, daemon_worker_now(w),
                                &m, &product);
    if (reason == SELFREPORT_TAKEN) {
        record(w, call, &m, product);
        return;
    }
    counter_add(&w->selfreports.judged[reason], 1);
    log_refused(w, net_call_peer(call, peer), &m, reason);
    reply(call, selfreport_reason_hresult(reason), rpc->ndr64);
}

/* ---- life ---- */

enum err selfreports_open(struct daemon_worker *w, struct errinfo *ei)
{
    w->selfreports.taken_lines =
        (struct loglimit){.what = "clients' reports", .per_second = LINES_PER_SECOND};
    w->selfreports.refused_lines =
        (struct loglimit){.what = "clients' reports refused", .per_second = LINES_PER_SECOND};
    return realm_report_derive(&w->d->bundle.keys, w->selfreports.key, ei);
}

void selfreports_close(struct daemon_worker *w)
{
    OPENSSL_cleanse(w->selfreports.key, sizeof(w->selfreports.key));
}

bool selfreports_tell(struct daemon_worker *w, int64_t now)
{
    bool taken = loglimit_tell(&w->selfreports.taken_lines, &w->d->log, LOGL_INFO, now);

    return loglimit_tell(&w->selfreports.refused_lines, &w->d->log, LOGL_INFO, now) && taken;
}

json_t *selfreports_json(const struct daemon *d)
{
    json_t *j = json_object();
    uint64_t n;

    for (int i = 0; i < SELFREPORT_REASONS; i++) {
        n = 0;
        for (unsigned w = 0; w < d->worker_count; w++)
            n += counter_read(&d->workers[w].selfreports.judged[i]);
        json_object_set_new(j, selfreport_reason_name((enum selfreport_reason)i),
                            json_integer((json_int_t)n));
    }
    n = 0;
    for (unsigned w = 0; w < d->worker_count; w++)
        n += counter_read(&d->workers[w].selfreports.unrecorded);
    json_object_set_new(j, "not-recorded", json_integer((json_int_t)n));
    return j;
}
