/* servicekeys: the Kerberos keys by which callers on 1688 authenticate ([kms] keytab). This process
 * opens the file once, at the start; at a reload the steward hands over what it holds by then. */
#ifndef ADBAD_DAEMON_SERVICEKEYS_H
#define ADBAD_DAEMON_SERVICEKEYS_H

#include "gss/gss.h"

struct daemon;

/* Steps of daemon.c. */
MUST_CHECK enum err servicekeys_open(struct daemon *d, struct errinfo *ei);
void servicekeys_close(struct daemon *d);

/* The keys that the file holds now, for gss_acceptor_use; *out NULL: there is no keytab, or it has
 * those that are in use. ERR_NOTFOUND, ERR_REFUSED, ERR_CONFIG: it is missing, others may read it,
 * it is no keytab or none for this service. */
MUST_CHECK enum err servicekeys_renew(const struct daemon *d, struct gss_keys **out,
                                      struct errinfo *ei);

#endif
