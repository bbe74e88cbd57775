/* The verdict on one activation object. */
#include <inttypes.h>
#include <string.h>

#include "adba/aoattr.h"
#include "base/clk.h"

static const char *const names[] = {
    [AO_GOOD] = "good",       [AO_INVALID] = "invalid",
    [AO_FOREIGN] = "foreign", [AO_OTHER_FOREST] = "other-forest",
    [AO_EXPIRED] = "expired", [AO_NOT_COVERED] = "not-covered",
};

const char *ao_verdict_name(enum ao_verdict v)
{
    return (unsigned)v < sizeof(names) / sizeof(names[0]) ? names[v] : "unknown";
}

static enum ao_verdict invalid(const struct ao *o, struct errinfo *ei, const char *what)
{
    err_fail_hr(ei, ERR_CRYPTO, SL_E_VL_AD_AO_NOT_FOUND, "activation object %s: %s", o->name, what);
    return AO_INVALID;
}

/* Opens one licence of o and sees that it is what its attribute says. */
static enum ao_verdict open_one(const struct ao *o, const struct dir_val *v, enum licence_kind kind,
                                const struct bundle *b, int64_t now, struct licence *out,
                                struct errinfo *ei)
{
    struct licence l;
    enum err e;

    if (v->data == NULL) {
        err_fail_hr(ei, ERR_CRYPTO, SL_E_VL_AD_AO_NOT_FOUND,
                    "activation object %s: it has no %s licence", o->name, licence_kind_name(kind));
        return AO_INVALID;
    }
    e = licence_open(b, v->data, v->len, now, &l, ei);
    if (e != ERR_OK) {
        err_context(ei, "activation object %s: %s licence", o->name, licence_kind_name(kind));
        return e == ERR_FOREIGN ? AO_FOREIGN : e == ERR_EXPIRED ? AO_EXPIRED : AO_INVALID;
    }
    if (l.kind != kind || strcmp(l.object, o->name) != 0) {
        err_fail_hr(ei, ERR_CRYPTO, SL_E_VL_AD_AO_NOT_FOUND,
                    "activation object %s: its %s licence is the %s licence of %s", o->name,
                    licence_kind_name(kind), licence_kind_name(l.kind), l.object);
        licence_fini(&l);
        return AO_INVALID;
    }
    *out = l;
    return AO_GOOD;
}

/* The other licences must be there, hold, and speak of the same thing as the first. */
static enum ao_verdict check_rest(const struct ao *o, const struct bundle *b, int64_t now,
                                  const struct licence *first, struct errinfo *ei)
{
    bool phone = o->online.data == NULL && o->phone.data != NULL;
    const struct {
        const struct dir_val *v;
        enum licence_kind kind;
    } rest[] = {{&o->config, LICENCE_CONFIG},
                {phone ? &o->phone : &o->online, phone ? LICENCE_PHONE : LICENCE_ONLINE}};

    for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
        struct licence l;
        enum ao_verdict v = open_one(o, rest[i].v, rest[i].kind, b, now, &l, ei);
        bool same;

        if (v != AO_GOOD)
            return v;
        same = strcmp(l.forest, first->forest) == 0 && strcmp(l.group, first->group) == 0;
        licence_fini(&l);
        if (!same)
            return invalid(o, ei, "its licences are for different forests or groups");
    }
    return AO_GOOD;
}

static enum ao_verdict check_forest(const struct ao *o, const struct licence *l,
                                    const struct dir_facts *f, struct errinfo *ei)
{
    if (f->forest != NULL && strcmp(l->forest, f->forest) == 0 &&
        (f->domain_sid == NULL || l->domain_sid[0] == '\0' ||
         strcmp(l->domain_sid, f->domain_sid) == 0))
        return AO_GOOD;
    err_fail_hr(ei, ERR_FOREIGN, SL_E_LICENSE_NOT_BOUND,
                "activation object %s: issued for forest %s (%s), this is %s (%s)", o->name,
                l->forest, l->domain_sid[0] != '\0' ? l->domain_sid : "no SID",
                f->forest != NULL ? f->forest : "unknown",
                f->domain_sid != NULL ? f->domain_sid : "no SID");
    return AO_OTHER_FOREST;
}

static enum ao_verdict check_time(const struct ao *o, const struct licence *l, int64_t now,
                                  struct errinfo *ei)
{
    char from[CLK_TEXT_MAX], to[CLK_TEXT_MAX], at[CLK_TEXT_MAX];

    if (l->not_before <= now && now <= l->not_after)
        return AO_GOOD;
    err_fail_hr(ei, ERR_EXPIRED, SL_E_VL_AD_AO_NOT_FOUND,
                "activation object %s: valid from %s to %s, now is %s; create it anew", o->name,
                clk_format(l->not_before, from), clk_format(l->not_after, to), clk_format(now, at));
    return AO_EXPIRED;
}

static bool covers(const struct licence *l, const struct guid *id)
{
    for (size_t i = 0; i < l->kms_id_count; i++) {
        if (guid_equal(&l->kms_ids[i], id))
            return true;
    }
    return false;
}

static enum ao_verdict check_ids(const struct ao *o, const struct licence *l, struct errinfo *ei)
{
    char text[GUID_TEXT_MAX];

    for (size_t i = 0; i < o->kms_id_count; i++) {
        if (covers(l, &o->kms_ids[i]))
            continue;
        err_fail_hr(ei, ERR_CRYPTO, SL_E_VL_AD_AO_NOT_FOUND,
                    "activation object %s: KMS id %s is not in its signed licence", o->name,
                    guid_format(&o->kms_ids[i], text));
        return AO_NOT_COVERED;
    }
    return AO_GOOD;
}

enum ao_verdict ao_verify(const struct ao *o, const struct bundle *b, const struct dir_facts *f,
                          int64_t now, struct licence *lic, struct errinfo *ei)
{
    struct errinfo ignored;
    struct licence l = {0};
    enum ao_verdict v;

    if (ei == NULL)
        ei = &ignored;
    if (lic != NULL)
        *lic = (struct licence){0};
    v = open_one(o, &o->issuance, LICENCE_ISSUANCE, b, now, &l, ei);
    if (v != AO_GOOD)
        return v;
    v = check_rest(o, b, now, &l, ei);
    if (v == AO_GOOD)
        v = check_forest(o, &l, f, ei);
    if (v == AO_GOOD)
        v = check_time(o, &l, now, ei);
    if (v == AO_GOOD)
        v = check_ids(o, &l, ei);
    if (lic != NULL)
        *lic = l;
    else
        licence_fini(&l);
    return v;
}
