#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"

/* An answer that waits for its record. */
struct owed {
    struct daemon *d;
    struct net_call *call;
    const struct cat_product *product;
    struct buf response;
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

static void log_answered(const struct owed *o, const struct store_activation *a)
{
    char product[160], cmid[GUID_TEXT_MAX];

    log_info(&o->d->log,
             "activation %s \"%s\" %s: answered, count %" PRIu32 " (version %u, CMID %s, needs "
             "%" PRIu32 ")",
             a->peer, a->workstation, product_name(o->product, product), a->count, a->version,
             guid_format(&a->client_id, cmid), a->required_count);
}

static void log_refused(struct daemon *d, const char *peer, const struct kms_decision *dec)
{
    enum log_level level = dec->reason == KMS_FOREIGN ? LOGL_WARN : LOGL_INFO;
    char who[600] = "";

    if (dec->request_known) {
        char workstation[256], product[160];

        kms_text_get(dec->request.workstation, KMS_WORKSTATION_UNITS, workstation,
                     sizeof(workstation));
        snprintf(who, sizeof(who), " \"%s\" %s", workstation, product_name(dec->product, product));
    }
    log_at(&d->log, level, "activation %s%s: refused, 0x%08X %s: %s%s%s (version %u.%u)", peer, who,
           dec->hresult, kms_reason_name(dec->reason), kms_reason_text(dec->reason),
           *dec->missing != '\0' ? ": " : "", dec->missing, dec->version.major, dec->version.minor);
}

/* ---- one request ---- */

/* The parameters are no RequestActivation: nothing of the message was looked at. */
static void refuse_stub(struct daemon *d, struct net_call *call)
{
    const struct rpc_call *rpc = net_call_rpc(call);
    char text[NET_ADDRESS_MAX];

    d->bad_stubs++;
    log_info(&d->log,
             "activation %s: refused, fault 0x%08X bad-stub: %zu bytes of %s are not the "
             "operation's parameters",
             net_call_peer(call, text), RPC_FAULT_BAD_STUB, rpc->stub_len,
             rpc->ndr64 ? "NDR64" : "NDR 2.0");
    net_call_fault(call, RPC_FAULT_BAD_STUB);
}

static void refuse(struct daemon *d, struct net_call *call, const struct kms_decision *dec,
                   int64_t now)
{
    struct store_refusal r = {.when = now, .hresult = dec->hresult};
    bool ndr64 = net_call_rpc(call)->ndr64;
    struct buf stub = BUF_INIT;
    char text[NET_ADDRESS_MAX];

    log_refused(d, net_call_peer(call, text), dec);
    snprintf(r.source, sizeof(r.source), "%s", net_call_source(call, text));
    snprintf(r.reason, sizeof(r.reason), "%s", kms_reason_name(dec->reason));
    ledger_refuse(d->ledger, &r);
    kms_stub_write_response(NULL, 0, dec->hresult, ndr64, &stub);
    if (stub.err == ERR_OK)
        net_call_reply(call, stub.data, stub.len);
    else
        net_call_abort(call, "out of memory");
    buf_fini(&stub);
}

static void describe(const struct kms_decision *dec, struct net_call *call, int64_t now,
                     struct store_activation *a)
{
    const struct kms_request *m = &dec->request;

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
        .count = dec->count,
    };
    net_call_peer(call, a->peer);
    kms_text_get(m->workstation, KMS_WORKSTATION_UNITS, a->workstation, sizeof(a->workstation));
}

static void owed_free(struct owed *o)
{
    buf_fini(&o->response);
    free(o);
}

/* The record is durable, or is not: now the answer goes out, or never. */
static void on_recorded(void *arg, const struct store_activation *a, enum err e)
{
    struct owed *o = arg;
    struct buf stub = BUF_INIT;

    if (e == ERR_OK)
        kms_stub_write_response(o->response.data, o->response.len, 0, o->ndr64, &stub);
    if (e != ERR_OK) {
        net_call_abort(o->call, "the activation could not be recorded");
    } else if (stub.err != ERR_OK) {
        net_call_abort(o->call, "out of memory");
    } else {
        log_answered(o, a);
        net_call_reply(o->call, stub.data, stub.len);
    }
    buf_fini(&stub);
    owed_free(o);
}

static void record(struct daemon *d, struct net_call *call, struct kms_decision *dec, int64_t now)
{
    struct store_activation a;
    struct owed *o = malloc(sizeof(*o));

    describe(dec, call, now, &a);
    if (o != NULL) {
        *o = (struct owed){.d = d,
                           .call = call,
                           .product = dec->product,
                           .response = dec->response,
                           .ndr64 = net_call_rpc(call)->ndr64};
        dec->response = (struct buf)BUF_INIT;
    }
    if (o != NULL && ledger_add(d->ledger, &a, on_recorded, o) == ERR_OK)
        return;
    /* Counted and neither recorded nor answered: at worst one too many until it is seen again. */
    if (o != NULL)
        owed_free(o);
    net_call_abort(call, "out of memory");
}

void activation_call(struct daemon *d, struct net_call *call)
{
    const struct rpc_call *rpc = net_call_rpc(call);
    int64_t now = daemon_now(d);
    struct kms_decision dec;
    const uint8_t *data;
    size_t n;

    if (!ledger_ready(d->ledger)) {
        net_call_abort(call, "the ledger cannot be written");
        return;
    }
    if (kms_stub_read_request(rpc->stub, rpc->stub_len, rpc->big, rpc->ndr64, &data, &n) !=
        ERR_OK) {
        refuse_stub(d, call);
        return;
    }
    kms_host_decide(d->host, data, n, now, &dec);
    d->decided[dec.reason]++;
    if (dec.reason == KMS_ANSWERED)
        record(d, call, &dec, now);
    else if (dec.reason == KMS_FAILED)
        net_call_abort(call, "the answer could not be made");
    else
        refuse(d, call, &dec, now);
    buf_fini(&dec.response);
}

/* ---- the count, from the ledger ---- */

static enum err remember(void *arg, const struct store_activation *a)
{
    return kms_host_remember(arg, &a->application_id, &a->client_id, a->required_count, a->when);
}

enum err activation_rebuild(void *arg, struct errinfo *ei)
{
    struct daemon *d = arg;
    enum err e;

    kms_host_forget(d->host);
    /* The room never shrinks, so every record speaks, however old. */
    e = store_each_activation(d->store, INT64_MIN, remember, d->host, ei);
    if (e == ERR_NOMEM)
        return err_nomem(ei);
    return e;
}
