/* dir_ldap: what the files of the libldap implementation share. Nothing outside this folder
 * includes it. */
#ifndef ADBAD_LDAP_DIR_LDAP_H
#define ADBAD_LDAP_DIR_LDAP_H

#include <ldap.h>

#include "ldap/changes.h"

#define DIR_TIMEOUT_MS 10000
#define DIR_LIST_MAX   32

struct krb;

struct dir_ldap {
    struct dir base;
    LDAP *ld;
    char *uri; /* of the one server */
    int timeout_ms;
    int64_t deadline;      /* of the whole opening, in ms of clk_uptime_ms; 0: open */
    int share_ms;          /* what the opening got of its time */
    bool paged;            /* the server knows the paged results control (RFC 2696) */
    bool secret;           /* ldapi or TLS: what is sent is not shown */
    int searching;         /* depth of searches on their way */
    struct dir_conf conf;  /* texts are our own */
    struct krb *krb;       /* NULL: no Kerberos */
    struct dir_facts left; /* of the read-only server that was left: callers may look at them */
};

/* Addresses of servers in the order to be tried. */
struct dir_list {
    size_t n;
    char *uri[DIR_LIST_MAX];
};

/* One operation, for its error texts: "search CN=x,DC=y". */
struct dir_ldap_op {
    struct dir_ldap *s;
    const char *verb;
    const char *object;
    bool binding; /* result codes mean something else while we log in */
};

/* Turns result code rc into our code and text. diag (may be NULL) is the server's own message. */
enum err dir_ldap_fail(const struct dir_ldap_op *op, int rc, const char *diag, struct errinfo *ei);

/* As dir_ldap_fail for a call of libldap that failed on our side or on the way. */
enum err dir_ldap_fail_local(const struct dir_ldap_op *op, int rc, struct errinfo *ei);

/* Waits for the next message (all = LDAP_MSG_ONE) or for the whole answer to msgid. On ERR_OK the
 * caller frees *res. When time runs out the request is abandoned: ERR_TIMEOUT. */
MUST_CHECK enum err dir_ldap_wait(const struct dir_ldap_op *op, int msgid, int all,
                                  LDAPMessage **res, struct errinfo *ei);

/* Reads the result message res and frees it; ERR_OK if it reports success. *cookie (may be NULL)
 * gets that of the paged results control, empty if there is none; free with ber_memfree. */
MUST_CHECK enum err dir_ldap_result(const struct dir_ldap_op *op, LDAPMessage *res,
                                    struct berval *cookie, struct errinfo *ei);

/* The entry in a search message; the caller owns it. */
MUST_CHECK enum err dir_ldap_entry(LDAP *ld, LDAPMessage *msg, struct dir_entry **out,
                                   struct errinfo *ei);

/* ops->changes. */
MUST_CHECK enum err dir_ldap_changes(struct dir *d, const struct dir_changes_query *q,
                                     dir_change_fn *each, void *arg, struct dir_changes *out,
                                     struct errinfo *ei);

/* ---- opening ---- */

/* Milliseconds that one wait may take now. */
int dir_ldap_patience(const struct dir_ldap *s);

/* ldap_initialize and options, connection, TLS. */
MUST_CHECK enum err dir_ldap_connect(struct dir_ldap *s, struct errinfo *ei);

/* Logs in as s->conf says; s->krb is there afterwards where Kerberos is used. */
MUST_CHECK enum err dir_ldap_bind(struct dir_ldap *s, struct errinfo *ei);

/* Fills s->base.facts and s->paged. */
MUST_CHECK enum err dir_ldap_read_facts(struct dir_ldap *s, struct errinfo *ei);

/* To be called before each operation: a session whose ticket ends soon gets another. */
MUST_CHECK enum err dir_ldap_ready(struct dir_ldap *s, struct errinfo *ei);

/* ops->leave_rodc. */
MUST_CHECK enum err dir_ldap_leave_rodc(struct dir *d, struct errinfo *ei);

/* Ends the connection and forgets the login. */
void dir_ldap_hang_up(struct dir_ldap *s);

extern const struct dir_ops dir_ldap_ops;

/* ---- which servers (dir_ldap_find.c) ---- */

void dir_list_fini(struct dir_list *l);
/* The servers that conf names; for "auto", those that DNS names, those of its site first.
 * ERR_CONFIG, ERR_UNREACHABLE if DNS knows none. */
MUST_CHECK enum err dir_list_servers(const struct dir_conf *conf, int timeout_ms,
                                     struct dir_list *out, struct errinfo *ei);
/* Adds the domain controllers that DNS names for conf's site; there may be none. */
MUST_CHECK enum err dir_list_site(const struct dir_conf *conf, int timeout_ms, struct dir_list *out,
                                  struct errinfo *ei);
/* Writable domain controllers of the forest that s is connected to. */
MUST_CHECK enum err dir_list_writable(struct dir_ldap *s, struct dir_list *out, struct errinfo *ei);

#endif
