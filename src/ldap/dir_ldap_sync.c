/* Content synchronization (RFC 4533), refresh only: one search whose answer holds what is new or
 * changed since the cookie, and names what is gone, or else all that is still there. */
#include <stdlib.h>
#include <string.h>

#include "ldap/dir_ldap.h"

struct refresh {
    struct dir_ldap_op op;
    dir_change_fn *each;
    void *arg;
    struct dir_changes *out;
    bool given;   /* a cookie was */
    bool deletes; /* the last phase named what is gone, not what is there */
    bool present; /* some phase named all that is there */
};

/* ---- controls and messages ---- */

static enum err bad_message(const struct refresh *r, const char *what, struct errinfo *ei)
{
    return err_fail(ei, ERR_MALFORMED, "%s %s at %s: broken %s", r->op.verb, r->op.object,
                    r->op.s->uri, what);
}

static void take_cookie(struct refresh *r, const struct berval *cookie)
{
    buf_clear(&r->out->cookie);
    buf_add(&r->out->cookie, cookie->bv_val, cookie->bv_len);
}

/* syncUUID is in network order (RFC 4122). */
static bool take_id(const struct berval *uuid, struct guid *id)
{
    if (uuid->bv_len != sizeof(id->b))
        return false;
    guid_from_network((const uint8_t *)uuid->bv_val, id);
    return true;
}

/* Inside an open SEQUENCE: the cookie if one is next, then the BOOLEAN if one is next. */
static bool scan_tail(struct refresh *r, BerElement *ber, bool *flag)
{
    struct berval cookie;
    ber_len_t len;
    ber_int_t b;

    if (ber_peek_tag(ber, &len) == LDAP_TAG_SYNC_COOKIE) {
        if (ber_scanf(ber, "m", &cookie) == LBER_ERROR)
            return false;
        take_cookie(r, &cookie);
    }
    if (ber_peek_tag(ber, &len) == LDAP_TAG_REFRESHDELETES) {
        if (ber_scanf(ber, "b", &b) == LBER_ERROR)
            return false;
        *flag = b != 0;
    }
    return true;
}

/* syncStateValue ::= SEQUENCE { state ENUMERATED, entryUUID, cookie OPTIONAL } */
static bool scan_state(struct refresh *r, LDAPControl **ctrls, ber_int_t *state, struct guid *id)
{
    LDAPControl *c = ldap_control_find(LDAP_CONTROL_SYNC_STATE, ctrls, NULL);
    BerElement *ber = c == NULL ? NULL : ber_init(&c->ldctl_value);
    struct berval uuid;
    bool unused;
    bool ok = ber != NULL && ber_scanf(ber, "{em", state, &uuid) != LBER_ERROR &&
              take_id(&uuid, id) && scan_tail(r, ber, &unused);

    ber_free(ber, 1);
    return ok;
}

static enum err on_entry(struct refresh *r, LDAPMessage *msg, struct errinfo *ei)
{
    static const enum dir_change meaning[] = {[LDAP_SYNC_PRESENT] = DIR_SAME,
                                              [LDAP_SYNC_ADD] = DIR_PUT,
                                              [LDAP_SYNC_MODIFY] = DIR_PUT,
                                              [LDAP_SYNC_DELETE] = DIR_GONE};
    LDAP *ld = r->op.s->ld;
    LDAPControl **ctrls = NULL;
    struct dir_entry *entry = NULL;
    ber_int_t state = -1;
    struct guid id;
    enum err e = ERR_OK;

    if (ldap_get_entry_controls(ld, msg, &ctrls) != LDAP_SUCCESS ||
        !scan_state(r, ctrls, &state, &id) || state < LDAP_SYNC_PRESENT || state > LDAP_SYNC_DELETE)
        e = bad_message(r, "sync state of an entry", ei);
    ldap_controls_free(ctrls);
    if (e == ERR_OK && meaning[state] == DIR_PUT)
        e = dir_ldap_entry(ld, msg, &entry, ei);
    if (e == ERR_OK)
        e = r->each(r->arg, meaning[state], &id, entry, ei);
    dir_entry_free(entry);
    return e;
}

/* syncIdSet [3] SEQUENCE { cookie OPTIONAL, refreshDeletes DEFAULT FALSE, SET OF syncUUID } */
static enum err on_id_set(struct refresh *r, BerElement *ber, struct errinfo *ei)
{
    BerVarray ids = NULL;
    bool gone = false;
    enum err e = ERR_OK;

    if (ber_scanf(ber, "{") == LBER_ERROR || !scan_tail(r, ber, &gone) ||
        ber_scanf(ber, "[W]", &ids) == LBER_ERROR)
        return bad_message(r, "set of ids", ei);
    for (size_t i = 0; e == ERR_OK && ids != NULL && ids[i].bv_val != NULL; i++) {
        struct guid id;

        e = take_id(&ids[i], &id) ? r->each(r->arg, gone ? DIR_GONE : DIR_SAME, &id, NULL, ei)
                                  : bad_message(r, "set of ids", ei);
    }
    ber_bvarray_free(ids);
    return e;
}

static enum err on_info(struct refresh *r, const struct berval *data, struct errinfo *ei)
{
    BerElement *ber = ber_init((struct berval *)(uintptr_t)data);
    struct berval cookie;
    bool unused, ok = true;
    enum err e = ERR_OK;
    ber_len_t len;

    if (ber == NULL)
        return err_nomem(ei);
    switch (ber_peek_tag(ber, &len)) {
    case LDAP_TAG_SYNC_NEW_COOKIE:
        ok = ber_scanf(ber, "m", &cookie) != LBER_ERROR;
        if (ok)
            take_cookie(r, &cookie);
        break;
    case LDAP_TAG_SYNC_REFRESH_PRESENT:
        r->present = true;
        ok = ber_scanf(ber, "{") != LBER_ERROR && scan_tail(r, ber, &unused);
        break;
    case LDAP_TAG_SYNC_REFRESH_DELETE:
        ok = ber_scanf(ber, "{") != LBER_ERROR && scan_tail(r, ber, &unused);
        break;
    case LDAP_TAG_SYNC_ID_SET:
        e = on_id_set(r, ber, ei);
        break;
    default:
        ok = false;
    }
    ber_free(ber, 1);
    return ok ? e : bad_message(r, "sync information", ei);
}

static enum err on_intermediate(struct refresh *r, LDAPMessage *msg, struct errinfo *ei)
{
    struct berval *data = NULL;
    char *oid = NULL;
    enum err e = ERR_OK;

    if (ldap_parse_intermediate(r->op.s->ld, msg, &oid, &data, NULL, 0) != LDAP_SUCCESS)
        e = bad_message(r, "intermediate message", ei);
    else if (oid != NULL && strcmp(oid, LDAP_SYNC_INFO) == 0 && data != NULL)
        e = on_info(r, data, ei);
    ldap_memfree(oid);
    ber_bvfree(data);
    return e;
}

/* RFC 4533 has the first; slapd says the second where the cookie is ahead of it (it was restored
 * from a backup) and the third where it can't read it. Without a cookie they are plain failures. */
static bool refuses_cookie(int rc)
{
    return rc == LDAP_SYNC_REFRESH_REQUIRED || rc == LDAP_UNWILLING_TO_PERFORM ||
           rc == LDAP_PROTOCOL_ERROR;
}

/* syncDoneValue ::= SEQUENCE { cookie OPTIONAL, refreshDeletes DEFAULT FALSE } */
static enum err on_done(struct refresh *r, LDAPMessage *msg, struct errinfo *ei)
{
    LDAPControl **ctrls = NULL;
    LDAPControl *c;
    BerElement *ber;
    int rc = LDAP_OTHER;
    bool ok = ldap_parse_result(r->op.s->ld, msg, &rc, NULL, NULL, NULL, &ctrls, 0) == LDAP_SUCCESS;

    if (ok && r->given && refuses_cookie(rc)) {
        ldap_controls_free(ctrls);
        ldap_msgfree(msg);
        return err_fail(ei, ERR_EXPIRED, "%s %s at %s: it can't go on from the cookie", r->op.verb,
                        r->op.object, r->op.s->uri);
    }
    c = ok && rc == LDAP_SUCCESS ? ldap_control_find(LDAP_CONTROL_SYNC_DONE, ctrls, NULL) : NULL;
    if (c != NULL) {
        ber = ber_init(&c->ldctl_value);
        ok = ber != NULL && ber_scanf(ber, "{") != LBER_ERROR && scan_tail(r, ber, &r->deletes);
        ber_free(ber, 1);
    }
    ldap_controls_free(ctrls);
    if (!ok || (rc == LDAP_SUCCESS && c == NULL)) {
        ldap_msgfree(msg);
        return bad_message(r, "end of synchronization", ei);
    }
    return dir_ldap_result(&r->op, msg, NULL, ei);
}

/* ---- one refresh ---- */

static enum err read_answer(struct refresh *r, int msgid, struct errinfo *ei)
{
    for (;;) {
        LDAPMessage *msg = NULL;
        enum err e = dir_ldap_wait(&r->op, msgid, LDAP_MSG_ONE, &msg, ei);

        if (e != ERR_OK)
            return e;
        switch (ldap_msgtype(msg)) {
        case LDAP_RES_SEARCH_RESULT:
            return on_done(r, msg, ei);
        case LDAP_RES_SEARCH_ENTRY:
            e = on_entry(r, msg, ei);
            break;
        case LDAP_RES_INTERMEDIATE:
            e = on_intermediate(r, msg, ei);
            break;
        default: /* a reference, not followed */
            break;
        }
        ldap_msgfree(msg);
        if (e != ERR_OK) {
            ldap_abandon_ext(r->op.s->ld, msgid, NULL, NULL);
            return e;
        }
    }
}

/* syncRequestValue ::= SEQUENCE { mode ENUMERATED, cookie OPTIONAL, reloadHint DEFAULT FALSE } */
static int make_control(struct dir_ldap *s, const struct dir_changes_query *q, LDAPControl **out)
{
    struct berval cookie = {.bv_len = q->cookie_len, .bv_val = (char *)(uintptr_t)q->cookie};
    struct berval value = {0};
    BerElement *ber = ber_alloc_t(LBER_USE_DER);
    int rc = LDAP_NO_MEMORY;

    (void)s;
    if (ber == NULL)
        return rc;
    if ((q->cookie == NULL ? ber_printf(ber, "{e}", LDAP_SYNC_REFRESH_ONLY)
                           : ber_printf(ber, "{eO}", LDAP_SYNC_REFRESH_ONLY, &cookie)) >= 0 &&
        ber_flatten2(ber, &value, 0) == 0)
        rc = ldap_control_create(LDAP_CONTROL_SYNC, 1, &value, 1, out);
    ber_free(ber, 1);
    return rc;
}

enum err dir_ldap_changes(struct dir *d, const struct dir_changes_query *q, dir_change_fn *each,
                          void *arg, struct dir_changes *out, struct errinfo *ei)
{
    struct dir_ldap *s = (struct dir_ldap *)d;
    struct refresh r = {.op = {.s = s, .verb = "read changes of", .object = q->base},
                        .each = each,
                        .arg = arg,
                        .out = out,
                        .given = q->cookie != NULL};
    char *filter = q->filter == NULL ? strdup("(objectClass=*)") : dir_filter_text(q->filter);
    LDAPControl *sync = NULL;
    int msgid = 0, rc;
    enum err e;

    if (filter == NULL)
        return err_nomem(ei);
    rc = make_control(s, q, &sync);
    if (rc == LDAP_SUCCESS) {
        LDAPControl *ctrls[] = {sync, NULL};

        rc = ldap_search_ext(s->ld, q->base, LDAP_SCOPE_SUBTREE, filter,
                             (char **)(uintptr_t)q->attrs, 0, ctrls, NULL, NULL, LDAP_NO_LIMIT,
                             &msgid);
    }
    e = rc != LDAP_SUCCESS ? dir_ldap_fail_local(&r.op, rc, ei) : read_answer(&r, msgid, ei);
    ldap_control_free(sync);
    free(filter);
    /* Where nothing changed, slapd sends no cookie: the old one stands. */
    if (e == ERR_OK && out->cookie.len == 0)
        buf_add(&out->cookie, q->cookie, q->cookie_len);
    out->tells_deletions = true;
    out->complete = q->cookie == NULL || r.present || !r.deletes;
    return e;
}
