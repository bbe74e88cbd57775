/* ao_work: what the verbs of adbactl ao work with, and what they share. */
#ifndef ADBAD_CLI_AO_WORK_H
#define ADBAD_CLI_AO_WORK_H

#include "catalog/catalog.h"
#include "cli/cli.h"
#include "ldap/dir.h"
#include "realm/hostkey.h"
#include "settings/settings.h"

struct ao_work {
    const struct settings *s;
    struct catalog *cat;
    struct bundle bundle; /* zero where no realm was asked for */
    struct dir *dir;
    int64_t now;
};

/* Listing needs no realm, so that it works in any forest. On failure too: ao_work_fini. */
MUST_CHECK enum err ao_work_open(struct cli *cli, bool with_realm, struct ao_work *w,
                                 struct errinfo *ei);
void ao_work_fini(struct ao_work *w);

/* The group of that name, and the host key that is installed for it, with its private part; the
 * caller frees *k (hostkey_fini). what: the operation, for the error's text. */
MUST_CHECK enum err ao_work_key(const struct ao_work *w, const char *what, const char *group,
                                const struct cat_group **g, struct hostkey *k, struct errinfo *ei);

#endif
