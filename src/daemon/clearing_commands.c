/* The clearing house's clerk and keeper: commands of the control socket. */
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "base/plural.h"
#include "daemon/clearing_internal.h"
#include "store/clearing.h"

/* ---- a clerk ---- */

static enum err not_serving(struct errinfo *ei)
{
    return err_fail(ei, ERR_CONFIG,
                    "this adbad is no clearing house; set [clearing] serve = yes where one shall "
                    "be");
}

static enum err refused(struct daemon *d, enum clearing_reason reason, uint32_t hresult,
                        struct errinfo *ei)
{
    struct errinfo why = *ei;
    bool later = reason == CLEARING_NOT_RECORDED && why.code == ERR_TIMEOUT;

    d->clearing->judged[reason]++;
    if (reason != CLEARING_BAD_ID && !later)
        snprintf(why.text, sizeof(why.text), "%s", clearing_reason_text(reason));
    clearing_log_refused(d, "by phone", reason, hresult, why.text);
    if (later)
        why.code = ERR_TIMEOUT;
    else if (reason == CLEARING_NOT_RECORDED)
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
    json_object_set_new(reply, "pool", json_boolean(clearing_pooled(c->id.key)));
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
    struct clearing_settlement s;
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
    clearing_prepare(d, &c, NULL, &s);
    e = ledger_write(d->ledger, clearing_settle, &s, ei);
    v = clearing_settled(&s, e, &c);
    if (v.reason != CLEARING_GRANTED)
        return refused(d, v.reason, clearing_reason_hresult(v.reason), ei);
    d->clearing->judged[CLEARING_GRANTED]++;
    clearing_log_granted(d, "by phone", &c, &v);
    e = clearing_confirm(&c, cid, ei);
    if (e == ERR_OK)
        tell(reply, &c, &v, cid);
    OPENSSL_cleanse(&c, sizeof(c));
    return e;
}

const char *const clearing_confirm_keys[] = {"iid", NULL};

/* ---- keys ---- */

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

static enum err extend_pool(struct store_clearing_key *k, uint32_t hosts, uint32_t more,
                            struct errinfo *ei)
{
    struct clearing_pool p = {.size = k->pool, .extended = k->extended};
    enum err e;

    if (hosts != 0)
        return err_fail(ei, ERR_USAGE, "extend key: a MAK has activations, and no number of hosts");
    e = clearing_extend_pool(&p, more, ei);
    k->pool = p.size;
    k->extended = p.extended;
    return e;
}

static enum err extend_limits(struct store_clearing_key *k, uint32_t hosts, uint32_t per_host,
                              struct errinfo *ei)
{
    struct clearing_limits l = {.hosts = k->hosts, .per_host = k->per_host};
    enum err e = clearing_extend(&l, hosts, per_host, ei);

    k->hosts = l.hosts;
    k->per_host = l.per_host;
    return e;
}

static void tell_limits(struct daemon *d, const struct store_clearing_key *k, json_t *reply)
{
    if (clearing_pooled(k->key)) {
        log_as(&d->log, LOGL_INFO, LOGK_CLEARING, NULL,
               "clearing: key ending in %s extended to %" PRIu32 " activations",
               k->key + HOSTKEY_TEXT_LEN - 5, k->pool);
        json_object_set_new(reply, "activations_max", json_integer(k->pool));
        json_object_set_new(reply, "activations_left",
                            json_integer((json_int_t)k->pool - (json_int_t)k->granted));
        return;
    }
    log_as(&d->log, LOGL_INFO, LOGK_CLEARING, NULL,
           "clearing: key ending in %s extended to %" PRIu32 " host%s, each %" PRIu32,
           k->key + HOSTKEY_TEXT_LEN - 5, k->hosts, plural(k->hosts), k->per_host);
    json_object_set_new(reply, "hosts_max", json_integer(k->hosts));
    json_object_set_new(reply, "activations_max", json_integer(k->per_host));
}

/* A host key is known from its first activation on, a machine's key since it was issued. */
static enum err known_key(struct daemon *d, const char *doing, const char *key,
                          struct store_clearing_key *out, struct errinfo *ei)
{
    enum err e = ledger_read(d->ledger, read_key, &(struct key_query){key, out}, ei);

    if (e == ERR_NOTFOUND)
        return err_fail(ei, e,
                        "%s key: nothing was ever activated with %.40s, and this clearing house "
                        "never issued it",
                        doing, key);
    return e;
}

enum err clearing_extend_command(void *arg, const json_t *request, json_t *reply,
                                 struct errinfo *ei)
{
    struct daemon *d = arg;
    const char *key = json_string_value(json_object_get(request, "key"));
    struct store_clearing_key k = {0};
    uint32_t hosts, activations;
    enum err e;

    if (d->clearing == NULL)
        return not_serving(ei);
    if (key == NULL || !read_count(request, "hosts", &hosts) ||
        !read_count(request, "activations", &activations))
        return err_fail(ei, ERR_USAGE,
                        "command clearing.extend: expected a string \"key\" and whole numbers "
                        "\"hosts\" and \"activations\"");
    e = known_key(d, "extend", key, &k, ei);
    if (e == ERR_OK)
        e = clearing_pooled(k.key) ? extend_pool(&k, hosts, activations, ei)
                                   : extend_limits(&k, hosts, activations, ei);
    if (e == ERR_OK)
        e = ledger_write(d->ledger, write_key, &k, ei);
    if (e == ERR_OK)
        tell_limits(d, &k, reply);
    return e;
}

const char *const clearing_extend_keys[] = {"key", "hosts", "activations", NULL};

/* ---- issuing ---- */

static bool read_kind(const char *text, enum labkey_kind *out)
{
    static const struct {
        const char *name;
        enum labkey_kind kind;
    } kinds[] = {{"mak", LABKEY_MAK},
                 {"retail", LABKEY_RETAIL},
                 {"oem", LABKEY_OEM},
                 {"evaluation", LABKEY_EVALUATION}};

    for (size_t i = 0; text != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        *out = kinds[i].kind;
        if (strcmp(text, kinds[i].name) == 0)
            return true;
    }
    return false;
}

/* A key of its own product, unlike any that the ledger holds: 70 of its bits are random. */
static void make_key(const struct daemon *d, const struct cat_product *p, enum labkey_kind kind,
                     uint32_t count, struct store_clearing_key *out)
{
    struct rng rng = rng_system();

    *out = (struct store_clearing_key){
        .issued_at = daemon_now(d), .hosts = 1, .per_host = CLEARING_PER_HOST};
    labkey_make(kind, &p->activation_id, &rng, out->key);
    out->pool = clearing_pooled(out->key) ? count : 0;
    snprintf(out->group, sizeof(out->group), "%.60s %.60s", p->product, p->edition);
}

enum err clearing_issue_command(void *arg, const json_t *request, json_t *reply, struct errinfo *ei)
{
    struct daemon *d = arg;
    const char *id = json_string_value(json_object_get(request, "activation_id"));
    const char *kind_text = json_string_value(json_object_get(request, "kind"));
    const struct cat_product *p;
    struct store_clearing_key k;
    enum labkey_kind kind;
    uint32_t count;
    struct guid g;
    enum err e;

    if (d->clearing == NULL)
        return not_serving(ei);
    if (id == NULL || !guid_parse(id, &g) || !read_kind(kind_text, &kind) ||
        !read_count(request, "count", &count))
        return err_fail(ei, ERR_USAGE,
                        "command clearing.issue: expected a product's \"activation_id\", a "
                        "\"kind\" (mak, retail, oem, evaluation) and a whole number \"count\"");
    p = catalog_product_by_activation_id(d->catalog, &g);
    if (p == NULL)
        return err_fail(ei, ERR_NOTFOUND, "issue key: %s is no product of the catalogue", id);
    make_key(d, p, kind, count, &k);
    e = ledger_write(d->ledger, write_key, &k, ei);
    if (e != ERR_OK)
        return e;
    log_as(&d->log, LOGL_INFO, LOGK_CLEARING, NULL,
           "clearing: %s ending in %s issued for \"%s\", %" PRIu32 " activations",
           labkey_kind_name(kind), k.key + HOSTKEY_TEXT_LEN - 5, k.group, k.pool);
    json_object_set_new(reply, "key", json_string(k.key));
    json_object_set_new(reply, "kind", json_string(labkey_kind_name(kind)));
    json_object_set_new(reply, "product", json_string(k.group));
    json_object_set_new(reply, "activations_max",
                        clearing_pooled(k.key) ? json_integer(k.pool) : json_null());
    return ERR_OK;
}

const char *const clearing_issue_keys[] = {"activation_id", "kind", "count", NULL};

/* A host key that was just issued: from now on a client is told apart that was given it by mistake,
 * although such a machine can't show that the realm issued it. */
enum err clearing_know_command(void *arg, const json_t *request, json_t *reply, struct errinfo *ei)
{
    struct daemon *d = arg;
    const char *key = json_string_value(json_object_get(request, "key"));
    const char *group = json_string_value(json_object_get(request, "group"));
    struct store_clearing_key k = {.hosts = CLEARING_HOSTS, .per_host = CLEARING_PER_HOST};
    enum err e;

    (void)reply;
    if (d->clearing == NULL)
        return not_serving(ei);
    if (key == NULL || !hostkey_text_valid(key) || group == NULL ||
        catalog_group(d->catalog, group) == NULL)
        return err_fail(ei, ERR_USAGE,
                        "command clearing.know: expected a host key's \"key\" and its \"group\"");
    e = ledger_read(d->ledger, read_key, &(struct key_query){key, &k}, ei);
    if (e != ERR_NOTFOUND)
        return e;
    memcpy(k.key, key, sizeof(k.key));
    snprintf(k.group, sizeof(k.group), "%s", group);
    return ledger_write(d->ledger, write_key, &k, ei);
}

const char *const clearing_know_keys[] = {"key", "group", NULL};

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
    e = known_key(d, "block", key, &k, ei);
    k.blocked = json_is_true(blocked);
    if (e == ERR_OK)
        e = ledger_write(d->ledger, write_key, &k, ei);
    if (e != ERR_OK)
        return e;
    log_as(&d->log, LOGL_INFO, LOGK_CLEARING, NULL, "clearing: key ending in %s %s",
           k.key + HOSTKEY_TEXT_LEN - 5, k.blocked ? "blocked" : "no longer blocked");
    json_object_set_new(reply, "blocked", json_boolean(k.blocked));
    return ERR_OK;
}

const char *const clearing_block_keys[] = {"key", "blocked", NULL};

/* ---- status ---- */

struct listing {
    json_t *list;
    uint32_t per_host; /* limit of the key whose hosts are listed; 0: they have none of their own */
};

static enum err list_host(void *arg, const struct store_clearing_host *h)
{
    const struct listing *l = arg;
    char first[CLK_TEXT_MAX], last[CLK_TEXT_MAX], binding[16];
    json_t *left;

    snprintf(binding, sizeof(binding), "%08" PRIx32, h->binding);
    left = l->per_host == 0 ? json_null()
                            : json_integer(l->per_host > h->used ? l->per_host - h->used : 0);
    json_array_append_new(l->list, json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:s, s:s}", "kind",
                                             iid_kind_name((enum iid_kind)h->kind), "name", h->name,
                                             "binding", binding, "pid", h->pid, "activations",
                                             (json_int_t)h->used, "activations_left", left,
                                             "first_activated", clk_format(h->first_at, first),
                                             "last_activated", clk_format(h->last_at, last)));
    return ERR_OK;
}

static json_t *host_key_json(const struct store_clearing_key *k)
{
    return json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:o}", "key", k->key, "group",
                     k->group, "blocked", k->blocked, "hosts", (json_int_t)k->hosts_used,
                     "hosts_max", (json_int_t)k->hosts, "hosts_left",
                     (json_int_t)(k->hosts > k->hosts_used ? k->hosts - k->hosts_used : 0),
                     "activations", (json_int_t)k->granted, "activations_max",
                     (json_int_t)k->per_host, "entries", json_array());
}

/* Of a key for machines. One that is no MAK's has no pool: it activates one machine. */
static json_t *machine_key_json(const struct store_clearing_key *k, enum labkey_kind kind)
{
    bool pooled = clearing_pooled(k->key);
    int64_t left = (int64_t)k->pool - (int64_t)k->granted;
    char issued[CLK_TEXT_MAX];

    return json_pack("{s:s, s:s, s:s, s:b, s:I, s:o, s:o, s:b, s:I, s:s, s:o}", "key", k->key,
                     "kind", labkey_kind_name(kind), "product", k->group, "blocked", k->blocked,
                     "activations", (json_int_t)k->granted, "activations_max",
                     pooled ? json_integer(k->pool) : json_null(), "activations_left",
                     pooled ? json_integer(left > 0 ? left : 0) : json_null(), "extended",
                     k->extended, "machines", (json_int_t)k->hosts_used, "issued",
                     clk_format(k->issued_at, issued), "entries", json_array());
}

/* Host keys, and the keys of machines. */
struct key_lists {
    json_t *host, *machine;
};

static enum err list_key(void *arg, const struct store_clearing_key *k)
{
    const struct key_lists *l = arg;
    enum labkey_kind kind;

    if (labkey_read(k->key, &kind, NULL) && kind != LABKEY_HOST)
        json_array_append_new(l->machine, machine_key_json(k, kind));
    else
        json_array_append_new(l->host, host_key_json(k));
    return ERR_OK;
}

static enum err read_entries(struct store *s, json_t *keys, bool limited, struct errinfo *ei)
{
    enum err e = ERR_OK;

    for (size_t i = 0; e == ERR_OK && i < json_array_size(keys); i++) {
        json_t *k = json_array_get(keys, i);
        const json_t *most = json_object_get(k, "activations_max");
        struct listing hosts = {.list = json_object_get(k, "entries"),
                                .per_host = limited ? (uint32_t)json_integer_value(most) : 0};

        e = store_each_clearing_host(s, json_string_value(json_object_get(k, "key")), list_host,
                                     &hosts, ei);
    }
    return e;
}

/* Every key and its hosts; on the writer's thread, while the loop waits. */
static enum err read_keys(void *arg, struct store *s, struct errinfo *ei)
{
    struct key_lists *l = arg;
    enum err e = store_each_clearing_key(s, list_key, l, ei);

    if (e == ERR_OK)
        e = read_entries(s, l->host, true, ei);
    return e == ERR_OK ? read_entries(s, l->machine, false, ei) : e;
}

enum err clearing_status_command(void *arg, const json_t *request, json_t *reply,
                                 struct errinfo *ei)
{
    struct daemon *d = arg;
    struct key_lists keys = {json_array(), json_array()};
    json_t *refusals = json_object();
    enum err e = d->clearing == NULL ? not_serving(ei) : ERR_OK;

    (void)request;
    for (int r = CLEARING_GRANTED + 1; e == ERR_OK && r < CLEARING_REASONS; r++)
        json_object_set_new(refusals, clearing_reason_name((enum clearing_reason)r),
                            json_integer((json_int_t)d->clearing->judged[r]));
    if (e == ERR_OK)
        e = ledger_read(d->ledger, read_keys, &keys, ei);
    if (e == ERR_OK) {
        json_object_set_new(reply, "realm", json_string(d->bundle.name));
        json_object_set_new(reply, "granted_since_start",
                            json_integer((json_int_t)d->clearing->judged[CLEARING_GRANTED]));
        json_object_set(reply, "refused_since_start", refusals);
        json_object_set(reply, "keys", keys.host);
        json_object_set(reply, "machine_keys", keys.machine);
    }
    json_decref(refusals);
    json_decref(keys.host);
    json_decref(keys.machine);
    return e;
}
