#include "client/kmsask.h"

#include <string.h>

#include "base/clk.h"
#include "base/filetime.h"

#define HR_INVALID_DATA 0x8007000Du

/* Minutes to the end of the present state; 0 if it has none. */
static uint32_t minutes_left(const struct lic *l, int64_t now)
{
    if (l->expires == LIC_NEVER || l->expires <= now)
        return 0;
    return (uint32_t)((l->expires - now) / CLK_MINUTE);
}

enum err kmsask_seal(const struct machine *m, const struct machine_product *p,
                     struct kms_protector *protector, int64_t now, struct buf *out,
                     struct kms_exchange *x, struct errinfo *ei)
{
    const struct cat_product *product = p->lic.product;
    struct kms_request r = {
        .version = {.major = (uint16_t)product->protocol},
        .is_virtual = m->is_virtual,
        .licence_status = p->lic.status,
        .minutes_left = minutes_left(&p->lic, now),
        .application_id = product->application_id,
        .activation_id = product->activation_id,
        .kms_id = product->kms_id,
        .client_id = m->client_id,
        .required_count = product->required_count,
        .client_time = filetime_from_unix(now),
        .previous_client_id = m->previous_id,
    };

    kms_text_set(r.workstation, KMS_WORKSTATION_UNITS, m->name);
    return kms_seal_request(protector, &r, out, x, ei);
}

enum err kmsask_open(const struct machine *m, struct kms_protector *protector,
                     const struct kms_exchange *x, const void *data, size_t len,
                     struct lic_event *ev, char epid[64], struct errinfo *ei)
{
    struct kms_response r;
    enum err e = kms_open_response(protector, x, data, len, &r, ei);

    if (e == ERR_OK && !guid_equal(&r.client_id, &m->client_id))
        e = err_fail(ei, ERR_MALFORMED, "the answer names another client machine");
    if (e != ERR_OK) {
        if (ei != NULL)
            ei->hresult = HR_INVALID_DATA;
        return e;
    }
    *ev = (struct lic_event){.type = LIC_EV_KMS_ANSWERED,
                             .count = r.count,
                             .activation = r.activation_interval,
                             .renewal = r.renewal_interval};
    kms_text_get(r.epid, KMS_EPID_UNITS, epid, 64);
    return ERR_OK;
}
