#include <string.h>

#include "ldap/sd.h"

#define ALL_RIGHTS UINT32_C(0xf01ff) /* every right of the directory */

/* MS-ADTS 5.1.3.2 says what the generic rights mean for directory objects. */
static uint32_t spell_out(uint32_t mask)
{
    uint32_t m = mask & ALL_RIGHTS;

    if (mask & SD_GENERIC_ALL)
        m |= ALL_RIGHTS;
    if (mask & SD_GENERIC_READ)
        m |= SD_READ_CONTROL | SD_LIST_CHILDREN | SD_READ_PROPERTY | SD_LIST_OBJECT;
    if (mask & SD_GENERIC_WRITE)
        m |= SD_READ_CONTROL | SD_SELF_WRITE | SD_WRITE_PROPERTY;
    if (mask & SD_GENERIC_EXECUTE)
        m |= SD_READ_CONTROL | SD_LIST_CHILDREN;
    return m;
}

static bool in_token(const struct sid *sid, const struct sid *sids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (sid_equal(sid, &sids[i]))
            return true;
    return false;
}

static bool type_matches(const struct sd_ace *ace, const struct guid *types, size_t n)
{
    for (size_t i = 0; ace->has_object && i < n; i++)
        if (guid_equal(&ace->object, &types[i]))
            return true;
    return !ace->has_object;
}

static bool counts(const struct sd_ace *ace)
{
    return ace->opaque == NULL && (ace->flags & SD_INHERIT_ONLY) == 0;
}

static bool is_allow(const struct sd_ace *ace)
{
    return ace->type == SD_ALLOW || ace->type == SD_OBJECT_ALLOW;
}

static bool is_deny(const struct sd_ace *ace)
{
    return ace->type == SD_DENY || ace->type == SD_OBJECT_DENY;
}

/* An entry for OWNER RIGHTS (S-1-3-4) replaces what an owner has by itself. */
static bool is_owner_rights(const struct sid *sid)
{
    return sid->authority == 3 && sid->n == 1 && sid->sub[0] == 4;
}

static bool has_owner_rights(const struct sd *sd)
{
    for (size_t i = 0; i < sd->dacl.n; i++)
        if (counts(&sd->dacl.aces[i]) && is_owner_rights(&sd->dacl.aces[i].sid))
            return true;
    return false;
}

uint32_t sd_granted(const struct sd *sd, const struct sid *sids, size_t n, const struct guid *types,
                    size_t n_types)
{
    bool owner = sd->has_owner && in_token(&sd->owner, sids, n);
    uint32_t granted = 0, denied = 0;

    if (!sd->dacl.present || sd->dacl.null)
        return ALL_RIGHTS;
    if (owner && !has_owner_rights(sd))
        granted = SD_READ_CONTROL | SD_WRITE_DAC;
    for (size_t i = 0; i < sd->dacl.n; i++) {
        const struct sd_ace *ace = &sd->dacl.aces[i];
        bool mine = in_token(&ace->sid, sids, n) || (owner && is_owner_rights(&ace->sid));

        if (!counts(ace) || !mine || (is_allow(ace) && !type_matches(ace, types, n_types)))
            continue;
        /* Without types the question is about the whole object: a denial of any part of it counts.
         */
        if (is_deny(ace) && (n_types == 0 || type_matches(ace, types, n_types)))
            denied |= spell_out(ace->mask) & ~granted;
        else if (is_allow(ace))
            granted |= spell_out(ace->mask) & ~denied;
    }
    return granted;
}

bool sd_grants_read(const struct sd *sd, const struct sid *sids, size_t n)
{
    return (sd_granted(sd, sids, n, NULL, 0) & SD_READ_PROPERTY) != 0;
}

static size_t add_writer(struct sd_writer *out, size_t max, size_t n, const struct sid *sid,
                         uint32_t mask)
{
    mask &= SD_ANY_WRITE;
    for (size_t i = 0; i < n && i < max; i++) {
        if (sid_equal(&out[i].sid, sid)) {
            out[i].mask |= mask;
            return n;
        }
    }
    if (mask == 0)
        return n;
    if (n < max)
        out[n] = (struct sd_writer){*sid, mask};
    return n + 1;
}

size_t sd_writers(const struct sd *sd, struct sd_writer *out, size_t max)
{
    /* S-1-1-0, Everyone, stands for a missing list. */
    static const struct sid everyone = {.authority = 1, .n = 1};
    size_t n = 0;

    if (sd->has_owner && !has_owner_rights(sd))
        n = add_writer(out, max, n, &sd->owner, SD_WRITE_DAC);
    if (!sd->dacl.present || sd->dacl.null)
        n = add_writer(out, max, n, &everyone, ALL_RIGHTS);
    for (size_t i = 0; i < sd->dacl.n; i++) {
        const struct sd_ace *ace = &sd->dacl.aces[i];

        if (counts(ace) && is_allow(ace))
            n = add_writer(out, max, n, &ace->sid, spell_out(ace->mask));
    }
    return n;
}
