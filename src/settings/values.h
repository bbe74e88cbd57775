/* values: what the value of one key has to be, beyond its type; for the rows of the table. Private
 * to this room.
 *
 * Each is a conf_check_fn; the parsers are those that take the value at the start. */
#ifndef ADBAD_SETTINGS_VALUES_H
#define ADBAD_SETTINGS_VALUES_H

#include "base/conf.h"

conf_check_fn values_listen;     /* a list of ADDRESS:PORT */
conf_check_fn values_web_listen; /* likewise, or "none" alone */
conf_check_fn values_networks;   /* a list of ADDRESS or ADDRESS/BITS */
conf_check_fn values_names;      /* a list of DNS names */
conf_check_fn values_domain;     /* a DNS name, with or without its last dot */
conf_check_fn values_full_name;  /* a DNS name of several labels */
conf_check_fn values_uris;       /* URIs of directory servers with blanks between, or "auto" */
conf_check_fn values_upstreams;  /* hosts to relay to, or "auto" alone */
conf_check_fn values_dns_server; /* ADDRESS[:PORT] */
conf_check_fn values_house;      /* HOST[:PORT] */

#endif
