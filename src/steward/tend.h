/* tend: keeps the forest's activation objects as they shall be, as a part of a look. It reads the
 * host keys' private halves itself and forgets them again. */
#ifndef ADBAD_STEWARD_TEND_H
#define ADBAD_STEWARD_TEND_H

#include "catalog/catalog.h"
#include "jobs/look.h"
#include "ldap/dir.h"
#include "realm/realm.h"
#include "settings/settings.h"

void tend(const struct settings *s, const struct bundle *b, const struct catalog *cat,
          struct dir *d, int64_t now, struct tended *out);

#endif
