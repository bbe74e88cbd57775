#include "cli/kms_filter.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "report/json.h"

static bool names_product(const struct cat_product *p, const char *name)
{
    char both[KMS_NAME_MAX];

    return strcasecmp(p->product, name) == 0 ||
           strcasecmp(kms_product_name(p, &p->activation_id, both), name) == 0;
}

static enum err read_product(const struct catalog *c, struct kms_filter *f, struct errinfo *ei)
{
    const struct cat_product *all;
    size_t n = catalog_products(c, &all);
    const char *nearest;

    f->by_product_id = guid_parse(f->product, &f->product_id);
    if (f->by_product_id)
        return ERR_OK;
    for (size_t i = 0; i < n; i++) {
        if (names_product(&all[i], f->product))
            return ERR_OK;
    }
    nearest = catalog_nearest_product(c, f->product);
    return err_fail(ei, ERR_USAGE, "--product \"%s\": no product of that name%s%s%s", f->product,
                    nearest != NULL ? "; did you mean \"" : "; give an activation id for others",
                    nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}

static enum err read_application(struct kms_filter *f, struct errinfo *ei)
{
    if (strcasecmp(f->application, "windows") == 0)
        f->application_id = cat_app_windows;
    else if (strcasecmp(f->application, "office") == 0)
        f->application_id = cat_app_office;
    else if (!guid_parse(f->application, &f->application_id))
        return err_fail(ei, ERR_USAGE, "--application takes windows, office or an id, not \"%s\"",
                        f->application);
    return ERR_OK;
}

static enum err read_channel(const struct kms_filter *f, struct errinfo *ei)
{
    for (int i = STORE_KMS; i <= STORE_RELAY; i++) {
        if (strcmp(f->channel, report_channel_name((enum store_channel)i)) == 0)
            return ERR_OK;
    }
    return err_fail(ei, ERR_USAGE, "--channel takes kms, adba or relay, not \"%s\"", f->channel);
}

enum err kms_filter_read(const struct catalog *c, struct kms_filter *f, struct errinfo *ei)
{
    enum err e = ERR_OK;

    if (f->product != NULL)
        e = read_product(c, f, ei);
    if (e == ERR_OK && f->application != NULL)
        e = read_application(f, ei);
    if (e == ERR_OK && f->channel != NULL)
        e = read_channel(f, ei);
    if (e == ERR_OK && f->source != NULL && cidr_parse(f->source, &f->network, NULL) != ERR_OK)
        e = err_fail(ei, ERR_USAGE,
                     "--source takes an address or a network such as 192.0.2.0/24, not \"%s\"",
                     f->source);
    return e;
}

bool kms_filter_product(const struct kms_filter *f, const struct store_activation *a,
                        const struct cat_product *p)
{
    if (f->application != NULL && !guid_equal(&f->application_id, &a->application_id))
        return false;
    if (f->product == NULL)
        return true;
    return f->by_product_id ? guid_equal(&f->product_id, &a->activation_id)
                            : p != NULL && names_product(p, f->product);
}

/* peer: with a port, or without: refused requests are recorded so. */
static bool comes_from(const struct kms_filter *f, const char *peer)
{
    struct cidr network = f->network;
    const struct cidr_set set = {&network, 1};
    const char *colon = strchr(peer, ':');
    char text[80];
    union address a;

    if (colon == NULL)
        snprintf(text, sizeof(text), "%s:1", peer);
    else if (peer[0] != '[' && strchr(colon + 1, ':') != NULL)
        snprintf(text, sizeof(text), "[%s]:1", peer);
    else
        snprintf(text, sizeof(text), "%s", peer);
    return address_parse(text, &a, NULL) == ERR_OK && cidr_set_has(&set, &a);
}

bool kms_filter_contact(const struct kms_filter *f, const struct store_activation *a)
{
    if (f->channel != NULL && strcmp(f->channel, report_channel_name(a->channel)) != 0)
        return false;
    if (f->workstation != NULL && fnmatch(f->workstation, a->workstation, FNM_CASEFOLD) != 0)
        return false;
    return f->source == NULL || comes_from(f, a->peer);
}
