/* pac: what a Privilege Attribute Certificate says of an account (MS-PAC). Private to this room. */
#ifndef ADBAD_GSS_PAC_H
#define ADBAD_GSS_PAC_H

#include <stddef.h>
#include <stdint.h>

#include "rpc/security.h"

/* The SID in an UPN_DNS_INFO of len octets (MS-PAC 2.10), and how long it is. 0: none, or the
 * structure is not well-formed. Whether the PAC is genuine is the caller's to know. */
size_t pac_sid(const void *info, size_t len, uint8_t sid[RPC_SID_MAX]);

#endif
