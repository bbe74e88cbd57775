/* places: where the libraries that we use look, for the rules of paths.h: read only. */
#ifndef ADBAD_CONFINE_PLACES_H
#define ADBAD_CONFINE_PLACES_H

#include "confine/paths.h"

/* Shared objects and data that are nobody's secret, /dev/null and random bytes, and what the
 * system tells a process of itself. */
void places_system(struct paths *p);
/* What names and addresses are looked up by. */
void places_resolver(struct paths *p);
/* The same for a process that lives longer than these files, which are replaced when a network
 * comes or goes: all of /etc, and where what leads from there lies. */
void places_resolver_folders(struct paths *p);
/* krb5.conf, that of KRB5_CONFIG, and the mechanisms of GSSAPI. */
void places_kerberos(struct paths *p);
/* TLS and its authorities, SASL, LDAP. */
void places_ldap(struct paths *p);

/* To become the program that execvp(3) would find by that name now, and its loader. */
void places_program(struct paths *p, const char *name);
/* To become any program of PATH's folders: for a process that lives longer than a program's file,
 * which an upgrade replaces. */
void places_programs(struct paths *p);

#endif
