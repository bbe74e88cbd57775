#include "daemon/clearing.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clearing_internal.h"
#include "jobs/job.h"
#include "jobs/secret.h"
#include "kms/stub.h"
#include "store/clearing.h"

/* ---- life ---- */

static const char *group_name(void *arg, uint32_t code)
{
    const struct daemon *d = arg;
    const struct cat_group *groups;
    size_t n = catalog_groups(d->catalog, &groups);

    for (size_t i = 0; i < n; i++) {
        if (iid_group_code(groups[i].name) == code)
            return groups[i].name;
    }
    return NULL;
}

/* The steward derives it from the realm's secret; nothing else of the folder comes here. */
static enum err load_key(struct daemon *d, uint8_t key[REALM_CLEARING_LEN], struct errinfo *ei)
{
    const struct job_request request = {.kind = JOB_CLEARING};
    struct secret secret = {0};
    struct job job;
    enum err e = job_open(d->steward.control, &job, ei);

    _Static_assert(SECRET_LEN == REALM_CLEARING_LEN, "the clearing key's length");
    if (e == ERR_OK)
        e = job_ask(&job, &request, secret_take, &secret, ei);
    job_close(&job);
    if (e != ERR_OK)
        err_context(ei, "[clearing] serve needs the realm's secret");
    else if (strcmp(secret.realm, d->bundle.id) != 0)
        e = err_fail(ei, ERR_CONFIG,
                     "[clearing] serve: the bundle %s was of realm %s and now is of realm %s; "
                     "restart adbad",
                     d->settings.realm_bundle, d->bundle.id, secret.realm);
    else
        memcpy(key, secret.key, sizeof(secret.key));
    OPENSSL_cleanse(&secret, sizeof(secret));
    return e;
}

enum err clearing_open(struct daemon *d, struct errinfo *ei)
{
    struct clearing_service *c;
    enum err e;

    if (!d->settings.clearing_serve)
        return ERR_OK;
    c = calloc(1, sizeof(*c));
    if (c == NULL)
        return err_nomem(ei);
    c->house.group = group_name;
    c->house.arg = d;
    c->house.keys = &d->bundle.keys;
    e = load_key(d, c->house.key, ei);
    if (e != ERR_OK) {
        free(c);
        return e;
    }
    d->clearing = c;
    log_as(&d->log, LOGL_INFO, LOGK_SETTINGS, NULL, "this is the clearing house of realm %s",
           d->bundle.name);
    return ERR_OK;
}

void clearing_close(struct daemon *d)
{
    if (d->clearing == NULL)
        return;
    OPENSSL_cleanse(d->clearing, sizeof(*d->clearing));
    free(d->clearing);
    d->clearing = NULL;
}

/* ---- counting ---- */

/* What the ledger knows of the key and of who asks; nothing yet is no error. */
static enum err read_standing(struct clearing_standing *st, struct store *s, struct errinfo *ei)
{
    const struct iid *id = st->id;
    struct store_clearing_host h;
    enum err e = store_clearing_key(s, id->key, &st->key, ei);

    if (e == ERR_NOTFOUND) {
        st->key =
            (struct store_clearing_key){.hosts = CLEARING_HOSTS, .per_host = CLEARING_PER_HOST};
        return ERR_OK;
    }
    if (e != ERR_OK)
        return e;
    st->known = true;
    e = store_clearing_host(s, id->key, (int)id->kind, id->binding, &h, ei);
    if (e == ERR_OK)
        st->used = h.used;
    return e == ERR_NOTFOUND ? ERR_OK : e;
}

bool clearing_pooled(const char *key)
{
    enum labkey_kind kind;

    return labkey_read(key, &kind, NULL) && (kind == LABKEY_MAK || kind == LABKEY_EVALUATION);
}

static struct clearing_verdict decide(const struct clearing_standing *st)
{
    const struct store_clearing_key *k = &st->key;
    enum labkey_kind kind = LABKEY_HOST;
    bool read = labkey_read(st->id->key, &kind, NULL);

    /* A machine knows no more than the key's text: the realm issued it if it is in the ledger. */
    if (st->id->kind == IID_MACHINE && (!read || !st->known))
        return (struct clearing_verdict){.reason = CLEARING_UNKNOWN_KEY};
    if (kind == LABKEY_OEM)
        return (struct clearing_verdict){.reason = CLEARING_OEM};
    if (clearing_pooled(st->id->key))
        return clearing_decide_pool(&(struct clearing_pool){.size = k->pool,
                                                            .used = (uint32_t)k->granted,
                                                            .extended = k->extended,
                                                            .blocked = k->blocked,
                                                            .machines = k->hosts_used,
                                                            .had = st->used > 0});
    return clearing_decide(
        &(struct clearing_use){.limits = {.hosts = k->hosts, .per_host = k->per_host},
                               .blocked = k->blocked,
                               .hosts = k->hosts_used,
                               .used = st->used});
}

void clearing_prepare(struct daemon *d, const struct clearing_case *c, const char *peer,
                      struct clearing_settlement *s)
{
    *s = (struct clearing_settlement){.c = c,
                                      .standing = {.id = &c->id},
                                      .verdict = {.reason = CLEARING_NOT_RECORDED},
                                      .grant = {.when = daemon_now(d),
                                                .hosts = CLEARING_HOSTS,
                                                .per_host = CLEARING_PER_HOST,
                                                .kind = (int)c->id.kind,
                                                .binding = c->id.binding,
                                                .name = c->request.name,
                                                .pid = c->request.pid,
                                                .phone = peer == NULL}};
    memcpy(s->grant.key, c->id.key, sizeof(s->grant.key));
    snprintf(s->grant.peer, sizeof(s->grant.peer), "%s", peer == NULL ? "" : peer);
}

enum err clearing_settle(void *settlement, struct store *store, struct errinfo *ei)
{
    struct clearing_settlement *s = settlement;
    const char *known = s->c->group;
    enum err e = read_standing(&s->standing, store, ei);

    if (e != ERR_OK)
        return e;
    s->verdict = decide(&s->standing);
    if (s->verdict.reason != CLEARING_GRANTED)
        return ERR_OK;
    /* A machine does not say what its key is for; the ledger knows. */
    snprintf(s->grant.group, sizeof(s->grant.group), "%s",
             known[0] != '\0' ? known : s->standing.key.group);
    return store_add_grant(store, &s->grant, ei);
}

struct clearing_verdict clearing_settled(const struct clearing_settlement *s, enum err e,
                                         struct clearing_case *c)
{
    struct clearing_verdict v = s->verdict;

    if (e != ERR_OK)
        v.reason = CLEARING_NOT_RECORDED;
    else if (v.reason == CLEARING_GRANTED)
        c->group = s->grant.group;
    return v;
}

static void log_pool(struct daemon *d, const char *peer, const struct clearing_case *c,
                     const struct clearing_verdict *v)
{
    log_as(&d->log, LOGL_INFO, LOGK_CLEARING, NULL,
           "clearing %s \"%s\": granted, machine with the key ending in %s (\"%s\"): activation "
           "%" PRIu32 " of the key, %" PRIu32 " left; machine %" PRIu32,
           peer, c->request.name, c->id.key + HOSTKEY_TEXT_LEN - 5, c->group, v->used, v->left,
           v->hosts_used);
}

void clearing_log_granted(struct daemon *d, const char *peer, const struct clearing_case *c,
                          const struct clearing_verdict *v)
{
    enum labkey_kind kind = LABKEY_HOST;

    labkey_read(c->id.key, &kind, NULL);
    if (clearing_pooled(c->id.key)) {
        log_pool(d, peer, c, v);
        return;
    }
    log_as(&d->log, LOGL_INFO, LOGK_CLEARING, NULL,
           "clearing %s \"%s\": granted, %s with the key ending in %s (\"%s\"): activation "
           "%" PRIu32 " of this %s, %" PRIu32 " left; host %" PRIu32 " of the key, %" PRIu32
           " left",
           peer, c->request.name, iid_kind_name(c->id.kind), c->id.key + HOSTKEY_TEXT_LEN - 5,
           c->group, v->used, iid_kind_name(c->id.kind), v->left, v->hosts_used, v->hosts_left);
    if (c->id.kind == IID_MACHINE && kind == LABKEY_HOST)
        log_as(&d->log, LOGL_WARN, LOGK_CLEARING, NULL,
               "clearing %s \"%s\": a client took an activation of the host key ending in %s; "
               "install its client setup key there",
               peer, c->request.name, c->id.key + HOSTKEY_TEXT_LEN - 5);
}

void clearing_log_refused(struct daemon *d, const char *peer, enum clearing_reason reason,
                          uint32_t hresult, const char *why)
{
    log_as(&d->log, LOGL_INFO, LOGK_CLEARING_REFUSED, clearing_reason_name(reason),
           "clearing %s: refused, 0x%08X %s: %s", peer, hresult, clearing_reason_name(reason), why);
}

/* ---- online ---- */

static void reply_with(struct net_errand *call, const struct buf *answer, uint32_t hresult)
{
    struct buf stub = BUF_INIT;

    kms_stub_write_response(answer->data, answer->len, hresult, net_errand_rpc(call)->ndr64, &stub);
    if (stub.err == ERR_OK)
        net_errand_reply(call, stub.data, stub.len);
    else
        net_errand_abort(call, "out of memory");
    buf_fini(&stub);
}

/* One request, until it is answered. */
struct online {
    struct daemon *d;
    struct net_errand *call;
    struct clearing_case c;
    struct clearing_settlement settlement;
    struct ledger_job job;
};

/* The answer is empty if it is refused. */
static void answer(struct online *o, const struct clearing_verdict *v, uint32_t hresult,
                   const char *why)
{
    struct daemon *d = o->d;
    struct buf reply = BUF_INIT;
    struct errinfo ei = {0};
    char peer[NET_ADDRESS_MAX];

    net_errand_peer(o->call, peer);
    d->clearing->judged[v->reason]++;
    if (v->reason == CLEARING_GRANTED)
        clearing_log_granted(d, peer, &o->c, v);
    else
        clearing_log_refused(d, peer, v->reason, hresult, why);
    /* Granted and not told, for want of memory: the site asks again, and that counts too. */
    if (v->reason == CLEARING_GRANTED &&
        clearing_reply(&o->c, v, daemon_now(d), &reply, &ei) != ERR_OK)
        reply.err = ERR_NOMEM;
    if (reply.err == ERR_OK)
        reply_with(o->call, &reply, hresult);
    else
        net_errand_abort(o->call, "out of memory");
    buf_fini(&reply);
    OPENSSL_cleanse(&o->c, sizeof(o->c));
    free(o);
}

static enum err settle(void *arg, struct store *store, struct errinfo *ei)
{
    struct online *o = arg;

    return clearing_settle(&o->settlement, store, ei);
}

static void on_settled(void *arg, enum err e)
{
    struct online *o = arg;
    struct clearing_verdict v = clearing_settled(&o->settlement, e, &o->c);

    o->d->clearing->under_way--;
    answer(o, &v, clearing_reason_hresult(v.reason), clearing_reason_text(v.reason));
}

static void judge(struct online *o, const uint8_t *data, size_t n)
{
    struct daemon *d = o->d;
    struct clearing_verdict v = {0};
    struct errinfo ei = {0};
    uint32_t hresult = 0;
    char peer[NET_ADDRESS_MAX];

    v.reason = clearing_receive(&d->clearing->house, data, n, &o->c, &hresult, &ei);
    if (v.reason != CLEARING_GRANTED) {
        answer(o, &v, hresult,
               v.reason == CLEARING_BAD_ID ? ei.text : clearing_reason_text(v.reason));
        return;
    }
    clearing_prepare(d, &o->c, net_errand_peer(o->call, peer), &o->settlement);
    o->job = (struct ledger_job){.write = settle, .done = on_settled, .arg = o};
    d->clearing->under_way++;
    ledger_post(d->port, &o->job);
}

void clearing_call(void *arg, struct net_errand *call)
{
    struct daemon *d = arg;
    const struct rpc_call *rpc = net_errand_rpc(call);
    struct online *o;
    const uint8_t *data;
    size_t n;

    if (kms_stub_read_request(rpc->stub, rpc->stub_len, rpc->big, rpc->ndr64, &data, &n) !=
        ERR_OK) {
        d->bad_stubs++;
        net_errand_fault(call, RPC_FAULT_BAD_STUB);
        return;
    }
    o = calloc(1, sizeof(*o));
    if (o == NULL) {
        net_errand_abort(call, "out of memory");
        return;
    }
    o->d = d;
    o->call = call;
    judge(o, data, n);
}

bool clearing_idle(const struct daemon *d)
{
    return d->clearing == NULL || d->clearing->under_way == 0;
}
