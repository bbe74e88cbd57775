/* roster: computer accounts in memory, compact, found by identity, name, DNS name or SID.
 *
 * A roster is built by one thread (roster_set, roster_remove) and is then handed around as const:
 * whoever holds a reference may read it from any thread. To change one that others hold, change a
 * copy (roster_copy). Names compare without case (A–Z). */
#ifndef ADBAD_MEMBERS_ROSTER_H
#define ADBAD_MEMBERS_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/guid.h"

#define ROSTER_NAME_MAX 255 /* bytes of a name, without the "$" */
#define ROSTER_DNS_MAX  255
#define ROSTER_DN_MAX   2047
#define ROSTER_SID_MAX  68

/* One account. In what roster_* hands out, text and sid point into the roster. */
struct member {
    struct guid id;       /* how dir_changes names it: objectGUID, or entryUUID outside AD DS */
    struct guid guid;     /* objectGUID; zero if the directory shows none */
    const char *name;     /* sAMAccountName without its "$"; never empty */
    const char *dns_name; /* dNSHostName; "" if it has none */
    const char *dn;
    const uint8_t *sid;
    size_t sid_len; /* 0: the directory shows none */
    bool enabled;
};

struct roster;

/* An empty roster, one reference, the caller's. NULL: out of memory. */
struct roster *roster_new(void);
struct roster *roster_copy(const struct roster *r);
const struct roster *roster_ref(const struct roster *r);
void roster_unref(const struct roster *r); /* NULL is fine */

/* Adds the account, or replaces the one of the same id. ERR_LIMIT if a text is too long. at (may
 * be NULL) gets its place, which it keeps for as long as it stays. */
MUST_CHECK enum err roster_set(struct roster *r, const struct member *m, uint32_t *at);
/* The account of m's id is there and like m in everything. */
bool roster_has(const struct roster *r, const struct member *m, uint32_t *at);
/* ERR_NOTFOUND if there is none of that id. */
MUST_CHECK enum err roster_remove(struct roster *r, const struct guid *id);

size_t roster_count(const struct roster *r);
size_t roster_disabled(const struct roster *r); /* how many of them are not enabled */
/* Bytes that it holds, shared with its copies or not. */
size_t roster_bytes(const struct roster *r);

/* Places run from 0 to roster_places - 1; some may be free: false. */
uint32_t roster_places(const struct roster *r);
bool roster_at(const struct roster *r, uint32_t at, struct member *out);

bool roster_by_id(const struct roster *r, const struct guid *id, struct member *out);
/* How many accounts match; *out is one of them. More than one is possible: only a directory's
 * domain keeps sAMAccountName unique, and nobody dNSHostName. A "$" at the end of name, or a dot
 * at the end of a DNS name, does not count. */
unsigned roster_by_name(const struct roster *r, const char *name, struct member *out);
unsigned roster_by_dns(const struct roster *r, const char *name, struct member *out);
unsigned roster_by_guid(const struct roster *r, const struct guid *guid, struct member *out);
unsigned roster_by_sid(const struct roster *r, const void *sid, size_t len, struct member *out);
/* The place of an id, or UINT32_MAX. */
uint32_t roster_place(const struct roster *r, const struct guid *id);

#endif
