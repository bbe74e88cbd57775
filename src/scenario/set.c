/* Attributes that a story sets. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clk.h"
#include "scenario/story.h"

static void put(char *out, size_t size, const char *value)
{
    snprintf(out, size, "%s", strcasecmp(value, "none") == 0 ? "" : value);
}

/* Fills a list of most entries from text with commas. width: of one entry. */
static size_t set_list(char *entries, size_t width, size_t most, const char *text)
{
    size_t n = 0;

    while (n < most && *text != '\0' && strcasecmp(text, "none") != 0) {
        size_t len = strcspn(text, ",");

        snprintf(entries + n++ * width, width, "%.*s", (int)len, text);
        text += len;
        text += strspn(text, ", ");
    }
    return n;
}

/* ---- machines ---- */

static enum err set_host(struct machine_host *h, const char *value, struct errinfo *ei)
{
    *h = (struct machine_host){0};
    return strcasecmp(value, "none") == 0 ? ERR_OK : machine_host_parse(value, h, ei);
}

static enum err set_type(struct site_station *st, const char *value, struct errinfo *ei)
{
    uint32_t v;
    enum err e = line_number(value, LIC_TYPE_TOKEN, &v, ei);

    for (size_t i = 0; i < st->m.products && e == ERR_OK; i++)
        st->m.product[i].lic.type = (uint8_t)v;
    return e;
}

static enum err set_clone(struct story *s, struct site_station *st, const char *value,
                          struct errinfo *ei)
{
    const struct site_station *from = site_station(s->site, value);

    if (from == NULL)
        return err_fail(ei, ERR_NOTFOUND, "there is no machine \"%s\" in this story", value);
    st->m.client_id = from->m.client_id;
    return ERR_OK;
}

static enum err set_no(const char *value, bool *no, struct errinfo *ei)
{
    bool yes;
    enum err e = line_flag(value, &yes, ei);

    *no = !yes;
    return e;
}

static enum err set_product_host(struct site_station *st, const char *value, struct errinfo *ei)
{
    struct machine_product *p = target_of(st, false);

    if (p == NULL)
        return err_fail(ei, ERR_NOTFOUND, "%s has no Windows", st->m.name);
    return set_host(&p->kms, value, ei);
}

enum machine_attribute {
    M_DOMAIN,
    M_CLOCK,
    M_VIRTUAL,
    M_KMS,
    M_KMS_WINDOWS,
    M_KMS_OFFICE,
    M_KMS_PRODUCT,
    M_LOOKUP,
    M_CACHING,
    M_TYPE,
    M_CLONE,
    M_ACCOUNT,
    M_NET,
    M_FIRMWARE,
    M_VMHOST,
    M_VMHOST_ACTIVATED,
    M_HYPER_V,
    M_SUFFIXES,
    M_MAK,
    M_COUNT
};

static const char *const machine_names[M_COUNT] = {
    [M_DOMAIN] = "domain",
    [M_CLOCK] = "clock",
    [M_VIRTUAL] = "virtual",
    [M_KMS] = "kms",
    [M_KMS_WINDOWS] = "kms-windows",
    [M_KMS_OFFICE] = "kms-office",
    [M_KMS_PRODUCT] = "kms-product",
    [M_LOOKUP] = "lookup-domain",
    [M_CACHING] = "caching",
    [M_TYPE] = "type",
    [M_CLONE] = "clone-of",
    [M_ACCOUNT] = "account",
    [M_NET] = "net",
    [M_FIRMWARE] = "firmware",
    [M_VMHOST] = "vmhost",
    [M_VMHOST_ACTIVATED] = "vmhost-activated",
    [M_HYPER_V] = "hyper-v",
    [M_SUFFIXES] = "suffixes",
    [M_MAK] = "mak",
};

static enum err set_firmware(struct machine *m, const char *value, struct errinfo *ei)
{
    static const char *const words[FIRMWARE_COUNT] = {
        [FIRMWARE_NONE] = "none", [FIRMWARE_TABLE] = "table", [FIRMWARE_MARKED] = "marked"};

    for (uint8_t i = 0; i < FIRMWARE_COUNT; i++) {
        if (strcasecmp(value, words[i]) != 0)
            continue;
        m->firmware = i;
        return ERR_OK;
    }
    return err_fail(ei, ERR_MALFORMED, "firmware is none, table or marked; not \"%s\"", value);
}

/* An activated Hyper-V host, until it is said otherwise. */
static void set_vmhost(struct machine *m, const char *value)
{
    m->vmhost = (struct machine_vmhost){.hyperv = true, .activated = true};
    put(m->vmhost.system, sizeof(m->vmhost.system), value);
    m->is_virtual = m->vmhost.system[0] != '\0';
}

/* A key for when the directory and KMS fail. */
static enum err set_mak(struct story *s, struct site_station *st, const char *value,
                        struct errinfo *ei)
{
    const struct house_mak *key = target_key(s, value);
    struct machine_product *p;
    enum err e = target_installed(st, false, &p, ei);

    if (e != ERR_OK)
        return e;
    if (strcasecmp(value, "none") == 0)
        value = "";
    return machine_set_mak(&st->m, p, key != NULL ? key->text : value, ei);
}

static enum err set_platform(struct machine *m, size_t which, const char *value, struct errinfo *ei)
{
    switch ((enum machine_attribute)which) {
    case M_FIRMWARE:
        return set_firmware(m, value, ei);
    case M_VMHOST:
        set_vmhost(m, value);
        return ERR_OK;
    case M_VMHOST_ACTIVATED:
        return line_flag(value, &m->vmhost.activated, ei);
    case M_HYPER_V:
        return line_flag(value, &m->vmhost.hyperv, ei);
    default:
        return ERR_OK;
    }
}

static enum err set_machine(struct story *s, struct site_station *st, size_t which,
                            const char *value, struct errinfo *ei)
{
    struct machine *m = &st->m;

    switch ((enum machine_attribute)which) {
    case M_DOMAIN:
        put(m->domain, sizeof(m->domain), value);
        put(m->directory, sizeof(m->directory), value);
        m->forest[0] = '\0';
        return ERR_OK;
    case M_CLOCK:
        return line_duration(value, &st->offset, ei);
    case M_VIRTUAL:
        return line_flag(value, &m->is_virtual, ei);
    case M_KMS:
        return set_host(&m->kms, value, ei);
    case M_KMS_WINDOWS:
        return set_host(&m->app[0].kms, value, ei);
    case M_KMS_OFFICE:
        return set_host(&m->app[1].kms, value, ei);
    case M_KMS_PRODUCT:
        return set_product_host(st, value, ei);
    case M_LOOKUP:
        put(m->lookup_domain, sizeof(m->lookup_domain), value);
        return ERR_OK;
    case M_CACHING:
        return set_no(value, &m->no_caching, ei);
    case M_TYPE:
        return set_type(st, value, ei);
    case M_CLONE:
        return set_clone(s, st, value, ei);
    case M_ACCOUNT:
        return set_no(value, &st->account_disabled, ei);
    case M_NET:
        put(st->net, sizeof(st->net), value);
        return ERR_OK;
    case M_MAK:
        return set_mak(s, st, value, ei);
    case M_SUFFIXES:
        memset(m->suffix, 0, sizeof(m->suffix));
        set_list(m->suffix[0], sizeof(m->suffix[0]), MACHINE_SUFFIXES_MAX, value);
        return ERR_OK;
    default:
        return set_platform(m, which, value, ei);
    }
}

/* ---- hosts ---- */

enum host_attribute {
    H_OS,
    H_UPDATES,
    H_PACKS,
    H_CLOCK,
    H_ACTIVATION,
    H_RENEWAL,
    H_REFUSING,
    H_GARBLES,
    H_NET,
    H_COUNT
};

static const char *const host_names[H_COUNT] = {
    [H_OS] = "os",
    [H_UPDATES] = "updates",
    [H_PACKS] = "packs",
    [H_CLOCK] = "clock",
    [H_ACTIVATION] = "activation",
    [H_RENEWAL] = "renewal",
    [H_REFUSING] = "refusing",
    [H_GARBLES] = "garbles",
    [H_NET] = "net",
};

static enum err set_interval(struct kmshost *h, uint32_t *minutes, const char *value,
                             struct errinfo *ei)
{
    int64_t seconds;
    enum err e = line_duration(value, &seconds, ei);

    if (e == ERR_OK &&
        (seconds < LIC_INTERVAL_MIN * CLK_MINUTE || seconds > LIC_INTERVAL_MAX * CLK_MINUTE))
        e = err_fail(ei, ERR_MALFORMED, "an interval is from 15m to 30d");
    if (e != ERR_OK)
        return e;
    *minutes = (uint32_t)(seconds / CLK_MINUTE);
    kms_host_set_intervals(h->host, h->activation, h->renewal);
    return ERR_OK;
}

static enum err set_kms(struct kmshost *h, size_t which, const char *value, struct errinfo *ei)
{
    bool flag;
    enum err e;

    switch ((enum host_attribute)which) {
    case H_OS:
        put(h->system, sizeof(h->system), value);
        return kmshost_check(h, ei);
    case H_UPDATES:
        h->software.updates =
            set_list(h->software.update[0], sizeof(h->software.update[0]), KMSHOST_LIST_MAX, value);
        return kmshost_check(h, ei);
    case H_PACKS:
        h->software.packs =
            set_list(h->software.pack[0], sizeof(h->software.pack[0]), KMSHOST_LIST_MAX, value);
        return kmshost_check(h, ei);
    case H_CLOCK:
        return line_duration(value, &h->offset, ei);
    case H_ACTIVATION:
        return set_interval(h, &h->activation, value, ei);
    case H_RENEWAL:
        return set_interval(h, &h->renewal, value, ei);
    case H_REFUSING:
        e = line_flag(value, &flag, ei);
        if (e == ERR_OK)
            kms_host_set_refusing(h->host, flag);
        return e;
    case H_GARBLES:
        return line_flag(value, &h->garbles, ei);
    case H_NET:
        put(h->net, sizeof(h->net), value);
        return ERR_OK;
    default:
        return ERR_OK;
    }
}

/* ---- forests ---- */

enum forest_attribute { F_SCHEMA, F_RODC, F_LAG, F_NET, F_COUNT };

static const char *const forest_names[F_COUNT] = {
    [F_SCHEMA] = "schema", [F_RODC] = "rodc", [F_LAG] = "lag", [F_NET] = "net"};

static enum err set_forest(struct site_forest *f, size_t which, const char *value,
                           struct errinfo *ei)
{
    int64_t lag;
    uint32_t v;
    bool flag;
    enum err e = ERR_OK;

    if (which == F_SCHEMA) {
        e = line_number(value, 200, &v, ei);
        if (e == ERR_OK)
            directory_set_schema(f->dir, (int)v);
    } else if (which == F_RODC) {
        e = line_flag(value, &flag, ei);
        if (e == ERR_OK)
            directory_set_read_only(f->dir, flag);
    } else if (which == F_LAG) {
        e = line_duration(value, &lag, ei);
        if (e == ERR_OK)
            directory_set_lag(f->dir, lag);
    } else {
        put(f->net, sizeof(f->net), value);
    }
    return e;
}

/* ---- any ---- */

static enum err which_of(const char *const *names, size_t n, const char *name, size_t *out,
                         struct errinfo *ei)
{
    char all[256] = "";
    size_t at = 0;

    for (*out = 0; *out < n; (*out)++) {
        if (strcmp(names[*out], name) == 0)
            return ERR_OK;
        at +=
            (size_t)snprintf(all + at, sizeof(all) - at, "%s%s", *out > 0 ? ", " : "", names[*out]);
    }
    return err_fail(ei, ERR_MALFORMED, "there is no attribute \"%s\" here; there are %s", name,
                    all);
}

struct pair {
    const char *name, *value;
};

static enum err set_station(struct story *s, struct site_station *st, void *arg, struct errinfo *ei)
{
    const struct pair *p = arg;
    size_t which;
    enum err e = which_of(machine_names, M_COUNT, p->name, &which, ei);

    return e == ERR_OK ? set_machine(s, st, which, p->value, ei) : e;
}

static enum err set_one(struct story *s, const char *name, struct pair *p, struct errinfo *ei)
{
    struct house *house = &s->site->house;
    struct kmshost *h = site_host(s->site, name);
    struct site_forest *f = site_forest(s->site, name);
    size_t which;
    enum err e;

    if (h != NULL) {
        e = which_of(host_names, H_COUNT, p->name, &which, ei);
        return e == ERR_OK ? set_kms(h, which, p->value, ei) : e;
    }
    if (f != NULL) {
        e = which_of(forest_names, F_COUNT, p->name, &which, ei);
        return e == ERR_OK ? set_forest(f, which, p->value, ei) : e;
    }
    if (strcasecmp(name, "clearing") == 0 && strcmp(p->name, "net") == 0) {
        put(house->net, sizeof(house->net), p->value);
        return ERR_OK;
    }
    return target_machines(s, name, set_station, p, ei);
}

enum err set_pairs(struct story *s, const char *name, size_t from, struct errinfo *ei)
{
    if ((s->n - from) % 2 != 0)
        return err_fail(ei, ERR_MALFORMED, "attribute \"%s\" has no value", s->word[s->n - 1]);
    for (size_t i = from; i < s->n; i += 2) {
        struct pair p = {s->word[i], s->word[i + 1]};
        enum err e = set_one(s, name, &p, ei);

        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

const struct scenario_statement set_help[] = {
    {"machine domain NAME|none", "joined to that domain; none: a workgroup"},
    {"machine account yes|no", "no: its computer account is disabled"},
    {"machine clock DURATION", "how far its clock is off: +5h, -10m"},
    {"machine kms HOST[:PORT]|none", "the KMS host set for all (/skms)"},
    {"machine kms-windows | kms-office HOST|none", "the host set for one application"},
    {"machine kms-product HOST|none", "the host set for its Windows alone"},
    {"machine lookup-domain NAME|none", "where SRV records are looked for (/skms-domain)"},
    {"machine caching yes|no", "whether found hosts are remembered (/skhc, /ckhc)"},
    {"machine type 0|1|2|3", "all, directory only, KMS only, token only (/act-type)"},
    {"machine virtual yes|no", "a virtual machine"},
    {"machine clone-of MACHINE", "the same client machine id: an image without sysprep"},
    {"machine suffixes DOMAIN,...|none", "DNS suffix list: where SRV records are looked for next"},
    {"machine mak KEY|none", "an issued key for when the directory and KMS fail"},
    {"machine firmware none|table|marked", "what an OEM key finds in its firmware"},
    {"machine vmhost SYSTEM|none", "a guest of an activated Hyper-V host with that system"},
    {"machine vmhost-activated | hyper-v yes|no",
     "whether that host is activated; whether it is Hyper-V"},
    {"any net NAME|none",
     "hosts, forests and \"clearing\" in a net are reached by machines in it alone"},
    {"host os SYSTEM|none", "the system it runs on; none: a host that serves everything"},
    {"host updates KB,KB...|none", "installed updates; they count when a key is installed"},
    {"host packs PRODUCT,...|none", "licence packs of Office; \"Office\" is all of them"},
    {"host activation | renewal DURATION", "the intervals it hands out"},
    {"host clock DURATION", "how far its clock is off"},
    {"host refusing yes|no", "it says no to all"},
    {"host garbles yes|no", "something on the way changes its answers"},
    {"forest schema N", "objectVersion; below 48 it has no activation objects"},
    {"forest rodc yes|no", "only a read-only domain controller is reached"},
    {"forest lag DURATION", "until what is written is replicated"},
    {0},
};
