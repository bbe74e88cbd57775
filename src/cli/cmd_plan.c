/* adbactl plan: what a KMS host and the directory would activate, and what is missing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/plural.h"
#include "cli/cli.h"
#include "cli/group.h"
#include "cli/overlay.h"
#include "cli/paragraph.h"
#include "plan/plan.h"

/* ---- what is asked ---- */

struct asked {
    const char *host;
    struct opt_texts groups, clients, updates;
    const char *members; /* "40" or "80%" */
};

/* "Windows 11" stands for its editions where one key group treats them alike. */
static const struct cat_product *any_edition(const struct catalog *cat, const char *name)
{
    const char *edition, *system = catalog_system(cat, name, &edition);
    const struct cat_product *all, *found = NULL;
    size_t n = catalog_products(cat, &all);

    for (size_t i = 0; system != NULL && i < n; i++) {
        if (strcmp(all[i].product, system) != 0)
            continue;
        if (found != NULL && !guid_equal(&found->kms_id, &all[i].kms_id))
            return NULL;
        if (found == NULL)
            found = &all[i];
    }
    return found;
}

static enum err find_product(const struct catalog *cat, const char *name,
                             const struct cat_product **out, struct errinfo *ei)
{
    const char *edition, *nearest;

    *out = catalog_product(cat, name, NULL);
    if (*out == NULL)
        *out = any_edition(cat, name);
    if (*out != NULL)
        return ERR_OK;
    if (catalog_system(cat, name, &edition) != NULL)
        return err_fail(
            ei, ERR_USAGE,
            "--client \"%s\": which edition? For example \"%s Enterprise=25\" (\"adbactl "
            "catalog list\" has them all)",
            name, name);
    nearest = catalog_nearest_product(cat, name);
    return err_fail(ei, ERR_NOTFOUND, "there is no product \"%s\"%s%s%s", name,
                    nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                    nearest != NULL ? "\"?" : "");
}

/* "Windows 11 Pro=24"; without a number it is one. */
static enum err take_client(const struct catalog *cat, const char *text, struct plan_clients *out,
                            struct errinfo *ei)
{
    const char *equals = strrchr(text, '=');
    size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);
    char name[128], *end;
    unsigned long n = 1;

    if (len >= sizeof(name))
        return err_fail(ei, ERR_USAGE, "--client \"%s\" is too long", text);
    memcpy(name, text, len);
    name[len] = '\0';
    if (equals != NULL) {
        n = strtoul(equals + 1, &end, 10);
        if (equals[1] < '0' || equals[1] > '9' || *end != '\0' || n == 0 || n > 10000000)
            return err_fail(ei, ERR_USAGE,
                            "--client takes a product and a number, such as \"Windows 11 Pro=24\", "
                            "not \"%s\"",
                            text);
    }
    out->count = (uint32_t)n;
    return find_product(cat, name, &out->product, ei);
}

static enum err take_members(const char *text, struct plan_input *in, struct errinfo *ei)
{
    uint64_t total = 0, n;
    char *end;

    for (size_t i = 0; i < in->client_count; i++)
        total += in->clients[i].count;
    if (text == NULL)
        return ERR_OK;
    n = strtoull(text, &end, 10);
    if (strcmp(end, "%") == 0 && n <= 100)
        n = total * n / 100;
    else if (*end != '\0')
        n = total + 1;
    if (text[0] < '0' || text[0] > '9' || n > total)
        return err_fail(ei, ERR_USAGE,
                        "--domain-joined takes a number of machines up to all %" PRIu64
                        ", or a share such as 80%%, not \"%s\"",
                        total, text);
    in->members = (uint32_t)n;
    return ERR_OK;
}

static enum err take_host(const struct catalog *cat, const char *text, struct plan_input *in,
                          struct errinfo *ei)
{
    const char *nearest;

    if (text == NULL)
        return err_fail(ei, ERR_USAGE,
                        "--host-os SYSTEM is required, for example --host-os \"Windows Server "
                        "2022\"");
    in->system = catalog_system(cat, text, &in->edition);
    if (in->system != NULL)
        return ERR_OK;
    nearest = catalog_nearest_product(cat, text);
    return err_fail(ei, ERR_NOTFOUND, "there is no system \"%s\"%s%s%s", text,
                    nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                    nearest != NULL ? "\"?" : "");
}

static enum err take(const struct catalog *cat, const struct asked *a, struct plan_input *in,
                     struct errinfo *ei)
{
    enum err e = take_host(cat, a->host, in, ei);

    if (e == ERR_OK && a->clients.n == 0)
        e = err_fail(ei, ERR_USAGE, "--client \"PRODUCT=N\" is required, once or several times");
    if (e == ERR_OK && a->groups.n > PLAN_GROUPS_MAX)
        e = err_fail(ei, ERR_USAGE, "--key-group is given more than %d times", PLAN_GROUPS_MAX);
    for (size_t i = 0; i < a->groups.n && e == ERR_OK; i++)
        e = group_named(cat, a->groups.v[i], &in->groups[in->group_count++], ei);
    for (size_t i = 0; i < a->clients.n && e == ERR_OK; i++)
        e = take_client(cat, a->clients.v[i], &in->clients[in->client_count++], ei);
    in->updates = a->updates.v;
    in->update_count = a->updates.n;
    return e == ERR_OK ? take_members(a->members, in, ei) : e;
}

/* ---- words ---- */

static const char *hosting_word(enum cat_hosting h)
{
    static const char *const words[] = {[CAT_HOSTING_OK] = "yes",
                                        [CAT_HOSTING_UNLISTED] = "unlisted",
                                        [CAT_HOSTING_EDITION] = "edition",
                                        [CAT_HOSTING_DISPUTED] = "disputed"};

    return words[h];
}

static const char *verdict_word(enum plan_verdict v)
{
    static const char *const words[] = {
        [PLAN_ACTIVATED] = "activated", [PLAN_NO_GROUP] = "no-group",     [PLAN_HOST] = "host",
        [PLAN_UPDATE] = "update",       [PLAN_IMPOSSIBLE] = "impossible", [PLAN_COUNT] = "count"};

    return words[v];
}

static void add_updates(struct buf *b, const struct cat_need *need)
{
    for (size_t i = 0; i < need->count; i++)
        buf_add_fmt(b, "%s%s", i == 0 ? "" : " or ", need->any_of[i].update);
}

static void add_groups(struct buf *b, const struct plan_row *r)
{
    buf_add_str(b, r->suggest_fits ? "a key that serves it and runs on this host: "
                                   : "no key that serves it runs on this host; on another: ");
    if (r->suggest_count == 0) {
        buf_clear(b);
        buf_add_str(b, "no key group serves it");
    }
    for (size_t i = 0; i < r->suggest_count; i++)
        buf_add_fmt(b, "%s%s", i == 0 ? "" : ", ", r->suggest[i]->name);
}

static void describe_row(const struct plan_row *r, struct buf *b)
{
    switch (r->verdict) {
    case PLAN_ACTIVATED:
        buf_add_str(b, r->by_kms == 0 ? "by the directory alone" : "enough machines ask the host");
        break;
    case PLAN_NO_GROUP:
    case PLAN_HOST:
        add_groups(b, r);
        break;
    case PLAN_UPDATE:
        if (!r->group->usable) {
            buf_add_str(b, "the host key needs an update first (above)");
        } else {
            buf_add_str(b, "the host lacks ");
            add_updates(b, &r->need);
        }
        break;
    case PLAN_IMPOSSIBLE:
        buf_add_fmt(b, "no update lets this system activate it: %s", r->need.any_of[0].note);
        break;
    case PLAN_COUNT:
        buf_add_fmt(b, "%" PRIu32 " more machine%s must ask the host (it needs %" PRIu32 ")",
                    r->missing, plural(r->missing), r->clients.product->required_count);
        break;
    }
}

static void describe_group(const struct plan_group *g, const char *system, struct buf *b)
{
    switch (g->hosting) {
    case CAT_HOSTING_OK:
        buf_add_fmt(b, "its host may run on %s", system);
        break;
    case CAT_HOSTING_UNLISTED:
        buf_add_fmt(b, "no source names %s as a host of it", system);
        break;
    case CAT_HOSTING_EDITION:
        buf_add_fmt(b, "the edition %s cannot be a KMS host", g->row->except);
        break;
    case CAT_HOSTING_DISPUTED:
        buf_add_fmt(b, "the sources contradict each other about %s: %s", system, g->row->note);
        break;
    }
    for (size_t i = 0; i < g->need_count; i++) {
        buf_add_str(b,
                    g->met[i] ? "; has what it needs for " : "; before the key is installed, for ");
        buf_add_fmt(b, "%s: ", g->needs[i].what);
        if (g->needs[i].impossible)
            buf_add_str(b, "impossible");
        else
            add_updates(b, &g->needs[i]);
    }
}

/* ---- sources: each once, in the order of use ---- */

#define SOURCES_MAX 64

struct sources {
    size_t n;
    const char *v[SOURCES_MAX];
};

static void cite(struct sources *s, const char *source)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->v[i], source) == 0)
            return;
    if (*source != '\0' && s->n < SOURCES_MAX)
        s->v[s->n++] = source;
}

static void cite_need(struct sources *s, const struct cat_need *need)
{
    for (size_t i = 0; i < need->count; i++)
        cite(s, need->any_of[i].source);
}

static void cite_group(struct sources *s, const struct plan_group *g)
{
    if (g->row != NULL)
        cite(s, g->row->source);
    for (size_t i = 0; i < g->need_count; i++)
        cite_need(s, &g->needs[i]);
}

static void cite_row(struct sources *s, const struct plan_row *r)
{
    cite(s, r->served_source);
    cite_need(s, &r->need);
    if (r->by_kms > 0)
        cite(s, plan_source_counting);
    if (r->by_directory > 0)
        cite(s, plan_source_directory);
}

/* ---- advice ---- */

#define ADVICE_MAX 6

struct advice {
    size_t n;
    const char *text[ADVICE_MAX];
    const char *source[ADVICE_MAX];
};

static void advise(struct advice *a, const char *text, const char *source)
{
    a->text[a->n] = text;
    a->source[a->n++] = source;
}

static void make_advice(const struct plan *p, const struct plan_input *in, struct advice *a)
{
    bool missing_update = false, could_join = false, office = false;

    a->n = 0;
    for (size_t i = 0; i < p->group_count; i++)
        missing_update =
            missing_update || (p->groups[i].hosting == CAT_HOSTING_OK && !p->groups[i].usable);
    for (size_t i = 0; i < p->row_count; i++) {
        const struct plan_row *r = &p->rows[i];

        could_join = could_join || (r->verdict == PLAN_COUNT && r->clients.product->adba);
        office = office || (r->by_directory > 0 && r->clients.product->family == CAT_OFFICE);
    }
    if (missing_update)
        advise(
            a,
            "If the host key was installed before the update: uninstall it, install it again and "
            "activate again.",
            "Volume Activation Technical Reference; error 0xC004F015");
    if (could_join)
        advise(a,
               "Members of a domain with an activation object need no count: join them "
               "(--domain-joined).",
               plan_source_directory);
    if (in->members > 0)
        advise(a, "The directory needs an activation object made with a host key of the group.",
               plan_source_directory);
    if (office)
        advise(a, "Office is activated by the directory on Windows 8, Server 2012 and later only.",
               plan_source_directory);
    if (p->two_hosts)
        advise(a,
               "Two KMS hosts are advised from 50 machines on; each counts alone, and one host key "
               "activates up to 6 hosts.",
               plan_source_hosts);
}

/* ---- output ---- */

static json_t *need_json(const struct cat_need *need, bool met)
{
    json_t *any = json_array();

    for (size_t i = 0; i < need->count; i++)
        json_array_append_new(any,
                              json_pack("{s:s, s:s, s:s}", "update", need->any_of[i].update, "note",
                                        need->any_of[i].note, "source", need->any_of[i].source));
    return json_pack("{s:s, s:b, s:b, s:o}", "for", need->what, "impossible", (int)need->impossible,
                     "met", (int)met, "any_of", any);
}

static json_t *group_json(const struct plan_group *g)
{
    json_t *needs = json_array();

    for (size_t i = 0; i < g->need_count; i++)
        json_array_append_new(needs, need_json(&g->needs[i], g->met[i]));
    return json_pack("{s:s, s:s, s:b, s:s, s:s, s:o}", "group", g->group->name, "hosting",
                     hosting_word(g->hosting), "usable", (int)g->usable, "note",
                     g->row != NULL ? g->row->note : "", "source",
                     g->row != NULL ? g->row->source : "", "needs", needs);
}

static json_t *row_json(const struct plan_row *r)
{
    json_t *groups = json_array(), *o;

    for (size_t i = 0; i < r->suggest_count; i++)
        json_array_append_new(groups, json_string(r->suggest[i]->name));
    o = json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:I, s:I, s:s, s:s, s:o, s:b}", "product",
                  r->clients.product->product, "edition", r->clients.product->edition, "machines",
                  (json_int_t)r->clients.count, "by_directory", (json_int_t)r->by_directory,
                  "by_kms", (json_int_t)r->by_kms, "verdict", verdict_word(r->verdict), "required",
                  (json_int_t)r->clients.product->required_count, "missing", (json_int_t)r->missing,
                  "group", r->group != NULL ? r->group->group->name : "", "source",
                  r->served_source, "groups", groups, "groups_fit_host", (int)r->suggest_fits);
    if (r->need.count > 0)
        json_object_set_new(o, "need", need_json(&r->need, r->need_met));
    return o;
}

static void print_json(const struct plan *p, const struct plan_input *in, const struct advice *a)
{
    json_t *groups = json_array(), *rows = json_array(), *advice = json_array();

    for (size_t i = 0; i < p->group_count; i++)
        json_array_append_new(groups, group_json(&p->groups[i]));
    for (size_t i = 0; i < p->row_count; i++)
        json_array_append_new(rows, row_json(&p->rows[i]));
    for (size_t i = 0; i < a->n; i++)
        json_array_append_new(advice,
                              json_pack("{s:s, s:s}", "text", a->text[i], "source", a->source[i]));
    cli_json(json_pack("{s:b, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:{s:s, s:s, s:s}}",
                       "activates", (int)p->activates, "host_os", in->system, "windows_count",
                       (json_int_t)p->windows_count, "office_count", (json_int_t)p->office_count,
                       "asking_kms", (json_int_t)p->asking, "hosts_advised",
                       (json_int_t)(p->asking == 0 ? 0
                                    : p->two_hosts ? 2
                                                   : 1),
                       "key_groups", groups, "clients", rows, "advice", advice, "sources",
                       "counting", plan_source_counting, "hosts", plan_source_hosts, "directory",
                       plan_source_directory));
}

static void print_rows(const struct plan *p)
{
    struct table *t = table_new((const char *const[]){"CLIENTS", ">MACHINES", ">DIRECTORY", ">KMS",
                                                      "ACTIVATED", "WHY", NULL});

    for (size_t i = 0; i < p->row_count; i++) {
        const struct plan_row *r = &p->rows[i];
        struct buf why = BUF_INIT;

        describe_row(r, &why);
        table_cell(t, "%s %s", r->clients.product->product, r->clients.product->edition);
        table_cell(t, "%" PRIu32, r->clients.count);
        table_cell(t, "%" PRIu32, r->by_directory);
        table_cell(t, "%" PRIu32, r->by_kms);
        table_cell(t, "%s",
                   r->verdict == PLAN_ACTIVATED ? "yes"
                   : r->by_directory > 0        ? "partly"
                                                : "no");
        table_cell(t, "%s", buf_str(&why) != NULL ? buf_str(&why) : "");
        buf_fini(&why);
    }
    table_print(t);
}

static void print_text(const struct plan *p, const struct plan_input *in, const struct advice *a)
{
    struct sources s = {.n = 0};

    printf("KMS host on %s%s%s\n", in->system, in->edition != NULL ? " " : "",
           in->edition != NULL ? in->edition : "");
    for (size_t i = 0; i < p->group_count; i++) {
        struct buf b = BUF_INIT;

        buf_add_fmt(&b, "%s: ", p->groups[i].group->name);
        describe_group(&p->groups[i], in->system, &b);
        paragraph(p->groups[i].usable ? "  key ok  " : "  key no  ",
                  buf_str(&b) != NULL ? buf_str(&b) : "");
        buf_fini(&b);
        cite_group(&s, &p->groups[i]);
    }
    printf("  count   %" PRIu32 " for Windows, %" PRIu32 " for Office\n\n", p->windows_count,
           p->office_count);
    print_rows(p);
    putchar('\n');
    for (size_t i = 0; i < p->row_count; i++)
        cite_row(&s, &p->rows[i]);
    for (size_t i = 0; i < a->n; i++) {
        paragraph("  advice  ", a->text[i]);
        cite(&s, a->source[i]);
    }
    for (size_t i = 0; i < s.n; i++)
        paragraph("  source  ", s.v[i]);
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct asked a = {.host = NULL};
    const struct opt opts[] = {
        OPT_TEXT_ROW("host-os", "SYSTEM", &a.host, "what the KMS host runs"),
        {.name = "key-group",
         .type = OPT_TEXTS,
         .metavar = "GROUP",
         .dest = &a.groups,
         .help = "whose host key there is; several times for several keys"},
        {.name = "client",
         .type = OPT_TEXTS,
         .metavar = "PRODUCT=N",
         .dest = &a.clients,
         .help = "machines to activate; several times"},
        {.name = "update",
         .type = OPT_TEXTS,
         .metavar = "KB",
         .dest = &a.updates,
         .help = "installed on the host; several times"},
        OPT_TEXT_ROW("domain-joined", "N", &a.members,
                     "members of a domain with an activation object: a number, or 80%"),
        {0}};
    int status = cli_begin(cli, opts, &argc, argv, 0, 0);
    struct plan_input in = {.system = NULL};
    struct plan *p = calloc(1, sizeof(*p));
    struct catalog *cat = NULL;
    struct errinfo ei = {0};
    struct advice advice;
    enum err e;

    if (status >= 0) {
        free(p);
        return status;
    }
    e = p == NULL ? err_nomem(&ei) : cli_catalog(cli, NULL, &cat, &ei);
    if (e == ERR_OK)
        e = take(cat, &a, &in, &ei);
    if (e == ERR_OK) {
        plan_make(cat, &in, p);
        make_advice(p, &in, &advice);
        if (cli->json)
            print_json(p, &in, &advice);
        else
            print_text(p, &in, &advice);
        status = p->activates ? EXIT_OK : EXIT_INVALID;
    } else {
        status = cli_fail(cli, e, &ei);
    }
    catalog_free(cat);
    free(p);
    return status;
}

const struct cli_command cmd_plan[] = {
    {.noun = "plan",
     .verb = "",
     .usage = "--host-os SYSTEM --client PRODUCT=N …",
     .run = run,
     .summary = "say whether a host and the directory would activate these machines",
     .help =
         "From the published tables: which key group is needed, which update the host lacks, how\n"
         "many machines are missing until the threshold (25 clients, 5 servers, Office 5; servers\n"
         "count for the clients), what the directory takes off the host; with the sources. Exit\n"
         "code 7 if something would not be activated.\n\n"
         "  adbactl plan --host-os \"Windows Server 2019\" --update KB5003646 \\\n"
         "      --key-group \"Volume License for Windows Server 2022\" \\\n"
         "      --client \"Windows 11 Pro=20\" --client \"Windows Server 2022=4\""},
    {0},
};
