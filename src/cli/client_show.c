/* adbaclient show and events: what a machine tells. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/file.h"
#include "cli/client.h"
#include "client/words.h"

const char *client_code(const struct client *c, uint32_t code, char text[128])
{
    const struct cat_error *e = catalog_error(c->catalog, code);

    snprintf(text, 128, "0x%08X%s%s", code, e != NULL && e->name[0] != '\0' ? " " : "",
             e != NULL ? e->name : "");
    return text;
}

int client_exit(const struct client *c)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct machine *m = &c->station[i].folder.machine;

        for (size_t k = 0; k < m->products; k++) {
            if (m->product[k].lic.status != LIC_LICENSED)
                return EXIT_NOT_LICENSED;
        }
    }
    return EXIT_OK;
}

/* ---- words ---- */

void client_print_attempt(const struct client *c, const struct machine_product *p)
{
    const struct machine_attempt *a = &p->last;
    const struct cat_error *why = catalog_error(c->catalog, a->result);
    char code[128];

    if (p->lic.phase == LIC_NO_KEY) {
        printf("Error: %s: no product key is installed.\n", client_code(c, LIC_HR_NO_KEY, code));
        return;
    }
    if (a->before[0] != '\0')
        printf("  before   %s\n", a->before);
    for (size_t i = 0; i < a->tries; i++) {
        const struct machine_try *t = &a->try[i];

        printf("  %s %s%s: %s%s%s\n", machine_was_asked(t) ? "asked   " : "left out",
               t->channel == LIC_BY_AD    ? "the directory "
               : t->channel == LIC_BY_KMS ? "a KMS host, "
                                          : "",
               t->target, t->hresult != 0 ? client_code(c, t->hresult, code) : "",
               t->hresult != 0 ? ": " : "", t->text);
    }
    printf("  follows  %s\n", a->follows);
    if (p->report.outcome[0] != '\0' && (p->report.at != 0 || p->lic.channel == LIC_BY_AD))
        printf("  report   %s\n", p->report.outcome);
    if (a->result == 0) {
        printf("Product activated successfully.\n");
        return;
    }
    printf("Error: %s: activation failed.\n", client_code(c, a->result, code));
    if (why != NULL && catalog_remedy(why)[0] != '\0')
        printf("  remedy   %s\n", catalog_remedy(why));
}

/* ---- JSON ---- */

static json_t *code_json(uint32_t code)
{
    char text[16];

    snprintf(text, sizeof(text), "0x%08X", code);
    return json_string(text);
}

static json_t *time_json(int64_t when)
{
    char text[CLK_TEXT_MAX];

    return when == LIC_NEVER || when == 0 ? json_null() : json_string(clk_format(when, text));
}

json_t *client_guid_json(const struct guid *g)
{
    char text[GUID_TEXT_MAX];

    return json_string(guid_format(g, text));
}

json_t *client_host_json(const struct machine_host *h)
{
    char text[272];

    return h->name[0] == '\0' ? json_null() : json_string(machine_host_format(h, text));
}

static json_t *name_json(const struct client *c, uint32_t code)
{
    const struct cat_error *e = catalog_error(c->catalog, code);

    return e != NULL && e->name[0] != '\0' ? json_string(e->name) : json_null();
}

static json_t *try_json(const struct client *c, const struct machine_product *p,
                        const struct machine_try *t)
{
    bool asked = machine_was_asked(t);
    json_t *o =
        json_pack("{s:s, s:s, s:b, s:b, s:o, s:o, s:s}", "channel", lic_channel_name(t->channel),
                  "target", t->target, "asked", asked, "granted", asked && t->hresult == 0, "code",
                  asked ? code_json(t->hresult) : json_null(), "code_name",
                  asked ? name_json(c, t->hresult) : json_null(), "text", t->text);

    if (t->channel == LIC_BY_KMS && t->answered) {
        json_object_set_new(o, "count", json_integer(t->count));
        json_object_set_new(o, "required", json_integer(p->lic.product->required_count));
    }
    return o;
}

static json_t *attempt_json(const struct client *c, const struct machine_product *p)
{
    const struct machine_attempt *a = &p->last;
    json_t *tries = json_array();

    if (a->when == 0) {
        json_decref(tries);
        return json_null();
    }
    for (size_t i = 0; i < a->tries; i++)
        json_array_append_new(tries, try_json(c, p, &a->try[i]));
    return json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:s}", "time", time_json(a->when), "trigger",
                     a->trigger, "before", a->before, "tries", tries, "result",
                     code_json(a->result), "result_name", name_json(c, a->result), "follows",
                     a->follows);
}

static json_t *object_json(const struct machine_object *o)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", o->name, "dn", o->dn, "forest", o->forest,
                     "pid", o->pid, "sku_id", client_guid_json(&o->sku_id));
}

/* What to do about the present state; NULL while there is nothing to do. */
static json_t *remedy_json(const struct client *c, const struct lic *l)
{
    const struct cat_error *e = catalog_error(c->catalog, l->reason);

    if (l->key == LIC_KEY_CSVLK)
        return json_sprintf("this is the key of a KMS host; install the client setup key: /ipk %s",
                            l->product->setup_key != NULL ? l->product->setup_key : "KEY");
    if (l->status == LIC_LICENSED)
        return json_null();
    if (e != NULL && catalog_remedy(e)[0] != '\0')
        return json_string(catalog_remedy(e));
    return json_string("let the machine reach its directory or a KMS host, then /ato");
}

/* What the directory said in the last attempt; null if it was not asked. */
static json_t *ad_result_json(const struct machine_attempt *a)
{
    for (size_t i = 0; i < a->tries; i++) {
        if (a->try[i].channel == LIC_BY_AD && machine_was_asked(&a->try[i]))
            return code_json(a->try[i].hresult);
    }
    return json_null();
}

/* Of the licence's present state. */
static void add_state(json_t *o, const struct client *c, const struct machine_product *p,
                      int64_t now)
{
    const struct lic *l = &p->lic;
    const char *why = words_reason(l->reason);

    json_object_set_new(o, "status", json_string(lic_status_name((enum lic_status)l->status)));
    json_object_set_new(o, "status_number", json_integer(l->status));
    json_object_set_new(o, "channel", json_string(lic_channel_name((enum lic_channel)l->channel)));
    json_object_set_new(o, "reason", l->reason != 0 ? code_json(l->reason) : json_null());
    json_object_set_new(o, "reason_name", l->reason != 0 ? name_json(c, l->reason) : json_null());
    json_object_set_new(o, "reason_text", why != NULL ? json_string(why) : json_null());
    json_object_set_new(o, "remedy", remedy_json(c, l));
    json_object_set_new(o, "expires", time_json(l->expires));
    json_object_set_new(o, "seconds_left",
                        l->expires == LIC_NEVER ? json_null() : json_integer(l->expires - now));
    json_object_set_new(o, "next_attempt", time_json(l->next));
    json_object_set_new(o, "last_result", l->last != 0 ? code_json(l->last) : json_null());
    json_object_set_new(o, "last_result_name", l->last != 0 ? name_json(c, l->last) : json_null());
    json_object_set_new(o, "ad_result", ad_result_json(&p->last));
}

/* Of its KMS side and its object. */
static void add_grantor(json_t *o, const struct machine_product *p)
{
    const struct lic *l = &p->lic;
    bool kms = l->channel == LIC_BY_KMS;

    json_object_set_new(o, "kms_host", kms ? client_host_json(&p->served) : json_null());
    json_object_set_new(o, "epid", kms ? json_string(p->epid) : json_null());
    json_object_set_new(o, "kms_address",
                        kms && p->address[0] != '\0' ? json_string(p->address) : json_null());
    json_object_set_new(o, "cached_host", client_host_json(&p->cached));
    json_object_set_new(o, "count", json_integer(p->count));
    json_object_set_new(o, "required_count", json_integer(l->product->required_count));
    json_object_set_new(o, "activation_interval", json_integer(l->activation));
    json_object_set_new(o, "renewal_interval", json_integer(l->renewal));
    json_object_set_new(o, "object",
                        l->channel == LIC_BY_AD ? object_json(&p->object) : json_null());
}

/* What was told of the last activation through the directory. */
static json_t *report_json(const struct machine_report *r)
{
    if (r->at == 0 && r->outcome[0] == '\0')
        return json_null();
    return json_pack("{s:b, s:s}", "waiting", r->at != 0, "outcome", r->outcome);
}

json_t *client_product_json(const struct client *c, const struct station *s,
                            const struct machine_product *p)
{
    const struct cat_product *product = p->lic.product;
    json_t *o = json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:s}", "product", product->product, "edition", product->edition,
        "activation_id", client_guid_json(&product->activation_id), "application_id",
        client_guid_json(&product->application_id), "kms_id", client_guid_json(&product->kms_id),
        "partial_key", p->key[0] != '\0' ? p->key + 24 : "");

    add_state(o, c, p, station_now(s));
    add_grantor(o, p);
    json_object_set_new(o, "attempt", attempt_json(c, p));
    json_object_set_new(o, "report", report_json(&p->report));
    json_object_set_new(o, "key_kind",
                        p->key[0] != '\0' ? json_string(lic_key_name((enum lic_key)p->lic.key))
                                          : json_null());
    json_object_set_new(o, "spent", json_integer(p->spent));
    json_object_set_new(o, "rearms", json_integer(p->lic.rearms));
    json_object_set_new(o, "rearm_pending", json_boolean(p->rearming));
    json_object_set_new(o, "mak_in_reserve", json_boolean(p->mak[0] != '\0'));
    json_object_set_new(
        o, "activation_type",
        json_integer(p->lic.type != LIC_TYPE_ALL ? p->lic.type : s->folder.machine.type));
    json_object_set_new(o, "kms_set", client_host_json(&p->kms));
    json_object_set_new(o, "lookup_domain", json_string(p->lookup_domain));
    return o;
}

/* What the scripts set for one application. */
static json_t *app_json(const struct machine_app *a)
{
    return json_pack("{s:o, s:i, s:b, s:b, s:b, s:b, s:I, s:o, s:I}", "kms_host",
                     client_host_json(&a->kms), "kms_port", (int)a->kms.port, "user_operations",
                     a->user_operations, "service_starts_with_system", a->auto_start,
                     "key_in_registry", !a->key_cleared, "mof_registered", a->mof_registered,
                     "licence_files", (json_int_t)a->licence_files, "licences_installed",
                     time_json(a->licences_at), "rearms", (json_int_t)a->rearms);
}

/* Its hardware, what it runs on, and what holds for all its products. */
static void add_surroundings(json_t *o, const struct machine *m)
{
    static const char *const firmware[FIRMWARE_COUNT] = {"none", "table", "marker"};
    json_t *suffixes = json_array(), *host = json_null();

    for (size_t i = 0; i < MACHINE_SUFFIXES_MAX && m->suffix[i][0] != '\0'; i++)
        json_array_append_new(suffixes, json_string(m->suffix[i]));
    if (m->vmhost.system[0] != '\0')
        host = json_pack("{s:s, s:b, s:b}", "system", m->vmhost.system, "hyper_v", m->vmhost.hyperv,
                         "activated", m->vmhost.activated);
    json_object_set_new(o, "virtual", json_boolean(m->is_virtual));
    json_object_set_new(o, "hardware_id", client_guid_json(&m->hardware));
    json_object_set_new(o, "oem_firmware", json_string(firmware[m->firmware]));
    json_object_set_new(o, "virtualization_host", host);
    json_object_set_new(o, "genuine", json_boolean(!m->not_genuine));
    json_object_set_new(o, "activation_type", json_integer(m->type));
    json_object_set_new(o, "dns_suffixes", suffixes);
    json_object_set_new(o, "report_to",
                        m->report[0] != '\0' ? json_string(m->report) : json_null());
}

json_t *client_machine_json(const struct client *c, const struct station *s)
{
    const struct machine *m = &s->folder.machine;
    json_t *products = json_array(), *o;

    for (size_t i = 0; i < m->products; i++)
        json_array_append_new(products, client_product_json(c, s, &m->product[i]));
    o = json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:b, s:s}", "name", m->name,
        "folder", s->folder.path, "client_machine_id", client_guid_json(&m->client_id), "domain",
        m->domain[0] != '\0' ? json_string(m->domain) : json_null(), "kms_host",
        client_host_json(&m->kms), "realm", s->bundle.name, "realm_id", s->bundle.id, "now",
        time_json(station_now(s)), "products", products, "windows", app_json(&m->app[0]), "office",
        app_json(&m->app[1]), "host_caching", !m->no_caching, "lookup_domain", m->lookup_domain);
    add_surroundings(o, m);
    return o;
}

void client_print_json(struct client *c)
{
    json_t *list;

    if (c->machines == NULL) {
        json_t *one = client_machine_json(c, &c->station[0]);

        if (c->operation != NULL)
            json_object_set_new(one, "Success", json_true());
        if (c->operation != NULL && c->operation[0] != '\0')
            json_object_set_new(one, "Operation", json_string(c->operation));
        cli_json(one);
        return;
    }
    list = json_array();
    for (size_t i = 0; i < c->count; i++)
        json_array_append_new(list, client_machine_json(c, &c->station[i]));
    cli_json(json_pack("{s:o}", "machines", list));
}

/* ---- show ---- */

static const char *time_text(int64_t when, char text[CLK_TEXT_MAX])
{
    return when == LIC_NEVER || when == 0 ? "-" : clk_format(when, text);
}

static void show_row(struct table *t, const struct machine *m, const struct machine_product *p)
{
    const struct lic *l = &p->lic;
    char a[CLK_TEXT_MAX], b[CLK_TEXT_MAX];

    table_cell(t, "%s", m->name);
    table_cell(t, "%s %s", l->product->product, l->product->edition);
    table_cell(t, "%s", lic_status_name((enum lic_status)l->status));
    table_cell(t, "%s", lic_channel_name((enum lic_channel)l->channel));
    table_cell(t, "%s", time_text(l->expires, a));
    table_cell(t, "%s", time_text(l->next, b));
    if (p->last.when == 0)
        table_cell(t, "-");
    else if (l->last == 0)
        table_cell(t, "activated");
    else
        table_cell(t, "0x%08X", l->last);
}

static void show_table(const struct client *c)
{
    static const char *const headers[] = {"MACHINE", "PRODUCT",      "STATUS",      "CHANNEL",
                                          "EXPIRES", "NEXT ATTEMPT", "LAST RESULT", NULL};
    struct table *t = table_new(headers);

    for (size_t i = 0; i < c->count; i++) {
        const struct machine *m = &c->station[i].folder.machine;

        for (size_t k = 0; k < m->products; k++)
            show_row(t, m, &m->product[k]);
    }
    table_print(t);
}

static void show_last(const struct client *c)
{
    const struct machine *m = &c->station[0].folder.machine;
    char when[CLK_TEXT_MAX];

    for (size_t i = 0; i < m->products; i++) {
        const struct machine_product *p = &m->product[i];

        if (p->last.when == 0)
            continue;
        printf("\n%s %s, last attempt %s (%s)\n", p->lic.product->product, p->lic.product->edition,
               clk_format(p->last.when, when), p->last.trigger);
        client_print_attempt(c, p);
    }
}

/* The classic mistake. */
static void warn_host_keys(const struct client *c)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct machine *m = &c->station[i].folder.machine;

        for (size_t k = 0; k < m->products; k++) {
            const struct machine_product *p = &m->product[k];

            if (p->lic.key == LIC_KEY_CSVLK)
                printf("warning: %s: %s %s has the key of a KMS host, and spent %u of its "
                       "activations; install the client setup key: /ipk %s\n",
                       m->name, p->lic.product->product, p->lic.product->edition, p->spent,
                       p->lic.product->setup_key != NULL ? p->lic.product->setup_key : "KEY");
        }
    }
}

static int run_show(struct client *c, int argc, char **argv)
{
    struct errinfo ei;
    enum err e;
    int status = client_begin(c, NULL, &argc, argv, 0, 0);

    if (status >= 0)
        return status;
    e = client_open(c, &ei);
    if (e != ERR_OK)
        return client_fail(c, e, &ei);
    if (c->json) {
        client_print_json(c);
        return EXIT_OK;
    }
    show_table(c);
    warn_host_keys(c);
    if (c->machines == NULL)
        show_last(c);
    return EXIT_OK;
}

/* ---- events ---- */

#define EVENTS_MAX (256u << 20)

void client_print_event(const struct client *c, const json_t *v)
{
    json_int_t id = json_integer_value(json_object_get(v, "id"));
    const struct cat_event *known = catalog_event(c->catalog, (uint32_t)id);
    const json_t *fields = json_object_get(v, "fields");

    printf("%s  %5d  %s\n", json_string_value(json_object_get(v, "time")), (int)id,
           known != NULL ? known->meaning : "");
    for (size_t i = 0; i < json_array_size(fields); i++)
        printf("%s%s", i == 0 ? "                             " : "; ",
               json_string_value(json_array_get(fields, i)));
    if (json_array_size(fields) > 0)
        printf("\n");
}

static json_t *parse_events(const struct buf *text)
{
    json_t *list = json_array();
    const char *at = (const char *)text->data, *end = at + text->len;

    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        json_t *v;

        if (stop == NULL)
            break; /* cut off by a crash: not an event */
        v = json_loadb(at, (size_t)(stop - at), 0, NULL);
        if (v != NULL)
            json_array_append_new(list, v);
        at = stop + 1;
    }
    return list;
}

enum err client_events(const struct station *s, json_t **out, struct errinfo *ei)
{
    struct buf text = BUF_INIT;
    char path[4200];
    enum err e;

    snprintf(path, sizeof(path), "%s/events.jsonl", s->folder.path);
    e = file_read(path, EVENTS_MAX, &text, ei);
    if (e == ERR_OK || e == ERR_NOTFOUND) {
        *out = parse_events(&text);
        e = ERR_OK;
    }
    buf_fini(&text);
    return e;
}

static int run_events(struct client *c, int argc, char **argv)
{
    struct station *s;
    struct errinfo ei;
    json_t *list = NULL;
    enum err e;
    int status = client_begin(c, NULL, &argc, argv, 0, 0);

    if (status >= 0)
        return status;
    e = client_open_one(c, &s, &ei);
    if (e == ERR_OK)
        e = client_events(s, &list, &ei);
    if (e != ERR_OK)
        return client_fail(c, e, &ei);
    if (c->json) {
        cli_json(list);
        return EXIT_OK;
    }
    for (size_t i = 0; i < json_array_size(list); i++)
        client_print_event(c, json_array_get(list, i));
    json_decref(list);
    return EXIT_OK;
}

const struct client_verb client_show_verbs[] = {
    {"show", "", "the machine, or all machines, with state and last attempt", run_show},
    {"events", "", "the machine's event log", run_events},
    {0},
};
