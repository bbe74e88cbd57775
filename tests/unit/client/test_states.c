/* Every licence state of every generation under everything that can befall it. What is expected is
 * written out from data/license_states.csv, not taken from the code's own table: states are entered
 * by the events that lead to them, and the rows below say what follows. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "client/licensing.h"

#define T0    INT64_C(1790000000)
#define LEASE (180 * CLK_DAY)

static const struct cat_product products[LIC_GEN_COUNT] = {
    [LIC_GEN_LEGACY] = {.product = "Windows 7",
                        .family = CAT_CLIENT,
                        .required_count = 25,
                        .protocol = 4},
    [LIC_GEN_2008] = {.product = "Windows Server 2008",
                      .family = CAT_SERVER,
                      .required_count = 5,
                      .protocol = 4},
    [LIC_GEN_MODERN] = {.product = "Windows 11",
                        .family = CAT_CLIENT,
                        .required_count = 25,
                        .protocol = 6,
                        .adba = true},
    [LIC_GEN_OFFICE_2010] = {.product = "Office 2010",
                             .family = CAT_OFFICE,
                             .required_count = 5,
                             .protocol = 4},
    [LIC_GEN_OFFICE] = {.product = "Office LTSC 2021",
                        .family = CAT_OFFICE,
                        .required_count = 5,
                        .protocol = 6,
                        .adba = true},
};

static const struct lic_site workgroup = {0};
static const struct lic_site member = {.member = true, .bound = true, .adba = true};
static const struct lic_site left = {.adba = true};

/* ---- events ---- */

static struct lic_outcome happen(struct lic *l, const struct lic_site *site, struct lic_event ev,
                                 int64_t now)
{
    struct lic_outcome out;

    if (!lic_step(l, site, &ev, now, &out))
        fail_msg("\"%s\" is illegal in phase \"%s\"", lic_event_name(ev.type),
                 lic_phase_name((enum lic_phase)l->phase));
    return out;
}

static struct lic_outcome event(struct lic *l, enum lic_event_type type, int64_t now)
{
    return happen(l, &workgroup, (struct lic_event){.type = type}, now);
}

/* Everybody who is asked says no. */
static void refused(struct lic *l, int64_t now)
{
    static const enum lic_event_type no[LIC_PHASE_COUNT] = {
        [LIC_ASKING_AD] = LIC_EV_AD_FAILED,
        [LIC_ASKING_KMS] = LIC_EV_KMS_UNREACHABLE,
        [LIC_ASKING_CLEARING] = LIC_EV_CLEARING_FAILED,
        [LIC_ASKING_PLATFORM] = LIC_EV_PLATFORM_FAILED,
    };

    while (l->phase != LIC_REST && l->phase != LIC_NO_KEY)
        happen(l, &member, (struct lic_event){.type = no[l->phase], .hresult = 0xC004F074}, now);
}

/* Whoever is asked says yes. */
static void granted(struct lic *l, int64_t now)
{
    struct lic_event ev = {.count = 50,
                           .activation = 120,
                           .renewal = 10080,
                           .validity = (uint32_t)(LEASE / CLK_MINUTE)};

    ev.type = l->phase == LIC_ASKING_AD    ? LIC_EV_AD_GRANTED
              : l->phase == LIC_ASKING_KMS ? LIC_EV_KMS_ANSWERED
                                           : LIC_EV_CLEARING_GRANTED;
    happen(l, &member, ev, now);
}

static void install(struct lic *l, enum lic_key key, int64_t now)
{
    happen(l, &workgroup, (struct lic_event){.type = LIC_EV_KEY, .key = key}, now);
}

static void activate(struct lic *l, const struct lic_site *site, int64_t now)
{
    happen(l, site, (struct lic_event){.type = LIC_EV_ASKED}, now);
    granted(l, now);
}

/* ---- states ---- */

static int64_t initial_grace(enum lic_generation g)
{
    return g == LIC_GEN_MODERN ? 0 : g == LIC_GEN_2008 ? 60 * CLK_DAY : 30 * CLK_DAY;
}

static bool has_additional_grace(enum lic_generation g)
{
    return g != LIC_GEN_MODERN && g != LIC_GEN_OFFICE;
}

/* Leads a new product into a state. False if it has no such state; *now moves on as needed. */
static bool enter(struct lic *l, enum lic_generation g, enum lic_status s, int64_t *now)
{
    *now = T0;
    lic_init(l, &products[g]);
    if (s == LIC_UNLICENSED)
        return true;
    if ((s == LIC_OOB_GRACE && initial_grace(g) == 0) ||
        (s == LIC_OOT_GRACE && !has_additional_grace(g)))
        return false;
    install(l, s == LIC_EXTENDED_GRACE ? LIC_KEY_EVALUATION : LIC_KEY_GVLK, *now);
    if (s == LIC_OOB_GRACE)
        return true;
    if (s == LIC_NOTIFICATION) {
        *now += initial_grace(g);
        event(l, LIC_EV_WAKE, *now);
        refused(l, *now);
        return true;
    }
    activate(l, s == LIC_LICENSED ? &member : &workgroup, *now);
    if (s == LIC_OOT_GRACE || s == LIC_EXTENDED_GRACE) {
        *now += LEASE;
        event(l, LIC_EV_WAKE, *now);
        refused(l, *now);
    }
    if (s == LIC_NON_GENUINE)
        event(l, LIC_EV_NOT_GENUINE, *now);
    return true;
}

static void each_state_is_entered_by_what_leads_to_it(void **state)
{
    (void)state;
    for (int g = 0; g < LIC_GEN_COUNT; g++) {
        for (int s = 0; s < LIC_STATUS_COUNT; s++) {
            struct lic l;
            int64_t now;

            if (!enter(&l, (enum lic_generation)g, (enum lic_status)s, &now))
                continue;
            if (l.status != s)
                fail_msg("%s: %s instead of %s", lic_generation_name((enum lic_generation)g),
                         lic_status_name((enum lic_status)l.status),
                         lic_status_name((enum lic_status)s));
        }
    }
}

/* ---- what follows ---- */

enum cause { KEY, KEY_REMOVED, REARM, GRANTED, TIME_OVER, HARDWARE, LEFT, NOT_GENUINE, GENUINE };

#define IN(s)  (1u << LIC_##s)
#define GRACES (IN(OOB_GRACE) | IN(OOT_GRACE) | IN(EXTENDED_GRACE))
#define ANY    0xFFu
#define OF(g)  (1u << LIC_GEN_##g)
/* "(Win7)" and "(8.1+)" of license_states.csv */
#define OLD (OF(LEGACY) | OF(2008) | OF(OFFICE_2010))
#define NEW (OF(MODERN) | OF(OFFICE))

/* The first row that fits. to -1: nothing changes; -2: the event is illegal. days: of the new
 * state, counted from the event; 0: no end. */
static const struct {
    enum cause cause;
    unsigned generations, from;
    int to;
    int days;
    uint32_t reason;
} expected[] = {
    {KEY, OF(MODERN), ANY, LIC_NOTIFICATION, 0, 0xC004F034},
    /* the initial grace runs from the first key on, and is over in the states that come later */
    {KEY, ANY, IN(NOTIFICATION) | IN(OOT_GRACE) | IN(EXTENDED_GRACE), LIC_NOTIFICATION, 0,
     0xC004F009},
    {KEY, OF(2008), ANY, LIC_OOB_GRACE, 60, 0x4004F00C},
    {KEY, ANY, ANY, LIC_OOB_GRACE, 30, 0x4004F00C},

    {KEY_REMOVED, ANY, IN(UNLICENSED), -2, 0, 0},
    {KEY_REMOVED, ANY, ANY, LIC_UNLICENSED, 0, 0xC004F014},

    {REARM, ANY, IN(UNLICENSED), -2, 0, 0},
    {REARM, OF(MODERN), ANY, LIC_NOTIFICATION, 0, 0xC004F034},
    {REARM, OF(2008), ANY, LIC_OOB_GRACE, 60, 0x4004F00C},
    {REARM, ANY, ANY, LIC_OOB_GRACE, 30, 0x4004F00C},

    {GRANTED, ANY, IN(UNLICENSED), -2, 0, 0},
    {GRANTED, ANY, IN(NON_GENUINE), -1, 0, 0},
    {GRANTED, ANY, ANY, LIC_LICENSED, 180, 0},

    {TIME_OVER, OLD, IN(LICENSED), LIC_OOT_GRACE, 30, 0x4004F00D},
    {TIME_OVER, NEW, IN(LICENSED), LIC_NOTIFICATION, 0, 0xC004F056},
    {TIME_OVER, ANY, IN(NON_GENUINE), LIC_NOTIFICATION, 0, 0xC004F064},
    {TIME_OVER, ANY, GRACES, LIC_NOTIFICATION, 0, 0xC004F009},

    {HARDWARE, ANY, IN(UNLICENSED), -2, 0, 0},
    {HARDWARE, OLD, IN(LICENSED), LIC_OOT_GRACE, 30, 0x4004F00D},
    {HARDWARE, NEW, IN(LICENSED), LIC_NOTIFICATION, 0, 0xC004F00F},
    {HARDWARE, ANY, ANY, -1, 0, 0},

    {LEFT, OLD, IN(LICENSED), LIC_OOT_GRACE, 30, 0xC004F080},
    {LEFT, NEW, IN(LICENSED), LIC_NOTIFICATION, 0, 0xC004F080},

    {NOT_GENUINE, ANY, IN(UNLICENSED), -2, 0, 0},
    {NOT_GENUINE, ANY, IN(LICENSED), LIC_NON_GENUINE, 30, 0x4004F065},
    {NOT_GENUINE, ANY, ANY, -1, 0, 0},

    {GENUINE, ANY, IN(UNLICENSED), -2, 0, 0},
    {GENUINE, ANY, IN(NON_GENUINE), LIC_LICENSED, 180, 0},
    {GENUINE, ANY, ANY, -1, 0, 0},
};

/* Lets it happen; false if that was illegal. *at: when the new state began. */
static bool befall(struct lic *l, enum cause cause, int64_t *at)
{
    static const enum lic_event_type types[] = {
        [KEY] = LIC_EV_KEY,       [KEY_REMOVED] = LIC_EV_KEY_REMOVED, [REARM] = LIC_EV_REARM,
        [GRANTED] = LIC_EV_ASKED, [TIME_OVER] = LIC_EV_WAKE,          [HARDWARE] = LIC_EV_HARDWARE,
        [LEFT] = LIC_EV_START,    [NOT_GENUINE] = LIC_EV_NOT_GENUINE, [GENUINE] = LIC_EV_GENUINE,
    };
    struct lic_event ev = {.type = types[cause]};
    struct lic_outcome out;

    if (cause == TIME_OVER)
        *at = l->expires;
    if (!lic_step(l, cause == LEFT ? &left : &workgroup, &ev, *at, &out))
        return false;
    if (cause == GRANTED && l->phase != LIC_REST)
        granted(l, *at);
    refused(l, *at);
    return true;
}

static void check(enum lic_generation g, enum lic_status s, enum cause cause)
{
    struct lic l, before;
    int64_t now;
    size_t i = 0;
    bool legal;

    if (!enter(&l, g, s, &now) || (cause == TIME_OVER && l.expires == LIC_NEVER) ||
        (cause == LEFT && (s != LIC_LICENSED || !products[g].adba)))
        return;
    while (i < sizeof(expected) / sizeof(expected[0]) &&
           !(expected[i].cause == cause && (expected[i].generations & 1u << g) != 0 &&
             (expected[i].from & 1u << s) != 0))
        i++;
    if (i == sizeof(expected) / sizeof(expected[0]))
        fail_msg("%s, %s: no row for cause %d", lic_generation_name(g), lic_status_name(s), cause);
    before = l;
    legal = befall(&l, cause, &now);
    if (legal != (expected[i].to != -2))
        fail_msg("%s, %s, cause %d: legal is %d", lic_generation_name(g), lic_status_name(s), cause,
                 legal);
    if (expected[i].to < 0) {
        assert_int_equal(l.status, before.status);
        assert_int_equal(l.reason, before.reason);
        assert_true(l.expires == before.expires);
        return;
    }
    if (l.status != expected[i].to || l.reason != expected[i].reason)
        fail_msg("%s, %s, cause %d: %s 0x%08X instead of %s 0x%08X", lic_generation_name(g),
                 lic_status_name(s), cause, lic_status_name((enum lic_status)l.status), l.reason,
                 lic_status_name((enum lic_status)expected[i].to), expected[i].reason);
    if (expected[i].days == 0)
        assert_true(l.expires == LIC_NEVER);
    else
        assert_true(l.expires == now + expected[i].days * CLK_DAY);
}

static void each_state_of_each_generation_becomes_what_license_states_says(void **state)
{
    (void)state;
    for (int g = 0; g < LIC_GEN_COUNT; g++)
        for (int s = 0; s < LIC_STATUS_COUNT; s++)
            for (int c = KEY; c <= GENUINE; c++)
                check((enum lic_generation)g, (enum lic_status)s, (enum cause)c);
}

/* ---- beyond single steps ---- */

static void validation_suspends_a_licence_and_brings_it_back_with_its_own_end(void **state)
{
    struct lic l;
    int64_t now;

    (void)state;
    assert_true(enter(&l, LIC_GEN_MODERN, LIC_LICENSED, &now));
    event(&l, LIC_EV_NOT_GENUINE, T0 + 10 * CLK_DAY);
    assert_int_equal(l.channel, LIC_NONE);
    assert_true(l.expires == T0 + 40 * CLK_DAY);
    assert_true(l.next == LIC_NEVER);
    event(&l, LIC_EV_WAKE, T0 + 40 * CLK_DAY);
    assert_int_equal(l.status, LIC_NOTIFICATION);
    event(&l, LIC_EV_GENUINE, T0 + 50 * CLK_DAY);
    assert_int_equal(l.status, LIC_LICENSED);
    assert_int_equal(l.channel, LIC_BY_AD);
    assert_true(l.expires == T0 + LEASE);
}

static void a_licence_that_ended_while_suspended_does_not_come_back(void **state)
{
    struct lic l;
    int64_t now;

    (void)state;
    assert_true(enter(&l, LIC_GEN_LEGACY, LIC_LICENSED, &now));
    event(&l, LIC_EV_NOT_GENUINE, T0 + CLK_DAY);
    event(&l, LIC_EV_GENUINE, T0 + LEASE + CLK_DAY);
    assert_int_equal(l.status, LIC_OOT_GRACE);
    assert_true(l.expires == T0 + LEASE + 30 * CLK_DAY);
}

static void while_validation_fails_nobody_is_asked(void **state)
{
    struct lic l;
    struct lic_outcome out;
    int64_t now;

    (void)state;
    assert_true(enter(&l, LIC_GEN_MODERN, LIC_NON_GENUINE, &now));
    out = event(&l, LIC_EV_ASKED, now);
    assert_int_equal(out.action, LIC_DO_NOTHING);
    assert_int_equal(out.hresult, 0xC004F200);
    assert_true(event(&l, LIC_EV_START, now).notes & LIC_SKIPPED);
}

static void a_key_installed_after_failed_validation_starts_anew(void **state)
{
    struct lic l;
    int64_t now;

    (void)state;
    assert_true(enter(&l, LIC_GEN_MODERN, LIC_NON_GENUINE, &now));
    install(&l, LIC_KEY_GVLK, now);
    activate(&l, &workgroup, now);
    assert_int_equal(l.status, LIC_LICENSED);
}

/* How often each can be rearmed: three times for Vista, 7 and Server 2008 (Volume Activation 2.0
 * Operations Guide), five for Office (OfficeDocs-DeployOffice, ospp /rearm). */
static void rearms_are_counted_per_generation(void **state)
{
    (void)state;
    assert_int_equal(lic_rearms(LIC_GEN_LEGACY), 3);
    assert_int_equal(lic_rearms(LIC_GEN_2008), 3);
    assert_int_equal(lic_rearms(LIC_GEN_OFFICE_2010), 5);
    assert_int_equal(lic_rearms(LIC_GEN_OFFICE), 5);
}

/* What holds whatever happens in whatever order. */
static void check_invariants(const struct lic *l, enum lic_generation g)
{
    bool grace = l->status == LIC_OOB_GRACE || l->status == LIC_OOT_GRACE ||
                 l->status == LIC_NON_GENUINE || l->status == LIC_EXTENDED_GRACE;

    assert_true(l->phase == LIC_REST || l->phase == LIC_NO_KEY);
    assert_int_equal(l->status == LIC_UNLICENSED, l->phase == LIC_NO_KEY);
    assert_int_equal(l->status == LIC_LICENSED, l->channel != LIC_NONE);
    assert_int_equal(l->status == LIC_LICENSED, l->reason == 0);
    if (grace)
        assert_true(l->expires != LIC_NEVER);
    if (l->status == LIC_NOTIFICATION || l->status == LIC_UNLICENSED)
        assert_true(l->expires == LIC_NEVER);
    if (l->suspended != LIC_NONE)
        assert_true(l->status == LIC_NON_GENUINE || l->status == LIC_NOTIFICATION);
    if (initial_grace(g) == 0)
        assert_int_not_equal(l->status, LIC_OOB_GRACE);
    if (!has_additional_grace(g))
        assert_int_not_equal(l->status, LIC_OOT_GRACE);
}

static void random_step(struct lic *l, const struct rng *rng, int64_t now)
{
    static const struct lic_site *const sites[] = {&workgroup, &member, &left};
    const struct lic_site *site = sites[rng_below(rng, 3)];
    struct lic_event ev = {.type = (enum lic_event_type)rng_below(rng, LIC_EV_AD_GRANTED),
                           .key = (enum lic_key)rng_below(rng, LIC_KEY_COUNT)};
    struct lic_outcome out;

    if (!lic_step(l, site, &ev, now, &out))
        return;
    while (out.action != LIC_DO_NOTHING) {
        struct lic_event no = {.hresult = 0xC004F074};

        if (rng_below(rng, 2) == 0 && l->phase != LIC_ASKING_PLATFORM) {
            granted(l, now);
            return;
        }
        no.type = l->phase == LIC_ASKING_AD         ? LIC_EV_AD_FAILED
                  : l->phase == LIC_ASKING_KMS      ? LIC_EV_KMS_UNREACHABLE
                  : l->phase == LIC_ASKING_CLEARING ? LIC_EV_CLEARING_FAILED
                                                    : LIC_EV_PLATFORM_FAILED;
        assert_true(lic_step(l, site, &no, now, &out));
    }
}

static void any_order_of_events_keeps_the_states_consistent(void **state)
{
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded); /* prints its seed */
    unsigned seen[LIC_GEN_COUNT] = {0};

    (void)state;
    for (int g = 0; g < LIC_GEN_COUNT; g++) {
        for (int round = 0; round < 2000; round++) {
            int64_t now = T0;
            struct lic l;

            lic_init(&l, &products[g]);
            for (int i = 0; i < 100; i++) {
                now += (int64_t)rng_below(&rng, 60) * CLK_DAY;
                random_step(&l, &rng, now);
                check_invariants(&l, (enum lic_generation)g);
                seen[g] |= 1u << l.status;
            }
        }
    }
    /* Which states there are at all; the walk is long enough to meet every one. */
    assert_int_equal(seen[LIC_GEN_LEGACY], 0x7F);
    assert_int_equal(seen[LIC_GEN_2008], 0x7F);
    assert_int_equal(seen[LIC_GEN_OFFICE_2010], 0x7F);
    assert_int_equal(seen[LIC_GEN_MODERN], 0x7F & ~IN(OOB_GRACE) & ~IN(OOT_GRACE));
    assert_int_equal(seen[LIC_GEN_OFFICE], 0x7F & ~IN(OOT_GRACE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_state_is_entered_by_what_leads_to_it),
        cmocka_unit_test(each_state_of_each_generation_becomes_what_license_states_says),
        cmocka_unit_test(validation_suspends_a_licence_and_brings_it_back_with_its_own_end),
        cmocka_unit_test(a_licence_that_ended_while_suspended_does_not_come_back),
        cmocka_unit_test(while_validation_fails_nobody_is_asked),
        cmocka_unit_test(a_key_installed_after_failed_validation_starts_anew),
        cmocka_unit_test(rearms_are_counted_per_generation),
        cmocka_unit_test(any_order_of_events_keeps_the_states_consistent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
