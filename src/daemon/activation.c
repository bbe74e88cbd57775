#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/filetime.h"
#include "daemon/daemon.h"
#include "daemon/membership.h"
#include "daemon/proof.h"
#include "daemon/relaying.h"
#include "daemon/straggler.h"
#include "wire/sid.h"

#define SPARES_MAX 512 /* kept by one worker */

/* An answer that waits for its record. */
struct owed {
    struct ledger_entry entry; /* first: it is what the ledger gives back */
    struct daemon_worker *w;
    struct net_call *call;
    const struct cat_product *product;
    struct kms_opened opened;
    bool ndr64;
    struct owed *next; /* of the spare ones */
};

/* A no. */
struct refused {
    const char *peer;                       /* address:port */
    const struct store_activation *request; /* NULL: it could not be opened */
    const struct cat_product *product;
    struct kms_version version;
    enum kms_reason reason;
    const char *missing; /* struct kms_decision's; may be "" */
    int64_t when;
    bool ndr64;
};

/* ---- what the log says ---- */

static const char *product_name(const struct cat_product *p, char text[160])
{
    if (p == NULL)
        snprintf(text, 160, "unknown product");
    else
        snprintf(text, 160, "%s%s%s", p->product, p->edition[0] != '\0' ? " " : "", p->edition);
    return text;
}

static void log_answered(const struct owed *o)
{
    const struct store_activation *a = &o->entry.row;
    char product[160], cmid[GUID_TEXT_MAX];

    if (!daemon_worker_line_due(o->w, &o->w->lines[KMS_ANSWERED], LOGL_INFO))
        return;
    if (a->channel == STORE_ADBA) {
        log_as(&o->w->d->log, LOGL_INFO, LOGK_ACTIVATION_MEMBER, NULL,
               "activation %s \"%s\" %s: granted as a member, an activation object covers it "
               "(%s%s%s, version %u, CMID %s, not counted)",
               a->peer, a->workstation, product_name(o->product, product),
               *a->principal != '\0' ? a->principal : "by its name", *a->sid != '\0' ? ", " : "",
               a->sid, a->version, guid_format(&a->client_id, cmid));
        return;
    }
    log_as(&o->w->d->log, LOGL_INFO, LOGK_ACTIVATION, NULL,
           "activation %s \"%s\" %s: answered, count %" PRIu32 " (version %u, CMID %s, needs "
           "%" PRIu32 ")",
           a->peer, a->workstation, product_name(o->product, product), a->count, a->version,
           guid_format(&a->client_id, cmid), a->required_count);
}

static void log_refused(struct daemon_worker *w, const struct refused *r)
{
    enum log_level level = r->reason == KMS_FOREIGN ? LOGL_WARN : LOGL_INFO;
    char who[600] = "", product[160];

    if (!daemon_worker_line_due(w, &w->lines[r->reason], level))
        return;
    if (r->request != NULL)
        snprintf(who, sizeof(who), " \"%s\" %s", r->request->workstation,
                 product_name(r->product, product));
    log_as(&w->d->log, level, LOGK_ACTIVATION_REFUSED, kms_reason_name(r->reason),
           "activation %s%s: refused, 0x%08X %s: %s%s%s (version %u.%u)", r->peer, who,
           kms_reason_hresult(r->reason), kms_reason_name(r->reason), kms_reason_text(r->reason),
           *r->missing != '\0' ? ": " : "", r->missing, r->version.major, r->version.minor);
}

/* ---- what the ledger gets ---- */

static void describe(const struct kms_request *m, struct net_call *call, int64_t now,
                     struct store_activation *a)
{
    *a = (struct store_activation){
        .when = now,
        .channel = STORE_KMS,
        .version = m->version.major,
        .application_id = m->application_id,
        .activation_id = m->activation_id,
        .kms_id = m->kms_id,
        .client_id = m->client_id,
        .previous_client_id = m->previous_client_id,
        .required_count = m->required_count,
        .licence_status = m->licence_status,
        .minutes_left = m->minutes_left,
        .is_virtual = m->is_virtual != 0,
        .client_when = filetime_to_unix(m->client_time),
    };
    net_call_peer(call, a->peer);
    kms_text_get(m->workstation, KMS_WORKSTATION_UNITS, a->workstation, sizeof(a->workstation));
}

/* ---- refusing ---- */

/* The parameters are no RequestActivation: nothing of the message was looked at. */
static void refuse_stub(struct daemon_worker *w, struct net_call *call)
{
    const struct rpc_call *rpc = net_call_rpc(call);
    char text[NET_ADDRESS_MAX];

    counter_add(&w->bad_stubs, 1);
    daemon_worker_count(w, 0, NULL, STORE_KMS, REQUESTS_BAD_STUB);
    if (daemon_worker_line_due(w, &w->bad_stub_lines, LOGL_INFO))
        log_as(&w->d->log, LOGL_INFO, LOGK_ACTIVATION_REFUSED, "bad-stub",
               "activation %s: refused, fault 0x%08X bad-stub: %zu bytes of %s are not the "
               "operation's parameters",
               net_call_peer(call, text), RPC_FAULT_BAD_STUB, rpc->stub_len,
               rpc->ndr64 ? "NDR64" : "NDR 2.0");
    net_call_fault(call, RPC_FAULT_BAD_STUB);
}

static void record_refusal(struct daemon_worker *w, const struct refused *r)
{
    uint32_t hresult = kms_reason_hresult(r->reason);
    const char *reason = kms_reason_name(r->reason);

    if (r->request != NULL) {
        struct store_refused row = {.request = *r->request, .hresult = hresult};

        daemon_source_of(r->peer, row.request.peer, sizeof(row.request.peer));
        snprintf(row.reason, sizeof(row.reason), "%s", reason);
        ledger_refuse_request(w->port, &row);
    } else {
        struct store_refusal row = {.when = r->when, .hresult = hresult};

        daemon_source_of(r->peer, row.source, sizeof(row.source));
        snprintf(row.reason, sizeof(row.reason), "%s", reason);
        ledger_refuse(w->port, &row);
    }
}

static void refuse(struct daemon_worker *w, struct net_call *call, const struct refused *r)
{
    uint32_t hresult = kms_reason_hresult(r->reason);

    counter_add(&w->decided[r->reason], 1);
    daemon_worker_count(w, r->version.major, r->product, STORE_KMS, (int)r->reason);
    log_refused(w, r);
    record_refusal(w, r);
    buf_clear(&w->stub);
    kms_stub_write_response(NULL, 0, hresult, r->ndr64, &w->stub);
    if (w->stub.err == ERR_OK)
        net_call_reply(call, w->stub.data, w->stub.len);
    else
        net_call_abort(call, "out of memory");
}

static void refuse_opened(struct daemon_worker *w, struct net_call *call,
                          const struct kms_decision *dec)
{
    char peer[NET_ADDRESS_MAX], source[NET_ADDRESS_MAX];
    struct store_activation request;
    const struct refused r = {
        .peer = net_call_peer(call, peer),
        .request = dec->request_known ? &request : NULL,
        .product = dec->product,
        .version = dec->version,
        .reason = dec->reason,
        .missing = dec->missing,
        .when = daemon_worker_now(w),
        .ndr64 = net_call_rpc(call)->ndr64,
    };

    if (dec->request_known)
        describe(&dec->request, call, r.when, &request);
    if (dec->reason == KMS_REFUSING) {
        daemon_source_of(peer, source, sizeof(source));
        straggler_note(w, &dec->request, source, r.when);
    }
    refuse(w, call, &r);
}

/* ---- answers that are owed ---- */

static struct owed *owed_take(struct daemon_worker *w)
{
    struct owed *o = w->spare;

    if (o == NULL)
        return malloc(sizeof(*o));
    w->spare = o->next;
    w->spares--;
    return o;
}

static void owed_drop(struct daemon_worker *w, struct owed *o)
{
    if (w->spares == SPARES_MAX) {
        free(o);
        return;
    }
    o->next = w->spare;
    w->spare = o;
    w->spares++;
}

void activation_forget_spares(struct daemon_worker *w)
{
    while (w->spare != NULL)
        free(owed_take(w));
}

/* ---- one request ---- */

/* Recorded, and so counted, whether the answer can be made now or not. */
static void answer(struct owed *o)
{
    struct daemon_worker *w = o->w;
    const struct store_activation *row = &o->entry.row;

    buf_clear(&w->sealed);
    buf_clear(&w->stub);
    if (kms_host_seal(w->d->host, w->protector, &o->opened, o->entry.row.count, &w->sealed) !=
        ERR_OK) {
        counter_add(&w->decided[KMS_FAILED], 1);
        daemon_worker_count(w, row->version, o->product, row->channel, KMS_FAILED);
        net_call_abort(o->call, "the answer could not be made");
        return;
    }
    kms_stub_write_response(w->sealed.data, w->sealed.len, 0, o->ndr64, &w->stub);
    if (w->stub.err != ERR_OK) {
        daemon_worker_count(w, row->version, o->product, row->channel, KMS_FAILED);
        net_call_abort(o->call, "out of memory");
        return;
    }
    counter_add(&w->decided[KMS_ANSWERED], 1);
    daemon_worker_count(w, row->version, o->product, row->channel, KMS_ANSWERED);
    log_answered(o);
    net_call_reply(o->call, w->stub.data, w->stub.len);
}

static void abort_unrecorded(struct owed *o)
{
    const struct store_activation *row = &o->entry.row;

    daemon_worker_count(o->w, row->version, o->product, row->channel, REQUESTS_NOT_RECORDED);
    net_call_abort(o->call, "the activation could not be recorded");
}

/* The record is durable, or is not: now the answer goes out, or never. */
static void on_recorded(struct ledger_entry *entry, enum err e)
{
    struct owed *o = (struct owed *)entry;
    struct daemon_worker *w = o->w;
    const struct refused too_many = {
        .peer = entry->row.peer,
        .request = &entry->row,
        .product = o->product,
        .version = o->opened.exchange.version,
        .reason = KMS_NOT_SERVED,
        .missing = "",
        .when = entry->row.when,
        .ndr64 = o->ndr64,
    };

    if (e == ERR_OK)
        answer(o);
    else if (e == ERR_LIMIT)
        refuse(w, o->call, &too_many);
    else
        abort_unrecorded(o);
    owed_drop(w, o);
}

static void note_proof(const struct daemon *d, const struct proof_question *q, enum proof p,
                       const char *peer)
{
    struct proofs_case c = {.proof = p, .when = q->now};

    snprintf(c.peer, sizeof(c.peer), "%s", peer);
    snprintf(c.principal, sizeof(c.principal), "%s", q->peer != NULL ? q->peer->principal : "");
    proofs_note(d->proofs, q->workstation, &c);
}

/* Whether the request is granted through the directory: no threshold, and nobody is counted. *how
 * tells what proof was asked for then. */
static bool member_grant(struct daemon_worker *w, struct net_call *call,
                         const struct kms_decision *dec, int *how)
{
    const struct daemon *d = w->d;
    const struct settings *s = daemon_worker_settings(w);
    const struct rpc_call *rpc = net_call_rpc(call);
    char workstation[256], peer[NET_ADDRESS_MAX];
    struct proof_question q = {.how = s->proof,
                               .level = rpc->level,
                               .header_signed = rpc->header_signed,
                               .peer = rpc->peer,
                               .workstation = workstation,
                               .now = daemon_worker_now(w)};
    enum proof p;

    if (s->kms_members == SET_MEMBERS_COUNT || d->coverage == NULL ||
        !coverage_has(d->coverage, &dec->request.kms_id, q.now))
        return false;
    kms_text_get(dec->request.workstation, KMS_WORKSTATION_UNITS, workstation, sizeof(workstation));
    *how = q.how;
    p = proof_judge(&q, membership_members(d->membership));
    counter_add(&w->proofs[p], 1);
    note_proof(d, &q, p, net_call_peer(call, peer));
    if (p != PROOF_MEMBER)
        log_as(&d->log, LOGL_DEBUG, LOGK_ACTIVATION_COUNTED, proof_name(p),
               "activation %s \"%s\"%s%s: counted as everyone, %s: %s", peer, workstation,
               q.peer != NULL ? " of " : "", q.peer != NULL ? q.peer->principal : "", proof_name(p),
               proof_text(p));
    return p == PROOF_MEMBER;
}

/* How a member proved to be one; nothing where its name was believed. */
static void describe_proof(int how, const struct rpc_security_facts *peer,
                           struct store_activation *a)
{
    char text[SID_TEXT_MAX];
    struct sid sid;

    if (how != SET_PROOF_KERBEROS || peer == NULL)
        return;
    snprintf(a->principal, sizeof(a->principal), "%s", peer->principal);
    if (sid_from_bytes(peer->sid, peer->sid_len, &sid))
        snprintf(a->sid, sizeof(a->sid), "%s", sid_format(&sid, text));
}

/* how: what proof a member gave (enum settings_proof); with STORE_ADBA only. */
static void record(struct daemon_worker *w, struct net_call *call, const struct kms_decision *dec,
                   enum store_channel channel, int how)
{
    struct owed *o = owed_take(w);

    if (o == NULL) {
        net_call_abort(call, "out of memory");
        return;
    }
    o->w = w;
    o->call = call;
    o->product = dec->product;
    o->opened = dec->opened;
    o->ndr64 = net_call_rpc(call)->ndr64;
    o->entry.done = on_recorded;
    describe(&dec->request, call, daemon_worker_now(w), &o->entry.row);
    o->entry.row.channel = channel;
    if (channel == STORE_ADBA) {
        o->entry.row.count = dec->request.required_count; /* what the client asks for is there */
        describe_proof(how, net_call_rpc(call)->peer, &o->entry.row);
    }
    ledger_add(w->port, &o->entry);
}

/* The request is in order: what is left to say depends on host keys alone, which the directory does
 * not ask for. */
static bool may_be_granted(const struct kms_decision *dec)
{
    return dec->reason == KMS_ANSWERED ||
           (dec->reason >= KMS_NOT_SERVED && dec->reason <= KMS_NOT_ACTIVATED);
}

void activation_call(struct daemon_worker *w, struct net_call *call)
{
    const struct rpc_call *rpc = net_call_rpc(call);
    struct kms_decision dec;
    const uint8_t *data;
    bool ready = ledger_ready(w->d->ledger); /* what is relayed is recorded elsewhere */
    int how = SET_PROOF_NONE;
    size_t n;

    if (kms_stub_read_request(rpc->stub, rpc->stub_len, rpc->big, rpc->ndr64, &data, &n) !=
        ERR_OK) {
        refuse_stub(w, call);
        return;
    }
    if (relaying_all(w->relaying)) {
        relaying_call(w->relaying, call, data, n);
        return;
    }
    kms_host_open(w->d->host, w->protector, data, n, daemon_worker_now(w), &dec);
    if (ready && may_be_granted(&dec) && member_grant(w, call, &dec, &how)) {
        record(w, call, &dec, STORE_ADBA, how);
    } else if (dec.reason == KMS_ANSWERED && ready) {
        record(w, call, &dec, STORE_KMS, how);
    } else if (relaying_wants(w->relaying, &dec, n)) {
        relaying_call(w->relaying, call, data, n);
    } else if (!ready) {
        daemon_worker_count(w, dec.version.major, dec.product, STORE_KMS, REQUESTS_NOT_RECORDED);
        net_call_abort(call, "the ledger cannot be written");
    } else if (dec.reason == KMS_FAILED) {
        counter_add(&w->decided[KMS_FAILED], 1);
        daemon_worker_count(w, dec.version.major, dec.product, STORE_KMS, KMS_FAILED);
        net_call_abort(call, "the request could not be opened");
    } else {
        refuse_opened(w, call, &dec);
    }
}
