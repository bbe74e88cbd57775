#include "daemon/clearing.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clearing/house.h"
#include "kms/stub.h"
#include "store/clearing.h"

struct clearing_service {
    struct clearing_house house;
    uint64_t judged[CLEARING_REASONS]; /* since start */
};

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

/* The clearing key comes from the realm's secret; nothing else of the folder is kept. */
static enum err load_key(struct daemon *d, uint8_t key[REALM_CLEARING_LEN], struct errinfo *ei)
{
    struct realm r = {0};
    enum err e = realm_open(d->settings.realm_dir, &r, ei);

    if (e != ERR_OK)
        return err_context(ei, "[clearing] serve needs the realm's folder");
    if (strcmp(r.bundle.id, d->bundle.id) != 0)
        e = err_fail(ei, ERR_CONFIG,
                     "[clearing] serve: the folder %s is of realm %s, the bundle of realm %s",
                     d->settings.realm_dir, r.bundle.id, d->bundle.id);
    else
        memcpy(key, r.clearing, sizeof(r.clearing));
    realm_fini(&r);
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
    e = load_key(d, c->house.key, ei);
    if (e != ERR_OK) {
        free(c);
        return e;
    }
    d->clearing = c;
    log_info(&d->log, "this is the clearing house of realm %s", d->bundle.name);
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

struct use_query {
    const struct iid *id;
    struct clearing_use use;
};

/* What the ledger knows of the key and of who asks; nothing yet is no error. */
static enum err read_use(void *arg, struct store *s, struct errinfo *ei)
{
    struct use_query *q = arg;
    const struct iid *id = q->id;
    struct clearing_use *u = &q->use;
    struct store_clearing_key k;
    struct store_clearing_host h;
    enum err e = store_clearing_key(s, id->key, &k, ei);

    *u = (struct clearing_use){.limits = CLEARING_LIMITS_DEFAULT};
    if (e == ERR_NOTFOUND)
        return ERR_OK;
    if (e != ERR_OK)
        return e;
    u->limits = (struct clearing_limits){.hosts = k.hosts, .per_host = k.per_host};
    u->blocked = k.blocked;
    u->hosts = k.hosts_used;
    e = store_clearing_host(s, id->key, (int)id->kind, id->binding, &h, ei);
    if (e == ERR_OK)
        u->used = h.used;
    return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err write_grant(void *arg, struct store *s, struct errinfo *ei)
{
    return store_add_grant(s, arg, ei);
}

/* Decides and, if it is a grant, makes it durable: it may be told once this returns. The loop
 * waits, so nothing comes between reading and writing. */
static struct clearing_verdict settle(struct daemon *d, const struct clearing_case *c,
                                      const char *peer, struct errinfo *ei)
{
    struct clearing_verdict v = {.reason = CLEARING_NOT_RECORDED};
    struct store_clearing_grant g = {.when = daemon_now(d),
                                     .hosts = CLEARING_HOSTS,
                                     .per_host = CLEARING_PER_HOST,
                                     .kind = (int)c->id.kind,
                                     .binding = c->id.binding,
                                     .name = c->request.name,
                                     .pid = c->request.pid,
                                     .phone = peer == NULL};
    struct use_query q = {.id = &c->id};

    if (ledger_read(d->ledger, read_use, &q, ei) != ERR_OK)
        return v;
    v = clearing_decide(&q.use);
    if (v.reason != CLEARING_GRANTED)
        return v;
    memcpy(g.key, c->id.key, sizeof(g.key));
    snprintf(g.group, sizeof(g.group), "%s", c->group);
    snprintf(g.peer, sizeof(g.peer), "%s", peer == NULL ? "" : peer);
    if (ledger_write(d->ledger, write_grant, &g, ei) != ERR_OK)
        v.reason = CLEARING_NOT_RECORDED;
    return v;
}

static void log_granted(struct daemon *d, const char *peer, const struct clearing_case *c,
                        const struct clearing_verdict *v)
{
    log_info(&d->log,
             "clearing %s \"%s\": granted, %s with the key ending in %s (\"%s\"): activation "
             "%" PRIu32 " of this %s, %" PRIu32 " left; host %" PRIu32 " of the key, %" PRIu32
             " left",
             peer, c->request.name, iid_kind_name(c->id.kind), c->id.key + HOSTKEY_TEXT_LEN - 5,
             c->group, v->used, iid_kind_name(c->id.kind), v->left, v->hosts_used, v->hosts_left);
}

static void log_refused(struct daemon *d, const char *peer, enum clearing_reason reason,
                        uint32_t hresult, const char *why)
{
    log_info(&d->log, "clearing %s: refused, 0x%08X %s: %s", peer, hresult,
             clearing_reason_name(reason), why);
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
    enum clearing_reason reason = clearing_receive(&d->clearing->house, data, n, &c, &hresult, &ei);

    if (reason == CLEARING_GRANTED) {
        v = settle(d, &c, peer, &ei);
        reason = v.reason;
        hresult = clearing_reason_hresult(reason);
    }
    d->clearing->judged[reason]++;
    if (reason == CLEARING_GRANTED)
        log_granted(d, peer, &c, &v);
    else
        log_refused(d, peer, reason, hresult,
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

/* ---- a clerk ---- */

static enum err not_serving(struct errinfo *ei)
{
    return err_fail(ei, ERR_NOT_NOW,
                    "this adbad is no clearing house; set [clearing] serve = yes where one shall "
                    "be");
}

static enum err refused(struct daemon *d, enum clearing_reason reason, uint32_t hresult,
                        struct errinfo *ei)
{
    struct errinfo why = *ei;

    d->clearing->judged[reason]++;
    if (reason != CLEARING_BAD_ID)
        snprintf(why.text, sizeof(why.text), "%s", clearing_reason_text(reason));
    log_refused(d, "by phone", reason, hresult, why.text);
    if (reason == CLEARING_NOT_RECORDED)
        why.code = ERR_IO;
    else if (reason != CLEARING_BAD_ID)
        why.code = ERR_REFUSED;
    return err_fail_hr(ei, why.code, hresult, "confirm: %s", why.text);
}

static void tell(json_t *reply, const struct clearing_case *c, const struct clearing_verdict *v,
                 const char *cid)
{
    json_object_set_new(reply, "confirmation_id", json_string(cid));
    json_object_set_new(reply, "group", json_string(c->group));
    json_object_set_new(reply, "key", json_string(c->id.key));
    json_object_set_new(reply, "kind", json_string(iid_kind_name(c->id.kind)));
    json_object_set_new(reply, "activations", json_integer(v->used));
    json_object_set_new(reply, "activations_left", json_integer(v->left));
    json_object_set_new(reply, "hosts", json_integer(v->hosts_used));
    json_object_set_new(reply, "hosts_left", json_integer(v->hosts_left));
}

enum err clearing_confirm_command(void *arg, const json_t *request, json_t *reply,
                                  struct errinfo *ei)
{
    struct daemon *d = arg;
    const char *iid = json_string_value(json_object_get(request, "iid"));
    struct clearing_case c = {0};
    struct clearing_verdict v;
    enum clearing_reason reason;
    char cid[CID_TEXT_MAX];
    uint32_t hresult;
    enum err e;

    if (d->clearing == NULL)
        return not_serving(ei);
    if (iid == NULL)
        return err_fail(ei, ERR_USAGE, "command clearing.confirm: expected a string \"iid\"");
    reason = clearing_recognise(&d->clearing->house, iid, &c, &hresult, ei);
    if (reason != CLEARING_GRANTED)
        return refused(d, reason, hresult, ei);
    v = settle(d, &c, NULL, ei);
    if (v.reason != CLEARING_GRANTED)
        return refused(d, v.reason, clearing_reason_hresult(v.reason), ei);
    d->clearing->judged[CLEARING_GRANTED]++;
    log_granted(d, "by phone", &c, &v);
    e = clearing_confirm(&c, cid, ei);
    if (e == ERR_OK)
        tell(reply, &c, &v, cid);
    OPENSSL_cleanse(&c, sizeof(c));
    return e;
}

const char *const clearing_confirm_keys[] = {"iid", NULL};

/* ---- extending ---- */

static enum err write_key(void *arg, struct store *s, struct errinfo *ei)
{
    return store_put_clearing_key(s, arg, ei);
}

struct key_query {
    const char *key;
    struct store_clearing_key *out;
};

static enum err read_key(void *arg, struct store *s, struct errinfo *ei)
{
    const struct key_query *q = arg;

    return store_clearing_key(s, q->key, q->out, ei);
}

static bool read_count(const json_t *request, const char *name, uint32_t *out)
{
    const json_t *v = json_object_get(request, name);
    json_int_t n = json_integer_value(v);

    *out = (uint32_t)n;
    return v == NULL || (json_is_integer(v) && n >= 0 && n <= CLEARING_LIMIT_MAX);
}

enum err clearing_extend_command(void *arg, const json_t *request, json_t *reply,
                                 struct errinfo *ei)
{
    struct daemon *d = arg;
    const char *key = json_string_value(json_object_get(request, "key"));
    struct store_clearing_key k = {0};
    struct clearing_limits l;
    uint32_t hosts, per_host;
    enum err e;

    if (d->clearing == NULL)
        return not_serving(ei);
    if (key == NULL || !read_count(request, "hosts", &hosts) ||
        !read_count(request, "activations", &per_host))
        return err_fail(ei, ERR_USAGE,
                        "command clearing.extend: expected a string \"key\" and whole numbers "
                        "\"hosts\" and \"activations\"");
    e = ledger_read(d->ledger, read_key, &(struct key_query){key, &k}, ei);
    if (e == ERR_NOTFOUND)
        return err_fail(ei, e, "extend host key: nothing was ever activated with %.40s", key);
    l = (struct clearing_limits){.hosts = k.hosts, .per_host = k.per_host};
    if (e == ERR_OK)
        e = clearing_extend(&l, hosts, per_host, ei);
    k.hosts = l.hosts;
    k.per_host = l.per_host;
    if (e == ERR_OK)
        e = ledger_write(d->ledger, write_key, &k, ei);
    if (e != ERR_OK)
        return e;
    log_info(&d->log, "clearing: key ending in %s extended to %" PRIu32 " hosts, each %" PRIu32,
             k.key + HOSTKEY_TEXT_LEN - 5, k.hosts, k.per_host);
    json_object_set_new(reply, "hosts_max", json_integer(k.hosts));
    json_object_set_new(reply, "activations_max", json_integer(k.per_host));
    return ERR_OK;
}

const char *const clearing_extend_keys[] = {"key", "hosts", "activations", NULL};

/* ---- blocking ---- */

enum err clearing_block_command(void *arg, const json_t *request, json_t *reply, struct errinfo *ei)
{
    struct daemon *d = arg;
    const char *key = json_string_value(json_object_get(request, "key"));
    const json_t *blocked = json_object_get(request, "blocked");
    struct store_clearing_key k = {0};
    enum err e;

    if (d->clearing == NULL)
        return not_serving(ei);
    if (key == NULL || !json_is_boolean(blocked))
        return err_fail(ei, ERR_USAGE,
                        "command clearing.block: expected a string \"key\" and a boolean "
                        "\"blocked\"");
    e = ledger_read(d->ledger, read_key, &(struct key_query){key, &k}, ei);
    if (e == ERR_NOTFOUND)
        return err_fail(ei, e, "block host key: nothing was ever activated with %.40s", key);
    k.blocked = json_is_true(blocked);
    if (e == ERR_OK)
        e = ledger_write(d->ledger, write_key, &k, ei);
    if (e != ERR_OK)
        return e;
    log_info(&d->log, "clearing: key ending in %s %s", k.key + HOSTKEY_TEXT_LEN - 5,
             k.blocked ? "blocked" : "no longer blocked");
    json_object_set_new(reply, "blocked", json_boolean(k.blocked));
    return ERR_OK;
}

const char *const clearing_block_keys[] = {"key", "blocked", NULL};

/* ---- status ---- */

struct listing {
    json_t *list;
    uint32_t per_host; /* limit of the key whose hosts are listed */
};

static enum err list_host(void *arg, const struct store_clearing_host *h)
{
    const struct listing *l = arg;
    char first[CLK_TEXT_MAX], last[CLK_TEXT_MAX], binding[16];

    snprintf(binding, sizeof(binding), "%08" PRIx32, h->binding);
    json_array_append_new(l->list,
                          json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s}", "kind",
                                    iid_kind_name((enum iid_kind)h->kind), "name", h->name,
                                    "binding", binding, "pid", h->pid, "activations",
                                    (json_int_t)h->used, "activations_left",
                                    (json_int_t)(l->per_host > h->used ? l->per_host - h->used : 0),
                                    "first_activated", clk_format(h->first_at, first),
                                    "last_activated", clk_format(h->last_at, last)));
    return ERR_OK;
}

static enum err list_key(void *arg, const struct store_clearing_key *k)
{
    const struct listing *l = arg;
    json_t *j = json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:o}", "key", k->key, "group",
                          k->group, "blocked", k->blocked, "hosts", (json_int_t)k->hosts_used,
                          "hosts_max", (json_int_t)k->hosts, "hosts_left",
                          (json_int_t)(k->hosts > k->hosts_used ? k->hosts - k->hosts_used : 0),
                          "activations", (json_int_t)k->granted, "activations_max",
                          (json_int_t)k->per_host, "entries", json_array());

    json_array_append_new(l->list, j);
    return ERR_OK;
}

/* Every key and its hosts; on the writer's thread, while the loop waits. */
static enum err read_keys(void *arg, struct store *s, struct errinfo *ei)
{
    struct listing all = {.list = arg};
    json_t *keys = arg;
    enum err e = store_each_clearing_key(s, list_key, &all, ei);

    for (size_t i = 0; e == ERR_OK && i < json_array_size(keys); i++) {
        json_t *k = json_array_get(keys, i);
        struct listing hosts = {
            .list = json_object_get(k, "entries"),
            .per_host = (uint32_t)json_integer_value(json_object_get(k, "activations_max"))};

        e = store_each_clearing_host(s, json_string_value(json_object_get(k, "key")), list_host,
                                     &hosts, ei);
    }
    return e;
}

enum err clearing_status_command(void *arg, const json_t *request, json_t *reply,
                                 struct errinfo *ei)
{
    struct daemon *d = arg;
    json_t *keys = json_array();
    json_t *refusals = json_object();
    enum err e = d->clearing == NULL ? not_serving(ei) : ERR_OK;

    (void)request;
    for (int r = CLEARING_GRANTED + 1; e == ERR_OK && r < CLEARING_REASONS; r++)
        json_object_set_new(refusals, clearing_reason_name((enum clearing_reason)r),
                            json_integer((json_int_t)d->clearing->judged[r]));
    if (e == ERR_OK)
        e = ledger_read(d->ledger, read_keys, keys, ei);
    if (e == ERR_OK) {
        json_object_set_new(reply, "realm", json_string(d->bundle.name));
        json_object_set_new(reply, "granted_since_start",
                            json_integer((json_int_t)d->clearing->judged[CLEARING_GRANTED]));
        json_object_set(reply, "refused_since_start", refusals);
        json_object_set(reply, "keys", keys);
    }
    json_decref(refusals);
    json_decref(keys);
    return e;
}
