/* adbactl mak proxy: somebody with a network activates the machines that have none. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/mak.h"
#include "cli/product.h"
#include "cli/session.h"
#include "client/attempt.h"
#include "client/folder.h"
#include "steward/activate.h"

#define TIMEOUT_MS 10000

struct proxy {
    const char *machines, *key; /* key NULL: those that are installed */
    const struct cat_product *only;
    const struct catalog *catalog;
    struct activate_house house;
    int64_t now;
    json_t *results;
    bool failed; /* of one machine at least */
};

/* ---- a machine's ports ---- */

static enum err machine_case(const struct bundle *b, const struct machine *m,
                             const struct machine_product *p, struct clearing_case *c,
                             struct errinfo *ei)
{
    return clearing_machine(&b->keys, p->key, &m->hardware, c, ei);
}

static enum err make_iid(void *arg, const struct machine *m, const struct machine_product *p,
                         char text[ATTEMPT_IID_MAX], struct errinfo *ei)
{
    struct clearing_case c;
    enum err e = machine_case(arg, m, p, &c, ei);

    if (e == ERR_OK)
        iid_write(&c.id, text);
    return e;
}

static enum err check_cid(void *arg, const struct machine *m, const struct machine_product *p,
                          const char *cid, struct errinfo *ei)
{
    struct clearing_case c;
    enum err e = machine_case(arg, m, p, &c, ei);

    return e == ERR_OK ? cid_check(cid, &c.id, c.confirm, ei) : e;
}

/* ---- one product ---- */

static void tell(struct proxy *x, const struct machine *m, const struct machine_product *p,
                 const char *iid, const struct clearing_answer *a, bool refused,
                 const struct errinfo *ei)
{
    const struct cat_product *product = p->lic.product;
    char code[16];
    json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s}", "machine", m->name, "product",
                          product->product, "edition", product->edition, "partial_key",
                          p->key[0] != '\0' ? p->key + strlen(p->key) - 5 : "", "result",
                          refused        ? "refused"
                          : a->when != 0 ? "activated"
                                         : "licensed already");

    snprintf(code, sizeof(code), "0x%08X", ei->hresult);
    if (iid[0] != '\0')
        json_object_set_new(j, "installation_id", json_string(iid));
    if (!refused && a->when != 0)
        json_object_update_new(j, json_pack("{s:s, s:I}", "confirmation_id", a->cid,
                                            "activations_left", (json_int_t)a->left));
    if (refused && ei->hresult != 0)
        json_object_set_new(j, "code", json_string(code));
    if (refused)
        json_object_set_new(j, "text", json_string(ei->text));
    json_array_append_new(x->results, j);
    x->failed |= refused;
}

/* Asks for p's confirmation ID and deposits it. */
static enum err activate(const struct proxy *x, struct bundle *b, struct machine *m,
                         struct machine_product *p, char iid[ATTEMPT_IID_MAX],
                         struct clearing_answer *a, struct errinfo *ei)
{
    const struct attempt_env env = {
        .bundle = b,
        .draw = rng_system(),
        .ports = {.arg = b, .make_iid = make_iid, .check_cid = check_cid}};
    enum err e = attempt_iid(&env, m, p, iid, ei);

    if (e == ERR_OK)
        e = activate_machine(&x->house, &b->keys, p->key, &m->hardware, m->name, a, ei);
    return e == ERR_OK ? attempt_confirm(&env, m, p, a->cid, x->now, ei) : e;
}

/* Licensed without an end: another activation would be wasted. */
static bool for_good(const struct machine_product *p)
{
    return p->lic.status == LIC_LICENSED && p->lic.expires == LIC_NEVER;
}

static void serve(struct proxy *x, struct bundle *b, struct machine *m, struct machine_product *p)
{
    char iid[ATTEMPT_IID_MAX] = "";
    struct clearing_answer a = {0};
    struct errinfo ei = {0};
    enum err e = ERR_OK;

    if (!for_good(p))
        e = activate(x, b, m, p, iid, &a, &ei);
    tell(x, m, p, iid, &a, e != ERR_OK, &ei);
}

/* ---- one machine ---- */

/* Where the key fits a product here that it is not on yet; what it does not fit stays as it is. */
static enum err install(const struct proxy *x, struct machine *m, struct errinfo *ei)
{
    struct errinfo unfit;
    enum err e;

    for (size_t i = 0; i < m->products; i++) {
        if (strcmp(m->product[i].key, x->key) == 0)
            return ERR_OK;
    }
    e = machine_install_key(m, x->catalog, false, x->key, x->now, NULL, &unfit);
    if (e == ERR_REFUSED)
        return ERR_OK;
    if (e != ERR_OK && ei != NULL)
        *ei = unfit;
    return e;
}

/* Whether p's key is one that a clearing house activates. */
static bool meant(const struct proxy *x, const struct machine_product *p)
{
    enum lic_key kind = (enum lic_key)p->lic.key;

    return p->key[0] != '\0' && (x->only == NULL || p->lic.product == x->only) &&
           (kind == LIC_KEY_MAK || kind == LIC_KEY_RETAIL || kind == LIC_KEY_EVALUATION);
}

/* The machine is saved even if one of its products was refused. */
static enum err visit(struct proxy *x, const char *path, struct errinfo *ei)
{
    struct folder f = {.lock = -1};
    struct bundle b = {0};
    enum err e = folder_open(path, x->catalog, &f, ei);

    if (e != ERR_OK)
        return e;
    e = folder_bundle(&f, &b, ei);
    if (e == ERR_OK && x->key != NULL)
        e = install(x, &f.machine, ei);
    for (size_t i = 0; e == ERR_OK && i < f.machine.products; i++) {
        if (!meant(x, &f.machine.product[i]))
            continue;
        serve(x, &b, &f.machine, &f.machine.product[i]);
        e = folder_save(&f, ei); /* what was spent is deposited before the next is asked for */
    }
    if (e == ERR_OK)
        e = folder_save(&f, ei);
    bundle_fini(&b);
    folder_close(&f);
    return e;
}

static int is_visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static enum err visit_all(struct proxy *x, struct errinfo *ei)
{
    struct dirent **names = NULL;
    int n = scandir(x->machines, &names, is_visible, alphasort);
    size_t seen = 0;
    enum err e = ERR_OK;

    if (n < 0)
        return err_fail_errno(ei, errno, "read folder of machines %s", x->machines);
    for (int i = 0; i < n; i++) {
        char path[4096], state[4200];

        snprintf(path, sizeof(path), "%s/%s", x->machines, names[i]->d_name);
        snprintf(state, sizeof(state), "%s/machine.json", path);
        if (e == ERR_OK && access(state, F_OK) == 0) {
            seen++;
            e = visit(x, path, ei);
        }
        free(names[i]);
    }
    free(names);
    if (e == ERR_OK && seen == 0)
        e = err_fail(ei, ERR_NOTFOUND, "folder %s holds no machine", x->machines);
    return e;
}

/* ---- the verb ---- */

static void print_table(const json_t *results)
{
    static const char *const headers[] = {"MACHINE", "PRODUCT", "KEY", "RESULT",
                                          ">LEFT",   "CODE",    NULL};
    struct table *t;
    json_t *r;
    size_t i;

    if (json_array_size(results) == 0) {
        puts("No machine has a key that a clearing house activates; --key installs one.");
        return;
    }
    t = table_new(headers);
    json_array_foreach(results, i, r)
    {
        const json_t *left = json_object_get(r, "activations_left");
        const char *code = json_string_value(json_object_get(r, "code"));

        table_cell(t, "%s", json_string_value(json_object_get(r, "machine")));
        table_cell(t, "%s %s", json_string_value(json_object_get(r, "product")),
                   json_string_value(json_object_get(r, "edition")));
        table_cell(t, "…%s", json_string_value(json_object_get(r, "partial_key")));
        table_cell(t, "%s", json_string_value(json_object_get(r, "result")));
        if (left != NULL)
            table_cell(t, "%lld", (long long)json_integer_value(left));
        else
            table_cell(t, "-");
        table_cell(t, "%s", code != NULL ? code : "-");
    }
    table_print(t);
    json_array_foreach(results, i, r)
    {
        if (json_object_get(r, "text") != NULL)
            fprintf(stderr, "%s: %s\n", json_string_value(json_object_get(r, "machine")),
                    json_string_value(json_object_get(r, "text")));
    }
}

static enum err prepare(struct proxy *x, const struct settings *s, const char *product,
                        const char *edition, struct catalog **cat, struct errinfo *ei)
{
    enum err e = ERR_OK;

    if (x->machines == NULL)
        return err_fail(ei, ERR_USAGE, "--machines DIR is missing: the folder of the machines");
    if (s->clearing_host == NULL)
        return err_fail(ei, ERR_CONFIG, "[clearing] host is not set: there is nobody to ask");
    x->house = (struct activate_house){.address = s->clearing_host, .timeout_ms = TIMEOUT_MS};
    e = session_now(s, &x->now, ei);
    if (e == ERR_OK)
        e = catalog_load_overlays(s->catalog_dir, cat, ei);
    x->catalog = *cat;
    if (e == ERR_OK && product != NULL)
        e = product_named(*cat, product, edition, &x->only, ei);
    return e;
}

int mak_run_proxy(struct cli *cli, int argc, char **argv)
{
    struct proxy x = {.results = NULL};
    const char *product = NULL, *edition = NULL;
    const struct opt opts[] = {
        OPT_TEXT_ROW("machines", "DIR", &x.machines, "folder that holds their folders"),
        OPT_TEXT_ROW("key", "KEY", &x.key, "install this MAK first, where it fits"),
        OPT_TEXT_ROW("product", "NAME", &product, "this product only"),
        OPT_TEXT_ROW("edition", "NAME", &edition, "and this edition of it"),
        {0}};
    struct catalog *cat = NULL;
    const struct settings *s;
    struct errinfo ei = {0};
    int status = cli_begin(cli, opts, &argc, argv, 0, 0);
    enum err e;

    if (status >= 0)
        return status;
    x.results = json_array();
    e = cli_settings(cli, &s, &ei);
    if (e == ERR_OK)
        e = prepare(&x, s, product, edition, &cat, &ei);
    if (e == ERR_OK)
        e = visit_all(&x, &ei);
    status = e != ERR_OK ? cli_fail(cli, e, &ei) : x.failed ? EXIT_NOT_LICENSED : EXIT_OK;
    if (e == ERR_OK && cli->json)
        cli_json(json_pack("{s:O}", "machines", x.results));
    else if (json_array_size(x.results) > 0 || e == ERR_OK)
        print_table(x.results);
    json_decref(x.results);
    catalog_free(cat);
    return status;
}
