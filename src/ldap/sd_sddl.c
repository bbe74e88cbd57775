/* The text of security descriptors (MS-DTYP 2.5.1). */
#include <stdlib.h>
#include <string.h>

#include "ldap/sd.h"

struct letters {
    const char name[3];
    uint32_t bit;
};

/* In the order in which they are written. */
static const struct letters rights[] = {
    {"CC", SD_CREATE_CHILD},  {"DC", SD_DELETE_CHILD},  {"LC", SD_LIST_CHILDREN},
    {"SW", SD_SELF_WRITE},    {"RP", SD_READ_PROPERTY}, {"WP", SD_WRITE_PROPERTY},
    {"DT", SD_DELETE_TREE},   {"LO", SD_LIST_OBJECT},   {"CR", SD_CONTROL_ACCESS},
    {"SD", SD_DELETE},        {"RC", SD_READ_CONTROL},  {"WD", SD_WRITE_DAC},
    {"WO", SD_WRITE_OWNER},   {"GA", SD_GENERIC_ALL},   {"GX", SD_GENERIC_EXECUTE},
    {"GW", SD_GENERIC_WRITE}, {"GR", SD_GENERIC_READ},
};

static const struct letters ace_flags[] = {
    {"OI", SD_OBJECT_INHERIT}, {"CI", SD_CONTAINER_INHERIT}, {"NP", SD_NO_PROPAGATE},
    {"IO", SD_INHERIT_ONLY},   {"ID", SD_INHERITED},         {"SA", SD_AUDIT_SUCCESS},
    {"FA", SD_AUDIT_FAILURE},
};

static const struct letters ace_types[] = {
    {"A", SD_ALLOW},         {"D", SD_DENY},         {"AU", SD_AUDIT},
    {"OA", SD_OBJECT_ALLOW}, {"OD", SD_OBJECT_DENY}, {"OU", SD_OBJECT_AUDIT},
};

static const struct letters dacl_flags[] = {
    {"P", SD_DACL_PROTECTED},
    {"AR", SD_DACL_AUTO_INHERIT_REQ},
    {"AI", SD_DACL_AUTO_INHERITED},
};

static const struct letters sacl_flags[] = {
    {"P", SD_SACL_PROTECTED},
    {"AR", SD_SACL_AUTO_INHERIT_REQ},
    {"AI", SD_SACL_AUTO_INHERITED},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Where an alias's SID begins. */
enum alias_of { OF_FIXED, OF_BUILTIN, OF_DOMAIN, OF_ROOT };

/* MS-DTYP 2.5.1.1 and 2.4.2.4. OF_FIXED: S-1-authority-rid. */
static const struct alias {
    char name[3];
    enum alias_of of;
    uint8_t authority;
    uint32_t rid;
} aliases[] = {
    {"WD", OF_FIXED, 1, 0},     {"CO", OF_FIXED, 3, 0},     {"CG", OF_FIXED, 3, 1},
    {"OW", OF_FIXED, 3, 4},     {"NU", OF_FIXED, 5, 2},     {"IU", OF_FIXED, 5, 4},
    {"SU", OF_FIXED, 5, 6},     {"AN", OF_FIXED, 5, 7},     {"ED", OF_FIXED, 5, 9},
    {"PS", OF_FIXED, 5, 10},    {"AU", OF_FIXED, 5, 11},    {"RC", OF_FIXED, 5, 12},
    {"SY", OF_FIXED, 5, 18},    {"LS", OF_FIXED, 5, 19},    {"NS", OF_FIXED, 5, 20},
    {"WR", OF_FIXED, 5, 33},    {"BA", OF_BUILTIN, 5, 544}, {"BU", OF_BUILTIN, 5, 545},
    {"BG", OF_BUILTIN, 5, 546}, {"PU", OF_BUILTIN, 5, 547}, {"AO", OF_BUILTIN, 5, 548},
    {"SO", OF_BUILTIN, 5, 549}, {"PO", OF_BUILTIN, 5, 550}, {"BO", OF_BUILTIN, 5, 551},
    {"RE", OF_BUILTIN, 5, 552}, {"RU", OF_BUILTIN, 5, 554}, {"RD", OF_BUILTIN, 5, 555},
    {"NO", OF_BUILTIN, 5, 556}, {"MU", OF_BUILTIN, 5, 558}, {"LU", OF_BUILTIN, 5, 559},
    {"IS", OF_BUILTIN, 5, 568}, {"CY", OF_BUILTIN, 5, 569}, {"ER", OF_BUILTIN, 5, 573},
    {"CD", OF_BUILTIN, 5, 574}, {"LA", OF_DOMAIN, 5, 500},  {"LG", OF_DOMAIN, 5, 501},
    {"DA", OF_DOMAIN, 5, 512},  {"DU", OF_DOMAIN, 5, 513},  {"DG", OF_DOMAIN, 5, 514},
    {"DC", OF_DOMAIN, 5, 515},  {"DD", OF_DOMAIN, 5, 516},  {"CA", OF_DOMAIN, 5, 517},
    {"PA", OF_DOMAIN, 5, 520},  {"CN", OF_DOMAIN, 5, 522},  {"AP", OF_DOMAIN, 5, 525},
    {"RS", OF_DOMAIN, 5, 553},  {"RO", OF_ROOT, 5, 498},    {"SA", OF_ROOT, 5, 518},
    {"EA", OF_ROOT, 5, 519},
};

/* false: it is relative to a domain that isn't known. */
static bool alias_sid(const struct alias *a, const struct sd_domain *dom, struct sid *out)
{
    const struct sid *base = NULL;

    if (a->of == OF_DOMAIN || a->of == OF_ROOT) {
        if (dom != NULL)
            base = a->of == OF_DOMAIN ? dom->domain : dom->root;
        return base != NULL && sid_child(base, a->rid, out);
    }
    *out = (struct sid){.authority = a->authority};
    if (a->of == OF_BUILTIN)
        out->sub[out->n++] = 32; /* S-1-5-32 */
    out->sub[out->n++] = a->rid;
    return true;
}

/* ---- reading ---- */

struct reader {
    const char *text, *p;
    const struct sd_domain *dom;
    struct errinfo *ei;
};

static enum err bad(struct reader *r, const char *what)
{
    return err_fail(r->ei, ERR_MALFORMED, "security descriptor text, character %zu: %s",
                    (size_t)(r->p - r->text) + 1, what);
}

/* AD's own schema has blanks between the parts. */
static void skip_blanks(struct reader *r)
{
    while (*r->p == ' ')
        r->p++;
}

static bool take(struct reader *r, const char *word)
{
    size_t n = strlen(word);

    if (strncmp(r->p, word, n) != 0)
        return false;
    r->p += n;
    return true;
}

static enum err take_sid(struct reader *r, struct sid *out)
{
    const char *end;

    if (sid_parse(r->p, out, &end)) {
        r->p = end;
        return ERR_OK;
    }
    for (size_t i = 0; i < COUNT(aliases); i++) {
        if (strncmp(r->p, aliases[i].name, 2) != 0)
            continue;
        if (!alias_sid(&aliases[i], r->dom, out))
            return bad(r, "this alias needs the SID of its domain");
        r->p += 2;
        return ERR_OK;
    }
    return bad(r, "neither a SID nor an alias of one");
}

/* Letters of a table, any number, up to stop. */
static enum err take_letters(struct reader *r, const struct letters *table, size_t n, char stop,
                             uint32_t *out)
{
    while (*r->p != stop) {
        size_t i = 0;

        while (i < n && strncmp(r->p, table[i].name, strlen(table[i].name)) != 0)
            i++;
        if (i == n)
            return bad(r, "unknown letters");
        r->p += strlen(table[i].name);
        *out |= table[i].bit;
    }
    return ERR_OK;
}

static enum err take_rights(struct reader *r, uint32_t *out)
{
    unsigned long long v;
    char *end;

    if (*r->p < '0' || *r->p > '9')
        return take_letters(r, rights, COUNT(rights), ';', out);
    v = strtoull(r->p, &end, 0);
    if (v > UINT32_MAX || *end != ';')
        return bad(r, "a number of rights has at most 32 bits");
    r->p = end;
    *out = (uint32_t)v;
    return ERR_OK;
}

static enum err take_guid(struct reader *r, bool *has, struct guid *out)
{
    char text[GUID_TEXT_MAX] = "";

    if (*r->p == ';')
        return ERR_OK;
    memcpy(text, r->p, strnlen(r->p, GUID_TEXT_MAX - 1));
    if (text[0] == '{' || !guid_parse(text, out))
        return bad(r, "no GUID");
    r->p += GUID_TEXT_MAX - 1;
    *has = true;
    return ERR_OK;
}

static enum err take_type(struct reader *r, struct sd_ace *ace)
{
    size_t n = strcspn(r->p, ";");

    for (size_t i = 0; i < COUNT(ace_types); i++) {
        if (n == strlen(ace_types[i].name) && strncmp(r->p, ace_types[i].name, n) == 0) {
            ace->type = (uint8_t)ace_types[i].bit;
            r->p += n;
            return ERR_OK;
        }
    }
    return bad(r, "unknown type of entry");
}

static enum err take_char(struct reader *r, char c)
{
    if (*r->p != c)
        return bad(r, c == ')' ? "an entry must end with \")\""
                               : "an entry has six parts with \";\" between");
    r->p++;
    return ERR_OK;
}

/* "(type;flags;rights;object type;inherited object type;account)", after its parenthesis. */
static enum err take_ace(struct reader *r, struct sd_ace *ace)
{
    uint32_t flags = 0;
    enum err e = take_type(r, ace);

    if (e == ERR_OK)
        e = take_char(r, ';');
    if (e == ERR_OK)
        e = take_letters(r, ace_flags, COUNT(ace_flags), ';', &flags);
    if (e == ERR_OK)
        e = take_char(r, ';');
    if (e == ERR_OK)
        e = take_rights(r, &ace->mask);
    if (e == ERR_OK)
        e = take_char(r, ';');
    if (e == ERR_OK)
        e = take_guid(r, &ace->has_object, &ace->object);
    if (e == ERR_OK)
        e = take_char(r, ';');
    if (e == ERR_OK)
        e = take_guid(r, &ace->has_inherited, &ace->inherited);
    if (e == ERR_OK)
        e = take_char(r, ';');
    if (e == ERR_OK)
        e = take_sid(r, &ace->sid);
    if (e == ERR_OK)
        e = take_char(r, ')');
    ace->flags = (uint8_t)flags;
    if (e == ERR_OK && ace->type < SD_OBJECT_ALLOW && (ace->has_object || ace->has_inherited))
        return bad(r, "only entries OA, OD and OU name an object type");
    return e;
}

static enum err append_ace(struct reader *r, struct sd_acl *acl, const struct sd_ace *ace)
{
    struct sd_ace *aces = reallocarray(acl->aces, acl->n + 1, sizeof(*aces));

    if (aces == NULL)
        return err_nomem(r->ei);
    aces[acl->n++] = *ace;
    acl->aces = aces;
    return ERR_OK;
}

static enum err take_acl_flags(struct reader *r, const struct letters *table, size_t n,
                               uint16_t *control)
{
    uint32_t flags = 0;

    for (bool more = true; more;) {
        more = false;
        skip_blanks(r);
        for (size_t i = 0; i < n && !more; i++) {
            more = take(r, table[i].name);
            flags |= more ? table[i].bit : 0;
        }
    }
    *control = (uint16_t)(*control | flags);
    return ERR_OK;
}

static enum err take_acl(struct reader *r, struct sd_acl *acl, const struct letters *table,
                         size_t n, uint16_t *control)
{
    enum err e;

    if (acl->present)
        return bad(r, "this list is there twice");
    acl->present = true;
    e = take_acl_flags(r, table, n, control);
    if (take(r, "NO_ACCESS_CONTROL"))
        acl->null = true;
    while (e == ERR_OK && !acl->null && take(r, "(")) {
        struct sd_ace ace = {0};

        e = take_ace(r, &ace);
        if (e == ERR_OK)
            e = append_ace(r, acl, &ace);
        skip_blanks(r);
    }
    return e;
}

static enum err take_part(struct reader *r, struct sd *sd)
{
    if (!sd->has_owner && take(r, "O:")) {
        sd->has_owner = true;
        return take_sid(r, &sd->owner);
    }
    if (!sd->has_group && take(r, "G:")) {
        sd->has_group = true;
        return take_sid(r, &sd->group);
    }
    if (take(r, "D:"))
        return take_acl(r, &sd->dacl, dacl_flags, COUNT(dacl_flags), &sd->control);
    if (take(r, "S:"))
        return take_acl(r, &sd->sacl, sacl_flags, COUNT(sacl_flags), &sd->control);
    return bad(r, "one of O:, G:, D: and S: was expected, each once");
}

enum err sd_from_sddl(const char *text, const struct sd_domain *dom, struct sd *out,
                      struct errinfo *ei)
{
    struct reader r = {text, text, dom, ei};
    struct sd sd = {0};
    enum err e = ERR_OK;

    for (skip_blanks(&r); e == ERR_OK && *r.p != '\0'; skip_blanks(&r))
        e = take_part(&r, &sd);
    if (e != ERR_OK) {
        sd_fini(&sd);
        return e;
    }
    *out = sd;
    return ERR_OK;
}

/* ---- writing ---- */

static void put_sid(struct buf *out, const struct sd_domain *dom, const struct sid *sid)
{
    char text[SID_TEXT_MAX];
    struct sid known;

    for (size_t i = 0; i < COUNT(aliases); i++) {
        if (alias_sid(&aliases[i], dom, &known) && sid_equal(&known, sid)) {
            buf_add_str(out, aliases[i].name);
            return;
        }
    }
    buf_add_str(out, sid_format(sid, text));
}

static void put_letters(struct buf *out, const struct letters *table, size_t n, uint32_t bits)
{
    for (size_t i = 0; i < n; i++)
        if (bits & table[i].bit)
            buf_add_str(out, table[i].name);
}

static void put_rights(struct buf *out, uint32_t mask)
{
    uint32_t known = 0;

    for (size_t i = 0; i < COUNT(rights); i++)
        known |= rights[i].bit;
    if (mask & ~known)
        buf_add_fmt(out, "0x%x", mask);
    else
        put_letters(out, rights, COUNT(rights), mask);
}

static void put_guid(struct buf *out, bool has, const struct guid *g)
{
    char text[GUID_TEXT_MAX];

    buf_add_str(out, ";");
    if (has)
        buf_add_str(out, guid_format(g, text));
}

static enum err put_ace(struct buf *out, const struct sd_domain *dom, const struct sd_ace *ace,
                        struct errinfo *ei)
{
    uint32_t known = 0;
    size_t type = 0;

    while (type < COUNT(ace_types) && ace_types[type].bit != ace->type)
        type++;
    for (size_t i = 0; i < COUNT(ace_flags); i++)
        known |= ace_flags[i].bit;
    if (type == COUNT(ace_types) || ace->opaque != NULL || (ace->flags & ~known) != 0)
        return err_fail(ei, ERR_VERSION,
                        "writing a security descriptor as text: an entry of type %u, "
                        "flags 0x%02x, has none",
                        ace->type, ace->flags);
    buf_add_fmt(out, "(%s;", ace_types[type].name);
    put_letters(out, ace_flags, COUNT(ace_flags), ace->flags);
    buf_add_str(out, ";");
    put_rights(out, ace->mask);
    put_guid(out, ace->has_object, &ace->object);
    put_guid(out, ace->has_inherited, &ace->inherited);
    buf_add_str(out, ";");
    put_sid(out, dom, &ace->sid);
    buf_add_str(out, ")");
    return ERR_OK;
}

static enum err put_acl(struct buf *out, const struct sd_domain *dom, const struct sd_acl *acl,
                        struct errinfo *ei)
{
    enum err e = ERR_OK;

    if (acl->null)
        buf_add_str(out, "NO_ACCESS_CONTROL");
    for (size_t i = 0; i < acl->n && e == ERR_OK; i++)
        e = put_ace(out, dom, &acl->aces[i], ei);
    return e;
}

enum err sd_to_sddl(const struct sd *sd, const struct sd_domain *dom, struct buf *out,
                    struct errinfo *ei)
{
    enum err e = ERR_OK;

    if (sd->has_owner) {
        buf_add_str(out, "O:");
        put_sid(out, dom, &sd->owner);
    }
    if (sd->has_group) {
        buf_add_str(out, "G:");
        put_sid(out, dom, &sd->group);
    }
    if (sd->dacl.present) {
        buf_add_str(out, "D:");
        put_letters(out, dacl_flags, COUNT(dacl_flags), sd->control);
        e = put_acl(out, dom, &sd->dacl, ei);
    }
    if (e == ERR_OK && sd->sacl.present) {
        buf_add_str(out, "S:");
        put_letters(out, sacl_flags, COUNT(sacl_flags), sd->control);
        e = put_acl(out, dom, &sd->sacl, ei);
    }
    return e == ERR_OK && out->err != ERR_OK ? err_nomem(ei) : e;
}
