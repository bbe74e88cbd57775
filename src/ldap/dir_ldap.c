#include "ldap/dir_ldap.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PAGE_SIZE    1000
#define SHOW_DELETED "1.2.840.113556.1.4.417" /* MS-ADTS 3.1.1.3.4.1.14 */
#define SD_FLAGS     "1.2.840.113556.1.4.801" /* MS-ADTS 3.1.1.3.4.1.11 */

/* libldap would read /etc/ldap/ldap.conf, ~/.ldaprc, ./ldaprc and LDAP* variables at its first
 * use: a session is described by struct dir_conf alone. This variable is its only switch for
 * that, and here is the only place where no other thread can read the environment yet. */
static void __attribute__((constructor)) no_outside_settings(void)
{
    setenv("LDAPNOINIT", "1", 1);
}

/* ---- security descriptors ---- */

/* AD hands out a whole descriptor, audit list included, only to those who may read that list, and
 * would take a whole one only from those who may change the owner. So parts are asked for. */
struct sd_parts {
    LDAPControl ctrl;
    char value[5]; /* BER: SEQUENCE { INTEGER parts } */
};

#define PARTS_READ  (0x1 | 0x2 | 0x4) /* owner, group, DACL */
#define PARTS_WRITE 0x4

static LDAPControl *sd_parts(struct sd_parts *p, char parts)
{
    memcpy(p->value, (const char[]){0x30, 3, 0x02, 1, parts}, sizeof(p->value));
    p->ctrl = (LDAPControl){.ldctl_oid = (char *)(uintptr_t)SD_FLAGS,
                            .ldctl_value = {sizeof(p->value), p->value},
                            .ldctl_iscritical = 1};
    return &p->ctrl;
}

static bool is_descriptor(const char *attr)
{
    return strcasecmp(attr, "nTSecurityDescriptor") == 0;
}

static bool wants_descriptor(const struct dir_ldap *s, const struct dir_query *q)
{
    for (size_t i = 0; s->base.facts.ad_ds && q->attrs != NULL && q->attrs[i] != NULL; i++)
        if (is_descriptor(q->attrs[i]))
            return true;
    return false;
}

/* ---- search ---- */

enum err dir_ldap_entry(LDAP *ld, LDAPMessage *msg, struct dir_entry **out, struct errinfo *ei)
{
    char *dn = ldap_get_dn(ld, msg);
    struct dir_entry *e = dn == NULL ? NULL : dir_entry_new(dn);
    enum err r = e == NULL ? ERR_NOMEM : ERR_OK;
    BerElement *ber = NULL;

    ldap_memfree(dn);
    for (char *name = r == ERR_OK ? ldap_first_attribute(ld, msg, &ber) : NULL; name != NULL;
         name = ldap_next_attribute(ld, msg, ber)) {
        struct berval **vals = ldap_get_values_len(ld, msg, name);

        for (size_t i = 0; r == ERR_OK && vals != NULL && vals[i] != NULL; i++)
            r = dir_entry_add(e, name, vals[i]->bv_val, vals[i]->bv_len);
        ldap_value_free_len(vals);
        ldap_memfree(name);
    }
    ber_free(ber, 0);
    if (r != ERR_OK) {
        dir_entry_free(e);
        return err_nomem(ei);
    }
    *out = e;
    return ERR_OK;
}

static enum err hand_over(LDAP *ld, LDAPMessage *msg, dir_each_fn *each, void *arg,
                          struct errinfo *ei)
{
    struct dir_entry *entry = NULL;
    enum err e = dir_ldap_entry(ld, msg, &entry, ei);

    if (e == ERR_OK)
        e = each(arg, entry, ei);
    dir_entry_free(entry);
    return e;
}

/* Reads the answer to one search request to its end. */
static enum err read_page(const struct dir_ldap_op *op, int msgid, dir_each_fn *each, void *arg,
                          struct berval *cookie, struct errinfo *ei)
{
    LDAP *ld = op->s->ld;

    for (;;) {
        LDAPMessage *msg = NULL;
        enum err e = dir_ldap_wait(op, msgid, LDAP_MSG_ONE, &msg, ei);

        if (e != ERR_OK)
            return e;
        if (ldap_msgtype(msg) == LDAP_RES_SEARCH_RESULT)
            return dir_ldap_result(op, msg, cookie, ei);
        if (ldap_msgtype(msg) == LDAP_RES_SEARCH_ENTRY) /* else: a reference, not followed */
            e = hand_over(ld, msg, each, arg, ei);
        ldap_msgfree(msg);
        if (e != ERR_OK) {
            ldap_abandon_ext(ld, msgid, NULL, NULL);
            return e;
        }
    }
}

static int send_search(struct dir_ldap *s, const struct dir_query *q, const char *filter,
                       struct berval *cookie, int *msgid)
{
    static const int scopes[] = {[DIR_BASE] = LDAP_SCOPE_BASE,
                                 [DIR_ONE] = LDAP_SCOPE_ONELEVEL,
                                 [DIR_SUB] = LDAP_SCOPE_SUBTREE};
    uint32_t size = q->page_size == 0 ? PAGE_SIZE : q->page_size;
    LDAPControl *page = NULL;
    int rc = LDAP_SUCCESS;

    if (s->paged && q->scope != DIR_BASE)
        rc = ldap_create_page_control(s->ld, (ber_int_t)size, cookie, 1, &page);
    if (rc == LDAP_SUCCESS) {
        LDAPControl deleted = {.ldctl_oid = (char *)(uintptr_t)SHOW_DELETED, .ldctl_iscritical = 1};
        LDAPControl *ctrls[4] = {NULL};
        struct sd_parts parts;
        size_t n = 0;

        if (q->deleted)
            ctrls[n++] = &deleted;
        if (wants_descriptor(s, q))
            ctrls[n++] = sd_parts(&parts, PARTS_READ);
        if (page != NULL)
            ctrls[n++] = page;
        rc = ldap_search_ext(s->ld, q->base, scopes[q->scope], filter, (char **)(uintptr_t)q->attrs,
                             0, ctrls, NULL, NULL, LDAP_NO_LIMIT, msgid);
    }
    ldap_control_free(page);
    return rc;
}

static enum err search_all(struct dir_ldap *s, const struct dir_query *q, dir_each_fn *each,
                           void *arg, struct errinfo *ei)
{
    struct dir_ldap_op op = {.s = s, .verb = "search", .object = q->base};
    struct berval cookie = {0};
    char *filter = q->filter == NULL ? strdup("(objectClass=*)") : dir_filter_text(q->filter);
    enum err e = ERR_OK;

    if (q->base[0] == '\0')
        op.object = "the rootDSE";
    if (filter == NULL)
        return err_fail(ei, ERR_INTERNAL, "search %s: the filter can't be expressed", op.object);
    do {
        int msgid = 0;
        int rc = send_search(s, q, filter, &cookie, &msgid);

        ber_memfree(cookie.bv_val);
        cookie = (struct berval){0};
        e = rc != LDAP_SUCCESS ? dir_ldap_fail_local(&op, rc, ei)
                               : read_page(&op, msgid, each, arg, &cookie, ei);
    } while (e == ERR_OK && cookie.bv_len > 0);
    ber_memfree(cookie.bv_val);
    free(filter);
    return e;
}

static enum err search(struct dir *d, const struct dir_query *q, dir_each_fn *each, void *arg,
                       struct errinfo *ei)
{
    struct dir_ldap *s = (struct dir_ldap *)d;
    enum err e = dir_ldap_ready(s, ei);

    if (e != ERR_OK)
        return e;
    s->searching++;
    e = search_all(s, q, each, arg, ei);
    s->searching--;
    return e;
}

static enum err changes_of(struct dir *d, const struct dir_changes_query *q, dir_change_fn *each,
                           void *arg, struct dir_changes *out, struct errinfo *ei)
{
    struct dir_ldap *s = (struct dir_ldap *)d;
    enum err e = dir_ldap_ready(s, ei);

    if (e != ERR_OK)
        return e;
    s->searching++;
    e = dir_ldap_changes(d, q, each, arg, out, ei);
    s->searching--;
    return e;
}

/* ---- changes ---- */

/* Changes in libldap's form; the values stay the caller's. */
struct changes {
    size_t n;
    LDAPMod *mods;
    LDAPMod **list;       /* NULL-terminated */
    struct berval **vals; /* one NULL-terminated run per change */
    struct berval *bvs;
};

static void changes_fini(struct changes *c)
{
    free(c->mods);
    free(c->list);
    free(c->vals);
    free(c->bvs);
}

static bool changes_init(struct changes *c, size_t n, size_t values)
{
    *c = (struct changes){
        .mods = calloc(n, sizeof(*c->mods)),
        .list = calloc(n + 1, sizeof(*c->list)),
        .vals = calloc(values + n, sizeof(*c->vals)),
        .bvs = calloc(values + 1, sizeof(*c->bvs)),
    };
    if (c->mods != NULL && c->list != NULL && c->vals != NULL && c->bvs != NULL)
        return true;
    changes_fini(c);
    return false;
}

/* values: where the next free berval and pointer run stand, moved on. */
static void changes_add(struct changes *c, int op, const char *attr, const struct dir_val *vals,
                        size_t n, size_t *used)
{
    struct berval **run = c->vals + *used + c->n; /* each run before took one NULL */
    LDAPMod *m = &c->mods[c->n];

    for (size_t i = 0; i < n; i++) {
        struct berval *bv = &c->bvs[*used + i];

        *bv = (struct berval){.bv_len = vals[i].len, .bv_val = (char *)vals[i].data};
        run[i] = bv;
    }
    *used += n;
    m->mod_op = op | LDAP_MOD_BVALUES;
    m->mod_type = (char *)(uintptr_t)attr;
    m->mod_bvalues = n == 0 ? NULL : run;
    c->list[c->n++] = m;
}

static enum err finish(const struct dir_ldap_op *op, int rc, int msgid, struct errinfo *ei)
{
    LDAPMessage *res = NULL;
    enum err e;

    if (rc != LDAP_SUCCESS)
        return dir_ldap_fail_local(op, rc, ei);
    e = dir_ldap_wait(op, msgid, LDAP_MSG_ALL, &res, ei);
    return e == ERR_OK ? dir_ldap_result(op, res, NULL, ei) : e;
}

static enum err add(struct dir *d, const struct dir_entry *entry, struct errinfo *ei)
{
    struct dir_ldap *s = (struct dir_ldap *)d;
    struct dir_ldap_op op = {.s = s, .verb = "add", .object = entry->dn};
    struct changes c;
    size_t values = 0, used = 0;
    int rc, msgid = 0;
    enum err e;

    for (size_t i = 0; i < entry->n; i++)
        values += entry->attrs[i].n;
    e = dir_ldap_ready(s, ei);
    if (e != ERR_OK)
        return e;
    if (!changes_init(&c, entry->n, values))
        return err_nomem(ei);
    for (size_t i = 0; i < entry->n; i++)
        changes_add(&c, LDAP_MOD_ADD, entry->attrs[i].name, entry->attrs[i].vals, entry->attrs[i].n,
                    &used);
    rc = ldap_add_ext(s->ld, entry->dn, c.list, NULL, NULL, &msgid);
    e = finish(&op, rc, msgid, ei);
    changes_fini(&c);
    return e;
}

static enum err modify(struct dir *d, const char *dn, const struct dir_mod *mods, size_t n,
                       struct errinfo *ei)
{
    static const int ops[] = {[DIR_MOD_ADD] = LDAP_MOD_ADD,
                              [DIR_MOD_DELETE] = LDAP_MOD_DELETE,
                              [DIR_MOD_REPLACE] = LDAP_MOD_REPLACE};
    struct dir_ldap *s = (struct dir_ldap *)d;
    struct dir_ldap_op op = {.s = s, .verb = "change", .object = dn};
    LDAPControl *ctrls[] = {NULL, NULL};
    struct sd_parts parts;
    struct changes c;
    size_t values = 0, used = 0;
    int rc, msgid = 0;
    enum err e;

    for (size_t i = 0; i < n; i++) {
        values += mods[i].n;
        if (s->base.facts.ad_ds && is_descriptor(mods[i].attr))
            ctrls[0] = sd_parts(&parts, PARTS_WRITE);
    }
    e = dir_ldap_ready(s, ei);
    if (e != ERR_OK)
        return e;
    if (!changes_init(&c, n, values))
        return err_nomem(ei);
    for (size_t i = 0; i < n; i++)
        changes_add(&c, ops[mods[i].op], mods[i].attr, mods[i].vals, mods[i].n, &used);
    rc = ldap_modify_ext(s->ld, dn, c.list, ctrls, NULL, &msgid);
    e = finish(&op, rc, msgid, ei);
    changes_fini(&c);
    return e;
}

static enum err del(struct dir *d, const char *dn, struct errinfo *ei)
{
    struct dir_ldap *s = (struct dir_ldap *)d;
    struct dir_ldap_op op = {.s = s, .verb = "delete", .object = dn};
    int rc, msgid = 0;
    enum err e = dir_ldap_ready(s, ei);

    if (e != ERR_OK)
        return e;
    rc = ldap_delete_ext(s->ld, dn, NULL, NULL, &msgid);
    return finish(&op, rc, msgid, ei);
}

/* ---- the implementation ---- */

static void end(struct dir *d)
{
    struct dir_ldap *s = (struct dir_ldap *)d;

    dir_ldap_hang_up(s);
    dir_facts_fini(&s->left);
    dir_conf_fini(&s->conf);
    free(s->uri);
}

const struct dir_ops dir_ldap_ops = {.name = "ldap",
                                     .search = search,
                                     .add = add,
                                     .modify = modify,
                                     .del = del,
                                     .changes = changes_of,
                                     .leave_rodc = dir_ldap_leave_rodc,
                                     .close = end};
