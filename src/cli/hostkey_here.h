/* hostkey_here: installed host keys on this KMS host: whether it takes them, their activation. */
#ifndef ADBAD_CLI_HOSTKEY_HERE_H
#define ADBAD_CLI_HOSTKEY_HERE_H

#include "catalog/catalog.h"
#include "cli/cli.h"
#include "kms/hostkind.h"
#include "realm/installation.h"
#include "settings/settings.h"

/* The host that the configuration describes. Its texts are those of s and c. */
MUST_CHECK enum err here_kind(const struct settings *s, const struct catalog *c,
                              struct kms_hostkind *out, struct errinfo *ei);
/* ERR_REFUSED with 0xC004F015 if such a host does not take the group's key. */
MUST_CHECK enum err here_takes(const struct catalog *c, const struct kms_hostkind *kind,
                               const struct cat_group *g, const char *doing, struct errinfo *ei);
/* Tells on stderr which products it will not serve for want of an update. */
void here_warn(const struct catalog *c, const struct kms_hostkind *kind, const struct cat_group *g);

/* Activates k, which holds its private part, for this host: at the clearing house, or where none
 * is configured in plain lab form. The result is kept beside the key, and in *out. */
MUST_CHECK enum err here_activate(const struct settings *s, const struct hostkey *k, int64_t now,
                                  struct installation *out, struct errinfo *ei);
/* One line on stderr: how it was activated, and what is left. */
void here_say(const struct settings *s, const struct installation *i);

/* Adds what is known of an installation to a key's JSON. */
void here_json(json_t *key, const struct installation *i);

int here_run_activate(struct cli *cli, int argc, char **argv);
int here_run_extend(struct cli *cli, int argc, char **argv);

#endif
