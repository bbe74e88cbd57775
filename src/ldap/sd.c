#include "ldap/sd.h"

#include <stdlib.h>
#include <string.h>

#define SD_REVISION       1
#define ACL_REVISION      2
#define ACL_REVISION_DS   4 /* what directories write; may hold entries for object types */
#define ACE_HEADER        4
#define ACL_HEADER        8
#define OBJECT_PRESENT    0x1u
#define INHERITED_PRESENT 0x2u

static void acl_fini(struct sd_acl *acl)
{
    for (size_t i = 0; i < acl->n; i++)
        free(acl->aces[i].opaque);
    free(acl->aces);
    *acl = (struct sd_acl){0};
}

void sd_fini(struct sd *sd)
{
    acl_fini(&sd->dacl);
    acl_fini(&sd->sacl);
    *sd = (struct sd){0};
}

static bool is_object_type(uint8_t type)
{
    return type == SD_OBJECT_ALLOW || type == SD_OBJECT_DENY || type == SD_OBJECT_AUDIT;
}

static bool is_known_type(uint8_t type)
{
    return type <= SD_AUDIT || is_object_type(type);
}

/* MS-DTYP 2.4.4.2 (plain) and 2.4.4.3 (for an object type): mask, [flags, GUIDs], SID. */
static void get_known(struct wire_rd *r, struct sd_ace *ace)
{
    uint32_t present = 0;

    ace->mask = wire_u32(r);
    if (is_object_type(ace->type))
        present = wire_u32(r);
    ace->has_object = (present & OBJECT_PRESENT) != 0;
    ace->has_inherited = (present & INHERITED_PRESENT) != 0;
    if (ace->has_object)
        ace->object = wire_guid(r);
    if (ace->has_inherited)
        ace->inherited = wire_guid(r);
    ace->sid = sid_get(r);
    /* Windows lets bytes of padding follow. */
}

/* MS-DTYP 2.4.4.1: type, flags, size of the whole entry. */
static enum err get_ace(struct wire_rd *r, struct sd_ace *ace)
{
    uint16_t size;
    struct wire_rd body;

    ace->type = wire_u8(r);
    ace->flags = wire_u8(r);
    size = wire_u16(r);
    if (r->err == ERR_OK && size < ACE_HEADER)
        wire_reject(r, ERR_MALFORMED);
    body = wire_sub(r, r->err == ERR_OK ? size - (size_t)ACE_HEADER : 0);
    if (r->err != ERR_OK)
        return r->err;
    if (is_known_type(ace->type)) {
        get_known(&body, ace);
        /* The list is there in full, so an entry that ends too early contradicts its own size. */
        return body.err == ERR_OK ? ERR_OK : ERR_MALFORMED;
    }
    ace->opaque_len = wire_left(&body);
    ace->opaque = malloc(ace->opaque_len + 1);
    if (ace->opaque == NULL)
        return ERR_NOMEM;
    wire_copy(&body, ace->opaque, ace->opaque_len);
    return ERR_OK;
}

/* MS-DTYP 2.4.5: revision, size, count. */
static enum err get_acl(struct wire_rd r, struct sd_acl *acl)
{
    uint8_t revision = wire_u8(&r);
    uint16_t size, count;
    struct wire_rd body;

    (void)wire_u8(&r);
    size = wire_u16(&r);
    count = wire_u16(&r);
    (void)wire_u16(&r);
    if (r.err != ERR_OK)
        return r.err;
    if ((revision != ACL_REVISION && revision != ACL_REVISION_DS) || size < ACL_HEADER)
        return ERR_MALFORMED;
    body = wire_sub(&r, size - (size_t)ACL_HEADER);
    if (r.err != ERR_OK)
        return r.err;
    if ((size_t)count * ACE_HEADER > wire_left(&body))
        return ERR_MALFORMED;
    acl->aces = calloc((size_t)count + 1, sizeof(*acl->aces));
    if (acl->aces == NULL)
        return ERR_NOMEM;
    for (uint16_t i = 0; i < count; i++) {
        enum err e = get_ace(&body, &acl->aces[i]);

        if (e != ERR_OK)
            return e == ERR_TRUNCATED ? ERR_MALFORMED : e;
        acl->n++;
    }
    return ERR_OK;
}

/* A reader from an offset on; one behind the end reads nothing. */
static struct wire_rd reader_at(const struct wire_rd *whole, uint32_t offset)
{
    struct wire_rd r = wire_reader(whole->start, (size_t)(whole->end - whole->start));

    (void)wire_take(&r, offset);
    return r;
}

static enum err get_sid_at(const struct wire_rd *whole, uint32_t offset, bool *has, struct sid *out)
{
    struct wire_rd r = reader_at(whole, offset);

    if (offset == 0)
        return ERR_OK;
    *out = sid_get(&r);
    *has = r.err == ERR_OK;
    return r.err;
}

static enum err get_acl_at(const struct wire_rd *whole, uint32_t offset, bool present,
                           struct sd_acl *acl)
{
    acl->present = present;
    acl->null = present && offset == 0;
    if (!present || offset == 0)
        return ERR_OK;
    return get_acl(reader_at(whole, offset), acl);
}

/* MS-DTYP 2.4.6: a header of twenty bytes with four offsets from its start. */
static enum err get_sd(struct wire_rd *r, struct sd *sd)
{
    uint8_t revision = wire_u8(r);
    uint32_t owner, group, sacl, dacl;
    enum err e;

    (void)wire_u8(r);
    sd->control = wire_u16(r);
    owner = wire_u32(r);
    group = wire_u32(r);
    sacl = wire_u32(r);
    dacl = wire_u32(r);
    if (r->err != ERR_OK)
        return r->err;
    if (revision != SD_REVISION || (sd->control & SD_SELF_RELATIVE) == 0)
        return ERR_MALFORMED;
    e = get_sid_at(r, owner, &sd->has_owner, &sd->owner);
    if (e == ERR_OK)
        e = get_sid_at(r, group, &sd->has_group, &sd->group);
    if (e == ERR_OK)
        e = get_acl_at(r, sacl, (sd->control & SD_SACL_PRESENT) != 0, &sd->sacl);
    if (e == ERR_OK)
        e = get_acl_at(r, dacl, (sd->control & SD_DACL_PRESENT) != 0, &sd->dacl);
    return e;
}

enum err sd_parse(const void *data, size_t len, struct sd *out, struct errinfo *ei)
{
    struct wire_rd r = wire_reader(data, len);
    struct sd sd = {0};
    enum err e = get_sd(&r, &sd);

    if (e != ERR_OK) {
        sd_fini(&sd);
        return err_fail(ei, e, "reading a security descriptor of %zu bytes: %s", len, err_name(e));
    }
    *out = sd;
    return ERR_OK;
}

static void put_ace(struct wire_wr *w, const struct sd_ace *ace)
{
    size_t start = w->out->len;
    struct wire_slot size;

    wire_put_u8(w, ace->type);
    wire_put_u8(w, ace->flags);
    size = wire_hold_u16(w);
    if (ace->opaque != NULL) {
        wire_put(w, ace->opaque, ace->opaque_len);
    } else {
        wire_put_u32(w, ace->mask);
        if (is_object_type(ace->type))
            wire_put_u32(w, (ace->has_object ? OBJECT_PRESENT : 0) |
                                (ace->has_inherited ? INHERITED_PRESENT : 0));
        if (ace->has_object)
            wire_put_guid(w, &ace->object);
        if (ace->has_inherited)
            wire_put_guid(w, &ace->inherited);
        sid_put(w, &ace->sid);
    }
    wire_fill_u16(w, size, w->out->len - start);
}

static void put_acl(struct wire_wr *w, const struct sd_acl *acl)
{
    size_t start = w->out->len;
    struct wire_slot size, count;

    wire_put_u8(w, ACL_REVISION_DS);
    wire_put_u8(w, 0);
    size = wire_hold_u16(w);
    count = wire_hold_u16(w);
    wire_put_u16(w, 0);
    for (size_t i = 0; i < acl->n; i++)
        put_ace(w, &acl->aces[i]);
    wire_fill_u16(w, count, acl->n);
    wire_fill_u16(w, size, w->out->len - start);
}

/* The control flags with those that follow from the content. */
static uint16_t control_of(const struct sd *sd)
{
    unsigned c = sd->control & ~(unsigned)(SD_DACL_PRESENT | SD_SACL_PRESENT);

    c |= SD_SELF_RELATIVE;
    c |= sd->dacl.present ? SD_DACL_PRESENT : 0;
    c |= sd->sacl.present ? SD_SACL_PRESENT : 0;
    return (uint16_t)c;
}

static void put_sd(struct wire_wr *w, const struct sd *sd)
{
    size_t start = w->out->len;
    struct wire_slot owner, group, sacl, dacl;

    wire_put_u8(w, SD_REVISION);
    wire_put_u8(w, 0);
    wire_put_u16(w, control_of(sd));
    owner = wire_hold_u32(w);
    group = wire_hold_u32(w);
    sacl = wire_hold_u32(w);
    dacl = wire_hold_u32(w);
    wire_fill_u32(w, owner, sd->has_owner ? w->out->len - start : 0);
    if (sd->has_owner)
        sid_put(w, &sd->owner);
    wire_fill_u32(w, group, sd->has_group ? w->out->len - start : 0);
    if (sd->has_group)
        sid_put(w, &sd->group);
    wire_fill_u32(w, sacl, sd->sacl.present && !sd->sacl.null ? w->out->len - start : 0);
    if (sd->sacl.present && !sd->sacl.null)
        put_acl(w, &sd->sacl);
    wire_fill_u32(w, dacl, sd->dacl.present && !sd->dacl.null ? w->out->len - start : 0);
    if (sd->dacl.present && !sd->dacl.null)
        put_acl(w, &sd->dacl);
}

enum err sd_encode(const struct sd *sd, struct buf *out, struct errinfo *ei)
{
    size_t before = out->len;
    struct wire_wr w = wire_writer(out);
    enum err e;

    put_sd(&w, sd);
    e = wire_written(&w);
    if (e == ERR_OK)
        return ERR_OK;
    if (e == ERR_LIMIT)
        out->len = before;
    return err_fail(ei, e, "writing a security descriptor with %zu entries: %s",
                    sd->dacl.n + sd->sacl.n, err_name(e));
}

static bool same_guid(bool has_a, const struct guid *a, bool has_b, const struct guid *b)
{
    return has_a == has_b && (!has_a || guid_equal(a, b));
}

bool sd_ace_equal(const struct sd_ace *a, const struct sd_ace *b)
{
    if (a->type != b->type || ((a->flags ^ b->flags) & ~SD_INHERITED) != 0)
        return false;
    if (a->opaque != NULL || b->opaque != NULL)
        return a->opaque != NULL && b->opaque != NULL && a->opaque_len == b->opaque_len &&
               memcmp(a->opaque, b->opaque, a->opaque_len) == 0;
    return a->mask == b->mask && sid_equal(&a->sid, &b->sid) &&
           same_guid(a->has_object, &a->object, b->has_object, &b->object) &&
           same_guid(a->has_inherited, &a->inherited, b->has_inherited, &b->inherited);
}

static bool is_own(const struct sd_ace *ace)
{
    return (ace->flags & SD_INHERITED) == 0;
}

/* Own denials, own permissions, what was inherited. */
static int rank(const struct sd_ace *ace)
{
    if (!is_own(ace))
        return 2;
    return ace->type == SD_DENY || ace->type == SD_OBJECT_DENY ? 0 : 1;
}

static size_t count_like(const struct sd_acl *acl, const struct sd_ace *ace)
{
    size_t n = 0;

    for (size_t i = 0; i < acl->n; i++)
        n += is_own(&acl->aces[i]) == is_own(ace) && sd_ace_equal(&acl->aces[i], ace);
    return n;
}

enum err sd_add_ace(struct sd *sd, const struct sd_ace *ace, struct errinfo *ei)
{
    struct sd_acl *acl = &sd->dacl;
    struct sd_ace copy = *ace, *aces;
    size_t at = 0;

    if (acl->null)
        return err_fail(ei, ERR_REFUSED,
                        "adding an entry to a list that allows everything to everybody: "
                        "it would take that away; write a new list");
    if (count_like(acl, ace) > 0)
        return ERR_OK;
    aces = reallocarray(acl->aces, acl->n + 1, sizeof(*aces));
    if (aces == NULL)
        return err_nomem(ei);
    acl->aces = aces;
    if (ace->opaque != NULL) {
        copy.opaque = malloc(ace->opaque_len + 1);
        if (copy.opaque == NULL)
            return err_nomem(ei);
        memcpy(copy.opaque, ace->opaque, ace->opaque_len);
    }
    while (at < acl->n && rank(&aces[at]) <= rank(ace))
        at++;
    memmove(aces + at + 1, aces + at, (acl->n - at) * sizeof(*aces));
    aces[at] = copy;
    acl->n++;
    acl->present = true;
    return ERR_OK;
}

static bool own_entries_in(const struct sd_acl *a, const struct sd_acl *b)
{
    for (size_t i = 0; i < a->n; i++)
        if (is_own(&a->aces[i]) && count_like(a, &a->aces[i]) != count_like(b, &a->aces[i]))
            return false;
    return true;
}

bool sd_equal_dacl(const struct sd *a, const struct sd *b)
{
    if (!a->dacl.present || !b->dacl.present)
        return a->dacl.present == b->dacl.present;
    return a->dacl.null == b->dacl.null && ((a->control ^ b->control) & SD_DACL_PROTECTED) == 0 &&
           own_entries_in(&a->dacl, &b->dacl) && own_entries_in(&b->dacl, &a->dacl);
}
