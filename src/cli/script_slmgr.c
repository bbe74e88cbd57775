/* slmgr's options: the table, and those that ospp does not have. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/script.h"

static int ato(struct client *c, int argc, char **argv)
{
    return client_ato(c, argc > 0 ? argv[0] : NULL, false);
}

static int upk(struct client *c, int argc, char **argv)
{
    return script_uninstall(c, argc > 0 ? argv[0] : NULL, NULL);
}

static int cpky(struct client *c, int argc, char **argv)
{
    struct errinfo ei;
    enum err e = client_open(c, &ei);

    (void)argc;
    (void)argv;
    for (size_t i = 0; i < c->count && e == ERR_OK; i++) {
        c->station[i].folder.machine.app[0].key_cleared = true;
        c->station[i].folder.machine.changed = true;
    }
    return script_done(c, e, &ei, "Product key from registry cleared successfully.");
}

static int rilc(struct client *c, int argc, char **argv)
{
    struct errinfo ei;
    enum err e = client_open(c, &ei);

    (void)argc;
    (void)argv;
    for (size_t i = 0; i < c->count && e == ERR_OK; i++) {
        struct machine *m = &c->station[i].folder.machine;

        m->app[0].licence_files = 0;
        m->app[0].licences_at = station_now(&c->station[i]);
        m->changed = true;
    }
    return script_done(c, e, &ei,
                       "Re-installing license files ...\n"
                       "License files re-installed successfully.");
}

/* ---- rearming one application ---- */

static int rearm_app(struct client *c, int argc, char **argv)
{
    struct guid id;
    struct errinfo ei;

    (void)argc;
    if (guid_parse(argv[0], &id) && guid_equal(&id, &cat_app_office)) {
        c->office = true;
        return script_rearm(c, 0, NULL);
    }
    if (guid_parse(argv[0], &id) && guid_equal(&id, &cat_app_windows))
        return script_rearm(c, 0, NULL);
    return client_fail(c,
                       err_fail_hr(&ei, ERR_NOTFOUND, 0x80070057,
                                   "rearm: \"%s\" is no application id that is known (/dlv shows "
                                   "Windows' and Office's)",
                                   argv[0]),
                       &ei);
}

/* ---- /skms, /ckms ---- */

/* The setting that the option is about: everybody's, or one product's by activation id. */
static enum err host_setting(struct station *s, const char *which, struct machine_host **out,
                             struct errinfo *ei)
{
    struct machine *m = &s->folder.machine;

    *out = &m->kms;
    if (which == NULL)
        return ERR_OK;
    for (size_t i = 0; i < m->products; i++) {
        if (strcasecmp(which, "all") != 0 && client_chosen(m, &m->product[i], which, false)) {
            *out = &m->product[i].kms;
            return ERR_OK;
        }
    }
    return err_fail(ei, ERR_NOTFOUND, "no product with activation id %s is installed on %s", which,
                    m->name);
}

static int set_kms(struct client *c, const char *host, const char *which)
{
    struct machine_host *h;
    char text[400] = "Key Management Service machine name cleared successfully.", name[272];
    struct errinfo ei;
    enum err e = client_open(c, &ei);

    for (size_t i = 0; i < c->count && e == ERR_OK; i++) {
        struct station *s = &c->station[i];

        e = host_setting(s, which, &h, &ei);
        if (e == ERR_OK && host == NULL)
            memset(h, 0, sizeof(*h));
        if (e == ERR_OK && host != NULL)
            e = machine_host_parse(host, h, &ei);
        if (e == ERR_OK && host != NULL)
            snprintf(text, sizeof(text),
                     "Key Management Service machine name set to %s successfully.",
                     machine_host_format(h, name));
        s->folder.machine.changed = true;
    }
    return script_done(c, e, &ei, text);
}

static int skms(struct client *c, int argc, char **argv)
{
    return set_kms(c, argv[0], argc > 1 ? argv[1] : NULL);
}

static int ckms(struct client *c, int argc, char **argv)
{
    return set_kms(c, NULL, argc > 0 ? argv[0] : NULL);
}

static int skhc(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return script_set_caching(c, true);
}

static int ckhc(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return script_set_caching(c, false);
}

#define M   SCRIPT_MACHINE
#define H   SCRIPT_HOST
#define YES true
#define NO  false
#define SET SCRIPT_SET

/* clang-format off */
const struct script_option script_slmgr_options[] = {
    {"ipk", "<Product Key>", 1, 1, M, YES, "InstallProductKey",
     "Install a product key, replacing the product's present one", script_install_key},
    {"ato", "[Activation ID]", 0, 1, M, NO, "ActivateOnline",
     "Activate now: the directory, then KMS", ato},
    {"dli", "[Activation ID | All]", 0, 1, M, NO, NULL, "Short licence information", script_dli},
    {"dlv", "[Activation ID | All]", 0, 1, M, NO, NULL, "Full licence information", script_dlv},
    {"xpr", "[Activation ID]", 0, 1, M, NO, NULL, "When the present licence state ends", script_xpr},
    {"cpky", "", 0, 0, M, YES, "ClearProductKeyFromRegistry",
     "Take the product key out of the registry; it stays in effect", cpky},
    {"ilc", "<License file>", 1, 1, M, YES, "InstallLicenseFile",
     "Install a licence file (.xrm-ms)", script_install_licence},
    {"rilc", "", 0, 0, M, YES, "ReinstallSystemLicenses",
     "Install the system's own licence files again; added ones go", rilc},
    {"rearm", "", 0, 0, M, YES, "Rearm", "Back to the state after set-up; a limited number of times",
     script_rearm},
    {"rearm-app", "<Application ID>", 1, 1, M, YES, "Rearm", "Rearm one application", rearm_app},
    {"rearm-sku", "<Activation ID>", 1, 1, M, YES, "Rearm", "Rearm one product", script_rearm},
    {"upk", "[Activation ID]", 0, 1, M, YES, "UninstallProductKey",
     "Uninstall the product key; without an ID every product's, Windows' too", upk},
    {"dti", "[Activation ID]", 0, 1, M, NO, NULL, "Installation ID for activation by phone",
     script_installation_id},
    {"atp", "<Confirmation ID> [Activation ID]", 1, 2, M, YES, "ActivateOffline",
     "Deposit the clerk's confirmation ID", script_confirmation_id},
    {"skms", "<Name[:Port] | :port> [Activation ID]", 1, 2, M, YES, SET,
     "Set the KMS host, for all or for one product", skms},
    {"ckms", "[Activation ID]", 0, 1, M, YES, SET, "Clear the KMS host and its port", ckms},
    {"skms-domain", "<FQDN> [Activation ID]", 1, 2, M, YES, SET,
     "Set the domain where KMS hosts are looked up", script_set_domain},
    {"ckms-domain", "[Activation ID]", 0, 1, M, YES, SET, "Clear it", script_clear_domain},
    {"skhc", "", 0, 0, M, YES, SET, "Remember the KMS host that answered (default)", skhc},
    {"ckhc", "", 0, 0, M, YES, SET, "Look up KMS hosts every time", ckhc},
    {"sprt", "<Port>", 1, 1, H, YES, "SetListeningPort",
     "KMS host: TCP port, from its next start on (default 1688)", script_sprt},
    {"sai", "<Activation Interval>", 1, 1, H, YES, "SetActivationInterval",
     "KMS host: minutes between attempts of clients that are not activated", script_sai},
    {"sri", "<Renewal Interval>", 1, 1, H, YES, "SetRenewalInterval",
     "KMS host: minutes between renewals", script_sri},
    {"sdns", "", 0, 0, H, YES, "SetDnsPublishing", "KMS host: publish in DNS (default)", script_sdns},
    {"cdns", "", 0, 0, H, YES, "SetDnsPublishing", "KMS host: do not publish in DNS", script_cdns},
    {"spri", "", 0, 0, H, YES, "SetPriority", "KMS host: normal priority (default)", script_spri},
    {"cpri", "", 0, 0, H, YES, "SetPriority", "KMS host: low priority", script_cpri},
    {"act-type", "[0|1|2|3] [Activation ID]", 0, 2, M, YES, SET,
     "Who may activate: 0 all, 1 directory, 2 KMS, 3 token", script_activation_type},
    {"ad-activation-online", "<Product Key> [Activation Object name]", 1, 2, M, NO, "ActivateOnline",
     "Activate the forest with an installed host key (--config) and create its object",
     script_ad_online},
    {"ad-activation-get-iid", "<Product Key>", 1, 1, M, NO, NULL,
     "Installation ID to activate the forest by phone", script_ad_iid},
    {"ad-activation-apply-cid", "<Product Key> <Confirmation ID> [Activation Object name]", 2, 3, M,
     NO, "ActivateForest", "Create the object with the clerk's answer", script_ad_cid},
    {"ao-list", "", 0, 0, M, NO, NULL, "Activation objects of the machine's forest", script_ao_list},
    {"del-ao", "<AO DN | AO RDN>", 1, 1, M, NO, "DeleteActivationObject",
     "Delete an activation object", script_del_ao},
    {"lil", "", 0, 0, M, NO, NULL, "Token issuance licences (not modelled)", script_token},
    {"ril", "<ILID> <ILvID>", 2, 2, M, YES, NULL, "Remove one (not modelled)", script_token},
    {"ltc", "", 0, 0, M, NO, NULL, "Token certificates (not modelled)", script_token},
    {"fta", "<Certificate Thumbprint> [<PIN>]", 1, 2, M, YES, NULL,
     "Token-based activation (not modelled)", script_token},
    {"stao", "", 0, 0, M, YES, NULL, "Removed: token-only activation; see /act-type",
     script_token_only},
    {"ctao", "", 0, 0, M, YES, NULL, "Removed: its end; see /act-type", script_token_only},
    {0},
};
/* clang-format on */
