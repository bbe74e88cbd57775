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
#define HR_NO_REARM_LEFT  0xC004D307u

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

unsigned script_rearms_allowed(const struct cat_product *p)
{
    if (p->family == CAT_OFFICE)
        return 5;
    return lic_generation(p) == LIC_GEN_MODERN ? 1000 : 3;
}

/* As after its set-up: the initial grace, where there is one, begins again. */
static enum err rearm_one(struct client *c, struct station *s, struct machine_product *p,
                          const void *arg, struct errinfo *ei)
{
    struct machine *m = &s->folder.machine;
    struct machine_app *app = &m->app[p->lic.product->family == CAT_OFFICE];
    uint8_t type = p->lic.type;
    char key[sizeof(p->key)];

    (void)c;
    (void)arg;
    if (app->rearms >= script_rearms_allowed(p->lic.product))
        return err_fail_hr(ei, ERR_NOT_NOW, HR_NO_REARM_LEFT,
                           "rearm %s %s: it was rearmed %u times, which is as often as is allowed",
                           p->lic.product->product, p->lic.product->edition, app->rearms);
    app->rearms++;
    memcpy(key, p->key, sizeof(key));
    lic_init(&p->lic, p->lic.product);
    p->lic.type = type;
    memset(&p->last, 0, sizeof(p->last));
    memset(&p->object, 0, sizeof(p->object));
    memset(&p->served, 0, sizeof(p->served));
    m->changed = true;
    return key[0] == '\0' ? ERR_OK : machine_set_key(m, p, key, station_now(s), ei);
}

int script_rearm(struct client *c, int argc, char **argv)
{
    struct errinfo ei;
    enum err e = script_each(c, argc > 0 ? argv[0] : NULL, rearm_one, NULL, &ei);

    return script_done(c, e, &ei,
                       c->office ? "<Rearm successful>"
                                 : "Command completed successfully.\n"
                                   "Please restart the system for the changes to take effect.");
}

/* ---- by phone ---- */

/* Client setup keys, the only ones here, are never activated by phone. */
static int by_phone(struct client *c, const char *what)
{
    (void)what;
    return script_not_modelled(c, "activation by phone of a client setup key",
                               "it is activated by the directory or a KMS host (/ato)");
}

int script_installation_id(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return by_phone(c, "installation ID");
}

int script_confirmation_id(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return by_phone(c, "confirmation ID");
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

/* "/act-type [0|1|2|3] [Activation ID]": an ID may stand alone. ospp knows 0, 1 and 2. */
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
    else /* without an ID: every product of the script */
        e = script_each(c, which != NULL ? which : c->office ? NULL : "all", set_type, &type, &ei);
    return script_done(c, e, &ei, "Volume activation type set successfully.");
}
