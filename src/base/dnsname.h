/* dnsname: names of hosts and domains in DNS (RFC 1035, 2.3.1), with '_' as in those of services
 * (RFC 2782). */
#ifndef ADBAD_BASE_DNSNAME_H
#define ADBAD_BASE_DNSNAME_H

#include <stdbool.h>

/* Letters, digits, '-' and '_' in labels of 1 to 63, one dot between them, 253 in all: what can
 * stand in a script without being taken for anything else. */
bool dnsname_is_valid(const char *name);

#endif
