/* tickets: what a KDC would give out, made with the service's key: no KDC runs, and every part of a
 * ticket may be wrong. */
#ifndef ADBAD_TESTS_TICKETS_H
#define ADBAD_TESTS_TICKETS_H

#include <krb5.h>
#include <stdbool.h>

struct tickets {
    krb5_context k;
    krb5_keyblock key, other; /* of the service; of nobody */
    krb5_kvno version;        /* of key */
    krb5_ccache cache;
    char folder[256], keytab[300], cache_name[64];
};

struct ticket {
    const char *client, *server; /* with their realms */
    int starts, ends;            /* seconds from now */
    const void *sid;             /* in the PAC */
    size_t sid_len;              /* 0: no PAC */
    bool bad_pac;                /* signed with a key that is not the service's */
};

/* A realm LAB.EXAMPLE without KDCs (KRB5_CONFIG), and keys. */
void tickets_open(struct tickets *t);
void tickets_close(struct tickets *t);
/* Another key of the service's, of the next version. */
void tickets_rotate(struct tickets *t);
/* Begins the keytab anew (mode 0600), or adds to it. */
void tickets_keytab(struct tickets *t, const char *principal, bool anew);
/* A credential cache with this ticket alone; t->cache_name names it. */
void tickets_issue(struct tickets *t, const struct ticket *what);

#endif
