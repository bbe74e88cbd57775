/* adbaclient slmgr: the options of the two scripts that administrators know. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/client.h"

static int done(struct client *c, enum err e, struct errinfo *ei, const char *text)
{
    if (e == ERR_OK)
        e = client_save(c, ei);
    if (e != ERR_OK)
        return client_fail(c, e, ei);
    if (c->json)
        client_print_json(c);
    else
        printf("%s\n", text);
    return EXIT_OK;
}

/* ---- /ipk ---- */

/* The installed product that the key is for; a key of another product or edition is refused as
 * Windows refuses it, a key that is none as a typo. */
static enum err product_of_key(const struct client *c, struct machine *m, const char *key,
                               struct machine_product **out, struct errinfo *ei)
{
    const struct cat_product *other = catalog_product_by_key(c->catalog, key, NULL);

    for (size_t i = 0; i < m->products; i++) {
        const struct cat_product *p = m->product[i].lic.product;

        if (catalog_product_by_key(c->catalog, key, p) == p) {
            *out = &m->product[i];
            return ERR_OK;
        }
    }
    if (other == NULL)
        return err_fail_hr(ei, ERR_NOTFOUND, 0xC004F050,
                           "install product key %s: it is no published client setup key; check "
                           "it for typing errors",
                           key);
    return err_fail_hr(ei, ERR_REFUSED, 0xC004F069,
                       "install product key %s: it is for %s %s, which is not installed on %s", key,
                       other->product, other->edition, m->name);
}

static int ipk(struct client *c, const char *key)
{
    struct machine_product *p = NULL;
    struct station *s = NULL;
    char text[128];
    struct errinfo ei;
    enum err e = client_open_one(c, &s, &ei);

    if (e == ERR_OK)
        e = product_of_key(c, &s->folder.machine, key, &p, &ei);
    if (e == ERR_OK)
        e = machine_set_key(&s->folder.machine, p, key, station_now(s), &ei);
    snprintf(text, sizeof(text), "Installed product key %.29s successfully.", key);
    return done(c, e, &ei, text);
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
    return done(c, e, &ei, text);
}

/* ---- the options ---- */

struct option {
    const char *name;
    int min, max;
    const char *args;
};

enum { O_ATO, O_DLV, O_DLI, O_XPR, O_IPK, O_SKMS, O_CKMS, O_ACT, O_COUNT };

static const struct option options[O_COUNT] = {
    [O_ATO] = {"ato", 0, 1, "[Activation ID]"},
    [O_DLV] = {"dlv", 0, 1, "[Activation ID | All]"},
    [O_DLI] = {"dli", 0, 1, "[Activation ID | All]"},
    [O_XPR] = {"xpr", 0, 1, "[Activation ID]"},
    [O_IPK] = {"ipk", 1, 1, "<Product Key>"},
    [O_SKMS] = {"skms", 1, 2, "<Name[:Port] | :port> [Activation ID]"},
    [O_CKMS] = {"ckms", 0, 1, "[Activation ID]"},
    [O_ACT] = {"act", 0, 0, ""}, /* ospp's */
};

static int run_option(struct client *c, int which, int argc, char **argv)
{
    const char *first = argc > 0 ? argv[0] : NULL;

    switch (which) {
    case O_ATO:
        return client_ato(c, first, false);
    case O_DLV:
        return client_dlv(c, first, false);
    case O_DLI:
        return client_dlv(c, first, true);
    case O_XPR:
        return client_xpr(c, first);
    case O_IPK:
        return ipk(c, first);
    case O_SKMS:
        return set_kms(c, first, argc > 1 ? argv[1] : NULL);
    case O_CKMS:
        return set_kms(c, NULL, first);
    default:
        return client_ato(c, NULL, true);
    }
}

static int unknown(const struct client *c, const char *script, const char *given)
{
    struct errinfo ei;

    return client_fail(
        c, err_fail(&ei, ERR_USAGE, "%s has no option %s here (try --help)", script, given), &ei);
}

static int run_script(struct client *c, int argc, char **argv, const char *script, bool ospp)
{
    struct errinfo ei;
    int status = client_begin(c, NULL, &argc, argv, 1, 3);

    if (status >= 0)
        return status;
    if (argv[0][0] != '/' && argv[0][0] != '-')
        return unknown(c, script, argv[0]);
    for (int i = 0; i < O_COUNT; i++) {
        if ((i == O_ACT) != ospp || strcasecmp(argv[0] + 1, options[i].name) != 0)
            continue;
        if (argc - 1 < options[i].min || argc - 1 > options[i].max)
            return client_fail(c,
                               err_fail(&ei, ERR_USAGE, "usage: %s /%s %s", script, options[i].name,
                                        options[i].args),
                               &ei);
        return run_option(c, i, argc - 1, argv + 1);
    }
    return unknown(c, script, argv[0]);
}

static int run_slmgr(struct client *c, int argc, char **argv)
{
    return run_script(c, argc, argv, "slmgr", false);
}

static int run_ospp(struct client *c, int argc, char **argv)
{
    return run_script(c, argc, argv, "ospp", true);
}

const struct client_verb client_slmgr_verbs[] = {
    {"slmgr", "/OPTION …", "slmgr's options; bare ones are slmgr's too", run_slmgr},
    {"ospp", "/OPTION …", "ospp's options, for Office", run_ospp},
    {0},
};
