/* keytab: whose keys a keytab holds. Private to this room. */
#ifndef ADBAD_GSS_KEYTAB_H
#define ADBAD_GSS_KEYTAB_H

#include <stddef.h>

#include "base/err.h"

/* The one realm of all keys of the file, each of which must be of a principal host/NAME: a key of
 * another service would let tickets for that one in. ERR_CONFIG, with the remedy. */
MUST_CHECK enum err keytab_realm(const char *path, char *realm, size_t size, struct errinfo *ei);

#endif
