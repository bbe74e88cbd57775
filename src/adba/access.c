#include "adba/access.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define RID_DOMAIN_ADMINS 512

/* What forest preparation writes on Windows Server 2012 (facts of the schema's authors). */
#define CONTAINER_SDDL                                                                             \
    "D:(A;;RPLCLORC;;;AU)(A;;RPWPCRLCLOCCRCWDWOSW;;;EA)(A;;RPWPCRLCLOCCDCRCWDWOSDDTSW;;;SY)"
/* The class's own default, which Samba before 4.21 can't parse (its bug 15685). */
#define OBJECT_SDDL "D:(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;DA)(A;;RPLCLORC;;;AU)"
#define OWN_RIGHTS                                                                                 \
    (SD_READ_PROPERTY | SD_WRITE_PROPERTY | SD_LIST_CHILDREN | SD_LIST_OBJECT | SD_READ_CONTROL |  \
     SD_WRITE_DAC | SD_DELETE)
#define MEMBER_RIGHTS (SD_READ_PROPERTY | SD_LIST_CHILDREN | SD_LIST_OBJECT | SD_READ_CONTROL)

static const struct sid authenticated_users = {.authority = 5, .n = 1, .sub = {11}};
/* What every member's token holds (MS-DTYP 2.4.2.4): Authenticated Users, Everyone. */
static const struct sid members[] = {
    {.authority = 5, .n = 1, .sub = {11}},
    {.authority = 1, .n = 1, .sub = {0}},
};

/* ---- ourselves ---- */

enum err access_token(struct dir *d, struct sid **out, size_t *n, struct errinfo *ei)
{
    static const char *const attrs[] = {"tokenGroups", NULL};
    struct dir_entry *root = NULL;
    const struct dir_attr *a;
    struct sid *sids = NULL;
    enum err e = dir_get(d, "", attrs, &root, ei);

    if (e != ERR_OK)
        return e;
    a = dir_entry_attr(root, "tokenGroups");
    if (a == NULL || a->n == 0)
        e = err_fail(ei, ERR_NOTFOUND,
                     "read tokenGroups of the rootDSE: the directory does not say who we are");
    else if ((sids = calloc(a->n, sizeof(*sids))) == NULL)
        e = err_nomem(ei);
    for (size_t i = 0; e == ERR_OK && i < a->n; i++)
        if (!sid_from_bytes(a->vals[i].data, a->vals[i].len, &sids[i]))
            e = err_fail(ei, ERR_MALFORMED, "read tokenGroups of the rootDSE: not a SID");
    if (e == ERR_OK) {
        *out = sids;
        *n = a->n;
    } else {
        free(sids);
    }
    dir_entry_free(root);
    return e;
}

static bool root_domain(const char *text, struct sid *out)
{
    return text != NULL && sid_parse(text, out, NULL);
}

/* Whether we need an entry of our own; *own is then our SID. Domain Admins have theirs. */
static enum err need_own(struct dir *d, const struct sid *root, struct sid *own, bool *need,
                         struct errinfo *ei)
{
    struct sid *token = NULL, admins;
    size_t n = 0;
    enum err e = access_token(d, &token, &n, ei);

    if (e == ERR_NOTFOUND) {
        *need = false;
        return ERR_OK;
    }
    if (e != ERR_OK)
        return e;
    *own = token[0];
    *need = own->authority == 5 && own->n > 1 && own->sub[0] == 21;
    for (size_t i = 0; i < n; i++)
        if (sid_child(root, RID_DOMAIN_ADMINS, &admins) && sid_equal(&token[i], &admins))
            *need = false;
    free(token);
    return ERR_OK;
}

static enum err add_own(struct dir *d, const struct sid *root, struct sd *sd, struct errinfo *ei)
{
    struct sd_ace ace = {.type = SD_ALLOW, .mask = OWN_RIGHTS};
    bool need = false;
    enum err e = need_own(d, root, &ace.sid, &need, ei);

    return e == ERR_OK && need ? sd_add_ace(sd, &ace, ei) : e;
}

/* ---- new entries ---- */

static enum err add_bytes(const struct sd *sd, struct dir_entry *entry, struct errinfo *ei)
{
    struct buf bytes = BUF_INIT;
    enum err e = sd_encode(sd, &bytes, ei);

    if (e == ERR_OK && dir_entry_add(entry, ACCESS_ATTR, bytes.data, bytes.len) != ERR_OK)
        e = err_nomem(ei);
    buf_fini(&bytes);
    return e;
}

enum err access_describe(struct dir *d, enum access_what what, struct dir_entry *entry,
                         struct errinfo *ei)
{
    const struct dir_facts *f = dir_facts(d);
    struct sid root;
    const struct sd_domain dom = {.domain = &root, .root = &root};
    struct sd sd = {0};
    enum err e;

    if (!f->ad_ds)
        return ERR_OK;
    if (!root_domain(f->domain_sid, &root))
        return err_fail(ei, ERR_DENIED,
                        "add %s: the SID of the forest root domain can't be read, so its "
                        "administrators can't be named in the security descriptor",
                        entry->dn);
    e = sd_from_sddl(what == ACCESS_OBJECT ? OBJECT_SDDL : CONTAINER_SDDL, &dom, &sd, ei);
    if (e == ERR_OK && what == ACCESS_OBJECT)
        e = add_own(d, &root, &sd, ei);
    if (e == ERR_OK)
        e = add_bytes(&sd, entry, ei);
    sd_fini(&sd);
    return e;
}

/* ---- judging ---- */

enum access_read access_read_of(const struct dir_entry *entry, enum access_what what)
{
    uint32_t need = SD_READ_PROPERTY | (what == ACCESS_CONTAINER ? SD_LIST_CHILDREN : 0u);
    const struct dir_val *v = dir_entry_val(entry, ACCESS_ATTR);
    struct sd sd = {0};
    bool given;

    if (v == NULL || sd_parse(v->data, v->len, &sd, NULL) != ERR_OK)
        return ACCESS_UNKNOWN;
    given = (sd_granted(&sd, members, COUNT(members), NULL, 0) & need) == need;
    sd_fini(&sd);
    return given ? ACCESS_GIVEN : ACCESS_LOST;
}

/* Well-known SIDs that may write: SYSTEM, domain controllers of the forest, Administrators, what a
 * creator gets, and the entry itself. */
static bool is_meant(const struct sid *s)
{
    static const struct sid meant[] = {
        {.authority = 5, .n = 1, .sub = {18}},      {.authority = 5, .n = 1, .sub = {9}},
        {.authority = 5, .n = 2, .sub = {32, 544}}, {.authority = 3, .n = 1, .sub = {0}},
        {.authority = 5, .n = 1, .sub = {10}},
    };

    for (size_t i = 0; i < COUNT(meant); i++)
        if (sid_equal(s, &meant[i]))
            return true;
    return false;
}

/* Administrator, Domain Admins, Domain Controllers, Schema Admins, Enterprise Admins. */
static bool is_administrator(const struct sid *s, const char *root_domain_sid)
{
    static const uint32_t rids[] = {500, RID_DOMAIN_ADMINS, 516, 518, 519};
    struct sid root, child;

    for (size_t i = 0; root_domain(root_domain_sid, &root) && i < COUNT(rids); i++)
        if (sid_child(&root, rids[i], &child) && sid_equal(s, &child))
            return true;
    return false;
}

size_t access_strangers(const struct sd *sd, const char *root_domain_sid, const struct sid *own,
                        struct sd_writer *out, size_t max)
{
    struct sd_writer all[64];
    size_t total = sd_writers(sd, all, COUNT(all)), n = total > COUNT(all) ? total - COUNT(all) : 0;

    for (size_t i = 0; i < total && i < COUNT(all); i++) {
        const struct sid *s = &all[i].sid;

        if (is_meant(s) || is_administrator(s, root_domain_sid) ||
            (own != NULL && sid_equal(s, own)))
            continue;
        if (n < max)
            out[n] = all[i];
        n++;
    }
    return n;
}

/* ---- repairing ---- */

static bool denies_members(const struct sd_ace *a)
{
    bool denial = a->opaque == NULL && (a->type == SD_DENY || a->type == SD_OBJECT_DENY);

    for (size_t i = 0; denial && i < COUNT(members); i++)
        if (sid_equal(&a->sid, &members[i]))
            return (a->flags & (SD_INHERITED | SD_INHERIT_ONLY)) == 0;
    return false;
}

static void drop_denials(struct sd_acl *acl)
{
    size_t kept = 0;

    for (size_t i = 0; i < acl->n; i++)
        if (!denies_members(&acl->aces[i]))
            acl->aces[kept++] = acl->aces[i];
    acl->n = kept;
}

static enum err give_back(struct dir *d, struct sd *sd, struct errinfo *ei)
{
    const struct sd_ace readers = {
        .type = SD_ALLOW, .mask = MEMBER_RIGHTS, .sid = authenticated_users};
    struct sid root;
    enum err e;

    drop_denials(&sd->dacl);
    e = sd_add_ace(sd, &readers, ei);
    if (e == ERR_OK && root_domain(dir_facts(d)->domain_sid, &root))
        e = add_own(d, &root, sd, ei);
    if (e == ERR_OK && !sd_grants_read(sd, members, COUNT(members)))
        e = err_fail(ei, ERR_NOT_NOW,
                     "an inherited entry denies Authenticated Users to read; take it away from "
                     "the container above");
    return e;
}

static enum err write_dacl(struct dir *d, const char *dn, const struct sd *sd, struct errinfo *ei)
{
    struct buf bytes = BUF_INIT;
    enum err e = sd_encode(sd, &bytes, ei);
    const struct dir_val v = {.len = bytes.len, .data = bytes.data};
    const struct dir_mod mod = {.op = DIR_MOD_REPLACE, .attr = ACCESS_ATTR, .n = 1, .vals = &v};

    if (e == ERR_OK)
        e = dir_modify(d, dn, &mod, 1, ei);
    buf_fini(&bytes);
    return e;
}

enum err access_repair(struct dir *d, const char *dn, struct errinfo *ei)
{
    static const char *const attrs[] = {ACCESS_ATTR, NULL};
    struct dir_entry *entry = NULL;
    const struct dir_val *v;
    struct sd sd = {0};
    enum err e = dir_ready_to_write(d, ei);

    if (e == ERR_OK)
        e = dir_get(d, dn, attrs, &entry, ei);
    if (e != ERR_OK)
        return e;
    v = dir_entry_val(entry, ACCESS_ATTR);
    e = v == NULL ? err_fail(ei, ERR_DENIED, "its security descriptor may not be read")
                  : sd_parse(v->data, v->len, &sd, ei);
    if (e == ERR_OK)
        e = give_back(d, &sd, ei);
    if (e == ERR_OK)
        e = write_dacl(d, dn, &sd, ei);
    sd_fini(&sd);
    dir_entry_free(entry);
    return e == ERR_OK ? ERR_OK : err_context(ei, "let members read %s", dn);
}
