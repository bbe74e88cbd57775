#include "client/licensing.h"

#include <string.h>

#include "base/clk.h"

/* ---- what follows a state ---- */

#define LAPSE_COMMON                                                                               \
    [LIC_OOB_GRACE] = {true, LIC_NOTIFICATION, 0, LIC_HR_GRACE_EXPIRED},                           \
    [LIC_OOT_GRACE] = {true, LIC_NOTIFICATION, 0, LIC_HR_GRACE_EXPIRED},                           \
    [LIC_NON_GENUINE] = {true, LIC_NOTIFICATION, 0, LIC_HR_NOT_GENUINE},                           \
    [LIC_EXTENDED_GRACE] = {true, LIC_NOTIFICATION, 0, LIC_HR_GRACE_EXPIRED}

/* A lapsed licence: Windows 7's kin get 30 days more, everything later gets none. */
#define LAPSE_WITH_GRACE [LIC_LICENSED] = {true, LIC_OOT_GRACE, 30, LIC_HR_OOT_GRACE}
#define LAPSE_AT_ONCE    [LIC_LICENSED] = {true, LIC_NOTIFICATION, 0, LIC_HR_NOT_BOUND}

static const struct lic_lapse lapses[LIC_GEN_COUNT][LIC_STATUS_COUNT] = {
    [LIC_GEN_LEGACY] = {LAPSE_WITH_GRACE, LAPSE_COMMON},
    [LIC_GEN_2008] = {LAPSE_WITH_GRACE, LAPSE_COMMON},
    [LIC_GEN_MODERN] = {LAPSE_AT_ONCE, LAPSE_COMMON},
    [LIC_GEN_OFFICE_2010] = {LAPSE_WITH_GRACE, LAPSE_COMMON},
    [LIC_GEN_OFFICE] = {LAPSE_AT_ONCE, LAPSE_COMMON},
};

static const uint8_t initial_grace[LIC_GEN_COUNT] = {
    [LIC_GEN_LEGACY] = 30,      [LIC_GEN_2008] = 60,   [LIC_GEN_MODERN] = 0,
    [LIC_GEN_OFFICE_2010] = 30, [LIC_GEN_OFFICE] = 30,
};

const struct lic_lapse *lic_lapse(enum lic_generation gen, enum lic_status status)
{
    return &lapses[gen][status];
}

unsigned lic_initial_grace(enum lic_generation gen)
{
    return initial_grace[gen];
}

enum lic_generation lic_generation(const struct cat_product *product)
{
    bool old = product->protocol <= 4;

    if (product->family == CAT_OFFICE)
        return old ? LIC_GEN_OFFICE_2010 : LIC_GEN_OFFICE;
    if (!old)
        return LIC_GEN_MODERN;
    return strcmp(product->product, "Windows Server 2008") == 0 ? LIC_GEN_2008 : LIC_GEN_LEGACY;
}

/* ---- state changes ---- */

static int64_t minutes(int64_t n)
{
    return n * CLK_MINUTE;
}

static void set_state(struct lic *l, enum lic_status status, int64_t expires, uint32_t reason)
{
    l->status = (uint8_t)status;
    l->expires = expires;
    l->reason = reason;
    if (status != LIC_LICENSED)
        l->channel = LIC_NONE;
}

/* Enters what the table says follows the present state at time when. */
static void enter_next(struct lic *l, int64_t when, uint32_t reason)
{
    const struct lic_lapse *n = &lapses[lic_generation(l->product)][l->status];

    set_state(l, n->next, n->days == 0 ? LIC_NEVER : when + n->days * CLK_DAY,
              reason != 0 ? reason : n->reason);
    if (l->next > when)
        l->next = when; /* the service looks for a licence the moment it has none */
}

/* Every state that has ended by now, one after the other, each at its own time: a machine that
 * was off for long comes back in the state that it would have reached. */
static void run_lapses(struct lic *l, int64_t now, struct lic_outcome *out)
{
    while (l->expires <= now) {
        enter_next(l, l->expires, 0);
        out->notes |= LIC_LAPSED;
    }
}

static void grant(struct lic *l, enum lic_channel channel, int64_t now, int64_t validity,
                  int64_t renewal, struct lic_outcome *out)
{
    set_state(l, LIC_LICENSED, now + minutes(validity), 0);
    l->channel = (uint8_t)channel;
    l->next = now + minutes(renewal);
    l->last = 0;
    l->phase = LIC_REST;
    out->notes |= LIC_GRANTED;
}

/* A failed attempt is repeated after the activation interval, also a renewal: "still attempts every
 * Activation Interval minutes" (TechNet ff793418, KMS Activation Timing). */
static void give_up(struct lic *l, uint32_t hresult, int64_t now, struct lic_outcome *out)
{
    l->last = hresult;
    l->phase = LIC_REST;
    l->next = now + minutes(l->activation);
    out->notes |= LIC_FAILED;
    out->hresult = hresult;
}

static void ask_kms(struct lic *l, struct lic_outcome *out)
{
    l->phase = LIC_ASKING_KMS;
    out->action = LIC_ASK_KMS;
}

static void begin(struct lic *l, const struct lic_site *site, int64_t now, struct lic_outcome *out)
{
    bool ad = site->member && site->adba;

    l->ad_failed = 0;
    if (ad && (l->type == LIC_TYPE_ALL || l->type == LIC_TYPE_AD)) {
        l->phase = LIC_ASKING_AD;
        out->action = LIC_ASK_AD;
    } else if (l->type == LIC_TYPE_ALL || l->type == LIC_TYPE_KMS) {
        ask_kms(l, out);
    } else {
        give_up(l, l->type == LIC_TYPE_AD ? LIC_HR_NO_OBJECT : LIC_HR_NOT_MODELLED, now, out);
    }
}

/* ---- handlers ---- */

typedef void lic_fn(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                    int64_t now, struct lic_outcome *out);

/* A key was installed: the initial grace begins once in the life of the product. */
static void on_key(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                   int64_t now, struct lic_outcome *out)
{
    unsigned days = initial_grace[lic_generation(l->product)];

    (void)site;
    (void)ev;
    (void)out;
    if (l->grace_end == 0)
        l->grace_end = now + days * CLK_DAY;
    if (now < l->grace_end)
        set_state(l, LIC_OOB_GRACE, l->grace_end, LIC_HR_OOB_GRACE);
    else
        set_state(l, LIC_NOTIFICATION, LIC_NEVER,
                  days == 0 ? LIC_HR_NO_LICENCE : LIC_HR_GRACE_EXPIRED);
    l->phase = LIC_REST;
    l->next = now;
    l->last = 0;
}

static void on_key_removed(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                           int64_t now, struct lic_outcome *out)
{
    (void)site;
    (void)ev;
    (void)now;
    (void)out;
    set_state(l, LIC_UNLICENSED, LIC_NEVER, LIC_HR_NO_KEY);
    l->phase = LIC_NO_KEY;
    l->next = LIC_NEVER;
}

/* The licensing service starts. It drops a directory licence whose forest it has left. It looks
 * for a licence if it has none, if a renewal is due, or if the directory can be asked: a
 * KMS-licensed workgroup machine stays quiet until its renewal. */
static void on_start(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                     int64_t now, struct lic_outcome *out)
{
    (void)ev;
    run_lapses(l, now, out);
    if (l->status == LIC_LICENSED && l->channel == LIC_BY_AD && !site->bound) {
        enter_next(l, now, LIC_HR_OTHER_FOREST);
        out->notes |= LIC_UNBOUND;
    }
    if (l->status != LIC_LICENSED || l->next <= now || (site->member && site->adba))
        begin(l, site, now, out);
    else
        out->notes |= LIC_SKIPPED;
}

static void on_wake(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                    int64_t now, struct lic_outcome *out)
{
    (void)ev;
    run_lapses(l, now, out);
    if (l->next <= now)
        begin(l, site, now, out);
    else
        out->notes |= LIC_SKIPPED;
}

static void on_asked(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                     int64_t now, struct lic_outcome *out)
{
    (void)ev;
    run_lapses(l, now, out);
    begin(l, site, now, out);
}

static bool interval_ok(uint32_t v)
{
    return v >= LIC_INTERVAL_MIN && v <= LIC_INTERVAL_MAX;
}

static void on_ad_granted(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                          int64_t now, struct lic_outcome *out)
{
    uint32_t renewal = interval_ok(ev->renewal) ? ev->renewal : LIC_RENEWAL_DEFAULT;

    (void)site;
    grant(l, LIC_BY_AD, now, ev->validity, renewal, out);
}

static void on_ad_failed(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                         int64_t now, struct lic_outcome *out)
{
    (void)site;
    l->ad_failed = ev->hresult;
    if (l->type == LIC_TYPE_AD) {
        give_up(l, ev->hresult, now, out);
        return;
    }
    out->notes |= LIC_FELL_BACK;
    out->hresult = ev->hresult;
    ask_kms(l, out);
}

/* A host answered. Its intervals replace ours even if its count is too small; the threshold is
 * this side's to judge. */
static void on_kms_answered(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                            int64_t now, struct lic_outcome *out)
{
    (void)site;
    if (interval_ok(ev->activation))
        l->activation = (uint16_t)ev->activation;
    if (interval_ok(ev->renewal))
        l->renewal = (uint16_t)ev->renewal;
    if (ev->count >= l->product->required_count) {
        grant(l, LIC_BY_KMS, now, LIC_VALIDITY, l->renewal, out);
        return;
    }
    out->notes |= LIC_BELOW;
    give_up(l, LIC_HR_BELOW, now, out);
}

static void on_kms_failed(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                          int64_t now, struct lic_outcome *out)
{
    (void)site;
    give_up(l, ev->hresult, now, out);
}

static lic_fn *const table[LIC_PHASE_COUNT][LIC_EVENT_COUNT] = {
    [LIC_NO_KEY] =
        {
            [LIC_EV_KEY] = on_key,
        },
    [LIC_REST] =
        {
            [LIC_EV_KEY] = on_key,
            [LIC_EV_KEY_REMOVED] = on_key_removed,
            [LIC_EV_START] = on_start,
            [LIC_EV_WAKE] = on_wake,
            [LIC_EV_ASKED] = on_asked,
        },
    [LIC_ASKING_AD] =
        {
            [LIC_EV_AD_GRANTED] = on_ad_granted,
            [LIC_EV_AD_FAILED] = on_ad_failed,
        },
    [LIC_ASKING_KMS] =
        {
            [LIC_EV_KMS_ANSWERED] = on_kms_answered,
            [LIC_EV_KMS_REFUSED] = on_kms_failed,
            [LIC_EV_KMS_UNREACHABLE] = on_kms_failed,
        },
};

/* ---- the machine ---- */

void lic_init(struct lic *l, const struct cat_product *product)
{
    *l = (struct lic){
        .product = product,
        .expires = LIC_NEVER,
        .next = LIC_NEVER,
        .reason = LIC_HR_NO_KEY,
        .activation = LIC_ACTIVATION_DEFAULT,
        .renewal = LIC_RENEWAL_DEFAULT,
        .status = LIC_UNLICENSED,
        .channel = LIC_NONE,
        .phase = LIC_NO_KEY,
        .type = LIC_TYPE_ALL,
    };
}

int64_t lic_due(const struct lic *l)
{
    if (l->phase == LIC_NO_KEY)
        return LIC_NEVER;
    return l->next < l->expires ? l->next : l->expires;
}

bool lic_legal(enum lic_phase phase, enum lic_event_type type)
{
    return table[phase][type] != NULL;
}

bool lic_step(struct lic *l, const struct lic_site *site, const struct lic_event *ev, int64_t now,
              struct lic_outcome *out)
{
    lic_fn *handler = table[l->phase][ev->type];

    *out = (struct lic_outcome){.action = LIC_DO_NOTHING};
    if (handler == NULL)
        return false;
    handler(l, site, ev, now, out);
    return true;
}

/* ---- words ---- */

static const struct {
    const char *text, *name;
} statuses[LIC_STATUS_COUNT] = {
    [LIC_UNLICENSED] = {"Unlicensed", "Unlicensed"},
    [LIC_LICENSED] = {"Licensed", "Licensed"},
    [LIC_OOB_GRACE] = {"Initial grace period", "OOBGrace"},
    [LIC_OOT_GRACE] = {"Additional grace period (KMS license expired or hardware out of tolerance)",
                       "OOTGrace"},
    [LIC_NON_GENUINE] = {"Non-genuine grace period", "NonGenuineGrace"},
    [LIC_NOTIFICATION] = {"Notification", "Notification"},
    [LIC_EXTENDED_GRACE] = {"Extended grace period", "ExtendedGrace"},
};

const char *lic_status_text(enum lic_status status)
{
    return statuses[status].text;
}

const char *lic_status_name(enum lic_status status)
{
    return statuses[status].name;
}

const char *lic_channel_name(enum lic_channel channel)
{
    static const char *const names[LIC_CHANNEL_COUNT] = {"none", "AD", "KMS"};

    return names[channel];
}

const char *lic_phase_name(enum lic_phase phase)
{
    static const char *const names[LIC_PHASE_COUNT] = {"no key", "rest", "asking AD", "asking KMS"};

    return names[phase];
}

const char *lic_event_name(enum lic_event_type type)
{
    static const char *const names[LIC_EVENT_COUNT] = {
        [LIC_EV_KEY] = "key installed",
        [LIC_EV_KEY_REMOVED] = "key removed",
        [LIC_EV_START] = "service start",
        [LIC_EV_WAKE] = "wake-up",
        [LIC_EV_ASKED] = "asked",
        [LIC_EV_AD_GRANTED] = "AD granted",
        [LIC_EV_AD_FAILED] = "AD failed",
        [LIC_EV_KMS_ANSWERED] = "KMS answered",
        [LIC_EV_KMS_REFUSED] = "KMS refused",
        [LIC_EV_KMS_UNREACHABLE] = "KMS unreachable",
    };

    return names[type];
}
