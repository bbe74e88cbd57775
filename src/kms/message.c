#include "kms/message.h"

#include <string.h>

#include "wire/wire.h"

#define STATUS_MAX 6

/* docs/protocol/kms.md, section 3 */

static void put_version(struct wire_wr *w, struct kms_version v)
{
    wire_put_u16(w, v.minor);
    wire_put_u16(w, v.major);
}

static struct kms_version get_version(struct wire_rd *r)
{
    struct kms_version v;

    v.minor = wire_u16(r);
    v.major = wire_u16(r);
    return v;
}

/* Text in one step: a call for each unit would cost more than the rest of the message. */
static void put_units(struct wire_wr *w, const uint16_t *units, size_t n)
{
    uint8_t *p = buf_grow(w->out, 2 * n);

    if (p == NULL)
        return;
    for (size_t i = 0; i < n; i++) {
        p[2 * i] = (uint8_t)units[i];
        p[2 * i + 1] = (uint8_t)(units[i] >> 8);
    }
}

static void get_units(struct wire_rd *r, uint16_t *units, size_t n)
{
    const uint8_t *p = wire_take(r, 2 * n);

    if (p == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        units[i] = (uint16_t)(p[2 * i] | p[2 * i + 1] << 8);
}

/* Units up to and including the first NUL; max if there is none. */
static size_t units_with_nul(const uint16_t *units, size_t max)
{
    size_t n = 0;

    while (n < max && units[n] != 0)
        n++;
    return n < max ? n + 1 : max;
}

void kms_request_encode(const struct kms_request *m, struct buf *out)
{
    struct wire_wr w = wire_writer(out);

    put_version(&w, m->version);
    wire_put_u32(&w, m->is_virtual);
    wire_put_u32(&w, m->licence_status);
    wire_put_u32(&w, m->minutes_left);
    wire_put_guid(&w, &m->application_id);
    wire_put_guid(&w, &m->activation_id);
    wire_put_guid(&w, &m->kms_id);
    wire_put_guid(&w, &m->client_id);
    wire_put_u32(&w, m->required_count);
    wire_put_u64(&w, m->client_time);
    wire_put_guid(&w, &m->previous_client_id);
    put_units(&w, m->workstation, KMS_WORKSTATION_UNITS);
}

enum err kms_request_decode(const void *data, size_t len, struct kms_request *out)
{
    struct wire_rd r = wire_reader(data, len);
    struct kms_request m;

    m.version = get_version(&r);
    m.is_virtual = wire_u32(&r);
    m.licence_status = wire_u32(&r);
    m.minutes_left = wire_u32(&r);
    m.application_id = wire_guid(&r);
    m.activation_id = wire_guid(&r);
    m.kms_id = wire_guid(&r);
    m.client_id = wire_guid(&r);
    m.required_count = wire_u32(&r);
    m.client_time = wire_u64(&r);
    m.previous_client_id = wire_guid(&r);
    get_units(&r, m.workstation, KMS_WORKSTATION_UNITS);
    if (wire_end(&r) != ERR_OK)
        return wire_end(&r);
    if (!kms_version_known(m.version))
        return ERR_VERSION;
    if (m.is_virtual > 1 || m.licence_status > STATUS_MAX ||
        m.workstation[KMS_WORKSTATION_UNITS - 1] != 0)
        return ERR_MALFORMED;
    *out = m;
    return ERR_OK;
}

void kms_response_encode(const struct kms_response *m, struct buf *out)
{
    struct wire_wr w = wire_writer(out);
    size_t units = units_with_nul(m->epid, KMS_EPID_UNITS);

    put_version(&w, m->version);
    wire_put_u32(&w, (uint32_t)(2 * units));
    put_units(&w, m->epid, units);
    wire_put_guid(&w, &m->client_id);
    wire_put_u64(&w, m->client_time);
    wire_put_u32(&w, m->count);
    wire_put_u32(&w, m->activation_interval);
    wire_put_u32(&w, m->renewal_interval);
}

static void get_epid(struct wire_rd *r, uint16_t epid[KMS_EPID_UNITS])
{
    uint32_t bytes = wire_u32(r);
    size_t units = bytes / 2;

    memset(epid, 0, KMS_EPID_UNITS * sizeof(*epid));
    if (r->err == ERR_OK && (bytes % 2 != 0 || units < 1 || units > KMS_EPID_UNITS)) {
        wire_reject(r, ERR_MALFORMED);
        return;
    }
    get_units(r, epid, units);
    if (r->err == ERR_OK && (epid[units - 1] != 0 || units_with_nul(epid, KMS_EPID_UNITS) != units))
        wire_reject(r, ERR_MALFORMED);
}

static bool interval_allowed(uint32_t minutes)
{
    return minutes >= KMS_INTERVAL_MIN && minutes <= KMS_INTERVAL_MAX;
}

enum err kms_response_decode(const void *data, size_t len, struct kms_response *out)
{
    struct wire_rd r = wire_reader(data, len);
    struct kms_response m;

    m.version = get_version(&r);
    get_epid(&r, m.epid);
    m.client_id = wire_guid(&r);
    m.client_time = wire_u64(&r);
    m.count = wire_u32(&r);
    m.activation_interval = wire_u32(&r);
    m.renewal_interval = wire_u32(&r);
    if (wire_end(&r) != ERR_OK)
        return wire_end(&r);
    if (!kms_version_known(m.version))
        return ERR_VERSION;
    if (!interval_allowed(m.activation_interval) || !interval_allowed(m.renewal_interval))
        return ERR_MALFORMED;
    *out = m;
    return ERR_OK;
}
