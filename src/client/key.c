/* key: which product a key is for, what kind it is, and what installing or removing it does. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/eventlog.h"
#include "client/machine.h"
#include "realm/labkey.h"

#define SL_E_VL_NOT_WINDOWS_SLP     0xC004F035u
#define SL_E_INVALID_PRODUCT_KEY    0xC004F050u
#define SL_E_MISMATCHED_PRODUCT_SKU 0xC004F069u

static void upper(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
    for (char *c = out; *c != '\0'; c++)
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
}

enum lic_key machine_key_kind(const struct cat_product *product, const char *key)
{
    static const enum lic_key kinds[LABKEY_KINDS] = {
        [LABKEY_HOST] = LIC_KEY_CSVLK,
        [LABKEY_MAK] = LIC_KEY_MAK,
        [LABKEY_RETAIL] = LIC_KEY_RETAIL,
        [LABKEY_OEM] = LIC_KEY_OEM,
        [LABKEY_EVALUATION] = LIC_KEY_EVALUATION,
    };
    enum labkey_kind kind;
    char text[64];

    upper(text, sizeof(text), key);
    if (labkey_read(text, &kind, NULL))
        return kinds[kind];
    if (product->avma_key != NULL && strcmp(product->avma_key, text) == 0)
        return LIC_KEY_AVMA;
    return LIC_KEY_GVLK;
}

enum err machine_set_key(struct machine *m, struct machine_product *p, const char *key, int64_t now,
                         struct errinfo *ei)
{
    struct lic_site site = machine_site(m, p);
    struct lic_event ev = {.type = LIC_EV_KEY, .key = machine_key_kind(p->lic.product, key)};
    enum lic_status was = (enum lic_status)p->lic.status;
    struct lic_outcome out;

    if (!lic_step(&p->lic, &site, &ev, now, &out))
        return err_fail(ei, ERR_INTERNAL, "install a key on %s: in the middle of an attempt",
                        m->name);
    upper(p->key, sizeof(p->key), key);
    m->app[p->lic.product->family == CAT_OFFICE].key_cleared = false;
    m->changed = true;
    eventlog_1016(m, p, now);
    eventlog_state(m, p, was, false, now);
    return ERR_OK;
}

enum err machine_remove_key(struct machine *m, struct machine_product *p, int64_t now,
                            struct errinfo *ei)
{
    struct lic_site site = machine_site(m, p);
    struct lic_event ev = {.type = LIC_EV_KEY_REMOVED};
    struct lic_outcome out;

    if (p->key[0] == '\0')
        return err_fail_hr(ei, ERR_NOTFOUND, LIC_HR_NO_KEY,
                           "uninstall the key of %s %s: none is installed", p->lic.product->product,
                           p->lic.product->edition);
    if (!lic_step(&p->lic, &site, &ev, now, &out))
        return err_fail(ei, ERR_INTERNAL, "uninstall the key of %s %s: in the middle of an attempt",
                        p->lic.product->product, p->lic.product->edition);
    memset(p->key, 0, sizeof(p->key));
    m->changed = true;
    return ERR_OK;
}

/* ---- which product ---- */

/* A host key's text names no product: it goes where people put it, on the system; with ospp on
 * Office. */
static bool lab_key_fits(const struct cat_product *p, enum labkey_kind kind, uint32_t product,
                         bool office)
{
    if (kind == LABKEY_HOST)
        return (p->family == CAT_OFFICE) == office;
    return labkey_product(&p->activation_id) == product;
}

static bool fits(const struct catalog *cat, const struct cat_product *p, const char *key,
                 bool office)
{
    enum labkey_kind kind;
    uint32_t product;

    if (office && p->family != CAT_OFFICE)
        return false;
    if (labkey_read(key, &kind, &product))
        return lab_key_fits(p, kind, product, office);
    return catalog_product_by_key(cat, key, p) == p ||
           (p->avma_key != NULL && strcmp(p->avma_key, key) == 0);
}

/* What a key that fits nothing here is for; NULL: it is no key at all. */
static const struct cat_product *other_product(const struct catalog *cat, const char *key)
{
    const struct cat_product *p = catalog_product_by_key(cat, key, NULL);
    const struct cat_product *first;
    size_t n = p == NULL ? catalog_products(cat, &first) : 0;

    for (size_t i = 0; i < n && p == NULL; i++) {
        if (fits(cat, &first[i], key, false))
            p = &first[i];
    }
    return p;
}

static struct machine_product *meant(struct machine *m, const struct catalog *cat, bool office,
                                     const char *key)
{
    for (size_t i = 0; i < m->products; i++) {
        if (fits(cat, m->product[i].lic.product, key, office))
            return &m->product[i];
    }
    return NULL;
}

static enum err refuse(const struct machine *m, const struct catalog *cat, const char *key,
                       struct errinfo *ei)
{
    const struct cat_product *other = other_product(cat, key);

    if (other == NULL)
        return err_fail_hr(ei, ERR_NOTFOUND, SL_E_INVALID_PRODUCT_KEY,
                           "install product key %.60s: it is no published client setup key and no "
                           "lab key; check it for typing errors",
                           key);
    return err_fail_hr(ei, ERR_REFUSED, SL_E_MISMATCHED_PRODUCT_SKU,
                       "install product key %.60s: it is for %s %s, which is not installed on %s",
                       key, other->product, other->edition, m->name);
}

/* Volume editions of Windows 7 are upgrades: they want a marker beneath them whatever the key. */
static bool upgrade_only(const struct cat_product *p)
{
    return p->family == CAT_CLIENT && lic_generation(p) == LIC_GEN_LEGACY;
}

enum err machine_install_key(struct machine *m, const struct catalog *cat, bool office,
                             const char *key, int64_t now, struct machine_product **out,
                             struct errinfo *ei)
{
    struct machine_product *p;
    char text[64];

    upper(text, sizeof(text), key);
    p = meant(m, cat, office, text);
    if (p == NULL)
        return refuse(m, cat, key, ei);
    if (out != NULL)
        *out = p;
    if (machine_key_kind(p->lic.product, text) == LIC_KEY_OEM && upgrade_only(p->lic.product) &&
        m->firmware != FIRMWARE_MARKED)
        return err_fail_hr(ei, ERR_REFUSED, SL_E_VL_NOT_WINDOWS_SLP,
                           "install product key %.60s: volume editions of %s are upgrades, and the "
                           "firmware of %s has no marker of a full edition; install a MAK or a "
                           "retail key",
                           key, p->lic.product->product, m->name);
    return machine_set_key(m, p, text, now, ei);
}

enum err machine_set_mak(struct machine *m, struct machine_product *p, const char *key,
                         struct errinfo *ei)
{
    enum labkey_kind kind;
    uint32_t product;
    char text[64];

    upper(text, sizeof(text), key);
    if (text[0] != '\0' && (!labkey_read(text, &kind, &product) || kind != LABKEY_MAK))
        return err_fail_hr(ei, ERR_NOTFOUND, SL_E_INVALID_PRODUCT_KEY,
                           "configure a MAK for %s: %.60s is none", m->name, key);
    if (text[0] != '\0' && product != labkey_product(&p->lic.product->activation_id))
        return err_fail_hr(ei, ERR_REFUSED, SL_E_MISMATCHED_PRODUCT_SKU,
                           "configure a MAK for %s: it is not for %s %s", m->name,
                           p->lic.product->product, p->lic.product->edition);
    snprintf(p->mak, sizeof(p->mak), "%.29s", text);
    m->changed = true;
    return ERR_OK;
}
