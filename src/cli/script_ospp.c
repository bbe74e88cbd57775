/* ospp's options: the table, and those that slmgr does not have. Office products only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clk.h"
#include "catalog/explain.h"
#include "cli/script.h"

#define HR_INVALID_ARG 0x80070057u

static int invalid(const struct client *c, const char *what, const char *given)
{
    struct errinfo ei;

    return client_fail(c, err_fail_hr(&ei, ERR_USAGE, HR_INVALID_ARG, "%s \"%s\"", what, given),
                       &ei);
}

/* ---- keys and activation ---- */

static int act(struct client *c, int argc, char **argv)
{
    int status = client_ato(c, NULL, true);

    (void)argc;
    (void)argv;
    for (size_t i = 0; i < c->count && !c->json; i++) {
        const struct machine *m = &c->station[i].folder.machine;

        for (size_t k = 0; k < m->products; k++) {
            const struct machine_product *p = &m->product[k];
            uint32_t result = p->lic.phase == LIC_NO_KEY ? LIC_HR_NO_KEY : p->last.result;
            const struct cat_error *why = catalog_error(c->catalog, result);

            if (p->lic.product->family != CAT_OFFICE)
                continue;
            if (result == 0)
                printf("<Product activation successful>\n");
            else
                printf("ERROR CODE: 0x%08X\nERROR DESCRIPTION: %s\n", result,
                       why != NULL ? why->meaning : "-");
        }
    }
    return status;
}

static int unpkey(struct client *c, int argc, char **argv)
{
    (void)argc;
    return strlen(argv[0]) == 5 ? script_uninstall(c, NULL, argv[0])
                                : invalid(c, "expected a key's last five characters, not", argv[0]);
}

/* ---- status ---- */

static const char *status_text(uint8_t status)
{
    static const char *const texts[LIC_STATUS_COUNT] = {
        "UNLICENSED",        "LICENSED",      "OOB_GRACE",     "OOT_GRACE",
        "NON_GENUINE_GRACE", "NOTIFICATIONS", "EXTENDED GRACE"};

    return texts[status];
}

static void print_grantor(const struct machine *m, const struct machine_product *p)
{
    const struct machine_host *set = m->app[1].kms.name[0] != '\0' ? &m->app[1].kms : &m->kms;
    char host[272];

    if (p->lic.key != LIC_KEY_GVLK)
        return;
    printf("Activation Type Configuration: %s\n", script_type_text(m, p));
    if (p->lic.channel == LIC_BY_AD) {
        printf("\tAD Activation object name: %s\n\tAO DN: %s\n\tAO extended PID: %s\n",
               p->object.name, p->object.dn, p->object.pid);
        return;
    }
    if (set->name[0] != '\0')
        printf("\tKMS machine registry override defined: %s\n", machine_host_format(set, host));
    else if (p->cached.name[0] != '\0')
        printf("\tKMS machine name from DNS: %s\n", machine_host_format(&p->cached, host));
    else
        printf("\tDNS auto-discovery: KMS name not available\n");
    printf("\tActivation Interval: %u minutes\n\tRenewal Interval: %u minutes\n"
           "\tKMS host caching: %s\n",
           p->lic.activation, p->lic.renewal, m->no_caching ? "Disabled" : "Enabled");
}

static void print_product(const struct client *c, const struct station *s,
                          const struct machine_product *p)
{
    const struct lic *l = &p->lic;
    char id[GUID_TEXT_MAX], text[96], pid[SCRIPT_PRODUCT_ID_MAX];
    const struct cat_error *why = catalog_error(c->catalog, l->reason);

    if (p->key[0] != '\0')
        printf("PRODUCT ID: %s\n", script_product_id(s, p, pid));
    printf("SKU ID: %s\n", guid_format(&l->product->activation_id, id));
    printf("LICENSE NAME: %s, %s edition\n", l->product->product, l->product->edition);
    printf("LICENSE DESCRIPTION: %s\n", script_description(p, text));
    printf("LICENSE STATUS:  ---%s---\n", status_text(l->status));
    if (l->status != LIC_LICENSED && l->reason != 0)
        printf("ERROR CODE: 0x%08X\nERROR DESCRIPTION: %s\n", l->reason,
               why != NULL ? why->meaning : "-");
    if (l->expires != LIC_NEVER) {
        int64_t left = l->expires - station_now(s);

        printf("REMAINING GRACE: %lld days  (%lld minute(s) before expiring)\n",
               (long long)(left / CLK_DAY), (long long)(left / CLK_MINUTE));
    }
    if (p->key[0] != '\0')
        printf("Last 5 characters of installed product key: %s\n", p->key + 24);
    print_grantor(&s->folder.machine, p);
}

static int print_status(struct client *c, bool all)
{
    static const char line[] = "---------------------------------------";
    struct errinfo ei;
    size_t shown = 0;
    enum err e;

    if (c->json)
        return script_dlv(c, 0, NULL);
    e = client_open(c, &ei);
    if (e != ERR_OK)
        return client_fail(c, e, &ei);
    printf("---Processing--------------------------\n%s\n", line);
    for (size_t i = 0; i < c->count; i++) {
        const struct machine *m = &c->station[i].folder.machine;

        for (size_t k = 0; k < m->products; k++) {
            const struct machine_product *p = &m->product[k];

            if (p->lic.product->family != CAT_OFFICE || (!all && p->key[0] == '\0'))
                continue;
            print_product(c, &c->station[i], p);
            printf("%s\n", line);
            shown++;
        }
    }
    if (shown == 0)
        printf("<%s>\n", all ? "No Office product is installed" : "No product key is installed");
    printf("---Exiting-----------------------------\n");
    return EXIT_OK;
}

static int dstatus(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return print_status(c, false);
}

static int dstatusall(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return print_status(c, true);
}

/* ---- what the machine remembers ---- */

static int history(struct client *c, const json_int_t *ids, size_t n)
{
    struct station *s;
    struct errinfo ei;
    json_t *list = NULL, *event, *kept = json_array();
    size_t i;
    enum err e = client_open_one(c, &s, &ei);

    if (e == ERR_OK)
        e = client_events(s, &list, &ei);
    json_array_foreach(list, i, event)
    {
        json_int_t id = json_integer_value(json_object_get(event, "id"));

        for (size_t k = 0; k < n; k++) {
            if (ids[k] == id)
                json_array_append(kept, event);
        }
    }
    json_decref(list);
    if (e == ERR_OK && c->json)
        cli_json(json_incref(kept));
    for (i = 0; e == ERR_OK && !c->json && i < json_array_size(kept); i++)
        client_print_event(c, json_array_get(kept, i));
    if (e == ERR_OK && !c->json && json_array_size(kept) == 0)
        printf("<No events found>\n");
    json_decref(kept);
    return e == ERR_OK ? EXIT_OK : client_fail(c, e, &ei);
}

static int dhistoryacterr(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return history(c, (const json_int_t[]){8198, 8200}, 2);
}

static int dhistorykms(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return history(c, (const json_int_t[]){12288, 12289}, 2);
}

static int dcmid(struct client *c, int argc, char **argv)
{
    struct errinfo ei;
    char id[GUID_TEXT_MAX];
    enum err e = client_open(c, &ei);

    (void)argc;
    (void)argv;
    if (e != ERR_OK)
        return client_fail(c, e, &ei);
    if (c->json) {
        client_print_json(c);
        return EXIT_OK;
    }
    for (size_t i = 0; i < c->count; i++)
        printf("Client Machine ID (CMID): %s\n",
               guid_format(&c->station[i].folder.machine.client_id, id));
    return EXIT_OK;
}

/* ---- explaining ---- */

static int ddescr(struct client *c, int argc, char **argv)
{
    struct cat_meaning m[CAT_MEANINGS_MAX];
    size_t n = catalog_explain(c->catalog, argv[0], m);
    struct errinfo ei;

    (void)argc;
    for (size_t i = 0; i < n; i++) {
        const struct cat_error *e = m[i].error;

        if (e == NULL)
            continue;
        if (c->json)
            cli_json(json_pack("{s:s, s:o, s:s, s:s}", "name", e->name, "code",
                               json_sprintf("0x%08X", e->code), "meaning", e->meaning, "remedy",
                               catalog_remedy(e)));
        else
            printf("ERROR CODE: 0x%08X\nERROR DESCRIPTION: %s\nREMEDY: %s\n", e->code, e->meaning,
                   catalog_remedy(e));
        return EXIT_OK;
    }
    return client_fail(c,
                       err_fail(&ei, ERR_NOTFOUND,
                                "no error code is known as \"%s\" (adbactl explain --list)",
                                argv[0]),
                       &ei);
}

/* ---- the KMS host ---- */

typedef void office_fn(struct machine_app *app, const char *value);

/* Changes Office's settings on every machine. */
static int change_office(struct client *c, office_fn *change, const char *value, const char *text)
{
    struct errinfo ei;
    enum err e = client_open(c, &ei);

    for (size_t i = 0; i < c->count && e == ERR_OK; i++) {
        struct machine *m = &c->station[i].folder.machine;

        change(&m->app[1], value);
        m->changed = true;
    }
    return script_done(c, e, &ei, text);
}

static void take_host(struct machine_app *app, const char *value)
{
    snprintf(app->kms.name, sizeof(app->kms.name), "%.255s", value);
}

static int sethst(struct client *c, int argc, char **argv)
{
    struct machine_host h = {0};
    struct errinfo ei;
    enum err e = machine_host_parse(argv[0], &h, &ei);

    (void)argc;
    if (e != ERR_OK)
        return client_fail(c, e, &ei);
    if (h.port != 0 || h.name[0] == '\0')
        return invalid(c, "expected a host's name alone (its port: /setprt), not", argv[0]);
    return change_office(c, take_host, h.name, "Successfully applied setting.");
}

static void take_port(struct machine_app *app, const char *value)
{
    app->kms.port = (uint16_t)strtoul(value, NULL, 10);
}

static int setprt(struct client *c, int argc, char **argv)
{
    size_t digits = strspn(argv[0], "0123456789");
    unsigned long port = strtoul(argv[0], NULL, 10);

    (void)argc;
    if (digits == 0 || digits > 5 || argv[0][digits] != '\0' || port == 0 || port > 65535)
        return invalid(c, "expected a port from 1 to 65535, not", argv[0]);
    return change_office(c, take_port, argv[0], "Successfully applied setting.");
}

static void forget_host(struct machine_app *app, const char *value)
{
    (void)value;
    memset(&app->kms, 0, sizeof(app->kms));
}

static int remhst(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return change_office(c, forget_host, NULL, "Successfully applied setting.");
}

static int cachst(struct client *c, int argc, char **argv)
{
    bool on = strcasecmp(argv[0], "TRUE") == 0;

    (void)argc;
    if (!on && strcasecmp(argv[0], "FALSE") != 0)
        return invalid(c, "expected TRUE or FALSE, not", argv[0]);
    return script_set_caching(c, on);
}

/* ---- the service ---- */

static void allow_users(struct machine_app *app, const char *value)
{
    app->user_operations = value != NULL;
}

static int puserops(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return change_office(c, allow_users, "", "Standard users may do licensing operations.");
}

static int duserops(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return change_office(c, allow_users, NULL, "Licensing operations need an administrator.");
}

static int osppsvcrestart(struct client *c, int argc, char **argv)
{
    struct errinfo ei;
    enum err e = client_open(c, &ei);

    (void)argc;
    (void)argv;
    for (size_t i = 0; i < c->count && e == ERR_OK; i++) {
        struct station *s = &c->station[i];
        attempt_restart_office(&s->env, &s->folder.machine, station_now(s));
    }
    return script_done(c, e, &ei, "Successfully restarted the licensing service.");
}

static void start_with_system(struct machine_app *app, const char *value)
{
    (void)value;
    app->auto_start = true;
}

static int osppsvcauto(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return change_office(c, start_with_system, NULL, "The service starts with the system.");
}

static void register_mof(struct machine_app *app, const char *value)
{
    (void)value;
    app->mof_registered = true;
}

static int regmof(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return change_office(c, register_mof, NULL, "Successfully registered osppwmi.mof.");
}

static int version(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    if (c->json)
        cli_json(json_pack("{s:s}", "version", ADBAD_VERSION));
    else
        printf("ospp of adbaclient %s\n", ADBAD_VERSION);
    return EXIT_OK;
}

static int help(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return script_help(c, script_ospp_options);
}

#define M   SCRIPT_MACHINE
#define YES true
#define NO  false

/* clang-format off */
const struct script_option script_ospp_options[] = {
    {"act", "", 0, 0, M, YES, "ActivateOnline", "Activate Office: the directory, then KMS", act},
    {"inpkey", "<Product Key>", 1, 1, M, YES, "InstallProductKey",
     "Install a product key, replacing the product's present one", script_install_key},
    {"unpkey", "<last five characters>", 1, 1, M, YES, "UninstallProductKey",
     "Uninstall the key that ends in these", unpkey},
    {"inslic", "<License file>", 1, 1, M, YES, "InstallLicenseFile",
     "Install a licence file (.xrm-ms)", script_install_licence},
    {"dstatus", "", 0, 0, M, YES, NULL, "Status of products with a key", dstatus},
    {"dstatusall", "", 0, 0, M, YES, NULL, "Status of all products", dstatusall},
    {"dhistoryacterr", "", 0, 0, M, YES, NULL, "Activations that failed, from the event log",
     dhistoryacterr},
    {"dinstid", "", 0, 0, M, YES, NULL, "Installation ID for activation by phone",
     script_installation_id},
    {"actcid", "<Confirmation ID>", 1, 1, M, YES, "ActivateOffline",
     "Deposit the clerk's confirmation ID", script_confirmation_id},
    {"rearm", "[SKU ID]", 0, 1, M, YES, "Rearm",
     "Back to the state after set-up, all of Office or one product", script_rearm},
    {"ddescr", "<code>", 1, 1, SCRIPT_NOTHING, YES, NULL, "What an error code means", ddescr},
    {"dhistorykms", "", 0, 0, M, YES, NULL, "Requests to KMS hosts, from the event log",
     dhistorykms},
    {"dcmid", "", 0, 0, M, YES, NULL, "Client machine ID", dcmid},
    {"sethst", "<host>", 1, 1, M, YES, NULL, "Set Office's KMS host", sethst},
    {"setprt", "<port>", 1, 1, M, YES, NULL, "Set its port (default 1688)", setprt},
    {"remhst", "", 0, 0, M, YES, NULL, "Forget the host and its port", remhst},
    {"cachst", "TRUE|FALSE", 1, 1, M, YES, NULL, "Remember the KMS host that answered", cachst},
    {"actype", "0|1|2", 1, 1, M, YES, NULL, "Who may activate: 0 both, 1 directory, 2 KMS",
     script_activation_type},
    {"skms-domain", "<FQDN>", 1, 1, M, YES, NULL, "Set the domain where KMS hosts are looked up",
     script_set_domain},
    {"ckms-domain", "", 0, 0, M, YES, NULL, "Clear it", script_clear_domain},
    {"stokflag", "", 0, 0, M, YES, NULL, "Token-only activation (not modelled)", script_token_only},
    {"ctokflag", "", 0, 0, M, YES, NULL, "Its end (not modelled)", script_token_only},
    {"dtokils", "", 0, 0, M, YES, NULL, "Token issuance licences (not modelled)", script_token},
    {"rtokil", "<ILID>", 1, 1, M, YES, NULL, "Remove one (not modelled)", script_token},
    {"dtokcerts", "", 0, 0, M, YES, NULL, "Token certificates (not modelled)", script_token},
    {"tokact", "<thumbprint>", 1, 1, M, YES, NULL, "Token activation (not modelled)", script_token},
    {"puserops", "", 0, 0, M, YES, NULL, "Let standard users do licensing operations", puserops},
    {"duserops", "", 0, 0, M, YES, NULL, "Keep them from it", duserops},
    {"osppsvcrestart", "", 0, 0, M, YES, NULL, "Restart Office's licensing service",
     osppsvcrestart},
    {"osppsvcauto", "", 0, 0, M, YES, NULL, "Start it with the system", osppsvcauto},
    {"regmof", "", 0, 0, M, YES, NULL, "Register its management classes", regmof},
    {"version", "", 0, 0, SCRIPT_NOTHING, NO, NULL, "Version of this simulation", version},
    {"help", "", 0, 0, SCRIPT_NOTHING, NO, NULL, "This list", help},
    {0},
};
/* clang-format on */
