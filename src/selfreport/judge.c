#include "selfreport/selfreport.h"

#define TIME_MAX (INT64_C(1) << 40) /* s; sums of times that are below it fit */

/* The documented code nearest to what is wrong; for times and ids that fit nothing E_INVALIDARG. */
static const struct {
    const char *name;
    uint32_t hresult;
    const char *text;
} reasons[SELFREPORT_REASONS] = {
    [SELFREPORT_TAKEN] = {"taken", 0, "taken"},
    [SELFREPORT_MALFORMED] = {"malformed", 0x8007000d, "the message breaks its format"},
    [SELFREPORT_FOREIGN] = {"foreign", 0xc004f042,
                            "the client belongs to another realm; give it this realm's "
                            "client.bundle"},
    [SELFREPORT_CLOCK_SKEW] = {"clock-skew", 0xc004f06c,
                               "the client's clock is more than 4 hours away from ours; set it "
                               "right"},
    [SELFREPORT_BAD_EVENT] = {"bad-event", 0x80070057,
                              "it names no machine, or no activation by an object of the directory "
                              "(event 12308)"},
    [SELFREPORT_UNKNOWN_PRODUCT] = {"unknown-product", 0x80070057,
                                    "the directory activates no product with these ids; client and "
                                    "host need the same catalogue"},
    [SELFREPORT_BAD_TIME] = {"bad-time", 0x80070057,
                             "its licence begins later than now, is over, or is longer than 180 "
                             "days"},
};

const char *selfreport_reason_name(enum selfreport_reason r)
{
    return (unsigned)r < SELFREPORT_REASONS ? reasons[r].name : "unknown";
}

uint32_t selfreport_reason_hresult(enum selfreport_reason r)
{
    return reasons[(unsigned)r < SELFREPORT_REASONS ? r : SELFREPORT_MALFORMED].hresult;
}

const char *selfreport_reason_text(enum selfreport_reason r)
{
    return (unsigned)r < SELFREPORT_REASONS ? reasons[r].text : "unknown";
}

static bool is_time(int64_t t)
{
    return t >= 0 && t < TIME_MAX;
}

static bool near(int64_t a, int64_t b)
{
    return a - b <= SELFREPORT_SKEW && b - a <= SELFREPORT_SKEW;
}

/* A report may come long after its event, but its licence still runs. */
static bool runs(const struct selfreport *m)
{
    return is_time(m->activated_at) && is_time(m->expires) && m->activated_at <= m->client_when &&
           m->expires > m->client_when && m->expires - m->activated_at <= SELFREPORT_VALIDITY;
}

static bool is_event(const struct selfreport *m)
{
    return m->event == SELFREPORT_EVENT && m->hresult == 0 && !guid_is_zero(&m->client_id) &&
           m->workstation[0] != '\0' && m->object_dn[0] != '\0';
}

enum selfreport_reason selfreport_judge(const struct selfreport *m, const struct catalog *catalog,
                                        int64_t now, const struct cat_product **product)
{
    const struct cat_product *p = catalog_product_by_activation_id(catalog, &m->activation_id);

    if (product != NULL)
        *product = p;
    if (!is_time(m->client_when) || !near(m->client_when, now))
        return SELFREPORT_CLOCK_SKEW;
    if (!is_event(m))
        return SELFREPORT_BAD_EVENT;
    if (p == NULL || !p->adba || !guid_equal(&p->application_id, &m->application_id) ||
        !guid_equal(&p->kms_id, &m->kms_id))
        return SELFREPORT_UNKNOWN_PRODUCT;
    return runs(m) ? SELFREPORT_TAKEN : SELFREPORT_BAD_TIME;
}

enum selfreport_reason selfreport_receive(const void *data, size_t len,
                                          const uint8_t key[REALM_REPORT_LEN],
                                          const struct catalog *catalog, int64_t now,
                                          struct selfreport *out,
                                          const struct cat_product **product)
{
    if (product != NULL)
        *product = NULL;
    if (selfreport_read(data, len, out) != ERR_OK)
        return SELFREPORT_MALFORMED;
    if (!selfreport_is_of(data, len, key))
        return SELFREPORT_FOREIGN;
    return selfreport_judge(out, catalog, now, product);
}
