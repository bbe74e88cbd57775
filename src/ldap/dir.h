/* dir: the directory port. Callers see entries, filters and facts, never LDAP*.
 *
 * A struct dir belongs to one thread and its calls block up to their deadline; network loops call
 * it from a worker. Every write passes the forest guard first (dir_guard): it is made only in a
 * directory whose forest root DNS name equals the configured lab forest, or, if it is not AD DS,
 * that carries the marker which "adbactl lab up" puts there. */
#ifndef ADBAD_LDAP_DIR_H
#define ADBAD_LDAP_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/guid.h"

/* ---- values and entries ---- */

struct dir_val {
    size_t len;
    uint8_t *data; /* followed by a NUL that len does not count */
};

struct dir_attr {
    char *name;
    size_t n;
    struct dir_val *vals;
};

struct dir_entry {
    char *dn;
    size_t n;
    struct dir_attr *attrs;
};

/* An empty entry; the caller owns it. NULL: out of memory. */
struct dir_entry *dir_entry_new(const char *dn);
void dir_entry_free(struct dir_entry *e);
/* Adds one value (copied) to attribute name, creating it as needed. */
MUST_CHECK enum err dir_entry_add(struct dir_entry *e, const char *name, const void *data,
                                  size_t len);
MUST_CHECK enum err dir_entry_add_str(struct dir_entry *e, const char *name, const char *text);
/* Attribute names compare case-insensitively. NULL if absent. */
const struct dir_attr *dir_entry_attr(const struct dir_entry *e, const char *name);
const struct dir_val *dir_entry_val(const struct dir_entry *e, const char *name);
/* The first value as text; NULL if absent or if it holds a NUL. */
const char *dir_entry_str(const struct dir_entry *e, const char *name);

/* ---- filters: a small tree, escaped in one place ---- */

enum dir_filter_op { DIR_EQ, DIR_PRESENT, DIR_GE, DIR_AND, DIR_OR, DIR_NOT };

struct dir_filter {
    enum dir_filter_op op;
    const char *attr;  /* DIR_EQ, DIR_PRESENT, DIR_GE */
    const void *value; /* DIR_EQ, DIR_GE: raw bytes, escaped by the port */
    size_t len;
    const struct dir_filter *const *sub; /* DIR_AND, DIR_OR: NULL-terminated; DIR_NOT: one */
};

/* RFC 4515 text of a filter; the caller frees. NULL: out of memory, or a tree that no filter text
 * can express (an operator without its attribute, more than 32 levels). */
char *dir_filter_text(const struct dir_filter *f);
/* Escapes one attribute value for use in a DN (RFC 4514 2.4); caller frees. */
char *dir_dn_escape(const char *value);

/* ---- security identifiers (MS-DTYP 2.4.2) ---- */

#define DIR_SID_MAX      68 /* bytes: 8 and 15 sub-authorities */
#define DIR_SID_TEXT_MAX 192

/* Writes "S-1-5-21-…"; false if the bytes are no SID. */
bool dir_sid_format(const void *data, size_t len, char text[DIR_SID_TEXT_MAX]);

/* ---- sessions ---- */

enum dir_mechanism {
    DIR_ANONYMOUS,
    DIR_SCRAM_SHA_256,
    DIR_EXTERNAL,
    DIR_SIMPLE,
    DIR_GSSAPI, /* Kerberos */
    DIR_SPNEGO, /* Kerberos, negotiated */
};

enum dir_tls { DIR_TLS_OFF, DIR_TLS_START };

/* A server that DNS names. */
struct dir_target {
    char host[256];
    uint16_t port;
};

/* Asks DNS for the SRV records of name: *out holds them in the order to be tried (RFC 2782); the
 * caller frees it. ERR_NOTFOUND: there are none. */
typedef enum err dir_find_fn(void *arg, const char *name, int timeout_ms, struct dir_target **out,
                             size_t *n, struct errinfo *ei);

struct dir_conf {
    /* ldapi://%2F…, ldap://host:port, ldaps://host; several with blanks between: the first that
     * answers. "auto": a domain controller of domain, found by find. */
    const char *uri;
    enum dir_mechanism mechanism;
    const char *user;       /* SCRAM: authentication identity ("PC01$", "adbad"); Kerberos: the
                               principal, by default the keytab's first */
    const char *password;   /* SCRAM, SIMPLE; Kerberos without keytab */
    const char *keytab;     /* Kerberos: file, read again at every login */
    const char *bind_dn;    /* SIMPLE; only over ldapi:// or TLS, since it shows the password */
    enum dir_tls tls;       /* with ldap:// */
    const char *tls_ca;     /* file of the certificates that the server's must chain to */
    const char *lab_forest; /* forest that may be written to; NULL: read only */
    int timeout_ms;         /* for connecting, and for every wait for the server; 0: 10 s. The whole
                               opening takes at most twice as long, however many servers there are */
    const char *domain;     /* auto: DNS name of the domain */
    const char *site;       /* auto: the site whose controllers come first; NULL: as they tell */
    bool leave_rodc;        /* a write to a read-only controller: on to a writable one */
    dir_find_fn *find;      /* auto, leave_rodc */
    void *find_arg;         /* lives as long as the session */
};

/* A copy with texts of its own. dir_conf_fini wipes the password. */
MUST_CHECK enum err dir_conf_copy(const struct dir_conf *from, struct dir_conf *out,
                                  struct errinfo *ei);
void dir_conf_fini(struct dir_conf *c);

/* What the directory says about itself (rootDSE and what it points to). */
struct dir_facts {
    bool ad_ds;         /* capability 1.2.840.113556.1.4.800 */
    bool lab_marked;    /* not AD DS, but made by "adbactl lab up" */
    bool read_only;     /* RODC */
    int schema_version; /* objectVersion of the schema; 0 unknown */
    bool has_ao_class;  /* msSPP-ActivationObject is in the schema */
    bool tells_changes; /* content synchronization (RFC 4533) */
    char *default_nc;
    char *config_nc;
    char *schema_nc;
    char *root_domain_nc;
    char *forest;        /* DNS name of the forest root, lower case */
    char *domain;        /* DNS name of the default naming context */
    char *domain_sid;    /* "S-1-5-21-…" of the forest root domain; NULL if it can't be read */
    char *dns_host_name; /* the server's own name */
    char *settings_dn;   /* AD DS: the server's NTDS settings object */
    char *writable_dc;   /* where read_only: the name of another server that is not, or NULL */
};

struct dir;

/* Connects, binds, reads the facts. ERR_UNREACHABLE, ERR_TIMEOUT, ERR_AUTH (bad credentials, or a
 * disabled account: directories don't tell which), ERR_CONFIG. conf is copied. No configuration
 * file, environment variable or prompt of libldap takes part. A login that shows a password, or
 * that does not protect what follows, is made over ldapi:// or TLS only.
 *
 * A session whose operation ended with ERR_UNREACHABLE is dead: close it and open another, which
 * takes the first server that answers, in order of preference. One that logged in by Kerberos does
 * so anew, at the same server, before its ticket ends. */
MUST_CHECK enum err dir_open(const struct dir_conf *conf, struct dir **out, struct errinfo *ei);
void dir_close(struct dir *d);
const struct dir_facts *dir_facts(const struct dir *d);

/* ERR_OK if writes are allowed by the rules above (a directory that is not AD DS needs the marker
 * and the right forest name), else ERR_REFUSED, or ERR_READONLY on an RODC, naming the forest, the
 * reason and the remedy. Writes call it themselves. */
MUST_CHECK enum err dir_guard(const struct dir *d, struct errinfo *ei);
/* As dir_guard, but where that is wanted (leave_rodc) a session with a read-only controller moves
 * on to a writable one; the other rules come first. For whoever reads before he writes: do both
 * after this. */
MUST_CHECK enum err dir_ready_to_write(struct dir *d, struct errinfo *ei);

/* ---- operations ---- */

enum dir_scope { DIR_BASE, DIR_ONE, DIR_SUB };

struct dir_query {
    const char *base;
    enum dir_scope scope;
    const struct dir_filter *filter; /* NULL: (objectClass=*) */
    const char *const *attrs;        /* NULL-terminated; NULL: all user attributes */
    uint32_t page_size;              /* 0: 1000; results are always paged where supported */
    bool deleted;                    /* AD DS: deleted objects too */
};

/* nTSecurityDescriptor, asked for by name, comes without its audit list, which few may read; as a
 * value of dir_modify it replaces the DACL alone, whatever else it holds. */

/* Called for each entry; it lives only during the call. Not ERR_OK stops the search. It may use
 * the same session for other operations, but not for another dir_search. */
typedef enum err dir_each_fn(void *arg, const struct dir_entry *e, struct errinfo *ei);

/* Calls each per match, in no promised order. A base that does not exist: ERR_NOTFOUND. */
MUST_CHECK enum err dir_search(struct dir *d, const struct dir_query *q, dir_each_fn *each,
                               void *arg, struct errinfo *ei);
/* Fetches one entry. On success the caller owns *out; on failure it is untouched. */
MUST_CHECK enum err dir_get(struct dir *d, const char *dn, const char *const *attrs,
                            struct dir_entry **out, struct errinfo *ei);
/* ERR_EXISTS if the DN is taken, ERR_NOTFOUND if the parent is missing; nothing is written then. */
MUST_CHECK enum err dir_add(struct dir *d, const struct dir_entry *e, struct errinfo *ei);

enum dir_mod_op { DIR_MOD_ADD, DIR_MOD_DELETE, DIR_MOD_REPLACE };

struct dir_mod {
    enum dir_mod_op op;
    const char *attr;
    size_t n; /* 0 with DELETE or REPLACE: the whole attribute */
    const struct dir_val *vals;
};

/* Removes an entry that has no children (ERR_NOT_NOW if it has). */
MUST_CHECK enum err dir_delete(struct dir *d, const char *dn, struct errinfo *ei);
/* All or nothing. Compare-and-modify is a DELETE of the old value and an ADD of the new one:
 * ERR_CONFLICT if the old value is not there (any more). */
MUST_CHECK enum err dir_modify(struct dir *d, const char *dn, const struct dir_mod *mods, size_t n,
                               struct errinfo *ei);

/* ---- changes (ldap/changes.h) ---- */

enum dir_change {
    DIR_PUT,  /* new or changed: e holds the attributes asked for */
    DIR_SAME, /* still there; e is NULL or holds the name alone */
    DIR_GONE, /* deleted, or does not match any more; e is NULL */
};

/* id names the entry for as long as it exists, through renames and moves: objectGUID on AD DS,
 * entryUUID elsewhere. The same change may be told twice, and DIR_SAME and DIR_GONE of entries
 * that the caller never heard of. Not ERR_OK stops the reading. */
typedef enum err dir_change_fn(void *arg, enum dir_change what, const struct guid *id,
                               const struct dir_entry *e, struct errinfo *ei);

struct dir_changes;
struct dir_changes_query;

/* ---- implementations (dir_ldap.c for real servers, tests/support/fakedir.c) ---- */

struct dir_ops {
    const char *name;
    /* Mandatory but two; semantics as the dir_* functions above, after their argument checks and
     * the guard. close releases what the implementation holds beside struct dir itself. */
    enum err (*search)(struct dir *, const struct dir_query *, dir_each_fn *, void *,
                       struct errinfo *);
    enum err (*add)(struct dir *, const struct dir_entry *, struct errinfo *);
    enum err (*modify)(struct dir *, const char *, const struct dir_mod *, size_t,
                       struct errinfo *);
    enum err (*del)(struct dir *, const char *, struct errinfo *);
    /* Optional: makes this a session with a writable server, facts and all; called before a write
     * where facts.read_only. */
    enum err (*leave_rodc)(struct dir *, struct errinfo *);
    /* Optional: dir_changes where facts.tells_changes; the cookie is the server's own. A cookie
     * that the server can't go on from: ERR_EXPIRED. Counts nothing, sets neither full nor
     * why_full. */
    enum err (*changes)(struct dir *, const struct dir_changes_query *, dir_change_fn *, void *,
                        struct dir_changes *, struct errinfo *);
    void (*close)(struct dir *);
};

/* First member of every implementation's own struct, which is one malloc: after ops->close,
 * dir_close frees facts, lab_forest and the struct. */
struct dir {
    const struct dir_ops *ops;
    struct dir_facts facts;
    char *lab_forest;
};

void dir_facts_fini(struct dir_facts *f);

#endif
