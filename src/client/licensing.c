#include "client/licensing.h"

#include <string.h>

#include "base/clk.h"

/* ---- the table of states ---- */

#define GEN(g)   (1u << LIC_GEN_##g)
#define ALL_GENS (GEN(LEGACY) | GEN(2008) | GEN(MODERN) | GEN(OFFICE_2010) | GEN(OFFICE))
#define WITH_OOT (GEN(LEGACY) | GEN(2008) | GEN(OFFICE_2010)) /* 30 days more after a lapse */
#define AT_ONCE  (GEN(MODERN) | GEN(OFFICE))                  /* none */

#define IN(s)     (1u << LIC_##s)
#define ANY_STATE ((1u << LIC_STATUS_COUNT) - 1)
#define ANY_GRACE (IN(OOB_GRACE) | IN(OOT_GRACE) | IN(EXTENDED_GRACE))

/* The first row that fits holds. Sources: data/license_states.csv; what it does not tell is in
 * docs/client.md. */
static const struct lic_change changes[] = {
    /* key or rearm: the initial grace, where there is one and it was not used up before */
    {GEN(LEGACY) | GEN(OFFICE_2010) | GEN(OFFICE), ANY_STATE, LIC_CAUSE_KEY, LIC_OOB_GRACE, 30,
     LIC_HR_OOB_GRACE},
    {GEN(2008), ANY_STATE, LIC_CAUSE_KEY, LIC_OOB_GRACE, 60, LIC_HR_OOB_GRACE},
    {GEN(MODERN), ANY_STATE, LIC_CAUSE_KEY, LIC_NOTIFICATION, 0, LIC_HR_NO_LICENCE},
    {ALL_GENS, ANY_STATE, LIC_CAUSE_KEY_REMOVED, LIC_UNLICENSED, 0, LIC_HR_NO_KEY},
    {ALL_GENS, IN(LICENSED) | IN(NOTIFICATION) | ANY_GRACE, LIC_CAUSE_ACTIVATED, LIC_LICENSED, 0,
     0},
    /* a licence that ends */
    {WITH_OOT, IN(LICENSED), LIC_CAUSE_LAPSED, LIC_OOT_GRACE, 30, LIC_HR_OOT_GRACE},
    {AT_ONCE, IN(LICENSED), LIC_CAUSE_LAPSED, LIC_NOTIFICATION, 0, LIC_HR_NOT_BOUND},
    {ALL_GENS, IN(LICENSED), LIC_CAUSE_TIME_BASED, LIC_EXTENDED_GRACE, 30, LIC_HR_EXTENDED},
    {WITH_OOT, IN(LICENSED), LIC_CAUSE_HARDWARE, LIC_OOT_GRACE, 30, LIC_HR_OOT_GRACE},
    {AT_ONCE, IN(LICENSED), LIC_CAUSE_HARDWARE, LIC_NOTIFICATION, 0, LIC_HR_OUT_OF_TOL},
    {WITH_OOT, IN(LICENSED), LIC_CAUSE_LEFT, LIC_OOT_GRACE, 30, LIC_HR_OTHER_FOREST},
    {AT_ONCE, IN(LICENSED), LIC_CAUSE_LEFT, LIC_NOTIFICATION, 0, LIC_HR_OTHER_FOREST},
    /* a grace that ends */
    {ALL_GENS, ANY_GRACE, LIC_CAUSE_LAPSED, LIC_NOTIFICATION, 0, LIC_HR_GRACE_EXPIRED},
    {ALL_GENS, IN(NON_GENUINE), LIC_CAUSE_LAPSED, LIC_NOTIFICATION, 0, LIC_HR_GENUINE_OVER},
    /* validation */
    {ALL_GENS, IN(LICENSED), LIC_CAUSE_NOT_GENUINE, LIC_NON_GENUINE, 30, LIC_HR_NON_GENUINE},
    {ALL_GENS, IN(NON_GENUINE) | IN(NOTIFICATION), LIC_CAUSE_GENUINE, LIC_LICENSED, 0, 0},
};

static const struct lic_change *lookup(enum lic_generation gen, enum lic_status from,
                                       enum lic_cause cause)
{
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        const struct lic_change *c = &changes[i];

        if (c->cause == cause && (c->generations & 1u << gen) != 0 && (c->from & 1u << from) != 0)
            return c;
    }
    return NULL;
}

const struct lic_change *lic_changes(size_t *n)
{
    *n = sizeof(changes) / sizeof(changes[0]);
    return changes;
}

const struct lic_change *lic_change(enum lic_generation gen, enum lic_status from,
                                    enum lic_cause cause)
{
    return lookup(gen, from, cause);
}

bool lic_ends(enum lic_generation gen, enum lic_status status)
{
    return status != LIC_LICENSED && lookup(gen, status, LIC_CAUSE_LAPSED) != NULL;
}

unsigned lic_initial_grace(enum lic_generation gen)
{
    return lookup(gen, LIC_UNLICENSED, LIC_CAUSE_KEY)->days;
}

/* Vista, 7 and Server 2008: three times; Office: five; later Windows tells 1000. */
uint16_t lic_rearms(enum lic_generation gen)
{
    static const uint16_t rearms[LIC_GEN_COUNT] = {
        [LIC_GEN_LEGACY] = 3,      [LIC_GEN_2008] = 3,   [LIC_GEN_MODERN] = 1000,
        [LIC_GEN_OFFICE_2010] = 5, [LIC_GEN_OFFICE] = 5,
    };

    return rearms[gen];
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

/* Enters what the table says follows from cause at time when. False if nothing does. */
static bool change(struct lic *l, enum lic_cause cause, int64_t when)
{
    const struct lic_change *c =
        lookup(lic_generation(l->product), (enum lic_status)l->status, cause);

    if (c == NULL)
        return false;
    set_state(l, c->to, c->days == 0 ? LIC_NEVER : when + c->days * CLK_DAY, c->reason);
    return true;
}

/* The same, for a licence that falls: the service looks for another the moment it has none. */
static void fall(struct lic *l, enum lic_cause cause, int64_t when)
{
    if (change(l, cause, when) && l->next > when && l->suspended == LIC_NONE)
        l->next = when;
}

/* Every state that has ended by now, one after the other, each at its own time: a machine that
 * was off for long comes back in the state that it would have reached. */
static void run_lapses(struct lic *l, int64_t now, struct lic_outcome *out)
{
    while (l->expires <= now) {
        bool time_based = l->status == LIC_LICENSED && l->key == LIC_KEY_EVALUATION;

        fall(l, time_based ? LIC_CAUSE_TIME_BASED : LIC_CAUSE_LAPSED, l->expires);
        out->notes |= LIC_LAPSED;
    }
}

/* validity 0: for good; nobody is asked again. */
static void grant(struct lic *l, enum lic_channel channel, int64_t now, int64_t validity,
                  int64_t renewal, struct lic_outcome *out)
{
    change(l, LIC_CAUSE_ACTIVATED, now);
    l->expires = validity == 0 ? LIC_NEVER : now + minutes(validity);
    l->channel = (uint8_t)channel;
    l->next = validity == 0 || renewal == 0 ? LIC_NEVER : now + minutes(renewal);
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

static void ask(struct lic *l, enum lic_phase phase, enum lic_action action,
                struct lic_outcome *out)
{
    l->phase = (uint8_t)phase;
    out->action = action;
}

static void ask_kms(struct lic *l, struct lic_outcome *out)
{
    ask(l, LIC_ASKING_KMS, LIC_ASK_KMS, out);
}

static enum lic_type type_of(const struct lic *l, const struct lic_site *site)
{
    return (enum lic_type)(l->type != LIC_TYPE_ALL ? l->type : site->type);
}

static void begin_volume(struct lic *l, const struct lic_site *site, int64_t now,
                         struct lic_outcome *out)
{
    bool ad = site->member && site->adba;
    enum lic_type type = type_of(l, site);

    if (ad && (type == LIC_TYPE_ALL || type == LIC_TYPE_AD))
        ask(l, LIC_ASKING_AD, LIC_ASK_AD, out);
    else if (type == LIC_TYPE_ALL || type == LIC_TYPE_KMS)
        ask_kms(l, out);
    else
        give_up(l, type == LIC_TYPE_AD ? LIC_HR_NO_OBJECT : LIC_HR_NO_TOKEN, now, out);
}

/* Whom the installed key sends us to. */
static void begin(struct lic *l, const struct lic_site *site, int64_t now, struct lic_outcome *out)
{
    l->ad_failed = 0;
    if (l->suspended != LIC_NONE) { /* no licence helps until validation succeeds */
        give_up(l, LIC_HR_NOT_GENUINE, now, out);
        l->next = LIC_NEVER;
        return;
    }
    switch ((enum lic_key)l->key) {
    case LIC_KEY_OEM:
    case LIC_KEY_AVMA:
        ask(l, LIC_ASKING_PLATFORM, LIC_ASK_PLATFORM, out);
        break;
    case LIC_KEY_CSVLK:
    case LIC_KEY_MAK:
    case LIC_KEY_RETAIL:
    case LIC_KEY_EVALUATION:
        ask(l, LIC_ASKING_CLEARING, LIC_ASK_CLEARING, out);
        break;
    default:
        begin_volume(l, site, now, out);
    }
}

/* ---- handlers: keys and services ---- */

typedef void lic_fn(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                    int64_t now, struct lic_outcome *out);

/* As after set-up: the initial grace begins once in the life of the product, or of a rearm. */
static void begin_life(struct lic *l, int64_t now)
{
    unsigned days = lic_initial_grace(lic_generation(l->product));

    change(l, LIC_CAUSE_KEY, now);
    if (l->grace_end == 0)
        l->grace_end = now + days * CLK_DAY;
    if (days > 0 && now < l->grace_end)
        l->expires = l->grace_end;
    else if (days > 0)
        set_state(l, LIC_NOTIFICATION, LIC_NEVER, LIC_HR_GRACE_EXPIRED);
    l->suspended = LIC_NONE;
    l->phase = LIC_REST;
    l->next = now;
    l->last = 0;
}

static void on_key(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                   int64_t now, struct lic_outcome *out)
{
    (void)site;
    (void)out;
    l->key = (uint8_t)ev->key;
    begin_life(l, now);
}

static void on_key_removed(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                           int64_t now, struct lic_outcome *out)
{
    (void)site;
    (void)ev;
    (void)out;
    change(l, LIC_CAUSE_KEY_REMOVED, now);
    l->suspended = LIC_NONE;
    l->key = LIC_KEY_GVLK;
    l->phase = LIC_NO_KEY;
    l->next = LIC_NEVER;
}

static void on_rearm(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                     int64_t now, struct lic_outcome *out)
{
    (void)site;
    (void)ev;
    (void)out;
    l->grace_end = 0;
    begin_life(l, now);
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
        fall(l, LIC_CAUSE_LEFT, now);
        out->notes |= LIC_UNBOUND;
    }
    if (l->suspended == LIC_NONE && (l->status != LIC_LICENSED || l->next <= now ||
                                     (site->member && site->adba && l->key == LIC_KEY_GVLK)))
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

/* A licence for good is not asked for again, unless it is in doubt. */
static void on_asked(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                     int64_t now, struct lic_outcome *out)
{
    (void)ev;
    run_lapses(l, now, out);
    if (l->status == LIC_LICENSED && l->expires == LIC_NEVER && l->next == LIC_NEVER)
        out->notes |= LIC_SKIPPED;
    else
        begin(l, site, now, out);
}

/* ---- handlers: the machine ---- */

/* A licence was granted to the hardware as it was. A marker or a host vouches for it anew. */
static void on_hardware(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                        int64_t now, struct lic_outcome *out)
{
    (void)site;
    (void)ev;
    run_lapses(l, now, out);
    if (l->key == LIC_KEY_OEM || l->key == LIC_KEY_AVMA) {
        l->next = now; /* the platform is looked at again */
        return;
    }
    if (l->status != LIC_LICENSED) {
        out->notes |= LIC_SKIPPED;
        return;
    }
    fall(l, LIC_CAUSE_HARDWARE, now);
    l->last = LIC_HR_OUT_OF_TOL;
    out->notes |= LIC_OUT_OF_TOL;
    out->hresult = LIC_HR_OUT_OF_TOL;
}

static void on_not_genuine(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                           int64_t now, struct lic_outcome *out)
{
    int64_t ends;
    uint8_t channel;

    (void)site;
    (void)ev;
    run_lapses(l, now, out);
    ends = l->expires;
    channel = l->channel;
    if (l->status != LIC_LICENSED || !change(l, LIC_CAUSE_NOT_GENUINE, now)) {
        out->notes |= LIC_SKIPPED;
        return;
    }
    l->resume = ends;
    l->suspended = channel;
    l->next = LIC_NEVER;
}

/* The licence that was suspended holds again, if its time is not over. */
static void on_genuine(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                       int64_t now, struct lic_outcome *out)
{
    (void)site;
    (void)ev;
    run_lapses(l, now, out);
    if (l->suspended == LIC_NONE || !change(l, LIC_CAUSE_GENUINE, now)) {
        out->notes |= LIC_SKIPPED;
        return;
    }
    l->channel = l->suspended;
    l->expires = l->resume;
    l->suspended = LIC_NONE;
    l->resume = 0;
    l->next = l->expires == LIC_NEVER ? LIC_NEVER : now;
    l->last = 0;
    run_lapses(l, now, out);
}

static void on_confirmed(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                         int64_t now, struct lic_outcome *out)
{
    (void)site;
    run_lapses(l, now, out);
    if (l->suspended != LIC_NONE || l->key == LIC_KEY_GVLK || l->key == LIC_KEY_AVMA)
        out->notes |= LIC_SKIPPED;
    else
        grant(l, LIC_BY_PHONE, now, ev->validity, 0, out);
}

/* ---- handlers: answers ---- */

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

/* Nobody granted a volume licence. The last resort is a configured MAK. */
static void no_volume(struct lic *l, const struct lic_site *site, uint32_t hresult, int64_t now,
                      struct lic_outcome *out)
{
    if (!site->mak || type_of(l, site) != LIC_TYPE_ALL) {
        give_up(l, hresult, now, out);
        return;
    }
    out->notes |= LIC_FELL_BACK;
    out->hresult = hresult;
    ask(l, LIC_ASKING_CLEARING, LIC_ASK_CLEARING, out);
}

static void on_ad_failed(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                         int64_t now, struct lic_outcome *out)
{
    l->ad_failed = ev->hresult;
    if (type_of(l, site) == LIC_TYPE_AD) {
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
    if (interval_ok(ev->activation))
        l->activation = (uint16_t)ev->activation;
    if (interval_ok(ev->renewal))
        l->renewal = (uint16_t)ev->renewal;
    if (ev->count >= l->product->required_count) {
        grant(l, LIC_BY_KMS, now, LIC_VALIDITY, l->renewal, out);
        return;
    }
    out->notes |= LIC_BELOW;
    no_volume(l, site, LIC_HR_BELOW, now, out);
}

static void on_kms_failed(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
                          int64_t now, struct lic_outcome *out)
{
    no_volume(l, site, ev->hresult, now, out);
}

/* With a client setup key it was the configured MAK that was asked with. */
static void on_clearing_granted(struct lic *l, const struct lic_site *site,
                                const struct lic_event *ev, int64_t now, struct lic_outcome *out)
{
    (void)site;
    if (l->key == LIC_KEY_GVLK) {
        l->key = LIC_KEY_MAK;
        out->notes |= LIC_TURNED;
    }
    grant(l, LIC_BY_CLEARING, now, ev->validity, 0, out);
}

static void on_platform_granted(struct lic *l, const struct lic_site *site,
                                const struct lic_event *ev, int64_t now, struct lic_outcome *out)
{
    (void)site;
    grant(l, l->key == LIC_KEY_OEM ? LIC_BY_OEM : LIC_BY_AVMA, now, ev->validity, ev->renewal, out);
}

/* Without its marker an OEM licence falls; a guest keeps its lease until that ends. */
static void on_platform_failed(struct lic *l, const struct lic_site *site,
                               const struct lic_event *ev, int64_t now, struct lic_outcome *out)
{
    (void)site;
    if (l->status == LIC_LICENSED && l->channel == LIC_BY_OEM) {
        fall(l, LIC_CAUSE_HARDWARE, now);
        out->notes |= LIC_OUT_OF_TOL;
    }
    give_up(l, ev->hresult, now, out);
}

static void on_failed(struct lic *l, const struct lic_site *site, const struct lic_event *ev,
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
            [LIC_EV_REARM] = on_rearm,
            [LIC_EV_HARDWARE] = on_hardware,
            [LIC_EV_NOT_GENUINE] = on_not_genuine,
            [LIC_EV_GENUINE] = on_genuine,
            [LIC_EV_CONFIRMED] = on_confirmed,
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
    [LIC_ASKING_CLEARING] =
        {
            [LIC_EV_CLEARING_GRANTED] = on_clearing_granted,
            [LIC_EV_CLEARING_FAILED] = on_failed,
        },
    [LIC_ASKING_PLATFORM] =
        {
            [LIC_EV_PLATFORM_GRANTED] = on_platform_granted,
            [LIC_EV_PLATFORM_FAILED] = on_platform_failed,
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
    static const char *const names[LIC_CHANNEL_COUNT] = {"none",  "AD",  "KMS", "online",
                                                         "phone", "OEM", "AVMA"};

    return names[channel];
}

const char *lic_key_name(enum lic_key key)
{
    static const char *const names[LIC_KEY_COUNT] = {"GVLK", "CSVLK", "MAK",       "retail",
                                                     "OEM",  "AVMA",  "evaluation"};

    return names[key];
}

const char *lic_generation_name(enum lic_generation gen)
{
    static const char *const names[LIC_GEN_COUNT] = {
        [LIC_GEN_LEGACY] = "Windows Vista, 7, Server 2008 R2",
        [LIC_GEN_2008] = "Server 2008",
        [LIC_GEN_MODERN] = "Windows 8, Server 2012 and later",
        [LIC_GEN_OFFICE_2010] = "Office 2010",
        [LIC_GEN_OFFICE] = "Office 2013 and later",
    };

    return names[gen];
}

const char *lic_cause_name(enum lic_cause cause)
{
    static const char *const names[LIC_CAUSE_COUNT] = {
        [LIC_CAUSE_KEY] = "key installed, or rearmed",
        [LIC_CAUSE_KEY_REMOVED] = "key removed",
        [LIC_CAUSE_ACTIVATED] = "activated",
        [LIC_CAUSE_LAPSED] = "its time is over",
        [LIC_CAUSE_TIME_BASED] = "end of a time-based licence",
        [LIC_CAUSE_HARDWARE] = "hardware out of tolerance",
        [LIC_CAUSE_LEFT] = "left the forest of its directory licence",
        [LIC_CAUSE_NOT_GENUINE] = "validation failed",
        [LIC_CAUSE_GENUINE] = "validation succeeded",
    };

    return names[cause];
}

const char *lic_phase_name(enum lic_phase phase)
{
    static const char *const names[LIC_PHASE_COUNT] = {"no key",
                                                       "rest",
                                                       "asking AD",
                                                       "asking KMS",
                                                       "asking the clearing house",
                                                       "asking the platform"};

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
        [LIC_EV_REARM] = "rearmed",
        [LIC_EV_HARDWARE] = "hardware out of tolerance",
        [LIC_EV_NOT_GENUINE] = "validation failed",
        [LIC_EV_GENUINE] = "validation succeeded",
        [LIC_EV_CONFIRMED] = "confirmation ID deposited",
        [LIC_EV_AD_GRANTED] = "AD granted",
        [LIC_EV_AD_FAILED] = "AD failed",
        [LIC_EV_KMS_ANSWERED] = "KMS answered",
        [LIC_EV_KMS_REFUSED] = "KMS refused",
        [LIC_EV_KMS_UNREACHABLE] = "KMS unreachable",
        [LIC_EV_CLEARING_GRANTED] = "clearing house granted",
        [LIC_EV_CLEARING_FAILED] = "clearing house failed",
        [LIC_EV_PLATFORM_GRANTED] = "platform granted",
        [LIC_EV_PLATFORM_FAILED] = "platform failed",
    };

    return names[type];
}
