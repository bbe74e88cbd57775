/* Who a statement is about. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "scenario/story.h"

/* "pc*" is pc1, pc2 and so on; "pc1" is itself. */
static bool is_meant(const char *pattern, const char *name)
{
    size_t len = strlen(pattern);

    if (len == 0 || pattern[len - 1] != '*')
        return strcasecmp(pattern, name) == 0;
    len--;
    return strncasecmp(pattern, name, len) == 0 && name[len] != '\0' &&
           strspn(name + len, "0123456789") == strlen(name + len);
}

enum err target_machines(struct story *s, const char *name, story_each *each, void *arg,
                         struct errinfo *ei)
{
    size_t found = 0;
    enum err e = ERR_OK;

    for (size_t i = 0; i < s->site->stations && e == ERR_OK; i++) {
        if (!is_meant(name, s->site->station[i]->m.name))
            continue;
        found++;
        e = each(s, s->site->station[i], arg, ei);
    }
    if (e == ERR_OK && found == 0)
        e = err_fail(ei, ERR_NOTFOUND, "there is no machine \"%s\" in this story", name);
    return e;
}

enum err target_host(const struct story *s, const char *name, struct kmshost **out,
                     struct errinfo *ei)
{
    *out = site_host(s->site, name);
    return *out != NULL
               ? ERR_OK
               : err_fail(ei, ERR_NOTFOUND, "there is no KMS host \"%s\" in this story", name);
}

enum err target_forest(const struct story *s, const char *name, struct site_forest **out,
                       struct errinfo *ei)
{
    *out = site_forest(s->site, name);
    return *out != NULL
               ? ERR_OK
               : err_fail(ei, ERR_NOTFOUND, "there is no forest \"%s\" in this story", name);
}

enum err target_group(const struct story *s, const char *name, const struct cat_group **out,
                      struct errinfo *ei)
{
    const char *near = catalog_nearest_group(s->conf->catalog, name);

    *out = catalog_group(s->conf->catalog, name);
    return *out != NULL ? ERR_OK
                        : err_fail(ei, ERR_NOTFOUND, "no host-key group is called \"%s\"%s%s%s",
                                   name, near != NULL ? "; did you mean \"" : "",
                                   near != NULL ? near : "", near != NULL ? "\"?" : "");
}

enum err target_product(const struct story *s, const char *name, const struct cat_product **out,
                        struct errinfo *ei)
{
    const char *near = catalog_nearest_product(s->conf->catalog, name);

    *out = catalog_product(s->conf->catalog, name, NULL);
    return *out != NULL
               ? ERR_OK
               : err_fail(ei, ERR_NOTFOUND, "no product with its edition is called \"%s\"%s%s%s",
                          name, near != NULL ? "; near is \"" : "", near != NULL ? near : "",
                          near != NULL ? "\"" : "");
}

struct house_mak *target_key(const struct story *s, const char *name)
{
    for (size_t i = 0; i < s->keys; i++) {
        if (strcasecmp(s->key[i].name, name) == 0)
            return s->key[i].key;
    }
    return NULL;
}

bool target_kind(const char *word, enum labkey_kind *kind)
{
    static const char *const words[LABKEY_KINDS] = {[LABKEY_HOST] = "",
                                                    [LABKEY_MAK] = "mak",
                                                    [LABKEY_RETAIL] = "retail",
                                                    [LABKEY_OEM] = "oem",
                                                    [LABKEY_EVALUATION] = "evaluation"};

    for (unsigned i = LABKEY_HOST + 1; i < LABKEY_KINDS; i++) {
        if (strcasecmp(word, words[i]) != 0)
            continue;
        *kind = (enum labkey_kind)i;
        return true;
    }
    return false;
}

bool target_office(char *name)
{
    char *slash = strchr(name, '/');

    if (slash == NULL || strcasecmp(slash, "/office") != 0)
        return false;
    *slash = '\0';
    return true;
}

struct machine_product *target_of(struct site_station *st, bool office)
{
    for (size_t i = 0; i < st->m.products; i++) {
        if ((st->m.product[i].lic.product->family == CAT_OFFICE) == office)
            return &st->m.product[i];
    }
    return NULL;
}

enum err target_installed(struct site_station *st, bool office, struct machine_product **out,
                          struct errinfo *ei)
{
    *out = target_of(st, office);
    return *out != NULL ? ERR_OK
                        : err_fail(ei, ERR_NOTFOUND, "%s has no %s", st->m.name,
                                   office ? "Office" : "Windows; say \"…/office\" for its Office");
}
