/* keys: a service's keys as a credential that logins share. Private to this room, as gss/gss.h has
 * the rest. */
#ifndef ADBAD_GSS_KEYS_H
#define ADBAD_GSS_KEYS_H

#include <gssapi/gssapi.h>

#include "gss/gss.h"

/* One more who holds them. From any thread, as gss_keys_drop. */
struct gss_keys *gss_keys_hold(struct gss_keys *keys);
gss_cred_id_t gss_keys_cred(const struct gss_keys *keys);

#endif
