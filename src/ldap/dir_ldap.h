/* dir_ldap: what the files of the libldap implementation share. Nothing outside this folder
 * includes it. */
#ifndef ADBAD_LDAP_DIR_LDAP_H
#define ADBAD_LDAP_DIR_LDAP_H

#include <ldap.h>

#include "ldap/changes.h"

#define DIR_TIMEOUT_MS 10000

struct dir_ldap {
    struct dir base;
    LDAP *ld;
    char *uri;
    int timeout_ms;
    bool paged; /* the server knows the paged results control (RFC 2696) */
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

/* Logs in as conf says. */
MUST_CHECK enum err dir_ldap_bind(struct dir_ldap *s, const struct dir_conf *conf,
                                  struct errinfo *ei);

/* Fills s->base.facts and s->paged. */
MUST_CHECK enum err dir_ldap_read_facts(struct dir_ldap *s, struct errinfo *ei);

#endif
