/* computer_ad: what is different about machine accounts on AD DS, and what is not. */
#ifndef ADBAD_LDAP_COMPUTER_AD_H
#define ADBAD_LDAP_COMPUTER_AD_H

#include "ldap/computer.h"
#include "ldap/dir.h"

/* userAccountControl (MS-ADTS 2.2.16) */
#define UAC_DISABLED    0x0002u
#define UAC_WORKSTATION 0x1000u

/* Finds the account NAME$ in the whole domain; the caller frees dn. ERR_NOTFOUND; ERR_REFUSED for
 * what is no workstation's or member server's account, such as a domain controller's. */
MUST_CHECK enum err computer_find(struct dir *d, const char *name, char **dn, struct errinfo *ei);

/* What an account is called: "PC01$", and the host's DNS name in small letters. */
struct computer_names {
    char account[COMPUTER_NAME_MAX + 2];
    char host[300];
};
struct computer_names computer_names(const char *name, const char *domain);
/* Adds the account's entry, unless filled says that there was no memory to fill it; then wipes the
 * password in its attribute and frees it. entry may be NULL, for want of memory likewise. */
MUST_CHECK enum err computer_put(struct dir *d, struct dir_entry *entry, enum err filled,
                                 const char *name, const char *password_attr, struct errinfo *ei);

#endif
