/* Options that slmgr and ospp share: what they set on a simulated machine. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/script.h"
#include "client/words.h"

#define HR_FILE_NOT_FOUND 0x80070002u
#define HR_INVALID_ARG    0x80070057u
#define HR_NO_SKU         0xC004F015u

/* ---- product keys ---- */

int script_install_key(struct client *c, int argc, char **argv)
{
    struct station *s = NULL;
    char text[128] = "<Product key installation successful>";
    struct errinfo ei;
    enum err e = client_open_one(c, &s, &ei);

    (void)argc;
    if (e == ERR_OK)
        e = machine_install_key(&s->folder.machine, c->catalog, c->office, argv[0], station_now(s),
                                NULL, &ei);
    if (!c->office)
        snprintf(text, sizeof(text), "Installed product key %.29s successfully.", argv[0]);
    return script_done(c, e, &ei, text);
}

static bool key_meant(const struct client *c, const struct machine *m,
                      const struct machine_product *p, const char *which, const char *last5)
{
    if (p->key[0] == '\0' || (c->office && p->lic.product->family != CAT_OFFICE))
        return false;
    if (last5 != NULL)
        return strcasecmp(p->key + strlen(p->key) - 5, last5) == 0;
    return which == NULL || client_chosen(m, p, which, c->office);
}

/* slmgr /upk without an ID takes every key of the machine: whoever meant Office loses Windows'. */
static void warn_all(const struct client *c, size_t windows, size_t office, const char *which)
{
    if (!c->office && which == NULL && windows > 0 && office > 0)
        fprintf(stderr,
                "adbaclient: warning: /upk without an Activation ID uninstalled the keys of all "
                "products, Windows' too; give the ID to uninstall one.\n");
}

int script_uninstall(struct client *c, const char *which, const char *last5)
{
    size_t n[2] = {0};
    struct errinfo ei;
    enum err e = client_open(c, &ei);

    for (size_t i = 0; i < c->count && e == ERR_OK; i++) {
        struct machine *m = &c->station[i].folder.machine;

        for (size_t k = 0; k < m->products && e == ERR_OK; k++) {
            struct machine_product *p = &m->product[k];

            if (!key_meant(c, m, p, which, last5))
                continue;
            e = machine_remove_key(m, p, station_now(&c->station[i]), &ei);
            n[p->lic.product->family == CAT_OFFICE]++;
        }
    }
    if (e == ERR_OK && n[0] + n[1] == 0)
        e = err_fail_hr(&ei, ERR_NOTFOUND, LIC_HR_NO_KEY, "uninstall: product key not found");
    if (e == ERR_OK)
        warn_all(c, n[0], n[1], which);
    return script_done(c, e, &ei,
                       c->office ? "<Product key uninstall successful>"
                                 : "Uninstalled product key successfully.");
}

/* ---- licence files ---- */

static enum err licence_file(const char *path, struct errinfo *ei)
{
    const char *end = strrchr(path, '.');

    if (access(path, R_OK) != 0) {
        int why = errno;

        err_fail_errno(ei, why, "install licence file %s", path);
        ei->hresult = why == ENOENT ? HR_FILE_NOT_FOUND : 0;
        return ei->code;
    }
    if (end == NULL || strcasecmp(end, ".xrm-ms") != 0)
        return err_fail_hr(ei, ERR_USAGE, HR_INVALID_ARG,
                           "install licence file %s: its name does not end in .xrm-ms", path);
    return ERR_OK;
}

/* The file is counted; what is in it is nobody's business here. */
int script_install_licence(struct client *c, int argc, char **argv)
{
    struct errinfo ei;
    char text[300] = "<License installation successful>";
    enum err e = licence_file(argv[0], &ei);

    (void)argc;
    if (e == ERR_OK)
        e = client_open(c, &ei);
    for (size_t i = 0; i < c->count && e == ERR_OK; i++) {
        struct machine *m = &c->station[i].folder.machine;
        struct machine_app *app = script_app(c, m);

        app->licence_files++;
        app->licences_at = station_now(&c->station[i]);
        m->changed = true;
    }
    if (!c->office)
        snprintf(text, sizeof(text), "License file %.240s installed successfully.", argv[0]);
    return script_done(c, e, &ei, text);
}

/* ---- rearm ---- */

static enum err rearm_one(struct client *c, struct station *s, struct machine_product *p,
                          const void *arg, struct errinfo *ei)
{
    (void)arg;
    return machine_rearm(&s->folder.machine, c->office, p, ei);
}

/* Without an ID the whole application of the script, counted once. */
static enum err rearm_app(struct client *c, struct errinfo *ei)
{
    enum err e = client_open(c, ei);

    for (size_t i = 0; i < c->count && e == ERR_OK; i++)
        e = machine_rearm(&c->station[i].folder.machine, c->office, NULL, ei);
    return e;
}

int script_rearm(struct client *c, int argc, char **argv)
{
    struct errinfo ei;
    enum err e = argc > 0 ? script_each(c, argv[0], rearm_one, NULL, &ei) : rearm_app(c, &ei);

    return script_done(c, e, &ei,
                       c->office ? "<Rearm successful>\n"
                                   "Restart the licensing service (/osppsvcrestart) for it to "
                                   "take effect."
                                 : "Command completed successfully.\n"
                                   "Please restart the system for the changes to take effect.");
}

/* ---- by phone ---- */

/* The product that the option is about: that with the activation ID; without one Windows, or with
 * ospp the first Office product with a key. */
static enum err phone_product(struct client *c, const char *which, struct station **s,
                              struct machine_product **out, struct errinfo *ei)
{
    enum err e = client_open_one(c, s, ei);
    struct machine *m = e == ERR_OK ? &(*s)->folder.machine : NULL;

    *out = NULL;
    for (size_t i = 0; m != NULL && i < m->products; i++) {
        struct machine_product *p = &m->product[i];

        if (client_chosen(m, p, which, c->office) && (*out == NULL || (*out)->key[0] == '\0'))
            *out = p;
    }
    if (e == ERR_OK && *out == NULL)
        e = err_fail_hr(ei, ERR_NOTFOUND, HR_NO_SKU, "no such product is installed on %s", m->name);
    return e;
}

static json_t *phone_json(const struct machine_product *p, const char *iid)
{
    char id[GUID_TEXT_MAX];

    return json_pack("{s:s, s:s, s:s}", "Name", p->lic.product->product, "ActivationID",
                     guid_format(&p->lic.product->activation_id, id), "OfflineInstallationId", iid);
}

int script_installation_id(struct client *c, int argc, char **argv)
{
    struct machine_product *p;
    struct station *s;
    char iid[ATTEMPT_IID_MAX];
    struct errinfo ei;
    enum err e = phone_product(c, argc > 0 ? argv[0] : NULL, &s, &p, &ei);

    if (e == ERR_OK)
        e = attempt_iid(&s->env, &s->folder.machine, p, iid, &ei);
    if (e != ERR_OK)
        return client_fail(c, e, &ei);
    if (c->json)
        cli_json(phone_json(p, iid));
    else if (c->office)
        printf("Installation ID for: %s, %s edition: %s\n", p->lic.product->product,
               p->lic.product->edition, iid);
    else
        printf("Installation ID: %s\n\nThe lab's clerk answers it (adbactl clearing confirm); "
               "deposit the answer with /atp.\n",
               iid);
    return EXIT_OK;
}

int script_confirmation_id(struct client *c, int argc, char **argv)
{
    char text[200] = "<Confirmation ID successfully deposited>", id[GUID_TEXT_MAX];
    struct machine_product *p;
    struct station *s;
    struct errinfo ei;
    enum err e = phone_product(c, argc > 1 ? argv[1] : NULL, &s, &p, &ei);

    if (e == ERR_OK)
        e = attempt_confirm(&s->env, &s->folder.machine, p, argv[0], station_now(s), &ei);
    if (e == ERR_OK && !c->office)
        snprintf(text, sizeof(text), "Confirmation ID for product %s deposited successfully.",
                 guid_format(&p->lic.product->activation_id, id));
    return script_done(c, e, &ei, text);
}

/* ---- SRV lookup ---- */

static enum err set_domain(struct client *c, struct station *s, struct machine_product *p,
                           const void *arg, struct errinfo *ei)
{
    const char *domain = arg;

    (void)c;
    if (strlen(domain) >= sizeof(p->lookup_domain))
        return err_fail_hr(ei, ERR_USAGE, HR_INVALID_ARG, "the domain name is too long");
    words_copy(p->lookup_domain, sizeof(p->lookup_domain), domain);
    s->folder.machine.changed = true;
    return ERR_OK;
}

static enum err set_domain_of_all(struct client *c, const char *domain, struct errinfo *ei)
{
    enum err e = client_open(c, ei);

    if (e == ERR_OK && strlen(domain) >= sizeof(c->station->folder.machine.lookup_domain))
        e = err_fail_hr(ei, ERR_USAGE, HR_INVALID_ARG, "the domain name is too long");
    for (size_t i = 0; i < c->count && e == ERR_OK; i++) {
        struct machine *m = &c->station[i].folder.machine;

        words_copy(m->lookup_domain, sizeof(m->lookup_domain), domain);
        m->changed = true;
    }
    return e;
}

/* A host that is set is asked whatever the domain. */
static void warn_overridden(const struct client *c)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct machine *m = &c->station[i].folder.machine;

        if (m->kms.name[0] != '\0' || m->app[c->office].kms.name[0] != '\0')
            fprintf(stderr,
                    "adbaclient: warning: %s: a KMS host is set, and overrides the lookup "
                    "domain.\n",
                    m->name);
    }
}

static int change_domain(struct client *c, const char *domain, const char *which, const char *text)
{
    struct errinfo ei;
    enum err e = c->office || which != NULL ? script_each(c, which, set_domain, domain, &ei)
                                            : set_domain_of_all(c, domain, &ei);

    if (e == ERR_OK && domain[0] != '\0')
        warn_overridden(c);
    return script_done(c, e, &ei, text);
}

int script_set_domain(struct client *c, int argc, char **argv)
{
    char text[400];

    snprintf(text, sizeof(text), "Key Management Service lookup domain set to %.255s successfully.",
             argv[0]);
    return change_domain(c, argv[0], argc > 1 ? argv[1] : NULL, text);
}

int script_clear_domain(struct client *c, int argc, char **argv)
{
    return change_domain(c, "", argc > 0 ? argv[0] : NULL,
                         "Key Management Service lookup domain cleared successfully.");
}

int script_set_caching(struct client *c, bool on)
{
    struct errinfo ei;
    enum err e = client_open(c, &ei);

    for (size_t i = 0; i < c->count && e == ERR_OK; i++) {
        c->station[i].folder.machine.no_caching = !on;
        c->station[i].folder.machine.changed = true;
    }
    return script_done(c, e, &ei,
                       on ? "KMS host caching is enabled" : "KMS host caching is disabled");
}

/* ---- activation type ---- */

static enum err set_type(struct client *c, struct station *s, struct machine_product *p,
                         const void *arg, struct errinfo *ei)
{
    (void)c;
    (void)ei;
    p->lic.type = *(const uint8_t *)arg;
    s->folder.machine.changed = true;
    return ERR_OK;
}

/* Without an ID slmgr sets it for the whole machine. */
static enum err set_type_of_all(struct client *c, uint8_t type, struct errinfo *ei)
{
    enum err e = client_open(c, ei);

    for (size_t i = 0; i < c->count && e == ERR_OK; i++) {
        c->station[i].folder.machine.type = type;
        c->station[i].folder.machine.changed = true;
    }
    return e;
}

/* "/act-type [0|1|2|3] [Activation ID]": an ID may stand alone. ospp knows 0, 1 and 2, and sets
 * them for Office's products. */
int script_activation_type(struct client *c, int argc, char **argv)
{
    const char *given = argc > 0 && strlen(argv[0]) < 8 ? argv[0] : "0";
    const char *which = argc > 1 ? argv[1] : argc == 1 && given != argv[0] ? argv[0] : NULL;
    char most = c->office ? '2' : '3';
    uint8_t type = (uint8_t)(given[0] - '0');
    struct errinfo ei;
    enum err e;

    if (strlen(given) != 1 || given[0] < '0' || given[0] > most)
        e = err_fail_hr(&ei, ERR_USAGE, HR_INVALID_ARG,
                        "activation type \"%s\": expected 0 (all), 1 (directory)%s", given,
                        c->office ? " or 2 (KMS)" : ", 2 (KMS) or 3 (token)");
    else if (c->office || which != NULL)
        e = script_each(c, which, set_type, &type, &ei);
    else
        e = set_type_of_all(c, type, &ei);
    return script_done(c, e, &ei, "Volume activation type set successfully.");
}
