/* Whole attempts with a made-up directory and DNS, and with real KMS hosts in memory: the same
 * host code that the daemon runs, reached without a socket. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/attempt.h"
#include "kms/host.h"
#include "realm/realm.h"

#define T0 INT64_C(1790000000)

/* Host "kms0", "kms1", … of the made-up network. */
#define HOSTS 3

struct world {
    char dir[256];
    struct catalog *cat;
    struct bundle bundle;
    struct kms_protector *protector;
    struct kms_host *host[HOSTS];
    bool up[HOSTS];
    int asked[HOSTS];
    int asked_ad, asked_dns;
    enum err ad;     /* ERR_OK: it grants */
    enum err report; /* ERR_OK: it is told */
    int told;
    uint32_t dns_hresult;
    size_t records;
    struct srv_target record[HOSTS];
    int64_t now;
    struct attempt_env env;
    struct rng_seeded seeded;
    struct machine m;
    struct machine_product *p;
};

static enum err ask_ad(void *arg, struct machine *m, const struct machine_product *p, int64_t now,
                       struct attempt_ad *out, struct errinfo *ei)
{
    struct world *w = arg;

    (void)p;
    (void)now;
    w->asked_ad++;
    if (w->ad != ERR_OK)
        return err_fail_hr(ei, w->ad, 0xC004F081, "no object");
    snprintf(out->object.name, sizeof(out->object.name), "Lab object");
    snprintf(out->object.dn, sizeof(out->object.dn), "CN=Lab object");
    snprintf(out->object.forest, sizeof(out->object.forest), "lab.example");
    snprintf(m->forest, sizeof(m->forest), "lab.example");
    out->validity = 180 * 24 * 60;
    out->renewal = 7 * 24 * 60;
    return ERR_OK;
}

static enum err report(void *arg, const struct machine *m, const struct machine_product *p,
                       int64_t now, struct errinfo *ei)
{
    struct world *w = arg;

    (void)now;
    w->told++;
    assert_string_equal(m->report, "kms.example");
    assert_string_equal(p->object.name, "Lab object");
    assert_true(p->report.expires == p->report.at + 180 * 86400);
    return w->report == ERR_OK ? ERR_OK : err_fail(ei, w->report, "nobody answers");
}

static enum err find(void *arg, const struct machine *m, const char *name, struct srv_target **out,
                     size_t *n, struct errinfo *ei)
{
    struct world *w = arg;

    (void)m;
    w->asked_dns++;
    assert_string_equal(name, "_vlmcs._tcp.lab.example");
    if (w->dns_hresult != 0)
        return err_fail_hr(ei, ERR_NOTFOUND, w->dns_hresult, "no record");
    *out = calloc(HOSTS, sizeof(**out));
    memcpy(*out, w->record, sizeof(w->record));
    *n = w->records;
    return ERR_OK;
}

static enum err exchange(void *arg, const struct machine *m, const struct machine_host *host,
                         const struct buf *request, struct attempt_kms *out, struct errinfo *ei)
{
    struct world *w = arg;
    struct kms_decision d;
    int i = host->name[3] - '0';

    (void)m;
    assert_memory_equal(host->name, "kms", 3);
    w->asked[i]++;
    if (!w->up[i])
        return err_fail_hr(ei, ERR_UNREACHABLE, 0x800706BA, "connection refused");
    kms_host_decide(w->host[i], request->data, request->len, w->now, &d);
    out->hresult = d.hresult;
    snprintf(out->address, sizeof(out->address), "192.0.2.%d", i);
    buf_add(&out->response, d.response.data, d.response.len);
    buf_fini(&d.response);
    return ERR_OK;
}

static void start_hosts(struct world *w)
{
    const struct cat_group *group = catalog_group(w->cat, "Volume License for Windows Server 2022");
    const struct kms_host_conf conf = {.keys = &w->bundle.keys,
                                       .catalog = w->cat,
                                       .rng = rng_system(),
                                       .activation_interval = 120,
                                       .renewal_interval = 10080,
                                       .epid = "lab-epid"};
    const bool activated = true;

    assert_non_null(group);
    for (int i = 0; i < HOSTS; i++) {
        w->host[i] = kms_host_new(&conf);
        w->up[i] = true;
        assert_int_equal(kms_host_set_groups(w->host[i], &group, &activated, 1), ERR_OK);
        w->record[i] = (struct srv_target){.priority = (uint16_t)i, .port = 1688};
        snprintf(w->record[i].host, sizeof(w->record[i].host), "kms%d", i);
    }
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct rng rng = rng_system();
    char path[300];
    struct errinfo ei;
    const struct cat_product *server;

    test_folder(w->dir);
    snprintf(path, sizeof(path), "%s/realm", w->dir);
    assert_ok(realm_init("LAB", path, T0, &rng, &ei), &ei);
    snprintf(path, sizeof(path), "%s/realm/client.bundle", w->dir);
    assert_ok(bundle_load(path, &w->bundle, &ei), &ei);
    assert_ok(kms_protector_new(&w->bundle.keys, rng, &w->protector, &ei), &ei);
    assert_ok(catalog_load(&w->cat, &ei), &ei);
    start_hosts(w);
    rng_seeded_init(&w->seeded, 1);
    w->now = T0;
    w->env = (struct attempt_env){
        .catalog = w->cat,
        .bundle = &w->bundle,
        .protector = w->protector,
        .draw = rng_from_seed(&w->seeded),
        .ports = {
            .arg = w, .ask_ad = ask_ad, .find = find, .exchange = exchange, .report = report}};
    snprintf(w->m.name, sizeof(w->m.name), "SRV1");
    memset(w->m.client_id.b, 0x11, 16);
    server = catalog_product(w->cat, "Windows Server 2022", "Standard");
    assert_ok(machine_install(&w->m, server, &w->p, &ei), &ei);
    assert_ok(machine_set_key(&w->m, w->p, server->setup_key, T0, &ei), &ei);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < HOSTS; i++)
        kms_host_free(w->host[i]);
    machine_fini(&w->m);
    kms_protector_free(w->protector);
    bundle_fini(&w->bundle);
    catalog_free(w->cat);
    test_folder_remove(w->dir);
    free(w);
    return 0;
}

static void in_domain(struct world *w)
{
    snprintf(w->m.domain, sizeof(w->m.domain), "lab.example");
}

static void ask(struct world *w)
{
    attempt_run(&w->env, &w->m, w->p, LIC_EV_ASKED, w->now);
}

/* n other machines that the host remembers. */
static void crowd(struct world *w, int host, int n)
{
    for (int i = 0; i < n; i++) {
        struct guid id = {{0x77, (uint8_t)i}};

        assert_int_equal(kms_host_remember(w->host[host], &cat_app_windows, &id, 5, w->now),
                         ERR_OK);
    }
}

static void set_to(struct world *w, const char *host)
{
    struct errinfo ei;

    assert_ok(machine_host_parse(host, &w->m.kms, &ei), &ei);
}

static void a_real_host_in_memory_licenses_the_fifth_server(void **state)
{
    struct world *w = *state;

    set_to(w, "kms0");
    crowd(w, 0, 3);
    ask(w);
    assert_int_equal(w->p->last.result, 0xC004F038);
    assert_int_equal(w->p->last.try[0].count, 4);
    crowd(w, 0, 4);
    ask(w);
    assert_int_equal(w->p->last.result, 0);
    assert_int_equal(w->p->lic.status, LIC_LICENSED);
    assert_int_equal(w->p->count, 5);
    assert_string_equal(w->p->epid, "lab-epid");
    assert_string_equal(w->p->address, "192.0.2.0");
    assert_string_equal(w->p->served.name, "kms0");
}

static void every_protocol_generation_is_spoken(void **state)
{
    static const struct {
        const char *product, *edition;
        unsigned protocol;
    } rows[] = {{"Windows Server 2008 R2", "Standard", 4},
                {"Windows Server 2012", "Standard", 5},
                {"Windows Server 2022", "Standard", 6}};
    struct world *w = *state;

    set_to(w, "kms0");
    crowd(w, 0, 6);
    for (size_t i = 0; i < 3; i++) {
        const struct cat_product *p = catalog_product(w->cat, rows[i].product, rows[i].edition);
        struct errinfo ei;

        assert_non_null(p);
        assert_int_equal(p->protocol, rows[i].protocol);
        w->m.products = 0;
        assert_ok(machine_install(&w->m, p, &w->p, &ei), &ei);
        assert_ok(machine_set_key(&w->m, w->p, "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA", T0, &ei), &ei);
        ask(w);
        assert_int_equal(w->p->lic.status, LIC_LICENSED);
    }
}

static void a_member_that_the_directory_licenses_asks_no_host(void **state)
{
    struct world *w = *state;

    in_domain(w);
    ask(w);
    assert_int_equal(w->asked_ad, 1);
    assert_int_equal(w->asked_dns + w->asked[0] + w->asked[1] + w->asked[2], 0);
    assert_int_equal(w->p->lic.channel, LIC_BY_AD);
    assert_int_equal(w->p->last.tries, 1);
    assert_contains(w->p->last.follows, "Lab object");
}

static void what_the_directory_grants_is_told_to_whom_it_should(void **state)
{
    struct world *w = *state;

    in_domain(w);
    ask(w);
    assert_int_equal(w->told, 0); /* nobody is to be told */
    assert_int_equal(w->p->report.at, 0);
    snprintf(w->m.report, sizeof(w->m.report), "kms.example");
    ask(w);
    assert_int_equal(w->told, 1);
    assert_int_equal(w->p->report.at, 0);
    assert_contains(w->p->report.outcome, "kms.example was told");
    w->now += 7 * 86400; /* a renewal */
    attempt_wake(&w->env, &w->m, w->now);
    assert_int_equal(w->told, 2);
    w->ad = ERR_NOTFOUND; /* not the directory's any more */
    set_to(w, "kms0");
    crowd(w, 0, 5);
    ask(w);
    assert_int_equal(w->p->lic.channel, LIC_BY_KMS);
    assert_int_equal(w->told, 2);
}

static void a_report_that_fails_changes_nothing_and_is_tried_again(void **state)
{
    struct world *w = *state;

    in_domain(w);
    snprintf(w->m.report, sizeof(w->m.report), "kms.example");
    w->report = ERR_UNREACHABLE;
    ask(w);
    assert_int_equal(w->p->last.result, 0);
    assert_int_equal(w->p->lic.status, LIC_LICENSED);
    assert_int_equal(w->p->report.at, T0);
    assert_contains(w->p->report.outcome, "nobody answers");
    attempt_report(&w->env, &w->m, T0 + 5);
    assert_int_equal(w->told, 2);
    assert_int_equal(w->p->report.at, T0);
    w->report = ERR_OK;
    attempt_report(&w->env, &w->m, T0 + 10);
    assert_int_equal(w->p->report.at, 0);
    attempt_report(&w->env, &w->m, T0 + 15); /* once is enough */
    assert_int_equal(w->told, 3);
}

static void a_report_is_dropped_when_its_licence_is_over(void **state)
{
    struct world *w = *state;

    in_domain(w);
    snprintf(w->m.report, sizeof(w->m.report), "kms.example");
    w->report = ERR_UNREACHABLE;
    ask(w);
    attempt_report(&w->env, &w->m, T0 + 180 * 86400);
    assert_int_equal(w->told, 1);
    assert_int_equal(w->p->report.at, 0);
}

static void both_questions_of_a_fallen_back_attempt_are_explained(void **state)
{
    struct world *w = *state;

    in_domain(w);
    set_to(w, "kms1");
    w->ad = ERR_NOTFOUND;
    ask(w);
    assert_int_equal(w->p->last.tries, 2);
    assert_int_equal(w->p->last.try[0].channel, LIC_BY_AD);
    assert_int_equal(w->p->last.try[0].hresult, 0xC004F081);
    assert_int_equal(w->p->last.try[1].channel, LIC_BY_KMS);
    assert_int_equal(w->p->last.try[1].hresult, 0xC004F038);
    assert_int_equal(w->p->last.result, 0xC004F038);
    assert_contains(w->p->last.try[1].text, "counts 1 machines, 5 are needed");
    assert_contains(w->p->last.follows, "4 more machines");
}

static void the_most_specific_set_host_is_asked_and_nobody_else(void **state)
{
    struct world *w = *state;
    struct errinfo ei;

    in_domain(w);
    w->ad = ERR_NOTFOUND;
    w->records = 3;
    set_to(w, "kms0");
    ask(w);
    assert_ok(machine_host_parse("kms1", &w->m.app[0].kms, &ei), &ei);
    ask(w);
    assert_ok(machine_host_parse("kms2", &w->p->kms, &ei), &ei);
    ask(w);
    assert_int_equal(w->asked[0], 1);
    assert_int_equal(w->asked[1], 1);
    assert_int_equal(w->asked[2], 1);
    assert_int_equal(w->asked_dns, 0);
}

static void a_found_host_is_cached_and_a_dead_cached_one_is_dropped(void **state)
{
    struct world *w = *state;

    in_domain(w);
    w->ad = ERR_NOTFOUND;
    w->records = 2;
    ask(w);
    assert_string_equal(w->p->cached.name, "kms0");
    ask(w);
    assert_int_equal(w->asked_dns, 1);
    w->up[0] = false;
    ask(w);
    assert_int_equal(w->asked_dns, 2);
    assert_string_equal(w->p->cached.name, "kms1");
    assert_int_equal(w->asked[1], 1);
    w->up[1] = false;
    ask(w);
    assert_string_equal(w->p->cached.name, "");
}

static void without_caching_every_attempt_looks_anew(void **state)
{
    struct world *w = *state;

    in_domain(w);
    w->ad = ERR_NOTFOUND;
    w->records = 1;
    w->m.no_caching = true;
    ask(w);
    ask(w);
    assert_int_equal(w->asked_dns, 2);
    assert_string_equal(w->p->cached.name, "");
}

static void all_hosts_dead_is_c004f074_and_no_record_keeps_its_code(void **state)
{
    struct world *w = *state;

    in_domain(w);
    w->ad = ERR_NOTFOUND;
    w->records = 2;
    w->up[0] = w->up[1] = false;
    ask(w);
    assert_int_equal(w->p->last.result, 0xC004F074);
    assert_int_equal(w->p->last.tries, 3);
    assert_int_equal(w->p->last.try[1].hresult, 0x800706BA);
    w->dns_hresult = 0x8007232B;
    ask(w);
    assert_int_equal(w->p->last.result, 0x8007232B);
}

static void a_refusal_says_more_than_a_dead_host(void **state)
{
    struct world *w = *state;

    in_domain(w);
    w->ad = ERR_NOTFOUND;
    w->records = 2;
    assert_int_equal(kms_host_set_groups(w->host[0], NULL, NULL, 0), ERR_OK);
    w->up[1] = false;
    ask(w);
    assert_int_equal(w->p->last.result, 0xC004F042);
    assert_contains(w->p->last.try[1].text, "realm LAB");
}

static void a_clock_five_hours_off_is_refused_with_c004f06c(void **state)
{
    struct world *w = *state;

    set_to(w, "kms0");
    attempt_run(&w->env, &w->m, w->p, LIC_EV_ASKED, w->now + 5 * 3600);
    assert_int_equal(w->p->last.result, 0xC004F06C);
}

/* Any change of the answer's bytes is noticed, and nothing is granted. */
static enum err bent(void *arg, const struct machine *m, const struct machine_host *host,
                     const struct buf *request, struct attempt_kms *out, struct errinfo *ei)
{
    enum err e = exchange(arg, m, host, request, out, ei);

    if (out->response.len > 0)
        out->response.data[out->response.len / 2] ^= 1;
    return e;
}

static void a_bent_answer_licenses_nobody(void **state)
{
    struct world *w = *state;

    set_to(w, "kms0");
    crowd(w, 0, 10);
    w->env.ports.exchange = bent;
    ask(w);
    assert_int_equal(w->p->last.result, 0x8007000D);
    assert_int_equal(w->p->lic.status, LIC_NOTIFICATION);
}

static void a_restart_logs_stop_start_and_status_check_around_the_attempt(void **state)
{
    static const int want[] = {1016, 903, 900, 902, 12308, 1036, 1003};
    struct world *w = *state;
    char *at;

    in_domain(w);
    attempt_restart(&w->env, &w->m, w->now);
    at = strtok((char *)(uintptr_t)buf_str(&w->m.events), "\n");
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        json_t *v;

        assert_non_null(at);
        v = json_loads(at, 0, NULL);
        assert_int_equal(json_integer_value(json_object_get(v, "id")), want[i]);
        json_decref(v);
        at = strtok(NULL, "\n");
    }
    assert_null(at);
}

static void a_product_without_a_key_asks_nobody(void **state)
{
    struct world *w = *state;
    struct lic_event ev = {.type = LIC_EV_KEY_REMOVED};
    struct lic_site site = {0};
    struct lic_outcome out;

    set_to(w, "kms0");
    assert_true(lic_step(&w->p->lic, &site, &ev, T0, &out));
    ask(w);
    attempt_restart(&w->env, &w->m, w->now);
    assert_int_equal(w->asked[0], 0);
    assert_int_equal(w->p->last.when, 0);
}

static void office_on_windows_7_has_no_directory_to_ask(void **state)
{
    struct world *w = *state;
    const struct cat_product *seven = catalog_product(w->cat, "Windows 7", "Enterprise");
    const struct cat_product *office =
        catalog_product(w->cat, "Office 2016", "Office Professional Plus 2016");
    struct machine_product *p;
    struct errinfo ei;

    assert_non_null(seven);
    assert_non_null(office);
    in_domain(w);
    set_to(w, "kms0");
    w->m.products = 0;
    assert_ok(machine_install(&w->m, seven, &p, &ei), &ei);
    assert_ok(machine_install(&w->m, office, &w->p, &ei), &ei);
    assert_ok(machine_set_key(&w->m, w->p, office->setup_key, T0, &ei), &ei);
    assert_false(machine_site(&w->m, w->p).adba);
    ask(w);
    assert_int_equal(w->asked_ad, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_real_host_in_memory_licenses_the_fifth_server),
        T(every_protocol_generation_is_spoken),
        T(a_member_that_the_directory_licenses_asks_no_host),
        T(what_the_directory_grants_is_told_to_whom_it_should),
        T(a_report_that_fails_changes_nothing_and_is_tried_again),
        T(a_report_is_dropped_when_its_licence_is_over),
        T(both_questions_of_a_fallen_back_attempt_are_explained),
        T(the_most_specific_set_host_is_asked_and_nobody_else),
        T(a_found_host_is_cached_and_a_dead_cached_one_is_dropped),
        T(without_caching_every_attempt_looks_anew),
        T(all_hosts_dead_is_c004f074_and_no_record_keeps_its_code),
        T(a_refusal_says_more_than_a_dead_host),
        T(a_clock_five_hours_off_is_refused_with_c004f06c),
        T(a_bent_answer_licenses_nobody),
        T(a_restart_logs_stop_start_and_status_check_around_the_attempt),
        T(a_product_without_a_key_asks_nobody),
        T(office_on_windows_7_has_no_directory_to_ask),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
