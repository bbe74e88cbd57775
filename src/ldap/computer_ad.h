/* computer_ad: what is different about machine accounts on AD DS. */
#ifndef ADBAD_LDAP_COMPUTER_AD_H
#define ADBAD_LDAP_COMPUTER_AD_H

#include "ldap/dir.h"

/* userAccountControl (MS-ADTS 2.2.16) */
#define UAC_DISABLED    0x0002u
#define UAC_WORKSTATION 0x1000u

/* Finds the account NAME$ in the whole domain; the caller frees dn. ERR_NOTFOUND; ERR_REFUSED for
 * what is no workstation's or member server's account, such as a domain controller's. */
MUST_CHECK enum err computer_find(struct dir *d, const char *name, char **dn, struct errinfo *ei);

#endif
