/* netlogon: what a domain controller says about itself and about the one who asks, in the Netlogon
 * attribute of its rootDSE (MS-ADTS 6.3.1.9, NETLOGON_SAM_LOGON_RESPONSE_EX). */
#ifndef ADBAD_LDAP_NETLOGON_H
#define ADBAD_LDAP_NETLOGON_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NETLOGON_WRITABLE 0x00000100u /* holds a writable copy of the domain */
#define NETLOGON_CLOSEST  0x00000080u /* stands in the site of the one who asks */

#define NETLOGON_NAME_MAX 256

struct netlogon {
    uint32_t flags;
    char forest[NETLOGON_NAME_MAX];
    char domain[NETLOGON_NAME_MAX];
    char host[NETLOGON_NAME_MAX];
    char dc_site[NETLOGON_NAME_MAX];
    char client_site[NETLOGON_NAME_MAX]; /* "": the directory knows no site for the address */
};

/* ERR_TRUNCATED, ERR_MALFORMED (names that point forward or nowhere), ERR_VERSION (another kind of
 * response). *out is filled only on success. */
MUST_CHECK enum err netlogon_parse(const void *data, size_t len, struct netlogon *out);

#endif
