/* credentials: files that the service manager hands over (systemd.exec(5), LoadCredential=).
 *
 * A credential is named after the key whose path it takes the place of: realm.bundle, realm.secret,
 * kms.keytab, directory.keytab, directory.password_file. So the configuration can name the
 * administrator's own files, which the service's user cannot read, and adbactl and adbad share it.
 */
#ifndef ADBAD_SETTINGS_CREDENTIALS_H
#define ADBAD_SETTINGS_CREDENTIALS_H

#include "settings/settings.h"

/* Which of them folder (NULL: nothing was handed over) has, one bit each. A blank one counts as
 * none: a unit offers a credential that may be missing by giving a blank default. */
unsigned credentials_given(const char *folder);
/* Replaces those paths in *s. */
MUST_CHECK enum err credentials_apply(const char *folder, unsigned which, struct settings *s,
                                      struct errinfo *ei);

#endif
