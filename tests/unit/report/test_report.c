/* The inventory, and what follows from it. */
#include "samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"
#include "report/seen.h"
#include "store/members.h"
#include "store/selfreports.h"

#define DAY INT64_C(86400)
#define T0  INT64_C(1700000000)

struct world {
    struct fixture *ledger;
    struct catalog *catalog;
    struct report *report;
    struct errinfo ei;
};

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    void *ledger = NULL;

    assert_non_null(w);
    setup(&ledger);
    w->ledger = ledger;
    open_ledger(w->ledger);
    assert_ok(catalog_load(&w->catalog, &w->ei), &w->ei);
    w->report = report_new(w->catalog);
    assert_non_null(w->report);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    void *ledger = w->ledger;

    report_free(w->report);
    catalog_free(w->catalog);
    free(w);
    return teardown(&ledger);
}

static const struct cat_product *product(const struct world *w, const char *name)
{
    const struct cat_product *p = catalog_product(w->catalog, name, NULL);

    assert_non_null(p);
    return p;
}

/* A machine's answered request; the rest is for the caller. */
static struct store_activation asked(const struct world *w, unsigned machine, const char *name,
                                     const char *what, int64_t when)
{
    const struct cat_product *p = product(w, what);
    struct store_activation a = activation(machine, when);

    a.activation_id = p->activation_id;
    a.application_id = p->application_id;
    a.kms_id = p->kms_id;
    a.required_count = p->required_count;
    a.licence_status = 2;
    a.minutes_left = 10 * 24 * 60;
    a.count = p->required_count;
    snprintf(a.workstation, sizeof(a.workstation), "%s", name);
    return a;
}

static void record(struct world *w, const struct store_activation *a)
{
    struct fixture *f = w->ledger;

    assert_ok(store_begin(f->s, &w->ei), &w->ei);
    assert_ok(store_add_activation(f->s, a, &w->ei), &w->ei);
    assert_ok(store_commit(f->s, &w->ei), &w->ei);
}

static void ask(struct world *w, unsigned machine, const char *name, const char *what, int64_t when)
{
    const struct store_activation a = asked(w, machine, name, what, when);

    record(w, &a);
}

static void put_member(struct world *w, unsigned n, const char *name, const char *dns_name,
                       bool enabled)
{
    const struct guid id = {{(uint8_t)n, 1}};
    const struct store_member m = {.id = id,
                                   .guid = id,
                                   .name = name,
                                   .dns_name = dns_name,
                                   .dn = "CN=x",
                                   .sid = NULL,
                                   .enabled = enabled};

    assert_ok(store_put_member(w->ledger->s, &m, &w->ei), &w->ei);
}

static void registry_was_read(struct world *w, int64_t when)
{
    const struct store_member_sync sync = {
        .cookie = "", .synced_at = when, .listed_at = when, .full = true};

    assert_ok(store_set_member_sync(w->ledger->s, &sync, &w->ei), &w->ei);
}

static void read_at(struct world *w, int64_t now)
{
    assert_ok(report_read(w->report, w->ledger->s, now, REPORT_SOON, &w->ei), &w->ei);
}

/* ---- judging ---- */

static void a_row_is_judged_by_what_it_said_and_was_told(void **state)
{
    static const struct {
        enum store_channel channel;
        uint32_t count, required, stated;
        int64_t days_left, days_later;
        enum report_status status;
        int64_t expires; /* days after the contact; -1: never */
    } cases[] = {
        /* activated: 180 days, whatever it said before */
        {STORE_KMS, 25, 25, 2, 10, 0, REPORT_LICENSED, 180},
        {STORE_KMS, 25, 25, 5, 0, 149, REPORT_LICENSED, 180},
        {STORE_KMS, 25, 25, 2, 10, 150, REPORT_EXPIRING, 180},
        {STORE_KMS, 25, 25, 2, 10, 179, REPORT_EXPIRING, 180},
        {STORE_KMS, 25, 25, 2, 10, 180, REPORT_LAPSED, 180},
        /* the directory wants no count */
        {STORE_ADBA, 0, 25, 2, 10, 1, REPORT_LICENSED, 180},
        /* below the count nothing changes */
        {STORE_KMS, 24, 25, 2, 10, 9, REPORT_GRACE, 10},
        {STORE_KMS, 24, 25, 2, 10, 10, REPORT_NOT_LICENSED, 10},
        {STORE_KMS, 24, 25, 3, 10, 9, REPORT_GRACE, 10},
        {STORE_KMS, 24, 25, 6, 10, 9, REPORT_GRACE, 10},
        {STORE_KMS, 24, 25, 0, 10, 0, REPORT_NOT_LICENSED, -1},
        {STORE_KMS, 24, 25, 5, 10, 0, REPORT_NOT_LICENSED, -1},
        /* a licence from before goes on */
        {STORE_KMS, 24, 25, 1, 100, 60, REPORT_LICENSED, 100},
        {STORE_KMS, 24, 25, 1, 100, 70, REPORT_EXPIRING, 100},
        {STORE_KMS, 24, 25, 1, 100, 100, REPORT_LAPSED, 100},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct report_row row = {.channel = cases[i].channel,
                                       .last = T0,
                                       .count = cases[i].count,
                                       .required_count = cases[i].required,
                                       .licence_status = cases[i].stated,
                                       .minutes_left = (uint32_t)(cases[i].days_left * 24 * 60)};
        int64_t expires;
        enum report_status s =
            report_judge(&row, T0 + cases[i].days_later * DAY, 30 * DAY, &expires);

        if (s != cases[i].status)
            fail_msg("case %zu: %s", i, report_status_name(s));
        assert_int_equal(expires,
                         cases[i].expires < 0 ? REPORT_NEVER : T0 + cases[i].expires * DAY);
    }
}

/* ---- the inventory ---- */

static void the_newest_request_of_a_machine_and_product_counts(void **state)
{
    struct world *w = *state;
    const struct report_query all = {.since = REPORT_NEVER};
    struct report_list l;

    ask(w, 1, "pc-1", "Windows 11 Enterprise", T0);
    ask(w, 1, "pc-1", "Office LTSC 2021 Office LTSC Professional Plus 2021", T0 + 1);
    ask(w, 2, "pc-2", "Windows 11 Enterprise", T0 + 2);
    read_at(w, T0 + 10);
    ask(w, 1, "renamed", "Windows 11 Enterprise", T0 + 20);
    read_at(w, T0 + 30); /* what came since */
    assert_ok(report_select(w->report, &all, &l, &w->ei), &w->ei);
    assert_int_equal(l.total, 3);
    assert_string_equal(l.rows[0]->workstation, "renamed");
    assert_int_equal(l.rows[0]->last, T0 + 20);
    assert_string_equal(l.rows[0]->product->edition, "Enterprise");
    assert_string_equal(l.rows[1]->workstation, "pc-2");
    assert_string_equal(l.rows[2]->workstation, "pc-1");
    assert_int_equal(l.rows[2]->member, REPORT_NO_REGISTRY);
    report_list_free(&l);
    assert_int_equal(report_count(w->report, &cat_app_windows), 2);
    assert_int_equal(report_count(w->report, &cat_app_office), 1);
}

static bool is_odd(void *arg, const struct report_row *row)
{
    ++*(unsigned *)arg;
    return (row->workstation[strlen(row->workstation) - 1] - '0') % 2 == 1;
}

static void expect_names(struct world *w, const struct report_query *q, const char *names)
{
    char found[512] = "";
    struct report_list l;

    assert_ok(report_select(w->report, q, &l, &w->ei), &w->ei);
    for (size_t i = 0; i < l.n; i++)
        snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s", i > 0 ? " " : "",
                 l.rows[i]->workstation);
    report_list_free(&l);
    assert_string_equal(found, names);
}

static void queries_choose_sort_and_page(void **state)
{
    struct world *w = *state;
    struct store_activation a;
    unsigned calls = 0;
    struct report_list l;

    ask(w, 1, "pc-1", "Windows 11 Enterprise", T0);                    /* lapsed */
    ask(w, 2, "PC-2", "Windows Server 2022 Standard", T0 + 100 * DAY); /* licensed */
    ask(w, 3, "pc-3", "Office LTSC 2021 Office LTSC Professional Plus 2021",
        T0 + 40 * DAY); /* expiring */
    a = asked(w, 4, "pc-4", "Windows 11 Enterprise", T0 + 185 * DAY);
    a.count = 1;
    record(w, &a); /* grace */
    read_at(w, T0 + 190 * DAY);

    expect_names(w, &(struct report_query){.since = REPORT_NEVER}, "pc-4 PC-2 pc-3 pc-1");
    expect_names(w, &(struct report_query){.since = REPORT_NEVER, .reverse = true},
                 "pc-1 pc-3 PC-2 pc-4");
    expect_names(w, &(struct report_query){.since = REPORT_NEVER, .sort = REPORT_BY_WORKSTATION},
                 "pc-1 PC-2 pc-3 pc-4");
    expect_names(w, &(struct report_query){.since = REPORT_NEVER, .sort = REPORT_BY_PRODUCT},
                 "pc-3 pc-1 pc-4 PC-2");
    expect_names(w, &(struct report_query){.since = REPORT_NEVER, .sort = REPORT_BY_STATUS},
                 "PC-2 pc-3 pc-4 pc-1");
    expect_names(w, &(struct report_query){.since = REPORT_NEVER, .sort = REPORT_BY_EXPIRES},
                 "pc-1 pc-4 pc-3 PC-2");
    expect_names(w, &(struct report_query){.since = T0 + 100 * DAY}, "pc-4 PC-2");
    expect_names(w, &(struct report_query){.since = REPORT_NEVER, .text = "windows 11"},
                 "pc-4 pc-1");
    expect_names(w, &(struct report_query){.since = REPORT_NEVER, .text = "PC-3"}, "pc-3");
    expect_names(w,
                 &(struct report_query){.since = REPORT_NEVER,
                                        .statuses = 1u << REPORT_LAPSED | 1u << REPORT_GRACE},
                 "pc-4 pc-1");
    expect_names(w, &(struct report_query){.since = REPORT_NEVER, .wants = is_odd, .arg = &calls},
                 "pc-3 pc-1");
    assert_int_equal(calls, 4);
    expect_names(w, &(struct report_query){.since = REPORT_NEVER, .offset = 1, .limit = 2},
                 "PC-2 pc-3");
    expect_names(w, &(struct report_query){.since = REPORT_NEVER, .offset = 9, .limit = 2}, "");
    assert_ok(report_select(w->report, &(struct report_query){.since = REPORT_NEVER, .limit = 1},
                            &l, &w->ei),
              &w->ei);
    assert_int_equal(l.n, 1);
    assert_int_equal(l.total, 4);
    report_list_free(&l);
}

static void names_of_statuses_and_orders_are_understood(void **state)
{
    (void)state;
    assert_int_equal(report_status_named("no-report"), REPORT_NO_REPORT);
    assert_int_equal(report_status_named("not-licensed"), REPORT_NOT_LICENSED);
    assert_int_equal(report_status_named("fine"), REPORT_STATUSES);
    assert_int_equal(report_sort_named("expires"), REPORT_BY_EXPIRES);
    assert_int_equal(report_sort_named("colour"), REPORT_SORTS);
}

static void products_are_summed_up(void **state)
{
    struct world *w = *state;
    struct store_activation a;
    struct report_product *p;
    size_t n;

    ask(w, 1, "pc-1", "Windows 11 Enterprise", T0);
    a = asked(w, 2, "pc-2", "Windows 11 Enterprise", T0 + 5);
    a.channel = STORE_ADBA;
    record(w, &a);
    a = asked(w, 3, "pc-3", "Office LTSC 2021 Office LTSC Professional Plus 2021", T0);
    a.count = 1;
    record(w, &a);
    a = asked(w, 4, "pc-4", "Windows 11 Enterprise", T0);
    memset(a.activation_id.b, 0xee, 16);
    record(w, &a);
    read_at(w, T0 + DAY);
    assert_ok(report_products(w->report, &p, &n, &w->ei), &w->ei);
    assert_int_equal(n, 3);
    assert_string_equal(p[0].product->edition, "Office LTSC Professional Plus 2021");
    assert_int_equal(p[0].by_status[REPORT_GRACE], 1);
    assert_int_equal(p[0].count, 1);
    assert_int_equal(p[0].required_count, 5);
    assert_string_equal(p[1].product->product, "Windows 11");
    assert_int_equal(p[1].machines, 2);
    assert_int_equal(p[1].by_status[REPORT_LICENSED], 2);
    assert_int_equal(p[1].by_channel[STORE_KMS], 1);
    assert_int_equal(p[1].by_channel[STORE_ADBA], 1);
    assert_int_equal(p[1].last, T0 + 5);
    assert_int_equal(p[1].count, 2); /* pc-1 and pc-4: what the directory grants is not counted */
    assert_null(p[2].product);
    free(p);
}

/* ---- self-reported ---- */

/* What a machine tells of the directory at told: activated at when, for 180 days. */
static void tell_at(struct world *w, unsigned machine, const char *name, const char *what,
                    int64_t when, int64_t told)
{
    const struct store_activation a = asked(w, machine, name, what, when);
    struct store_self_report r = {.when = told,
                                  .peer = "192.0.2.9:5",
                                  .event_id = 12308,
                                  .client_id = a.client_id,
                                  .application_id = a.application_id,
                                  .activation_id = a.activation_id,
                                  .kms_id = a.kms_id,
                                  .activated_at = when,
                                  .expires = when + 180 * DAY};

    snprintf(r.workstation, sizeof(r.workstation), "%s", name);
    assert_ok(store_begin(w->ledger->s, &w->ei), &w->ei);
    assert_ok(store_add_self_report(w->ledger->s, &r, &w->ei), &w->ei);
    assert_ok(store_commit(w->ledger->s, &w->ei), &w->ei);
}

static void tell(struct world *w, unsigned machine, const char *name, const char *what,
                 int64_t when)
{
    tell_at(w, machine, name, what, when, when + 60);
}

static void what_clients_tell_is_marked_and_never_counts(void **state)
{
    struct world *w = *state;
    const struct report_query all = {.since = REPORT_NEVER, .sort = REPORT_BY_WORKSTATION};
    struct report_list l;
    struct report_product *p;
    size_t n;

    ask(w, 1, "pc-1", "Windows 11 Enterprise", T0);
    tell(w, 2, "pc-2", "Windows 11 Enterprise", T0);
    read_at(w, T0 + DAY);
    assert_ok(report_select(w->report, &all, &l, &w->ei), &w->ei);
    assert_int_equal(l.n, 2);
    assert_false(l.rows[0]->self_reported);
    assert_true(l.rows[1]->self_reported);
    assert_string_equal(l.rows[1]->workstation, "pc-2");
    assert_int_equal(l.rows[1]->channel, STORE_ADBA);
    assert_int_equal(l.rows[1]->status, REPORT_LICENSED);
    assert_int_equal(l.rows[1]->expires, T0 + 180 * DAY);
    assert_int_equal(l.rows[1]->last, T0);
    report_list_free(&l);
    assert_ok(report_products(w->report, &p, &n, &w->ei), &w->ei);
    assert_int_equal(n, 1);
    assert_int_equal(p[0].machines, 2);
    assert_int_equal(p[0].by_channel[STORE_ADBA], 1);
    assert_int_equal(p[0].self_reported, 1);
    assert_int_equal(p[0].count, 1);
    free(p);
    read_at(w, T0 + 180 * DAY);
    assert_ok(report_select(w->report, &all, &l, &w->ei), &w->ei);
    assert_int_equal(l.rows[1]->status, REPORT_LAPSED);
    report_list_free(&l);
}

/* Of a request and a report of one machine and product the newer event decides, whichever was read
 * first; a report may come late. */
static void the_newer_of_request_and_report_decides(void **state)
{
    struct world *w = *state;
    const struct report_query all = {.since = REPORT_NEVER};
    struct report_list l;
    uint64_t before;

    ask(w, 1, "pc-1", "Windows 11 Enterprise", T0);
    tell(w, 1, "pc-1", "Windows 11 Enterprise", T0 - DAY); /* late */
    read_at(w, T0);
    assert_ok(report_select(w->report, &all, &l, &w->ei), &w->ei);
    assert_true(l.n == 1 && !l.rows[0]->self_reported);
    report_list_free(&l);
    before = report_generation(w->report);
    read_at(w, T0);
    assert_true(report_generation(w->report) == before);
    tell(w, 1, "pc-1", "Windows 11 Enterprise", T0 + DAY);
    read_at(w, T0 + DAY);
    assert_true(report_generation(w->report) != before);
    assert_ok(report_select(w->report, &all, &l, &w->ei), &w->ei);
    assert_true(l.n == 1 && l.rows[0]->self_reported && l.rows[0]->last == T0 + DAY);
    report_list_free(&l);
    ask(w, 1, "pc-1", "Windows 11 Enterprise", T0 + 2 * DAY);
    read_at(w, T0 + 2 * DAY);
    assert_ok(report_select(w->report, &all, &l, &w->ei), &w->ei);
    assert_true(l.n == 1 && !l.rows[0]->self_reported && l.rows[0]->last == T0 + 2 * DAY);
    report_list_free(&l);
}

/* A report is no newer than the moment it was told, whatever the client's clock said. */
static void a_report_from_the_future_hides_no_request(void **state)
{
    struct world *w = *state;
    const struct report_query all = {.since = REPORT_NEVER};
    struct report_list l;

    tell_at(w, 1, "pc-1", "Windows 11 Enterprise", T0 + 3600, T0);
    read_at(w, T0);
    assert_ok(report_select(w->report, &all, &l, &w->ei), &w->ei);
    assert_true(l.n == 1 && l.rows[0]->self_reported && l.rows[0]->last == T0);
    report_list_free(&l);
    ask(w, 1, "pc-1", "Windows 11 Enterprise", T0 + 1);
    read_at(w, T0 + 1);
    assert_ok(report_select(w->report, &all, &l, &w->ei), &w->ei);
    assert_true(l.n == 1 && !l.rows[0]->self_reported && l.rows[0]->last == T0 + 1);
    report_list_free(&l);
}

static void a_member_that_told_is_no_silent_one(void **state)
{
    struct world *w = *state;
    struct report_compliance c;

    assert_ok(store_begin(w->ledger->s, &w->ei), &w->ei);
    put_member(w, 1, "PC1", "", true);
    put_member(w, 2, "SILENT", "", true);
    registry_was_read(w, T0);
    assert_ok(store_commit(w->ledger->s, &w->ei), &w->ei);
    tell(w, 1, "PC1", "Windows 11 Enterprise", T0);
    read_at(w, T0);
    assert_ok(report_compliance(w->report, &c, &w->ei), &w->ei);
    assert_int_equal(c.counts[REPORT_MEMBER][REPORT_LICENSED], 1);
    assert_int_equal(c.counts[REPORT_MEMBER][REPORT_NO_REPORT], 1);
    assert_int_equal(c.licensed_by[STORE_ADBA], 1);
    assert_int_equal(c.self_reported, 1);
    report_compliance_free(&c);
}

/* ---- compliance ---- */

static const struct report_computer *computer(const struct report_compliance *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->computers[i].name, name) == 0)
            return &c->computers[i];
    }
    fail_msg("no computer %s", name);
    return NULL;
}

static void computers_are_held_against_the_registry(void **state)
{
    struct world *w = *state;
    struct report_compliance c;
    const struct report_computer *pc1;
    char long_name[300] = "";

    assert_ok(store_begin(w->ledger->s, &w->ei), &w->ei);
    put_member(w, 1, "PC1", "pc1.lab.example", true);
    put_member(w, 2, "SILENT", "", true);
    put_member(w, 3, "OFF", "off.lab.example", false);
    put_member(w, 4, "A-VERY-LONG-NAM", "", true); /* cut to 15 */
    put_member(w, 5, "TWIN", "", true);
    put_member(w, 6, "TWIN", "", true);
    put_member(w, 7, "PC7", "pc7.lab.example", true);
    memset(long_name, 'X', sizeof(long_name) - 1);
    put_member(w, 8, long_name, "", true); /* no account has such a name */
    registry_was_read(w, T0);
    assert_ok(store_commit(w->ledger->s, &w->ei), &w->ei);

    ask(w, 1, "pc1.lab.example", "Windows 11 Enterprise", T0);
    ask(w, 2, "off", "Windows 11 Enterprise", T0);
    ask(w, 3, "a-very-long-name-indeed", "Windows Server 2022 Standard", T0);
    ask(w, 4, "twin", "Windows 11 Enterprise", T0);
    ask(w, 5, "pc7.other.example", "Windows 11 Enterprise", T0);
    read_at(w, T0 + DAY);
    assert_int_equal(report_registry_read(w->report), T0);
    assert_ok(report_compliance(w->report, &c, &w->ei), &w->ei);

    assert_int_equal(c.n, 9); /* 7 accounts, 2 strangers */
    pc1 = computer(&c, "PC1");
    assert_int_equal(pc1->member, REPORT_MEMBER);
    assert_int_equal(pc1->status, REPORT_LICENSED);
    assert_string_equal(pc1->dns_name, "pc1.lab.example");
    assert_int_equal(computer(&c, "SILENT")->status, REPORT_NO_REPORT);
    assert_null(computer(&c, "SILENT")->row);
    assert_int_equal(computer(&c, "OFF")->member, REPORT_DISABLED);
    assert_int_equal(computer(&c, "A-VERY-LONG-NAM")->status, REPORT_LICENSED);
    assert_int_equal(computer(&c, "twin")->member, REPORT_STRANGER);
    assert_int_equal(computer(&c, "pc7.other.example")->member, REPORT_STRANGER);
    assert_int_equal(computer(&c, "PC7")->status, REPORT_NO_REPORT);
    assert_int_equal(c.counts[REPORT_MEMBER][REPORT_NO_REPORT], 4); /* SILENT, two TWINs, PC7 */
    assert_int_equal(c.counts[REPORT_STRANGER][REPORT_LICENSED], 2);
    assert_int_equal(c.licensed_by[STORE_KMS], 5);
    report_compliance_free(&c);
}

/* Set up anew under the same name, with another edition: what was before does not lapse. */
static void what_was_replaced_does_not_count(void **state)
{
    struct world *w = *state;
    struct report_compliance c;
    const struct report_computer *pc1;

    assert_ok(store_begin(w->ledger->s, &w->ei), &w->ei);
    put_member(w, 1, "PC1", "", true);
    registry_was_read(w, T0);
    assert_ok(store_commit(w->ledger->s, &w->ei), &w->ei);
    ask(w, 1, "pc1", "Windows 11 Education", T0);
    ask(w, 1, "pc1", "Office LTSC 2021 Office LTSC Professional Plus 2021", T0 + 160 * DAY);
    ask(w, 2, "pc1", "Windows 11 Enterprise", T0 + 190 * DAY);
    read_at(w, T0 + 200 * DAY);
    assert_ok(report_compliance(w->report, &c, &w->ei), &w->ei);
    assert_int_equal(c.n, 1);
    pc1 = computer(&c, "PC1");
    assert_int_equal(pc1->products, 2);
    assert_int_equal(pc1->status, REPORT_LICENSED);
    report_compliance_free(&c);

    read_at(w, T0 + 345 * DAY); /* the worst off decides: Office lapsed at 340 */
    assert_ok(report_compliance(w->report, &c, &w->ei), &w->ei);
    pc1 = computer(&c, "PC1");
    assert_int_equal(pc1->status, REPORT_LAPSED);
    assert_true(guid_equal(&pc1->row->application_id, &cat_app_office));
    report_compliance_free(&c);
}

static void the_registry_is_read_again_when_it_changed(void **state)
{
    struct world *w = *state;
    struct report_compliance c;

    ask(w, 1, "pc1", "Windows 11 Enterprise", T0);
    read_at(w, T0);
    assert_int_equal(report_registry_read(w->report), REPORT_NEVER);
    assert_ok(report_compliance(w->report, &c, &w->ei), &w->ei);
    assert_int_equal(c.counts[REPORT_NO_REGISTRY][REPORT_LICENSED], 1);
    report_compliance_free(&c);

    assert_ok(store_begin(w->ledger->s, &w->ei), &w->ei);
    put_member(w, 1, "PC1", "", true);
    registry_was_read(w, T0 + 1);
    assert_ok(store_commit(w->ledger->s, &w->ei), &w->ei);
    read_at(w, T0 + 2);
    assert_ok(report_compliance(w->report, &c, &w->ei), &w->ei);
    assert_int_equal(c.counts[REPORT_MEMBER][REPORT_LICENSED], 1);
    assert_int_equal(c.n, 1);
    report_compliance_free(&c);
}

/* ---- seen ---- */

#define KEYS 5000

static void everybody_is_new_once_and_keeps_a_number(void **state)
{
    static uint32_t met[KEYS];
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded);
    struct seen seen = {0};
    uint32_t distinct = 0;

    (void)state;
    for (unsigned i = 0; i < 4 * KEYS; i++) {
        unsigned k = (unsigned)rng_below(&rng, KEYS);
        struct guid client = {{(uint8_t)k}}, product_id = {{0}};
        uint32_t number;
        bool is_new;

        product_id.b[15] = (uint8_t)(k >> 8);
        assert_int_equal(seen_add(&seen, &client, &product_id, &number, &is_new), ERR_OK);
        assert_int_equal(is_new, met[k] == 0);
        if (is_new)
            met[k] = ++distinct;
        assert_int_equal(number, met[k] - 1);
    }
    assert_int_equal(seen.n, distinct);
    assert_true(distinct > KEYS / 2);
    seen_free(&seen);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, begin, end)

static void what_was_added_up_holds_until_there_is_more(void **state)
{
    struct world *w = *state;
    uint64_t before;

    assert_int_equal(report_generation(w->report), 0);
    ask(w, 1, "pc1", "Windows 11 Enterprise", T0);
    read_at(w, T0 + 2 * DAY);
    before = report_generation(w->report);
    assert_int_not_equal(before, 0);
    read_at(w, T0 + 3 * DAY); /* time alone makes no difference */
    assert_int_equal(report_generation(w->report), before);
    ask(w, 1, "pc1", "Windows 11 Enterprise", T0 + 3 * DAY);
    read_at(w, T0 + 3 * DAY);
    assert_int_not_equal(report_generation(w->report), before);
    before = report_generation(w->report);
    assert_ok(store_begin(w->ledger->s, &w->ei), &w->ei);
    put_member(w, 1, "PC1", "", true);
    registry_was_read(w, T0 + 3 * DAY);
    assert_ok(store_commit(w->ledger->s, &w->ei), &w->ei);
    read_at(w, T0 + 3 * DAY);
    assert_int_not_equal(report_generation(w->report), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_judged_by_what_it_said_and_was_told),
        WITH_WORLD(the_newest_request_of_a_machine_and_product_counts),
        WITH_WORLD(queries_choose_sort_and_page),
        cmocka_unit_test(names_of_statuses_and_orders_are_understood),
        WITH_WORLD(products_are_summed_up),
        WITH_WORLD(what_clients_tell_is_marked_and_never_counts),
        WITH_WORLD(the_newer_of_request_and_report_decides),
        WITH_WORLD(a_report_from_the_future_hides_no_request),
        WITH_WORLD(a_member_that_told_is_no_silent_one),
        WITH_WORLD(computers_are_held_against_the_registry),
        WITH_WORLD(what_was_replaced_does_not_count),
        WITH_WORLD(the_registry_is_read_again_when_it_changed),
        WITH_WORLD(what_was_added_up_holds_until_there_is_more),
        cmocka_unit_test(everybody_is_new_once_and_keeps_a_number),
    };

    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
