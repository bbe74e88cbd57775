/* state: what adbactl takes from the service's folders. Root has their owner's rights alone for it:
 * a link that the service's user put there leads no further than that user gets. */
#ifndef ADBAD_CLI_STATE_H
#define ADBAD_CLI_STATE_H

#include "realm/installation.h"
#include "settings/settings.h"

/* As hostkey_installed of [store] state_dir, and with its secrets of secrets_dir. */
MUST_CHECK enum err state_hostkeys(const struct settings *s, bool with_secrets,
                                   struct hostkey **keys, size_t *n, struct errinfo *ei);
/* As installation_host and installation_load. */
MUST_CHECK enum err state_host(const struct settings *s, const struct rng *rng,
                               char name[GUID_TEXT_MAX], struct errinfo *ei);
MUST_CHECK enum err state_installation(const struct settings *s, const struct hostkey *k,
                                       const char *host, struct installation *out,
                                       struct errinfo *ei);

#endif
