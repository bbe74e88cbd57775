/* document: machine.json, both ways through the same tables of members. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/machine.h"

enum kind { K_TEXT, K_GUID, K_BOOL, K_TIME, K_CODE, K_U8, K_U16, K_U32, K_U64, K_HOST };

struct member {
    const char *name;
    enum kind kind;
    size_t offset;
    size_t size;   /* K_TEXT */
    int64_t max;   /* K_U8: largest value */
    bool optional; /* missing: stays as it is */
};

#define TEXT(T, m)                                                                                 \
    {                                                                                              \
#m, K_TEXT, offsetof(struct T, m), sizeof(((struct T *)0)->m), 0, false                    \
    }
#define OTHER(T, m, kind)                                                                          \
    {                                                                                              \
#m, kind, offsetof(struct T, m), 0, 0, false                                               \
    }
#define SMALL(T, m, most)                                                                          \
    {                                                                                              \
#m, K_U8, offsetof(struct T, m), 0, most, false                                            \
    }

static const struct member machine_members[] = {
    TEXT(machine, name),
    OTHER(machine, client_id, K_GUID),
    OTHER(machine, previous_id, K_GUID),
    OTHER(machine, is_virtual, K_BOOL),
    OTHER(machine, hardware, K_GUID),
    SMALL(machine, firmware, FIRMWARE_COUNT - 1),
    OTHER(machine, not_genuine, K_BOOL),
    SMALL(machine, type, LIC_TYPE_TOKEN),
    TEXT(machine, domain),
    TEXT(machine, forest),
    TEXT(machine, directory),
    TEXT(machine, user),
    TEXT(machine, password_file),
    TEXT(machine, clock),
    TEXT(machine, dns),
    TEXT(machine, clearing),
    TEXT(machine, lookup_domain),
    OTHER(machine, no_caching, K_BOOL),
    {"report", K_TEXT, offsetof(struct machine, report), sizeof(((struct machine *)0)->report), 0,
     true},
    OTHER(machine, seed, K_U64),
    OTHER(machine, kms, K_HOST),
};

static const struct member vmhost_members[] = {
    TEXT(machine_vmhost, system),
    OTHER(machine_vmhost, hyperv, K_BOOL),
    OTHER(machine_vmhost, activated, K_BOOL),
};

/* All optional. */
static const struct member app_members[] = {
    {"user_operations", K_BOOL, offsetof(struct machine_app, user_operations), 0, 0, true},
    {"auto_start", K_BOOL, offsetof(struct machine_app, auto_start), 0, 0, true},
    {"key_cleared", K_BOOL, offsetof(struct machine_app, key_cleared), 0, 0, true},
    {"mof_registered", K_BOOL, offsetof(struct machine_app, mof_registered), 0, 0, true},
    {"licence_files", K_U32, offsetof(struct machine_app, licence_files), 0, 0, true},
    {"licences_at", K_TIME, offsetof(struct machine_app, licences_at), 0, 0, true},
    {"rearms", K_U32, offsetof(struct machine_app, rearms), 0, 0, true},
};

static const struct member lic_members[] = {
    SMALL(lic, status, LIC_STATUS_COUNT - 1),
    SMALL(lic, channel, LIC_CHANNEL_COUNT - 1),
    SMALL(lic, type, LIC_TYPE_TOKEN),
    SMALL(lic, key, LIC_KEY_COUNT - 1),
    SMALL(lic, suspended, LIC_CHANNEL_COUNT - 1),
    OTHER(lic, resume, K_TIME),
    OTHER(lic, rearms, K_U16),
    OTHER(lic, expires, K_TIME),
    OTHER(lic, next, K_TIME),
    OTHER(lic, grace_end, K_TIME),
    OTHER(lic, reason, K_CODE),
    OTHER(lic, last, K_CODE),
    OTHER(lic, activation, K_U16),
    OTHER(lic, renewal, K_U16),
};

static const struct member product_members[] = {
    TEXT(machine_product, key),
    TEXT(machine_product, mak),
    OTHER(machine_product, rearming, K_BOOL),
    OTHER(machine_product, spent, K_U32),
    OTHER(machine_product, kms, K_HOST),
    OTHER(machine_product, cached, K_HOST),
    OTHER(machine_product, served, K_HOST),
    TEXT(machine_product, epid),
    OTHER(machine_product, count, K_U32),
    {"address", K_TEXT, offsetof(struct machine_product, address),
     sizeof(((struct machine_product *)0)->address), 0, true},
    {"report_at", K_TIME, offsetof(struct machine_product, report.at), 0, 0, true},
    {"report_expires", K_TIME, offsetof(struct machine_product, report.expires), 0, 0, true},
    {"report_outcome", K_TEXT, offsetof(struct machine_product, report.outcome),
     sizeof(((struct machine_product *)0)->report.outcome), 0, true},
    {"lookup_domain", K_TEXT, offsetof(struct machine_product, lookup_domain),
     sizeof(((struct machine_product *)0)->lookup_domain), 0, true},
};

static const struct member object_members[] = {
    TEXT(machine_object, name),   TEXT(machine_object, dn),
    TEXT(machine_object, forest), OTHER(machine_object, sku_id, K_GUID),
    TEXT(machine_object, pid),
};

static const struct member attempt_members[] = {
    OTHER(machine_attempt, when, K_TIME),   TEXT(machine_attempt, trigger),
    OTHER(machine_attempt, result, K_CODE), TEXT(machine_attempt, before),
    TEXT(machine_attempt, follows),
};

static const struct member try_members[] = {
    TEXT(machine_try, target),
    OTHER(machine_try, answered, K_BOOL),
    OTHER(machine_try, hresult, K_CODE),
    OTHER(machine_try, count, K_U32),
    TEXT(machine_try, text),
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- writing ---- */

static json_t *host_json(const struct machine_host *h)
{
    return json_pack("{s:s, s:i}", "name", h->name, "port", (int)h->port);
}

static json_t *code_json(uint32_t code)
{
    char text[16];

    snprintf(text, sizeof(text), "0x%08X", code);
    return json_string(text);
}

static json_t *guid_json(const struct guid *g)
{
    char text[GUID_TEXT_MAX];

    return json_string(guid_format(g, text));
}

/* 64 bits don't fit every JSON reader's numbers. */
static json_t *u64_json(uint64_t v)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, v);
    return json_string(text);
}

static json_t *member_json(const struct member *d, const void *from)
{
    const void *at = (const char *)from + d->offset;

    switch (d->kind) {
    case K_TEXT:
        return json_string(at);
    case K_GUID:
        return guid_json(at);
    case K_BOOL:
        return json_boolean(*(const bool *)at);
    case K_TIME:
        return *(const int64_t *)at == LIC_NEVER ? json_null() : json_integer(*(const int64_t *)at);
    case K_CODE:
        return code_json(*(const uint32_t *)at);
    case K_U8:
        return json_integer(*(const uint8_t *)at);
    case K_U16:
        return json_integer(*(const uint16_t *)at);
    case K_U32:
        return json_integer(*(const uint32_t *)at);
    case K_U64:
        return u64_json(*(const uint64_t *)at);
    case K_HOST:
        return host_json(at);
    }
    return NULL;
}

static json_t *write_members(const struct member *d, size_t n, const void *from)
{
    json_t *o = json_object();

    for (size_t i = 0; i < n; i++)
        json_object_set_new(o, d[i].name, member_json(&d[i], from));
    return o;
}

static json_t *attempt_json(const struct machine_attempt *a)
{
    json_t *o = write_members(attempt_members, COUNT(attempt_members), a);
    json_t *tries = json_array();

    for (size_t i = 0; i < a->tries; i++) {
        json_t *t = write_members(try_members, COUNT(try_members), &a->try[i]);

        json_object_set_new(t, "channel", json_string(lic_channel_name(a->try[i].channel)));
        json_array_append_new(tries, t);
    }
    json_object_set_new(o, "tries", tries);
    return o;
}

static json_t *product_json(const struct machine_product *p)
{
    json_t *o = write_members(product_members, COUNT(product_members), p);

    json_object_set_new(o, "activation_id", guid_json(&p->lic.product->activation_id));
    json_object_set_new(o, "product", json_string(p->lic.product->product));
    json_object_set_new(o, "edition", json_string(p->lic.product->edition));
    json_object_set_new(o, "licence", write_members(lic_members, COUNT(lic_members), &p->lic));
    json_object_set_new(o, "object",
                        write_members(object_members, COUNT(object_members), &p->object));
    json_object_set_new(o, "last", attempt_json(&p->last));
    return o;
}

static json_t *suffixes_json(const struct machine *m)
{
    json_t *list = json_array();

    for (size_t i = 0; i < MACHINE_SUFFIXES_MAX && m->suffix[i][0] != '\0'; i++)
        json_array_append_new(list, json_string(m->suffix[i]));
    return list;
}

json_t *machine_to_json(const struct machine *m)
{
    json_t *o = write_members(machine_members, COUNT(machine_members), m);
    json_t *products = json_array();

    json_object_set_new(o, "format", json_integer(MACHINE_FORMAT));
    json_object_set_new(o, "kms_windows", host_json(&m->app[0].kms));
    json_object_set_new(o, "kms_office", host_json(&m->app[1].kms));
    json_object_set_new(o, "vmhost",
                        write_members(vmhost_members, COUNT(vmhost_members), &m->vmhost));
    json_object_set_new(o, "suffixes", suffixes_json(m));
    json_object_set_new(o, "windows", write_members(app_members, COUNT(app_members), &m->app[0]));
    json_object_set_new(o, "office", write_members(app_members, COUNT(app_members), &m->app[1]));
    for (size_t i = 0; i < m->products; i++)
        json_array_append_new(products, product_json(&m->product[i]));
    json_object_set_new(o, "products", products);
    return o;
}

/* ---- reading ---- */

struct reading {
    const char *what;
    struct errinfo *ei;
};

static enum err bad(const struct reading *r, const char *name)
{
    return err_fail(r->ei, ERR_MALFORMED, "machine state %s: member \"%s\" is missing or wrong",
                    r->what, name);
}

static bool read_int(const json_t *v, int64_t max, int64_t *out)
{
    *out = json_integer_value(v);
    return json_is_integer(v) && *out >= 0 && *out <= max;
}

static bool read_host(const json_t *v, struct machine_host *out)
{
    const char *name = json_string_value(json_object_get(v, "name"));
    int64_t port;

    if (name == NULL || strlen(name) >= sizeof(out->name) ||
        !read_int(json_object_get(v, "port"), 65535, &port))
        return false;
    snprintf(out->name, sizeof(out->name), "%s", name);
    out->port = (uint16_t)port;
    return true;
}

static bool read_unsigned(const char *text, int base, uint64_t max, uint64_t *out)
{
    char *end = NULL;

    if (text == NULL || text[0] < '0' || text[0] > '9')
        return false;
    *out = strtoull(text, &end, base);
    return *end == '\0' && *out <= max;
}

static bool read_number(const struct member *d, const json_t *v, void *at)
{
    uint64_t wide;
    int64_t n;

    switch (d->kind) {
    case K_TIME:
        if (json_is_null(v)) {
            *(int64_t *)at = LIC_NEVER;
            return true;
        }
        return read_int(v, INT64_MAX - 1, at);
    case K_CODE:
        if (!read_unsigned(json_string_value(v), 16, UINT32_MAX, &wide))
            return false;
        *(uint32_t *)at = (uint32_t)wide;
        return true;
    case K_U8:
        if (!read_int(v, d->max, &n))
            return false;
        *(uint8_t *)at = (uint8_t)n;
        return true;
    case K_U16:
        if (!read_int(v, UINT16_MAX, &n))
            return false;
        *(uint16_t *)at = (uint16_t)n;
        return true;
    case K_U32:
        if (!read_int(v, UINT32_MAX, &n))
            return false;
        *(uint32_t *)at = (uint32_t)n;
        return true;
    default:
        return false;
    }
}

static bool read_member(const struct member *d, const json_t *v, void *to)
{
    void *at = (char *)to + d->offset;
    const char *text = json_string_value(v);

    switch (d->kind) {
    case K_TEXT:
        if (text == NULL || strlen(text) >= d->size)
            return false;
        snprintf(at, d->size, "%s", text);
        return true;
    case K_GUID:
        return text != NULL && guid_parse(text, at);
    case K_BOOL:
        *(bool *)at = json_is_true(v);
        return json_is_boolean(v);
    case K_U64:
        return read_unsigned(text, 10, UINT64_MAX, at);
    case K_HOST:
        return read_host(v, at);
    default:
        return read_number(d, v, at);
    }
}

static enum err read_members(const struct reading *r, const struct member *d, size_t n,
                             const json_t *from, void *to)
{
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_object_get(from, d[i].name);

        if (!(v == NULL && d[i].optional) && !read_member(&d[i], v, to))
            return bad(r, d[i].name);
    }
    return ERR_OK;
}

static enum err read_try(const struct reading *r, const json_t *v, struct machine_try *out)
{
    const char *channel = json_string_value(json_object_get(v, "channel"));

    for (int c = 0; channel != NULL && c < LIC_CHANNEL_COUNT; c++) {
        if (strcmp(channel, lic_channel_name((enum lic_channel)c)) == 0) {
            out->channel = (enum lic_channel)c;
            return read_members(r, try_members, COUNT(try_members), v, out);
        }
    }
    return bad(r, "channel");
}

static enum err read_attempt(const struct reading *r, const json_t *v, struct machine_attempt *out)
{
    const json_t *tries = json_object_get(v, "tries");
    enum err e = read_members(r, attempt_members, COUNT(attempt_members), v, out);

    if (e == ERR_OK && (!json_is_array(tries) || json_array_size(tries) > MACHINE_TRIES_MAX))
        e = bad(r, "tries");
    out->tries = e == ERR_OK ? json_array_size(tries) : 0;
    for (size_t i = 0; e == ERR_OK && i < out->tries; i++)
        e = read_try(r, json_array_get(tries, i), &out->try[i]);
    return e;
}

/* What no single member shows: a state that ends has an end, and intervals keep their bounds. */
static bool licence_ok(const struct machine_product *p)
{
    const struct lic *l = &p->lic;
    bool lease = l->channel == LIC_BY_AD || l->channel == LIC_BY_KMS || l->channel == LIC_BY_AVMA;
    bool ends = lease || lic_ends(lic_generation(l->product), (enum lic_status)l->status);

    return ((l->status == LIC_LICENSED && !lease) || ends == (l->expires != LIC_NEVER)) &&
           (p->key[0] != '\0') == (l->status != LIC_UNLICENSED) &&
           l->activation >= LIC_INTERVAL_MIN && l->activation <= LIC_INTERVAL_MAX &&
           l->renewal >= LIC_INTERVAL_MIN && l->renewal <= LIC_INTERVAL_MAX &&
           (l->channel == LIC_NONE || l->status == LIC_LICENSED) &&
           (l->suspended == LIC_NONE || l->status == LIC_NON_GENUINE ||
            l->status == LIC_NOTIFICATION);
}

static enum err read_product(const struct reading *r, const json_t *v, const struct catalog *cat,
                             struct machine_product *out)
{
    const char *id = json_string_value(json_object_get(v, "activation_id"));
    const struct cat_product *product;
    struct guid g;
    enum err e;

    if (id == NULL || !guid_parse(id, &g))
        return bad(r, "activation_id");
    product = catalog_product_by_activation_id(cat, &g);
    if (product == NULL)
        return err_fail(r->ei, ERR_NOTFOUND,
                        "machine state %s: activation id %s is no product in the tables", r->what,
                        id);
    lic_init(&out->lic, product);
    e = read_members(r, product_members, COUNT(product_members), v, out);
    if (e == ERR_OK)
        e = read_members(r, lic_members, COUNT(lic_members), json_object_get(v, "licence"),
                         &out->lic);
    if (e == ERR_OK)
        e = read_members(r, object_members, COUNT(object_members), json_object_get(v, "object"),
                         &out->object);
    if (e == ERR_OK)
        e = read_attempt(r, json_object_get(v, "last"), &out->last);
    if (e == ERR_OK && !licence_ok(out))
        e = bad(r, "licence");
    out->lic.phase = out->key[0] != '\0' ? LIC_REST : LIC_NO_KEY;
    return e;
}

/* A state of before there were such settings has no such object. */
static enum err read_app(const struct reading *r, const json_t *doc, const char *name,
                         struct machine_app *out)
{
    const json_t *o = json_object_get(doc, name);

    if (o != NULL && !json_is_object(o))
        return bad(r, name);
    return read_members(r, app_members, COUNT(app_members), o, out);
}

static enum err read_suffixes(const struct reading *r, const json_t *list, struct machine *m)
{
    if (!json_is_array(list) || json_array_size(list) > MACHINE_SUFFIXES_MAX)
        return bad(r, "suffixes");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));

        if (text == NULL || text[0] == '\0' || strlen(text) >= sizeof(m->suffix[i]))
            return bad(r, "suffixes");
        snprintf(m->suffix[i], sizeof(m->suffix[i]), "%s", text);
    }
    return ERR_OK;
}

static enum err read_machine(const struct reading *r, const json_t *doc, const struct catalog *cat,
                             struct machine *m)
{
    const json_t *products = json_object_get(doc, "products");
    enum err e = read_members(r, machine_members, COUNT(machine_members), doc, m);

    if (e == ERR_OK && !read_host(json_object_get(doc, "kms_windows"), &m->app[0].kms))
        e = bad(r, "kms_windows");
    if (e == ERR_OK && !read_host(json_object_get(doc, "kms_office"), &m->app[1].kms))
        e = bad(r, "kms_office");
    if (e == ERR_OK && !json_is_object(json_object_get(doc, "vmhost")))
        e = bad(r, "vmhost");
    if (e == ERR_OK)
        e = read_members(r, vmhost_members, COUNT(vmhost_members), json_object_get(doc, "vmhost"),
                         &m->vmhost);
    if (e == ERR_OK)
        e = read_suffixes(r, json_object_get(doc, "suffixes"), m);
    if (e == ERR_OK)
        e = read_app(r, doc, "windows", &m->app[0]);
    if (e == ERR_OK)
        e = read_app(r, doc, "office", &m->app[1]);
    if (e == ERR_OK &&
        (!json_is_array(products) || json_array_size(products) > MACHINE_PRODUCTS_MAX))
        e = bad(r, "products");
    for (size_t i = 0; e == ERR_OK && i < json_array_size(products); i++)
        e = read_product(r, json_array_get(products, i), cat, &m->product[m->products++]);
    return e;
}

/* ---- older formats ---- */

static void add(json_t *o, const char *name, json_t *value)
{
    if (json_object_get(o, name) == NULL)
        json_object_set_new(o, name, value);
    else
        json_decref(value);
}

/* Format 1 knew client setup keys and leases only: what it lacks had these values. Its hardware had
 * no identity; the CMID, as random, stands for it. */
static void upgrade_1(json_t *doc)
{
    json_t *products = json_object_get(doc, "products"), *p;
    size_t i;

    json_object_set_new(doc, "format", json_integer(2));
    add(doc, "hardware", json_incref(json_object_get(doc, "client_id")));
    add(doc, "firmware", json_integer(FIRMWARE_NONE));
    add(doc, "not_genuine", json_false());
    add(doc, "type", json_integer(LIC_TYPE_ALL));
    add(doc, "vmhost", json_pack("{s:s, s:b, s:b}", "system", "", "hyperv", 0, "activated", 0));
    add(doc, "suffixes", json_array());
    add(doc, "clearing", json_string(""));
    json_array_foreach(products, i, p)
    {
        json_t *l = json_object_get(p, "licence");

        add(p, "mak", json_string(""));
        add(p, "rearming", json_false());
        add(p, "spent", json_integer(0));
        add(l, "key", json_integer(LIC_KEY_GVLK));
        add(l, "suspended", json_integer(LIC_NONE));
        add(l, "resume", json_integer(0));
        add(l, "rearms", json_integer(0));
    }
}

enum err machine_from_json(const json_t *doc, const struct catalog *cat, const char *what,
                           struct machine *out, struct errinfo *ei)
{
    struct reading r = {what, ei};
    const json_t *format = json_object_get(doc, "format");
    struct machine *m;
    json_t *now;
    enum err e;

    if (!json_is_integer(format))
        return bad(&r, "format");
    if (json_integer_value(format) > MACHINE_FORMAT)
        return err_fail(ei, ERR_VERSION,
                        "machine state %s: format %" JSON_INTEGER_FORMAT " was written by a newer "
                        "adbaclient; this one knows %d and leaves it untouched",
                        what, json_integer_value(format), MACHINE_FORMAT);
    if (json_integer_value(format) < 1)
        return bad(&r, "format");
    m = calloc(1, sizeof(*m));
    now = json_deep_copy(doc);
    if (m == NULL || now == NULL) {
        free(m);
        json_decref(now);
        return err_nomem(ei);
    }
    if (json_integer_value(format) == 1)
        upgrade_1(now);
    e = read_machine(&r, now, cat, m);
    if (e == ERR_OK)
        *out = *m;
    json_decref(now);
    free(m);
    return e;
}
