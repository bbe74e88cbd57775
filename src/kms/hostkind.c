#include "kms/hostkind.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "catalog/hosting.h"

#define ALL_PACKS "Office"

/* ---- reading ---- */

static bool is_update(const char *text)
{
    size_t digits = strncasecmp(text, "KB", 2) == 0 ? strspn(text + 2, "0123456789") : 0;

    return digits >= 5 && digits <= 8 && text[2 + digits] == '\0';
}

static bool is_pack(const struct catalog *c, const char *text)
{
    const char *edition, *system = catalog_system(c, text, &edition);

    return strcasecmp(text, ALL_PACKS) == 0 ||
           (system != NULL && edition == NULL && catalog_system_family(c, system) == CAT_OFFICE);
}

enum err kms_hostkind_read(const struct catalog *c, const char *text, struct kms_hostkind *kind,
                           struct errinfo *ei)
{
    const char *near;

    kind->system = kind->edition = NULL;
    for (size_t i = 0; i < kind->update_count; i++) {
        if (!is_update(kind->updates[i]))
            return err_fail(ei, ERR_CONFIG,
                            "[kms] updates: \"%.60s\" is no update; they are called "
                            "KB and a number",
                            kind->updates[i]);
    }
    for (size_t i = 0; i < kind->pack_count; i++) {
        if (!is_pack(c, kind->packs[i]))
            return err_fail(ei, ERR_CONFIG,
                            "[kms] packs: \"%.60s\" is no licence pack; name an Office product "
                            "such as \"Office LTSC 2024\", or \"" ALL_PACKS "\" for all of them",
                            kind->packs[i]);
    }
    if (text == NULL)
        return ERR_OK;
    kind->system = catalog_system(c, text, &kind->edition);
    if (kind->system != NULL && catalog_system_family(c, kind->system) != CAT_OFFICE)
        return ERR_OK;
    near = catalog_nearest_product(c, text);
    return err_fail(ei, ERR_CONFIG, "[kms] host_os: no system is called \"%.80s\"%s%s%s", text,
                    near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                    near != NULL ? "\"?" : "");
}

/* ---- judging ---- */

static struct kms_hosting_verdict verdict(enum kms_hosting hosting, const char *missing,
                                          const char *what)
{
    return (struct kms_hosting_verdict){.hosting = hosting, .missing = missing, .what = what};
}

static const struct kms_hosting_verdict fine = {
    .hosting = KMS_HOSTING_OK, .missing = "", .what = ""};

static struct kms_hosting_verdict
judge_need(const struct catalog *c, const struct kms_hostkind *kind, const struct cat_need *need)
{
    if (need->count == 0 ||
        catalog_need_met(c, kind->system, need, kind->updates, kind->update_count))
        return fine;
    if (need->impossible)
        return verdict(KMS_HOSTING_IMPOSSIBLE, "", need->what);
    return verdict(KMS_HOSTING_NO_UPDATE, need->any_of[0].update, need->what);
}

static const char *product_of(const struct catalog *c, const struct guid *kms_id)
{
    const struct cat_product *p = catalog_product_by_kms_id(c, kms_id);

    return p != NULL ? p->product : "";
}

static bool has_pack(const struct catalog *c, const struct kms_hostkind *kind, const char *product)
{
    for (size_t i = 0; i < kind->pack_count; i++) {
        const char *edition, *named = catalog_system(c, kind->packs[i], &edition);

        if (strcasecmp(kind->packs[i], ALL_PACKS) == 0 ||
            (named != NULL && strcmp(named, product) == 0))
            return true;
    }
    return false;
}

static struct kms_hosting_verdict
judge_pack(const struct catalog *c, const struct kms_hostkind *kind, const struct guid *kms_id)
{
    const struct cat_product *p = catalog_product_by_kms_id(c, kms_id);

    if (p == NULL || p->family != CAT_OFFICE || has_pack(c, kind, p->product))
        return fine;
    return verdict(KMS_HOSTING_NO_PACK, p->product, p->product);
}

struct kms_hosting_verdict kms_hostkind_takes(const struct catalog *c,
                                              const struct kms_hostkind *kind,
                                              const struct cat_group *g)
{
    static const enum kms_hosting meaning[] = {
        [CAT_HOSTING_OK] = KMS_HOSTING_OK,
        [CAT_HOSTING_UNLISTED] = KMS_HOSTING_UNLISTED,
        [CAT_HOSTING_EDITION] = KMS_HOSTING_EDITION,
        [CAT_HOSTING_DISPUTED] = KMS_HOSTING_DISPUTED,
    };
    const struct cat_host *row;
    struct kms_hosting_verdict v = fine;
    struct cat_need need = {.what = g->name};
    enum cat_hosting h;

    if (kind->system == NULL)
        return fine;
    h = catalog_hosting(c, g, kind->system, kind->edition, &row);
    if (h != CAT_HOSTING_OK)
        return verdict(meaning[h], "", g->name);
    if (*row->needs != '\0') {
        need.any_of[need.count++].update = row->needs;
        v = judge_need(c, kind, &need);
    }
    if (v.hosting == KMS_HOSTING_OK && g->family == CAT_OFFICE)
        v = judge_pack(c, kind, &g->kms_ids[0]);
    return v;
}

struct kms_hosting_verdict kms_hostkind_serves(const struct catalog *c,
                                               const struct kms_hostkind *kind,
                                               const struct cat_group *g, const struct guid *kms_id)
{
    struct kms_hosting_verdict v = kms_hostkind_takes(c, kind, g);
    const struct cat_product *p = catalog_product_by_kms_id(c, kms_id);
    struct cat_need need;

    if (kind->system == NULL || v.hosting != KMS_HOSTING_OK || p == NULL)
        return v;
    if (p->family == CAT_SERVER && catalog_system_family(c, kind->system) == CAT_CLIENT)
        return verdict(KMS_HOSTING_CLIENT_HOST, "", p->product);
    v = judge_pack(c, kind, kms_id);
    if (v.hosting != KMS_HOSTING_OK)
        return v;
    catalog_need(c, kind->system, product_of(c, kms_id), &need);
    return judge_need(c, kind, &need);
}

/* ---- words ---- */

const char *kms_hosting_text(const struct kms_hosting_verdict *v, const struct kms_hostkind *kind,
                             char text[KMS_HOSTING_TEXT_MAX])
{
    const char *system = kind->system != NULL ? kind->system : "this host";

    switch (v->hosting) {
    case KMS_HOSTING_OK:
        snprintf(text, KMS_HOSTING_TEXT_MAX, "it is served");
        break;
    case KMS_HOSTING_UNLISTED:
        snprintf(text, KMS_HOSTING_TEXT_MAX,
                 "%s is no host for \"%s\"; see \"adbactl plan\" for one that is", system, v->what);
        break;
    case KMS_HOSTING_EDITION:
        snprintf(text, KMS_HOSTING_TEXT_MAX, "%s %s is no host for \"%s\"; another edition is",
                 system, kind->edition != NULL ? kind->edition : "", v->what);
        break;
    case KMS_HOSTING_DISPUTED:
        snprintf(text, KMS_HOSTING_TEXT_MAX,
                 "whether %s may be a host for \"%s\" is told both ways, so it is not; take a "
                 "newer system",
                 system, v->what);
        break;
    case KMS_HOSTING_CLIENT_HOST:
        snprintf(text, KMS_HOSTING_TEXT_MAX,
                 "%s is a client system, and such a host activates no servers (%s); take a server "
                 "system",
                 system, v->what);
        break;
    case KMS_HOSTING_NO_PACK:
        snprintf(text, KMS_HOSTING_TEXT_MAX,
                 "the volume licence pack of %s is not installed; add it to [kms] packs",
                 v->missing);
        break;
    case KMS_HOSTING_NO_UPDATE:
        snprintf(text, KMS_HOSTING_TEXT_MAX,
                 "%s needs the update %s for %s: add it to [kms] updates; a key that was installed "
                 "before is uninstalled, installed and activated again",
                 system, v->missing, v->what);
        break;
    case KMS_HOSTING_IMPOSSIBLE:
        snprintf(text, KMS_HOSTING_TEXT_MAX,
                 "no update makes %s a host for %s; take a newer system", system, v->what);
        break;
    }
    return text;
}
