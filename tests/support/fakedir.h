/* fakedir: a directory in memory behind the port of ldap/dir.h, for unit tests of the rooms that
 * use it. It behaves as a lab directory does (tests/contract runs the same suite on both), keeps
 * names as a hierarchy, knows no access control, and can be told to fail. */
#ifndef ADBAD_TESTS_FAKEDIR_H
#define ADBAD_TESTS_FAKEDIR_H

#include "ldap/dir.h"

#define FAKEDIR_DOMAIN_SID "S-1-5-21-1111111111-222222222-333333333"

/* A marked lab directory of forest ("lab.example") with the containers that "adbactl lab up"
 * makes, down to CN=Activation Objects. lab_forest as in struct dir_conf; NULL: read only.
 * Close with dir_close. */
struct dir *fakedir_new(const char *forest, const char *lab_forest);

/* The facts, to be bent; strings are owned by the directory (free and strdup). */
struct dir_facts *fakedir_facts(struct dir *d);

/* The stored entry itself, to look at or to tamper with; NULL if there is none. */
struct dir_entry *fakedir_entry(struct dir *d, const char *dn);
/* Sets an attribute to this one value behind the guard's back. Aborts if there is no such entry. */
void fakedir_set(struct dir *d, const char *dn, const char *attr, const void *data, size_t len);
/* Moves or renames an entry (its naming attribute stays as it was). */
void fakedir_rename(struct dir *d, const char *dn, const char *new_dn);

/* dir_changes works by content synchronization at first. This refuses every cookie given so far. */
void fakedir_forget_changes(struct dir *d);
/* Makes it AD DS: uSNChanged and objectGUID on every entry, highestCommittedUSN and dsServiceName
 * in the rootDSE, tombstones. Called again it changes invocationId (16 bytes) alone. */
void fakedir_become_ad(struct dir *d, const char *invocation);
/* What is seen of deleted objects: those who were not granted to look there see no container on
 * Windows, and an empty one on Samba. */
enum fakedir_deleted { FAKEDIR_DELETED_SHOWN, FAKEDIR_DELETED_EMPTY, FAKEDIR_DELETED_HIDDEN };
void fakedir_show_deleted(struct dir *d, enum fakedir_deleted shown);

/* How many entries there are. */
size_t fakedir_count(const struct dir *d);

/* Called before each operation ("search", "add", "modify", "delete") that passed the guard; not
 * ERR_OK makes it fail so, with nothing done. NULL: no hook. */
typedef enum err fakedir_hook(void *arg, const char *op, const char *dn, struct errinfo *ei);
void fakedir_on(struct dir *d, fakedir_hook *hook, void *arg);

/* Makes the next operation of this kind (NULL: any) fail with code, once. */
void fakedir_fail_next(struct dir *d, const char *op, enum err code);

#endif
