/* Fleets in process. Expected values come from the public rules of KMS and of the directory:
 * 25, 5 and 5; 30 days; 180 days; a room of 50 or 10 (docs/fleet.md, docs/client.md). */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "fleet/fleet.h"

static struct catalog *cat;

static int load(void **state)
{
    struct errinfo ei;

    (void)state;
    return catalog_load(&cat, &ei) == ERR_OK ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    catalog_free(cat);
    return 0;
}

/* Machines that nothing ever happens to but licensing. */
static struct fleet_conf still(const char *product, uint32_t clients, uint32_t days)
{
    struct fleet_conf conf = {
        .catalog = cat,
        .clients = clients,
        .days = days,
        .hosts = 1,
        .presence = FLEET_ALWAYS,
        .seed = 7,
        .mix_count = 1,
        .mix = {{.product = catalog_product(cat, product, NULL), .share = 1}}};

    assert_non_null(conf.mix[0].product);
    return conf;
}

static struct fleet_report *run(const struct fleet_conf *conf)
{
    struct fleet_report *r = NULL;
    struct errinfo ei;

    assert_ok(fleet_run(conf, &r, &ei), &ei);
    return r;
}

static void expect_threshold(const char *product, uint32_t needed)
{
    for (uint32_t n = needed - 1; n <= needed; n++) {
        struct fleet_conf conf = still(product, n, 10);
        struct fleet_report *r = run(&conf);
        const struct fleet_day *end = &r->day[9];
        bool office = conf.mix[0].product->family == CAT_OFFICE;

        assert_int_equal(end->channel[LIC_BY_KMS], n < needed ? 0 : n);
        assert_int_equal(end->host[0].count[office], n);
        assert_int_equal(end->host[0].count[!office], 0);
        if (n < needed) /* every 2 hours, all of them */
            assert_int_equal(end->failed[FLEET_BELOW], n * 12);
        fleet_report_free(r);
    }
}

static void client_needs_25_server_and_office_5(void **state)
{
    (void)state;
    expect_threshold("Windows 11 Enterprise", 25);
    expect_threshold("Windows Server 2022 Standard", 5);
    expect_threshold("Office LTSC 2024 Professional Plus", 5);
}

static void members_need_no_count_and_no_host(void **state)
{
    struct fleet_conf conf = still("Windows 11 Enterprise", 3, 30);
    struct fleet_report *r;

    (void)state;
    conf.hosts = 0;
    conf.domain_share = 1000;
    r = run(&conf);
    assert_int_equal(r->day[0].channel[LIC_BY_AD], 3);
    assert_int_equal(r->day[29].channel[LIC_BY_AD], 3);
    assert_int_equal(r->day[29].kms + r->day[29].unanswered, 0);
    fleet_report_free(r);
}

/* Renewals are a week apart, so a licence has 173 to 180 days left when the host goes away. */
static void a_host_may_be_away_173_days_but_not_181(void **state)
{
    static const struct {
        uint32_t days, lapsed;
    } rows[] = {{172, 0}, {181, 30}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fleet_conf conf = still("Windows 11 Enterprise", 30, 250);
        struct fleet_report *r;

        conf.outage_count = 1;
        conf.outage[0] = (struct fleet_outage){
            .part = FLEET_KMS, .from = 20 * FLEET_DAY, .until = (20 + rows[i].days) * FLEET_DAY};
        r = run(&conf);
        assert_int_equal(r->outage_lapsed[0], rows[i].lapsed);
        assert_int_equal(r->day[249].channel[LIC_BY_KMS], 30); /* and all come back */
        fleet_report_free(r);
    }
}

static void a_count_is_forgotten_after_30_days(void **state)
{
    struct fleet_conf conf = still("Windows Server 2022 Standard", 8, 60);
    struct fleet_report *r;

    (void)state;
    conf.outage_count = 1;
    conf.outage[0] =
        (struct fleet_outage){.part = FLEET_KMS, .from = 10 * FLEET_DAY, .until = 60 * FLEET_DAY};
    r = run(&conf);
    assert_int_equal(r->day[9].host[0].count[FLEET_WINDOWS], 8);
    assert_int_equal(r->day[31].host[0].count[FLEET_WINDOWS],
                     8); /* asked on day 3 at the earliest */
    assert_int_equal(r->day[41].host[0].count[FLEET_WINDOWS], 0);
    fleet_report_free(r);
}

static void without_a_controller_members_ask_kms(void **state)
{
    struct fleet_conf conf = still("Windows 11 Enterprise", 100, 40);
    struct fleet_report *r;

    (void)state;
    conf.domain_share = 1000;
    conf.outage_count = 1;
    conf.outage[0] =
        (struct fleet_outage){.part = FLEET_DC, .from = 10 * FLEET_DAY, .until = 20 * FLEET_DAY};
    r = run(&conf);
    assert_int_equal(r->day[9].channel[LIC_BY_AD], 100);
    assert_int_equal(r->day[18].channel[LIC_BY_KMS], 100);
    assert_int_equal(r->day[39].channel[LIC_BY_AD], 100);
    for (uint32_t d = 0; d < 40; d++)
        assert_true((r->day[d].failed[FLEET_DC_DOWN] > 0) <= (d >= 10 && d < 20));
    fleet_report_free(r);
}

static void a_key_of_another_group_serves_nobody(void **state)
{
    struct fleet_conf conf = still("Windows Server 2022 Standard", 10, 2);
    struct fleet_report *r;

    (void)state;
    conf.group_count = 1;
    conf.group[0] = catalog_group(cat, "Volume License for Windows Server 2019");
    assert_non_null(conf.group[0]);
    r = run(&conf);
    assert_int_equal(r->day[1].failed[FLEET_NOT_SERVED], 120);
    assert_int_equal(fleet_licensed(&r->day[1]), 0);
    assert_int_equal(r->reach[FLEET_WINDOWS].askers, 0);
    fleet_report_free(r);
}

/* Everything at once, with every figure of every day. */
static struct fleet_conf lively(uint64_t seed)
{
    struct fleet_conf conf = still("Windows 11 Enterprise", 5000, 60);

    conf.mix_count = 2;
    conf.mix[0].share = 3;
    conf.mix[1] = (struct fleet_share){
        .product = catalog_product(cat, "Office LTSC 2024 Professional Plus", NULL), .share = 1};
    conf.domain_share = 800;
    conf.hosts = 3;
    conf.replace = 200;
    conf.move = 100;
    conf.arrive = 20 * FLEET_DAY;
    conf.presence = FLEET_OFFICE_HOURS;
    conf.seed = seed;
    conf.outage_count = 2;
    conf.outage[0] = (struct fleet_outage){
        .part = FLEET_KMS, .host = 2, .from = 30 * FLEET_DAY, .until = 40 * FLEET_DAY};
    conf.outage[1] = (struct fleet_outage){
        .part = FLEET_OBJECT, .from = 45 * FLEET_DAY, .until = 46 * FLEET_DAY};
    return conf;
}

static void the_same_seed_gives_the_same_days(void **state)
{
    struct fleet_conf conf = lively(42), other = lively(43);
    struct fleet_report *a = run(&conf), *b = run(&conf), *c = run(&other);

    (void)state;
    assert_memory_equal(a->day, b->day, 60 * sizeof(*a->day));
    assert_int_equal(a->steps, b->steps);
    assert_memory_not_equal(a->day, c->day, 60 * sizeof(*a->day));
    fleet_report_free(a);
    fleet_report_free(b);
    fleet_report_free(c);
}

static void the_figures_of_a_day_agree(void **state)
{
    struct fleet_conf conf = lively(44);
    struct fleet_report *r = run(&conf);

    (void)state;
    for (uint32_t d = 0; d < 60; d++) {
        const struct fleet_day *day = &r->day[d];
        uint32_t states = 0, channels = 0, requests = 0;

        for (size_t i = 0; i < LIC_STATUS_COUNT; i++)
            states += day->status[i];
        for (size_t i = 0; i < LIC_CHANNEL_COUNT; i++)
            channels += day->channel[i];
        for (size_t h = 0; h < 3; h++) {
            requests += day->host[h].requests;
            assert_true(day->host[h].count[FLEET_WINDOWS] <= 50);
            assert_true(day->host[h].count[FLEET_OFFICE_APP] <= 10);
        }
        assert_int_equal(states, day->machines);
        assert_int_equal(channels, day->machines);
        assert_int_equal(channels - day->channel[LIC_NONE], fleet_licensed(day));
        assert_int_equal(requests, day->kms);
        assert_true(day->kms_peak <= day->kms && day->kms <= 24 * day->kms_peak);
        assert_true(day->on <= day->machines);
        if (d >= 30 && d < 40)
            assert_int_equal(day->host[1].requests, 0);
        if (d % 7 >= 5) /* Saturday and Sunday: everybody is at home */
            assert_int_equal(day->kms + day->ad, 0);
    }
    assert_int_equal(r->day[59].machines, 5000);
    fleet_report_free(r);
}

static void shares_are_met_to_the_client(void **state)
{
    struct fleet_conf conf = still("Windows 11 Enterprise", 1000, 20);
    struct fleet_report *r;

    (void)state;
    conf.domain_share = 377;
    r = run(&conf);
    assert_int_equal(r->day[19].channel[LIC_BY_AD], 377);
    assert_int_equal(r->day[19].channel[LIC_BY_KMS], 623);
    fleet_report_free(r);
}

static void it_says_how_many_are_missing(void **state)
{
    struct fleet_conf conf = still("Windows 11 Enterprise", 20, 10);
    struct fleet_report *r = run(&conf);
    struct buf says = BUF_INIT;

    (void)state;
    fleet_says(r, FLEET_ASK_THRESHOLD, &says);
    assert_contains(buf_str(&says), "never reached; the highest told was 20, so 5 more machines");
    buf_clear(&says);
    fleet_says(r, FLEET_ASK_OUTAGE, &says);
    assert_contains(buf_str(&says), "no client depends on a KMS host");
    buf_fini(&says);
    fleet_report_free(r);
}

/* ---- a host elsewhere ---- */

struct elsewhere {
    uint32_t asked, batches, most; /* questions; calls; questions in one call */
    uint32_t refuse_until;         /* minute */
    uint32_t fail_at;              /* question; 0: never */
    uint32_t minute;
};

/* Tells every machine that it is the fiftieth. */
static enum err answer(void *arg, uint32_t minute, struct fleet_ask *asks, size_t n,
                       struct errinfo *ei)
{
    struct elsewhere *e = arg;

    assert_true(n > 0 && minute >= e->minute);
    e->minute = minute;
    e->batches++;
    e->most = n > e->most ? (uint32_t)n : e->most;
    for (size_t i = 0; i < n; i++) {
        if (++e->asked == e->fail_at)
            return err_fail(ei, ERR_UNREACHABLE, "gone");
        if (minute < e->refuse_until)
            asks[i].event = (struct lic_event){.type = LIC_EV_KMS_REFUSED, .hresult = 0xC004F042};
        else
            asks[i].event = (struct lic_event){.type = LIC_EV_KMS_ANSWERED,
                                               .count = 50,
                                               .activation = LIC_ACTIVATION_DEFAULT,
                                               .renewal = LIC_RENEWAL_DEFAULT};
    }
    return ERR_OK;
}

static void a_host_elsewhere_is_asked_by_all_of_a_minute_at_once(void **state)
{
    struct fleet_conf conf = still("Windows 11 Enterprise", 300, 8);
    struct elsewhere e = {.refuse_until = 60};
    struct fleet_report *r;
    uint32_t asked = 0;

    (void)state;
    conf.ask = answer;
    conf.ask_arg = &e;
    r = run(&conf);
    for (uint32_t d = 0; d < 8; d++)
        asked += r->day[d].kms;
    /* All arrive in minute 0 and are refused, ask again after 2 hours, and renew after 7 days; a
     * start asks too. */
    assert_int_equal(e.asked, asked);
    assert_true(e.asked >= 3 * 300);
    assert_true(e.most >= 299);
    assert_true(r->day[0].failed[FLEET_NOT_SERVED] >= 300);
    assert_int_equal(r->day[7].channel[LIC_BY_KMS], 300);
    assert_int_equal(r->reach[FLEET_WINDOWS].askers, 300);
    assert_int_equal(r->match[FLEET_WINDOWS].told, 50);
    assert_int_equal(r->match[FLEET_WINDOWS].simulated, 50);
    assert_true(r->match[FLEET_WINDOWS].differed >= 1); /* it refused, the simulated one did not */
    fleet_report_free(r);
}

static void a_host_elsewhere_that_fails_ends_the_run(void **state)
{
    struct fleet_conf conf = still("Windows 11 Enterprise", 300, 20);
    struct elsewhere e = {.fail_at = 650};
    struct fleet_report *r = NULL;
    struct errinfo ei;

    (void)state;
    conf.ask = answer;
    conf.ask_arg = &e;
    assert_int_equal(fleet_run(&conf, &r, &ei), ERR_UNREACHABLE);
    assert_null(r);
    assert_contains(ei.text, "gone; that was on day 15");
    assert_int_equal(e.asked, 650); /* 300 on day 1, 300 after 7 days */
    conf.hosts = 2;
    assert_int_equal(fleet_run(&conf, &r, &ei), ERR_USAGE);
}

struct told {
    uint32_t n, fail_at;
    uint32_t validity; /* the shortest */
    bool machine[40];
};

static enum err hear(void *arg, const struct fleet_grant *g, struct errinfo *ei)
{
    struct told *t = arg;

    assert_string_equal(g->product->product, "Windows 11");
    assert_true(g->machine < 40);
    t->machine[g->machine] = true;
    if (g->validity < t->validity)
        t->validity = g->validity;
    return ++t->n == t->fail_at ? err_fail(ei, ERR_UNREACHABLE, "gone") : ERR_OK;
}

/* Every question to the directory that it answers, and none to KMS. */
static void each_activation_through_the_directory_is_told(void **state)
{
    struct fleet_conf conf = still("Windows 11 Enterprise", 40, 20);
    struct told t = {.validity = UINT32_MAX};
    uint32_t asked = 0, down = 0;
    struct fleet_report *r;
    struct errinfo ei;

    (void)state;
    conf.domain_share = 500;
    conf.outage_count = 1;
    conf.outage[0] =
        (struct fleet_outage){.part = FLEET_DC, .from = 6 * FLEET_DAY, .until = 9 * FLEET_DAY};
    conf.tell = hear;
    conf.tell_arg = &t;
    r = run(&conf);
    for (uint32_t d = 0; d < 20; d++) {
        asked += r->day[d].ad;
        down += r->day[d].failed[FLEET_DC_DOWN];
    }
    assert_true(down >= 20 && r->day[19].kms + r->day[0].kms > 0);
    assert_int_equal(t.n, asked - down);
    assert_int_equal(t.validity, 180 * FLEET_DAY);
    for (uint32_t i = 0, members = 0; i < 40; i++) {
        members += t.machine[i];
        assert_true(i < 39 || members == 20);
    }
    fleet_report_free(r);
    t = (struct told){.fail_at = 7};
    assert_int_equal(fleet_run(&conf, &r, &ei), ERR_UNREACHABLE);
    assert_contains(ei.text, "gone; that was on day 1");
    assert_int_equal(t.n, 7);
}

static void a_number_out_of_range_is_refused(void **state)
{
    struct fleet_conf conf = still("Windows 11 Enterprise", 20, 10);
    struct fleet_report *r = NULL;
    struct errinfo ei;

    (void)state;
    conf.days = FLEET_DAYS_MAX + 1;
    assert_int_equal(fleet_run(&conf, &r, &ei), ERR_USAGE);
    conf.days = 10;
    conf.mix_count = 0;
    assert_int_equal(fleet_run(&conf, &r, &ei), ERR_USAGE);
    assert_null(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_needs_25_server_and_office_5),
        cmocka_unit_test(members_need_no_count_and_no_host),
        cmocka_unit_test(a_host_may_be_away_173_days_but_not_181),
        cmocka_unit_test(a_count_is_forgotten_after_30_days),
        cmocka_unit_test(without_a_controller_members_ask_kms),
        cmocka_unit_test(a_key_of_another_group_serves_nobody),
        cmocka_unit_test(the_same_seed_gives_the_same_days),
        cmocka_unit_test(the_figures_of_a_day_agree),
        cmocka_unit_test(shares_are_met_to_the_client),
        cmocka_unit_test(it_says_how_many_are_missing),
        cmocka_unit_test(a_host_elsewhere_is_asked_by_all_of_a_minute_at_once),
        cmocka_unit_test(a_host_elsewhere_that_fails_ends_the_run),
        cmocka_unit_test(each_activation_through_the_directory_is_told),
        cmocka_unit_test(a_number_out_of_range_is_refused),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
