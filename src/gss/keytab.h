/* keytab: the keys of a service, copied from a file into one of MIT's keytabs in memory, which
 * needs no file any more. Private to this room. */
#ifndef ADBAD_GSS_KEYTAB_H
#define ADBAD_GSS_KEYTAB_H

#include <krb5.h>
#include <stdbool.h>

#include "base/err.h"

struct keytab {
    krb5_context k;     /* for memory's end */
    krb5_keytab memory; /* nothing is added to it, so any thread may read it */
    char name[48];      /* by which others resolve it, as long as somebody has it */
    char realm[256];    /* of all its keys */
    char versions[80];  /* "version 2", "versions 1, 2" */
};

/* What the file that is open as fd holds, read by /proc/self/fd. All keys must be of principals
 * host/NAME of one realm: a key of another service would let tickets for that one in. ERR_CONFIG,
 * with the remedy. */
MUST_CHECK enum err keytab_read(int fd, struct keytab *out, struct errinfo *ei);
/* Its keys are overwritten once nobody has it any more. */
void keytab_fini(struct keytab *t); /* a zeroed one is fine */
/* The same keys. Uses b's context. */
bool keytab_equal(const struct keytab *a, const struct keytab *b);

#endif
