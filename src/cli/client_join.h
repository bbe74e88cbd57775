/* client_join: a simulated machine's account in a real domain: its keytab, its one-time password,
 * and adcli, which makes and deletes accounts as a real member does. */
#ifndef ADBAD_CLI_CLIENT_JOIN_H
#define ADBAD_CLI_CLIENT_JOIN_H

#include "client/folder.h"

/* An administrator's word for making or deleting the account. */
struct join {
    const char *directory; /* URI, or "auto" */
    const char *domain;
    const char *dns;             /* "": the system's */
    const char *login_user;      /* who may make accounts */
    const char *credential_file; /* private; its first line is that user's password */
    const char *one_time_file;   /* private; its first line is the account's password until now */
    const char *lab_forest;      /* the only forest where accounts are made or deleted */
    int timeout_ms;
};

/* Where the machine's keytab is, if it has one. */
MUST_CHECK enum err join_keytab(const struct folder *f, char path[4096], struct errinfo *ei);
/* Copies a private keytab into the folder. */
MUST_CHECK enum err join_take_keytab(const struct folder *f, const char *from, struct errinfo *ei);
void join_drop_keytab(const struct folder *f);

/* Makes the machine's account, or takes it over, and puts its keytab into the folder. ERR_REFUSED
 * for another forest than the lab's. */
MUST_CHECK enum err join_domain(const struct folder *f, const struct join *j, struct errinfo *ei);
/* Takes over an account that is there: exchanges its one-time password for a random one, of which
 * nobody knows, and puts the keys of that into the folder. No adcli takes part. */
MUST_CHECK enum err join_by_one_time(const struct folder *f, const struct join *j,
                                     struct errinfo *ei);
/* Deletes the account; the keytab stays. */
MUST_CHECK enum err join_delete(const struct folder *f, const struct join *j, struct errinfo *ei);

#endif
