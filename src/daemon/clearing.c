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

/* How things stand in the ledger for the one that asks. */
struct standing {
    const struct iid *id;
    bool known;                    /* the key */
    struct store_clearing_key key; /* zero but for its limits if not known */
    uint32_t used;                 /* activations of who asks */
};

/* What the ledger knows of the key and of who asks; nothing yet is no error. */
static enum err read_standing(void *arg, struct store *s, struct errinfo *ei)
{
    struct standing *st = arg;
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

static struct clearing_verdict decide(const struct standing *st)
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

static enum err write_grant(void *arg, struct store *s, struct errinfo *ei)
{
    return store_add_grant(s, arg, ei);
}

struct clearing_verdict clearing_settle(struct daemon *d, struct clearing_case *c, const char *peer,
                                        char group[CLEARING_GROUP_MAX], struct errinfo *ei)
{
    struct clearing_verdict v = {.reason = CLEARING_NOT_RECORDED};
    struct standing st = {.id = &c->id};
    struct store_clearing_grant g = {.when = daemon_now(d),
                                     .hosts = CLEARING_HOSTS,
                                     .per_host = CLEARING_PER_HOST,
                                     .kind = (int)c->id.kind,
                                     .binding = c->id.binding,
                                     .name = c->request.name,
                                     .pid = c->request.pid,
                                     .phone = peer == NULL};

    if (ledger_read(d->ledger, read_standing, &st, ei) != ERR_OK)
        return v;
    v = decide(&st);
    if (v.reason != CLEARING_GRANTED)
        return v;
    /* A machine does not say what its key is for; the ledger knows. */
    snprintf(group, CLEARING_GROUP_MAX, "%s", c->group[0] != '\0' ? c->group : st.key.group);
    c->group = group;
    memcpy(g.key, c->id.key, sizeof(g.key));
    snprintf(g.group, sizeof(g.group), "%s", group);
    snprintf(g.peer, sizeof(g.peer), "%s", peer == NULL ? "" : peer);
    if (ledger_write(d->ledger, write_grant, &g, ei) != ERR_OK)
        v.reason = CLEARING_NOT_RECORDED;
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

/* The answer to one request; nothing if it is refused. Returns the result to send. */
static uint32_t judge(struct daemon *d, const char *peer, const uint8_t *data, size_t n,
                      struct buf *answer)
{
    struct clearing_case c = {0};
    struct clearing_verdict v = {0};
    struct errinfo ei = {0};
    uint32_t hresult = 0;
    char group[CLEARING_GROUP_MAX];
    enum clearing_reason reason = clearing_receive(&d->clearing->house, data, n, &c, &hresult, &ei);

    if (reason == CLEARING_GRANTED) {
        v = clearing_settle(d, &c, peer, group, &ei);
        reason = v.reason;
        hresult = clearing_reason_hresult(reason);
    }
    d->clearing->judged[reason]++;
    if (reason == CLEARING_GRANTED)
        clearing_log_granted(d, peer, &c, &v);
    else
        clearing_log_refused(d, peer, reason, hresult,
                             reason == CLEARING_BAD_ID ? ei.text : clearing_reason_text(reason));
    /* Granted and not told, for want of memory: the site asks again, and that counts too. */
    if (reason == CLEARING_GRANTED && clearing_reply(&c, &v, daemon_now(d), answer, &ei) != ERR_OK)
        answer->err = ERR_NOMEM;
    OPENSSL_cleanse(&c, sizeof(c));
    return hresult;
}

void clearing_call(void *arg, struct net_errand *call)
{
    struct daemon *d = arg;
    const struct rpc_call *rpc = net_errand_rpc(call);
    char peer[NET_ADDRESS_MAX];
    struct buf answer = BUF_INIT;
    const uint8_t *data;
    uint32_t hresult;
    size_t n;

    if (kms_stub_read_request(rpc->stub, rpc->stub_len, rpc->big, rpc->ndr64, &data, &n) !=
        ERR_OK) {
        d->bad_stubs++;
        net_errand_fault(call, RPC_FAULT_BAD_STUB);
        return;
    }
    hresult = judge(d, net_errand_peer(call, peer), data, n, &answer);
    if (answer.err == ERR_OK)
        reply_with(call, &answer, hresult);
    else
        net_errand_abort(call, "out of memory");
    buf_fini(&answer);
}
