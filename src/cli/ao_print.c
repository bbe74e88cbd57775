#include "cli/ao_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"

/* The group whose lab host key made the object, by SKU id; NULL for what we do not know. */
static const char *group_of(const struct catalog *cat, const struct ao *o)
{
    const struct cat_group *g;
    size_t n = catalog_groups(cat, &g);

    for (size_t i = 0; i < n; i++) {
        if (guid_equal(&g[i].sku_id, &o->sku_id))
            return g[i].name;
    }
    return NULL;
}

static json_t *guids_json(const struct guid *ids, size_t n)
{
    json_t *list = json_array();
    char text[GUID_TEXT_MAX];

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(guid_format(&ids[i], text)));
    return list;
}

static json_t *code_json(uint32_t hresult)
{
    char code[16];

    if (hresult == 0)
        return json_null();
    snprintf(code, sizeof(code), "0x%08X", hresult);
    return json_string(code);
}

static const char *how_activated(const struct ao *o)
{
    return o->online.data != NULL ? "online" : o->phone.data != NULL ? "phone" : NULL;
}

static json_t *object_json(const struct catalog *cat, const struct ao *o)
{
    char sku[GUID_TEXT_MAX];

    return json_pack("{s:s, s:s, s:s?, s:s, s:s?, s:s, s:o, s:s?, s:s?, s:s?}", "name", o->name,
                     "dn", o->dn, "group", group_of(cat, o), "sku_id", guid_format(&o->sku_id, sku),
                     "pid", o->pid, "partial_key", o->partial_key, "kms_ids",
                     guids_json(o->kms_ids, o->kms_id_count), "activated", how_activated(o),
                     "installation_id", o->iid, "confirmation_id", o->cid);
}

static json_t *licence_json(const struct licence *l)
{
    char from[CLK_TEXT_MAX], to[CLK_TEXT_MAX];

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:I, s:I}", "kind",
                     licence_kind_name(l->kind), "realm", l->realm, "realm_id", l->realm_id,
                     "object", l->object, "forest", l->forest, "domain_sid", l->domain_sid, "group",
                     l->group, "kms_ids", guids_json(l->kms_ids, l->kms_id_count), "not_before",
                     clk_format(l->not_before, from), "not_after", clk_format(l->not_after, to),
                     "validity_minutes", (json_int_t)l->validity, "renewal_minutes",
                     (json_int_t)l->renewal);
}

/* ---- one ---- */

static void one_json(const struct catalog *cat, const struct ao *o, enum ao_verdict v,
                     const struct licence *l, const struct errinfo *why)
{
    json_t *j = object_json(cat, o);

    json_object_set_new(j, "verdict", json_string(ao_verdict_name(v)));
    json_object_set_new(j, "why", v == AO_GOOD ? json_null() : json_string(why->text));
    json_object_set_new(j, "code", code_json(v == AO_GOOD ? 0 : why->hresult));
    json_object_set_new(j, "licence", l->realm == NULL ? json_null() : licence_json(l));
    cli_json(j);
}

static void add_licence(struct facts *f, const struct licence *l, int64_t now)
{
    char from[CLK_TEXT_MAX], to[CLK_TEXT_MAX], left[CLK_TEXT_MAX];

    facts_add(f, "Signed for group", "%s", l->group);
    facts_add(f, "Realm", "%s (%s)", l->realm, l->realm_id);
    facts_add(f, "Forest", "%s%s%s%s", l->forest, l->domain_sid[0] != '\0' ? " (" : "",
              l->domain_sid, l->domain_sid[0] != '\0' ? ")" : "");
    facts_add(f, "Valid", "%s to %s", clk_format(l->not_before, from),
              clk_format(l->not_after, to));
    if (l->not_after > now)
        facts_add(f, "Time left", "%s", clk_format_duration(l->not_after - now, left));
    facts_add(f, "Clients are licensed for", "%s",
              clk_format_duration(l->validity * CLK_MINUTE, left));
    facts_add(f, "and renew every", "%s", clk_format_duration(l->renewal * CLK_MINUTE, left));
}

static void one_text(const struct catalog *cat, const struct ao *o, enum ao_verdict v,
                     const struct licence *l, const struct errinfo *why, int64_t now)
{
    const char *group = group_of(cat, o);
    char sku[GUID_TEXT_MAX];
    struct facts *f = facts_new();

    facts_add(f, "Name", "%s", o->name);
    facts_add(f, "DN", "%s", o->dn);
    facts_add(f, "Verdict", "%s", ao_verdict_name(v));
    if (v != AO_GOOD)
        facts_add(f, "Why", "%s (0x%08X)", why->text, why->hresult);
    facts_add(f, "Host key", "…-%s of %s", o->partial_key,
              group != NULL ? group : "no known group");
    facts_add(f, "Host key SKU id", "%s", guid_format(&o->sku_id, sku));
    facts_add(f, "Product id", "%s", o->pid);
    if (how_activated(o) != NULL)
        facts_add(f, "Activated", "%s", o->online.data != NULL ? "online" : "by phone");
    if (o->iid != NULL)
        facts_add(f, "Installation ID", "%s", o->iid);
    if (o->cid != NULL)
        facts_add(f, "Confirmation ID", "%s", o->cid);
    facts_add(f, "KMS ids", "%zu", o->kms_id_count);
    if (l->realm != NULL)
        add_licence(f, l, now);
    facts_print(f);
}

void ao_print_one(const struct cli *cli, const struct catalog *cat, const struct ao *o,
                  const struct bundle *b, const struct dir_facts *f, int64_t now)
{
    struct errinfo why = {0};
    struct licence l = {0};
    enum ao_verdict v = ao_verify(o, b, f, now, &l, &why);

    if (cli->json)
        one_json(cat, o, v, &l, &why);
    else
        one_text(cat, o, v, &l, &why, now);
    licence_fini(&l);
}

/* ---- list ---- */

struct listing {
    const struct ao_listing *in;
    json_t *rows;
};

/* An object that could be read: what its licence is worth, where the realm is known. */
static void judge(const struct ao_listing *in, const struct ao *o, json_t *row)
{
    struct errinfo why = {0};
    struct licence l = {0};
    enum ao_verdict v = ao_verify(o, in->bundle, dir_facts(in->dir), in->now, &l, &why);

    json_object_set_new(row, "verdict", json_string(ao_verdict_name(v)));
    json_object_set_new(row, "why", v == AO_GOOD ? json_null() : json_string(why.text));
    json_object_set_new(row, "days_left",
                        l.not_after != 0
                            ? json_integer((json_int_t)((l.not_after - in->now) / CLK_DAY))
                            : json_null());
    licence_fini(&l);
}

static enum err list_each(void *arg, const struct ao *o, enum err parse, const struct errinfo *why,
                          struct errinfo *ei)
{
    struct listing *l = arg;
    json_t *row = parse == ERR_OK ? object_json(l->in->cat, o)
                                  : json_pack("{s:s, s:s, s:s}", "name", o->name, "dn", o->dn,
                                              "error", why->text);

    if (parse == ERR_OK && row != NULL && l->in->bundle != NULL)
        judge(l->in, o, row);
    return json_array_append_new(l->rows, row) == 0 ? ERR_OK : err_nomem(ei);
}

static const char *text_of(json_t *row, const char *member)
{
    const char *text = json_string_value(json_object_get(row, member));

    return text != NULL ? text : "-";
}

static void list_table(json_t *rows)
{
    static const char *const headers[] = {"NAME",  "VERDICT",  ">DAYS LEFT", "KEY",
                                          "GROUP", ">KMS IDS", NULL};
    struct table *t;
    json_t *row;
    size_t i;

    if (json_array_size(rows) == 0) {
        puts("No objects found.");
        return;
    }
    t = table_new(headers);
    json_array_foreach(rows, i, row)
    {
        const json_t *days = json_object_get(row, "days_left");
        bool broken = json_object_get(row, "error") != NULL;

        table_cell(t, "%s", text_of(row, "name"));
        table_cell(t, "%s", broken ? "unreadable" : text_of(row, "verdict"));
        if (json_is_integer(days))
            table_cell(t, "%lld", (long long)json_integer_value(days));
        else
            table_cell(t, "-");
        table_cell(t, "%s%s", broken ? "" : "…", text_of(row, "partial_key"));
        table_cell(t, "%s", text_of(row, broken ? "error" : "group"));
        table_cell(t, "%zu", json_array_size(json_object_get(row, "kms_ids")));
    }
    table_print(t);
}

enum err ao_print_list(const struct cli *cli, const struct ao_listing *in, struct errinfo *ei)
{
    struct listing l = {.in = in, .rows = json_array()};
    enum err e = ao_each(in->dir, list_each, &l, ei);

    if (e == ERR_OK && cli->json)
        cli_json(json_pack("{s:O}", "activation_objects", l.rows));
    else if (e == ERR_OK)
        list_table(l.rows);
    json_decref(l.rows);
    return e;
}

/* ---- verdicts ---- */

struct row {
    char *name;
    enum ao_verdict v;
    struct errinfo why;
    int64_t days_left;
};

struct ao_report {
    struct row *rows;
    size_t n;
};

struct ao_report *ao_report_new(void)
{
    struct ao_report *r = calloc(1, sizeof(*r));

    if (r == NULL)
        abort();
    return r;
}

void ao_report_free(struct ao_report *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->rows[i].name);
    free(r->rows);
    free(r);
}

enum err ao_report_add(struct ao_report *r, const char *name, enum ao_verdict v,
                       const struct errinfo *why, int64_t days_left, struct errinfo *ei)
{
    struct row *grown = realloc(r->rows, (r->n + 1) * sizeof(*grown));
    char *copy = strdup(name);

    if (grown != NULL)
        r->rows = grown;
    if (grown == NULL || copy == NULL) {
        free(copy);
        return err_nomem(ei);
    }
    grown[r->n++] = (struct row){.name = copy, .v = v, .why = *why, .days_left = days_left};
    return ERR_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

static void report_json(const struct ao_report *r)
{
    json_t *list = json_array();
    bool good = true;

    for (size_t i = 0; i < r->n; i++) {
        const struct row *row = &r->rows[i];
        bool ok = row->v == AO_GOOD;

        good = good && ok;
        json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o, s:I}", "name", row->name,
                                              "verdict", ao_verdict_name(row->v), "why",
                                              ok ? json_null() : json_string(row->why.text), "code",
                                              code_json(ok ? 0 : row->why.hresult), "days_left",
                                              (json_int_t)row->days_left));
    }
    cli_json(json_pack("{s:b, s:o}", "good", good, "activation_objects", list));
}

static void report_table(const struct ao_report *r)
{
    static const char *const headers[] = {"NAME", "VERDICT", ">DAYS LEFT", "WHY", NULL};
    struct table *t;

    if (r->n == 0) {
        puts("No objects found.");
        return;
    }
    t = table_new(headers);
    for (size_t i = 0; i < r->n; i++) {
        const struct row *row = &r->rows[i];

        table_cell(t, "%s", row->name);
        table_cell(t, "%s", ao_verdict_name(row->v));
        table_cell(t, "%" PRId64, row->days_left);
        if (row->v == AO_GOOD)
            table_cell(t, "-");
        else
            table_cell(t, "%s (0x%08X)", row->why.text, row->why.hresult);
    }
    table_print(t);
}

int ao_report_print(const struct cli *cli, struct ao_report *r)
{
    int status = EXIT_OK;

    if (r->n > 1)
        qsort(r->rows, r->n, sizeof(*r->rows), by_name);
    if (cli->json)
        report_json(r);
    else
        report_table(r);
    fflush(stdout);
    for (size_t i = 0; i < r->n; i++) {
        if (r->rows[i].v == AO_GOOD)
            continue;
        fprintf(stderr, "adbactl: activation object %s is not good: %s (0x%08X)\n", r->rows[i].name,
                ao_verdict_name(r->rows[i].v), r->rows[i].why.hresult);
        status = EXIT_INVALID;
    }
    return status;
}
