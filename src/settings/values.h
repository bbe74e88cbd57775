/* values: what the value of one key has to be, beyond its type; for the rows of the table. Private
 * to this room.
 *
 * Each is a conf_check_fn. Where base has the parser that takes the value later, it judges here.
 * The others follow their consumer, named below, and refuse what could not work with it, and what
 * is named there; what they take may still prove wrong there, such as the port of a URI. */
#ifndef ADBAD_SETTINGS_VALUES_H
#define ADBAD_SETTINGS_VALUES_H

#include "base/conf.h"

conf_check_fn values_listen;     /* a list of ADDRESS:PORT */
conf_check_fn values_web_listen; /* likewise, or "none" alone */
conf_check_fn values_networks;   /* a list of ADDRESS or ADDRESS/BITS */
conf_check_fn values_names;      /* a list of DNS names */
conf_check_fn values_full_name;  /* a DNS name of several labels */
conf_check_fn values_upstreams;  /* hosts to relay to, or "auto" alone */
conf_check_fn values_house;      /* HOST[:PORT] */

/* A DNS name, in UTF-8 too, with or without its last dot: for DNS questions (c-ares sends its
 * octets as they are), and to compare with a directory's forest and a keytab's realm. */
conf_check_fn values_domain;
/* A list of names to compare with a Host header (web/header.c): letters, digits, '-', '.' and '_',
 * the first neither '-' nor '.', up to 255. */
conf_check_fn values_web_names;
/* URIs of directory servers, blanks or commas between (ldap/dir_ldap_find.c), or "auto". Each
 * begins with one of the schemes by which the session judges whether it is secret
 * (ldap/dir_ldap_open.c); libldap's other spellings (URL:ldap://, pldap://) are refused. */
conf_check_fn values_uris;
/* ADDRESS[:PORT], several with commas between, as c-ares takes it (net/resolver.h). Only what
 * c-ares would read as another server than is written is refused: a shortened IPv4 address, and a
 * port beyond 65535. */
conf_check_fn values_dns_servers;

#endif
