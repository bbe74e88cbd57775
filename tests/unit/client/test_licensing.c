/* The licensing state machine on virtual time, with made-up answers. Expected values come from
 * data/license_states.csv, docs/client.md and the public facts that it cites. */
#include "support.h"

#include <string.h>

#include "base/clk.h"
#include "client/licensing.h"

#define T0 INT64_C(1790000000)

static const struct cat_product windows_11 = {.product = "Windows 11",
                                              .edition = "Enterprise",
                                              .family = CAT_CLIENT,
                                              .required_count = 25,
                                              .protocol = 6,
                                              .adba = true};
static const struct cat_product server_2022 = {.product = "Windows Server 2022",
                                               .edition = "Standard",
                                               .family = CAT_SERVER,
                                               .required_count = 5,
                                               .protocol = 6,
                                               .adba = true};
static const struct cat_product windows_7 = {.product = "Windows 7",
                                             .edition = "Enterprise",
                                             .family = CAT_CLIENT,
                                             .required_count = 25,
                                             .protocol = 4};
static const struct cat_product server_2008 = {.product = "Windows Server 2008",
                                               .edition = "Standard",
                                               .family = CAT_SERVER,
                                               .required_count = 5,
                                               .protocol = 4};
static const struct cat_product office_2021 = {.product = "Office LTSC 2021",
                                               .family = CAT_OFFICE,
                                               .required_count = 5,
                                               .protocol = 6,
                                               .adba = true};

static const struct lic_site workgroup = {0};
static const struct lic_site member = {.member = true, .bound = true, .adba = true};
static const struct lic_site left = {.adba = true};

static struct lic_outcome step(struct lic *l, const struct lic_site *site, enum lic_event_type type,
                               int64_t now)
{
    struct lic_event ev = {.type = type};
    struct lic_outcome out;

    assert_true(lic_step(l, site, &ev, now, &out));
    return out;
}

static struct lic_outcome fails(struct lic *l, enum lic_event_type type, uint32_t hr, int64_t now)
{
    struct lic_event ev = {.type = type, .hresult = hr};
    struct lic_outcome out;

    assert_true(lic_step(l, &member, &ev, now, &out));
    return out;
}

static struct lic_outcome answer(struct lic *l, uint32_t count, int64_t now)
{
    struct lic_event ev = {
        .type = LIC_EV_KMS_ANSWERED, .count = count, .activation = 120, .renewal = 10080};
    struct lic_outcome out;

    assert_true(lic_step(l, &workgroup, &ev, now, &out));
    return out;
}

static struct lic_outcome ad_grants(struct lic *l, int64_t now)
{
    struct lic_event ev = {
        .type = LIC_EV_AD_GRANTED, .validity = 180 * 24 * 60, .renewal = 7 * 24 * 60};
    struct lic_outcome out;

    assert_true(lic_step(l, &member, &ev, now, &out));
    return out;
}

static struct lic with_key(const struct cat_product *product)
{
    struct lic l;

    lic_init(&l, product);
    step(&l, &workgroup, LIC_EV_KEY, T0);
    return l;
}

static struct lic licensed_by_kms(const struct cat_product *product)
{
    struct lic l = with_key(product);

    assert_int_equal(step(&l, &workgroup, LIC_EV_ASKED, T0).action, LIC_ASK_KMS);
    assert_true(answer(&l, 50, T0).notes & LIC_GRANTED);
    return l;
}

static struct lic licensed_by_ad(const struct cat_product *product)
{
    struct lic l = with_key(product);

    assert_int_equal(step(&l, &member, LIC_EV_START, T0).action, LIC_ASK_AD);
    assert_true(ad_grants(&l, T0).notes & LIC_GRANTED);
    return l;
}

/* ---- the table ---- */

static void only_the_listed_events_are_legal_in_each_phase(void **state)
{
    static const bool legal[LIC_PHASE_COUNT][LIC_EVENT_COUNT] = {
        [LIC_NO_KEY] = {[LIC_EV_KEY] = true},
        [LIC_REST] = {[LIC_EV_KEY] = true,
                      [LIC_EV_KEY_REMOVED] = true,
                      [LIC_EV_START] = true,
                      [LIC_EV_WAKE] = true,
                      [LIC_EV_ASKED] = true,
                      [LIC_EV_REARM] = true,
                      [LIC_EV_HARDWARE] = true,
                      [LIC_EV_NOT_GENUINE] = true,
                      [LIC_EV_GENUINE] = true,
                      [LIC_EV_CONFIRMED] = true},
        [LIC_ASKING_AD] = {[LIC_EV_AD_GRANTED] = true, [LIC_EV_AD_FAILED] = true},
        [LIC_ASKING_KMS] = {[LIC_EV_KMS_ANSWERED] = true,
                            [LIC_EV_KMS_REFUSED] = true,
                            [LIC_EV_KMS_UNREACHABLE] = true},
        [LIC_ASKING_CLEARING] = {[LIC_EV_CLEARING_GRANTED] = true, [LIC_EV_CLEARING_FAILED] = true},
        [LIC_ASKING_PLATFORM] = {[LIC_EV_PLATFORM_GRANTED] = true, [LIC_EV_PLATFORM_FAILED] = true},
    };

    (void)state;
    for (int p = 0; p < LIC_PHASE_COUNT; p++)
        for (int e = 0; e < LIC_EVENT_COUNT; e++)
            assert_int_equal(lic_legal((enum lic_phase)p, (enum lic_event_type)e), legal[p][e]);
}

static void an_illegal_event_changes_nothing(void **state)
{
    (void)state;
    for (int p = 0; p < LIC_PHASE_COUNT; p++) {
        for (int e = 0; e < LIC_EVENT_COUNT; e++) {
            struct lic l = licensed_by_kms(&windows_11), before;
            struct lic_event ev = {.type = (enum lic_event_type)e, .count = 50};
            struct lic_outcome out = {.action = LIC_ASK_AD};

            if (lic_legal((enum lic_phase)p, ev.type))
                continue;
            l.phase = (uint8_t)p;
            before = l;
            assert_false(lic_step(&l, &member, &ev, T0 + 5, &out));
            assert_memory_equal(&l, &before, sizeof(l));
            assert_int_equal(out.action, LIC_DO_NOTHING);
            assert_int_equal(out.notes, 0);
        }
    }
}

static void every_state_with_an_end_is_followed_by_another_and_ends_in_notification(void **state)
{
    (void)state;
    for (int g = 0; g < LIC_GEN_COUNT; g++) {
        for (int s = 0; s < LIC_STATUS_COUNT; s++) {
            enum lic_status at = (enum lic_status)s;
            int steps = 0;

            while (lic_change((enum lic_generation)g, at, LIC_CAUSE_LAPSED) != NULL) {
                const struct lic_change *n =
                    lic_change((enum lic_generation)g, at, LIC_CAUSE_LAPSED);

                assert_int_not_equal(n->reason, 0);
                at = n->to;
                assert_true(++steps < LIC_STATUS_COUNT);
            }
            if (s == LIC_UNLICENSED)
                assert_int_equal(at, LIC_UNLICENSED);
            else
                assert_int_equal(at, LIC_NOTIFICATION);
        }
    }
}

/* ---- the beginning ---- */

static void a_product_without_a_key_is_unlicensed_and_never_wakes(void **state)
{
    struct lic l;

    (void)state;
    lic_init(&l, &windows_11);
    assert_int_equal(l.status, LIC_UNLICENSED);
    assert_int_equal(l.reason, 0xC004F014);
    assert_true(lic_due(&l) == LIC_NEVER);
}

static void windows_11_starts_in_notification_without_grace(void **state)
{
    struct lic l = with_key(&windows_11);

    (void)state;
    assert_int_equal(l.status, LIC_NOTIFICATION);
    assert_int_equal(l.reason, 0xC004F034);
    assert_true(lic_due(&l) == T0);
}

static void initial_grace_lasts_30_days_on_windows_7_and_office_and_60_on_server_2008(void **state)
{
    struct lic seven = with_key(&windows_7), office = with_key(&office_2021),
               server = with_key(&server_2008);

    (void)state;
    assert_int_equal(seven.status, LIC_OOB_GRACE);
    assert_int_equal(seven.reason, 0x4004F00C);
    assert_true(seven.expires == T0 + 30 * CLK_DAY);
    assert_int_equal(office.status, LIC_OOB_GRACE);
    assert_true(office.expires == T0 + 30 * CLK_DAY);
    assert_true(server.expires == T0 + 60 * CLK_DAY);
}

static void installing_the_key_again_does_not_begin_a_second_grace(void **state)
{
    struct lic l = with_key(&windows_7);

    (void)state;
    step(&l, &workgroup, LIC_EV_KEY_REMOVED, T0 + CLK_DAY);
    assert_int_equal(l.status, LIC_UNLICENSED);
    step(&l, &workgroup, LIC_EV_KEY, T0 + 10 * CLK_DAY);
    assert_true(l.expires == T0 + 30 * CLK_DAY);
    step(&l, &workgroup, LIC_EV_KEY_REMOVED, T0 + 11 * CLK_DAY);
    step(&l, &workgroup, LIC_EV_KEY, T0 + 31 * CLK_DAY);
    assert_int_equal(l.status, LIC_NOTIFICATION);
    assert_int_equal(l.reason, 0xC004F009);
}

static void initial_grace_ends_in_notification(void **state)
{
    struct lic l = with_key(&windows_7);

    (void)state;
    step(&l, &workgroup, LIC_EV_WAKE, T0);
    fails(&l, LIC_EV_KMS_UNREACHABLE, 0xC004F074, T0);
    l.next = T0 + 40 * CLK_DAY;
    assert_true(lic_due(&l) == T0 + 30 * CLK_DAY);
    assert_true(step(&l, &workgroup, LIC_EV_WAKE, T0 + 30 * CLK_DAY).notes & LIC_LAPSED);
    assert_int_equal(l.status, LIC_NOTIFICATION);
    assert_int_equal(l.reason, 0xC004F009);
}

/* ---- who is asked ---- */

static void a_member_asks_the_directory_first(void **state)
{
    static const enum lic_event_type begins[] = {LIC_EV_START, LIC_EV_WAKE, LIC_EV_ASKED};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct lic l = with_key(&windows_11);

        assert_int_equal(step(&l, &member, begins[i], T0).action, LIC_ASK_AD);
        assert_int_equal(l.phase, LIC_ASKING_AD);
    }
}

static void a_workgroup_machine_asks_kms_only(void **state)
{
    struct lic l = with_key(&windows_11);

    (void)state;
    assert_int_equal(step(&l, &workgroup, LIC_EV_START, T0).action, LIC_ASK_KMS);
}

static void a_member_whose_product_predates_adba_asks_kms_only(void **state)
{
    struct lic_site site = {.member = true, .bound = true, .adba = false};
    struct lic l = with_key(&windows_7);

    (void)state;
    assert_int_equal(step(&l, &site, LIC_EV_START, T0).action, LIC_ASK_KMS);
}

static void the_directory_licenses_for_180_days_and_is_asked_again_after_7(void **state)
{
    struct lic l = licensed_by_ad(&windows_11);

    (void)state;
    assert_int_equal(l.status, LIC_LICENSED);
    assert_int_equal(l.channel, LIC_BY_AD);
    assert_int_equal(l.reason, 0);
    assert_true(l.expires == T0 + 180 * CLK_DAY);
    assert_true(lic_due(&l) == T0 + 7 * CLK_DAY);
    assert_int_equal(step(&l, &member, LIC_EV_WAKE, T0 + 7 * CLK_DAY).action, LIC_ASK_AD);
    ad_grants(&l, T0 + 7 * CLK_DAY);
    assert_true(l.expires == T0 + 187 * CLK_DAY);
}

static void a_failing_directory_is_followed_by_kms_in_the_same_attempt(void **state)
{
    struct lic l = with_key(&windows_11);
    struct lic_outcome out;

    (void)state;
    step(&l, &member, LIC_EV_START, T0);
    out = fails(&l, LIC_EV_AD_FAILED, 0xC004F081, T0);
    assert_int_equal(out.action, LIC_ASK_KMS);
    assert_true(out.notes & LIC_FELL_BACK);
    assert_int_equal(l.ad_failed, 0xC004F081);
    answer(&l, 25, T0);
    assert_int_equal(l.channel, LIC_BY_KMS);
}

static void
after_a_fall_back_kms_rules_hold_and_the_next_attempt_asks_the_directory_first(void **state)
{
    struct lic l = with_key(&windows_11);

    (void)state;
    step(&l, &member, LIC_EV_START, T0);
    fails(&l, LIC_EV_AD_FAILED, 0xC004F081, T0);
    fails(&l, LIC_EV_KMS_UNREACHABLE, 0xC004F074, T0);
    assert_true(lic_due(&l) == T0 + 2 * CLK_HOUR);
    assert_int_equal(l.last, 0xC004F074);
    assert_int_equal(step(&l, &member, LIC_EV_WAKE, T0 + 2 * CLK_HOUR).action, LIC_ASK_AD);
}

static void a_kms_licensed_member_returns_to_the_directory_at_its_renewal(void **state)
{
    struct lic l = licensed_by_kms(&windows_11);

    (void)state;
    assert_int_equal(step(&l, &member, LIC_EV_WAKE, T0 + 7 * CLK_DAY).action, LIC_ASK_AD);
    ad_grants(&l, T0 + 7 * CLK_DAY);
    assert_int_equal(l.channel, LIC_BY_AD);
}

static void a_wake_before_its_time_asks_nobody(void **state)
{
    struct lic l = licensed_by_ad(&windows_11);
    struct lic_outcome out = step(&l, &member, LIC_EV_WAKE, T0 + 7 * CLK_DAY - 1);

    (void)state;
    assert_int_equal(out.action, LIC_DO_NOTHING);
    assert_int_equal(out.notes, LIC_SKIPPED);
}

static void activation_type_limits_who_is_asked(void **state)
{
    struct lic l = with_key(&windows_11);

    (void)state;
    l.type = LIC_TYPE_KMS;
    assert_int_equal(step(&l, &member, LIC_EV_ASKED, T0).action, LIC_ASK_KMS);
    l = with_key(&windows_11);
    l.type = LIC_TYPE_AD;
    assert_int_equal(step(&l, &member, LIC_EV_ASKED, T0).action, LIC_ASK_AD);
    assert_int_equal(fails(&l, LIC_EV_AD_FAILED, 0xC004F081, T0).action, LIC_DO_NOTHING);
    assert_int_equal(l.last, 0xC004F081);
    assert_true(step(&l, &workgroup, LIC_EV_ASKED, T0).notes & LIC_FAILED);
    assert_int_equal(l.phase, LIC_REST);
}

/* ---- thresholds and intervals ---- */

static void the_client_decides_by_25_for_clients_and_5_for_servers_and_office(void **state)
{
    static const struct {
        const struct cat_product *product;
        uint32_t enough;
    } rows[] = {{&windows_11, 25}, {&windows_7, 25}, {&server_2022, 5}, {&office_2021, 5}};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct lic l = with_key(rows[i].product);
        uint8_t before = l.status;
        struct lic_outcome out;

        step(&l, &workgroup, LIC_EV_ASKED, T0);
        out = answer(&l, rows[i].enough - 1, T0);
        assert_true(out.notes & LIC_BELOW);
        assert_int_equal(out.hresult, 0xC004F038);
        assert_int_equal(l.status, before);
        assert_true(l.next == T0 + 2 * CLK_HOUR);
        step(&l, &workgroup, LIC_EV_WAKE, T0 + 2 * CLK_HOUR);
        answer(&l, rows[i].enough, T0 + 2 * CLK_HOUR);
        assert_int_equal(l.status, LIC_LICENSED);
        assert_true(l.expires == T0 + 2 * CLK_HOUR + 180 * CLK_DAY);
    }
}

static void the_hosts_intervals_replace_the_defaults_even_below_the_threshold(void **state)
{
    struct lic l = with_key(&windows_11);
    struct lic_event ev = {
        .type = LIC_EV_KMS_ANSWERED, .count = 3, .activation = 15, .renewal = 43200};
    struct lic_outcome out;

    (void)state;
    step(&l, &workgroup, LIC_EV_ASKED, T0);
    assert_true(lic_step(&l, &workgroup, &ev, T0, &out));
    assert_true(l.next == T0 + 15 * CLK_MINUTE);
    step(&l, &workgroup, LIC_EV_WAKE, l.next);
    ev.count = 25;
    assert_true(lic_step(&l, &workgroup, &ev, T0, &out));
    assert_true(l.next == T0 + 30 * CLK_DAY);
}

static void intervals_outside_15_to_43200_are_not_taken(void **state)
{
    static const uint32_t bad[] = {0, 14, 43201, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct lic l = with_key(&windows_11);
        struct lic_event ev = {
            .type = LIC_EV_KMS_ANSWERED, .count = 1, .activation = bad[i], .renewal = bad[i]};
        struct lic_outcome out;

        step(&l, &workgroup, LIC_EV_ASKED, T0);
        assert_true(lic_step(&l, &workgroup, &ev, T0, &out));
        assert_int_equal(l.activation, 120);
        assert_int_equal(l.renewal, 10080);
    }
}

static void a_failed_renewal_keeps_the_licence_and_is_tried_again_after_two_hours(void **state)
{
    struct lic l = licensed_by_kms(&windows_11);
    int64_t at = T0 + 7 * CLK_DAY;

    (void)state;
    step(&l, &workgroup, LIC_EV_WAKE, at);
    fails(&l, LIC_EV_KMS_UNREACHABLE, 0xC004F074, at);
    assert_int_equal(l.status, LIC_LICENSED);
    assert_true(l.expires == T0 + 180 * CLK_DAY);
    assert_true(l.next == at + 2 * CLK_HOUR);
    assert_int_equal(l.last, 0xC004F074);
}

/* ---- lapses ---- */

/* Runs every wake-up until `until`, with no host anywhere. */
static void alone_until(struct lic *l, const struct lic_site *site, int64_t until)
{
    int steps = 0;

    while (lic_due(l) <= until) {
        int64_t now = lic_due(l);

        assert_true(++steps < 10000);

        if (step(l, site, LIC_EV_WAKE, now).action == LIC_ASK_AD)
            fails(l, LIC_EV_AD_FAILED, 0xC004F081, now);
        if (l->phase == LIC_ASKING_KMS)
            fails(l, LIC_EV_KMS_UNREACHABLE, 0xC004F074, now);
    }
}

static void windows_11_goes_straight_to_notification_after_180_days_without_a_host(void **state)
{
    struct lic l = licensed_by_kms(&windows_11);

    (void)state;
    alone_until(&l, &workgroup, T0 + 180 * CLK_DAY - 1);
    assert_int_equal(l.status, LIC_LICENSED);
    alone_until(&l, &workgroup, T0 + 180 * CLK_DAY);
    assert_int_equal(l.status, LIC_NOTIFICATION);
    assert_int_equal(l.reason, 0xC004F056);
    assert_int_equal(l.channel, LIC_NONE);
    assert_true(l.next == T0 + 180 * CLK_DAY + 2 * CLK_HOUR);
}

static void windows_7_gets_30_days_of_grace_after_its_lapse_then_notification(void **state)
{
    struct lic l = licensed_by_kms(&windows_7);

    (void)state;
    alone_until(&l, &workgroup, T0 + 180 * CLK_DAY);
    assert_int_equal(l.status, LIC_OOT_GRACE);
    assert_int_equal(l.reason, 0x4004F00D);
    assert_true(l.expires == T0 + 210 * CLK_DAY);
    alone_until(&l, &workgroup, T0 + 210 * CLK_DAY - 1);
    assert_int_equal(l.status, LIC_OOT_GRACE);
    alone_until(&l, &workgroup, T0 + 210 * CLK_DAY);
    assert_int_equal(l.status, LIC_NOTIFICATION);
    assert_int_equal(l.reason, 0xC004F009);
}

static void a_lapsed_machine_looks_for_a_licence_at_once_and_is_licensed_again(void **state)
{
    struct lic l = licensed_by_kms(&windows_11);
    struct lic_outcome out;

    (void)state;
    alone_until(&l, &workgroup, T0 + 180 * CLK_DAY - 1);
    out = step(&l, &workgroup, LIC_EV_WAKE, T0 + 180 * CLK_DAY);
    assert_true(out.notes & LIC_LAPSED);
    assert_int_equal(out.action, LIC_ASK_KMS);
    answer(&l, 25, T0 + 180 * CLK_DAY);
    assert_int_equal(l.status, LIC_LICENSED);
}

static void
a_machine_that_was_off_for_a_year_comes_back_in_the_state_it_would_have_reached(void **state)
{
    struct lic l = licensed_by_kms(&windows_7);

    (void)state;
    step(&l, &workgroup, LIC_EV_START, T0 + 365 * CLK_DAY);
    assert_int_equal(l.status, LIC_NOTIFICATION);
    assert_int_equal(l.phase, LIC_ASKING_KMS);
}

/* ---- domain membership ---- */

static void leaving_the_domain_changes_nothing_until_the_next_service_start(void **state)
{
    struct lic l = licensed_by_ad(&windows_11);

    (void)state;
    assert_true(step(&l, &left, LIC_EV_WAKE, T0 + CLK_DAY).notes & LIC_SKIPPED);
    assert_int_equal(l.status, LIC_LICENSED);
    assert_int_equal(l.channel, LIC_BY_AD);
}

static void
after_leaving_the_directory_licence_fails_at_service_start_and_kms_is_tried(void **state)
{
    struct lic l = licensed_by_ad(&windows_11);
    struct lic_outcome out = step(&l, &left, LIC_EV_START, T0 + CLK_DAY);

    (void)state;
    assert_true(out.notes & LIC_UNBOUND);
    assert_int_equal(out.action, LIC_ASK_KMS);
    assert_int_equal(l.status, LIC_NOTIFICATION);
    assert_int_equal(l.reason, 0xC004F080);
    answer(&l, 30, T0 + CLK_DAY);
    assert_int_equal(l.status, LIC_LICENSED);
    assert_int_equal(l.channel, LIC_BY_KMS);
}

static void a_kms_licence_outlives_leaving_the_domain(void **state)
{
    struct lic l = licensed_by_kms(&windows_11);

    (void)state;
    assert_true(step(&l, &left, LIC_EV_START, T0 + CLK_DAY).notes & LIC_SKIPPED);
    assert_int_equal(l.status, LIC_LICENSED);
    assert_int_equal(l.channel, LIC_BY_KMS);
}

static void a_member_renews_at_every_service_start(void **state)
{
    struct lic l = licensed_by_ad(&windows_11);

    (void)state;
    assert_int_equal(step(&l, &member, LIC_EV_START, T0 + CLK_DAY).action, LIC_ASK_AD);
    ad_grants(&l, T0 + CLK_DAY);
    assert_true(l.expires == T0 + 181 * CLK_DAY);
}

static void a_failing_directory_leaves_the_present_licence_in_force(void **state)
{
    struct lic l = licensed_by_ad(&windows_11);

    (void)state;
    step(&l, &member, LIC_EV_WAKE, T0 + 7 * CLK_DAY);
    fails(&l, LIC_EV_AD_FAILED, 0x800706BA, T0 + 7 * CLK_DAY);
    answer(&l, 3, T0 + 7 * CLK_DAY);
    assert_int_equal(l.status, LIC_LICENSED);
    assert_int_equal(l.channel, LIC_BY_AD);
    assert_true(l.expires == T0 + 180 * CLK_DAY);
}

static void the_state_of_one_product_stays_small_enough_for_a_fleet(void **state)
{
    (void)state;
    assert_true(sizeof(struct lic) <= 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_listed_events_are_legal_in_each_phase),
        cmocka_unit_test(an_illegal_event_changes_nothing),
        cmocka_unit_test(every_state_with_an_end_is_followed_by_another_and_ends_in_notification),
        cmocka_unit_test(a_product_without_a_key_is_unlicensed_and_never_wakes),
        cmocka_unit_test(windows_11_starts_in_notification_without_grace),
        cmocka_unit_test(initial_grace_lasts_30_days_on_windows_7_and_office_and_60_on_server_2008),
        cmocka_unit_test(installing_the_key_again_does_not_begin_a_second_grace),
        cmocka_unit_test(initial_grace_ends_in_notification),
        cmocka_unit_test(a_member_asks_the_directory_first),
        cmocka_unit_test(a_workgroup_machine_asks_kms_only),
        cmocka_unit_test(a_member_whose_product_predates_adba_asks_kms_only),
        cmocka_unit_test(the_directory_licenses_for_180_days_and_is_asked_again_after_7),
        cmocka_unit_test(a_failing_directory_is_followed_by_kms_in_the_same_attempt),
        cmocka_unit_test(
            after_a_fall_back_kms_rules_hold_and_the_next_attempt_asks_the_directory_first),
        cmocka_unit_test(a_kms_licensed_member_returns_to_the_directory_at_its_renewal),
        cmocka_unit_test(a_wake_before_its_time_asks_nobody),
        cmocka_unit_test(activation_type_limits_who_is_asked),
        cmocka_unit_test(the_client_decides_by_25_for_clients_and_5_for_servers_and_office),
        cmocka_unit_test(the_hosts_intervals_replace_the_defaults_even_below_the_threshold),
        cmocka_unit_test(intervals_outside_15_to_43200_are_not_taken),
        cmocka_unit_test(a_failed_renewal_keeps_the_licence_and_is_tried_again_after_two_hours),
        cmocka_unit_test(windows_11_goes_straight_to_notification_after_180_days_without_a_host),
        cmocka_unit_test(windows_7_gets_30_days_of_grace_after_its_lapse_then_notification),
        cmocka_unit_test(a_lapsed_machine_looks_for_a_licence_at_once_and_is_licensed_again),
        cmocka_unit_test(
            a_machine_that_was_off_for_a_year_comes_back_in_the_state_it_would_have_reached),
        cmocka_unit_test(leaving_the_domain_changes_nothing_until_the_next_service_start),
        cmocka_unit_test(
            after_leaving_the_directory_licence_fails_at_service_start_and_kms_is_tried),
        cmocka_unit_test(a_kms_licence_outlives_leaving_the_domain),
        cmocka_unit_test(a_member_renews_at_every_service_start),
        cmocka_unit_test(a_failing_directory_leaves_the_present_licence_in_force),
        cmocka_unit_test(the_state_of_one_product_stays_small_enough_for_a_fleet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
