/* What the daemon's answers mean to monitoring. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "cli/health.h"

#define GOOD_KEY  "{\"group\": \"G\", \"activated\": true}"
#define OTHER_KEY "{\"group\": \"Other\", \"activated\": false}"
#define LEDGER_UP "\"ledger\": {\"state\": \"up\"}"
#define LISTENING                                                                                  \
    "\"listening\": \"[::1]:1688\", \"connections\": {\"accepting\": true, \"open\": 2}"
#define SERVES     "\"mode\": \"serve\""
#define ALL_BUT(x) LISTENING ", " SERVES ", " x
#define WELL       ALL_BUT(LEDGER_UP ", \"host_keys\": [" GOOD_KEY "]")

#define MEMBERS(state, age, why) "{\"state\": \"" state "\", \"age\": " age ", \"why\": " why "}"
#define RELAY(only, upstreams)                                                                     \
    "{\"configured\": true, \"only\": \"" only "\", \"upstreams\": [" upstreams "]}"
#define UPSTREAM(name, state)                                                                      \
    "{\"upstream\": \"" name "\", \"state\": \"" state "\", \"why\": \"refused\"}"

struct expected {
    const char *kms; /* members of the object */
    const char *membership, *relay;
    struct health_wants wants;
    enum health_state worst;
    const char *says; /* part of the line */
};

static json_t *parse(const char *text)
{
    json_t *j = text == NULL ? NULL : json_loads(text, 0, NULL);

    if (text != NULL && j == NULL)
        fail_msg("not JSON: %s", text);
    return j;
}

static void judge(const struct expected *e, struct health *h)
{
    char text[2048];
    json_t *kms, *membership = parse(e->membership), *relay = parse(e->relay);

    snprintf(text, sizeof(text), "{\"version\": \"1\", \"pid\": 7, %s}", e->kms);
    kms = parse(text);
    health_judge(kms, membership, relay, &e->wants, h);
    json_decref(kms);
    json_decref(membership);
    json_decref(relay);
}

static void judge_all(const struct expected *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct health h = {0};
        char line[4096];

        judge(&cases[i], &h);
        health_line(&h, line, sizeof(line));
        if (health_worst(&h) != cases[i].worst || strstr(line, cases[i].says) == NULL)
            fail_msg("case %zu: %s", i, line);
    }
}

static void what_it_listens_on_and_its_ledger(void **state)
{
    static const struct expected cases[] = {
        {.kms = WELL,
         .worst = HEALTH_OK,
         .says = "OK: daemon: adbad 1, process 7; listening: on [::1]"},
        {.kms = "\"listening\": \"\", " SERVES ", " LEDGER_UP ", \"host_keys\": [" GOOD_KEY "]",
         .worst = HEALTH_CRITICAL,
         .says = "listening: on no address"},
        {.kms = "\"listening\": \"x\", \"connections\": {\"accepting\": false}, " SERVES
                ", " LEDGER_UP ", \"host_keys\": [" GOOD_KEY "]",
         .worst = HEALTH_WARNING,
         .says = "WARNING: listening: accepting no connections"},
        {.kms = ALL_BUT(
             "\"ledger\": {\"state\": \"down\", \"why\": \"disk full\"}, \"host_keys\": [" GOOD_KEY
             "]"),
         .worst = HEALTH_CRITICAL,
         .says = "CRITICAL: ledger: down, so nothing is answered: disk full"},
    };

    (void)state;
    judge_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void host_keys(void **state)
{
    static const struct expected cases[] = {
        {.kms = ALL_BUT(LEDGER_UP ", \"host_keys\": []"),
         .worst = HEALTH_CRITICAL,
         .says = "0xC004F042"},
        {.kms = ALL_BUT(LEDGER_UP ", \"host_keys\": [" GOOD_KEY ", " OTHER_KEY "]"),
         .worst = HEALTH_WARNING,
         .says = "host keys: 1 of 2 not activated (\"Other\")"},
        {.kms = ALL_BUT(LEDGER_UP ", \"host_keys\": [" OTHER_KEY "]"),
         .worst = HEALTH_CRITICAL,
         .says = "hostkey activate"},
        {.kms = LISTENING ", \"mode\": \"refuse\", " LEDGER_UP ", \"host_keys\": []",
         .worst = HEALTH_OK,
         .says = "refuses everybody, as configured"},
        {.kms = ALL_BUT(LEDGER_UP ", \"relays_all\": true, \"host_keys\": []"),
         .relay = RELAY("all", UPSTREAM("a", "up")),
         .worst = HEALTH_OK,
         .says = "relays everything"},
    };

    (void)state;
    judge_all(cases, sizeof(cases) / sizeof(cases[0]));
}

#define APPLICATION(name, count, capacity, thresholds)                                             \
    ", \"applications\": [{\"application\": \"" name "\", \"count\": " count                       \
    ", \"capacity\": " capacity ", \"thresholds\": {" thresholds "}}]"
#define WINDOWS(count, capacity)                                                                   \
    APPLICATION("windows", count, capacity, "\"client\": 25, \"server\": 5")
#define OFFICE(count, capacity) APPLICATION("office", count, capacity, "\"office\": 5")

static void the_count_only_on_request(void **state)
{
    static const struct expected cases[] = {
        {.kms = WELL WINDOWS("24", "50"), .worst = HEALTH_OK, .says = "OK"},
        {.kms = WELL WINDOWS("24", "50"),
         .wants = {.count = true},
         .worst = HEALTH_WARNING,
         .says = "count: windows: 24, needed are 25"},
        {.kms = WELL OFFICE("5", "10"),
         .wants = {.count = true},
         .worst = HEALTH_OK,
         .says = "office: 5, needed are 5"},
        {.kms = WELL WINDOWS("4", "10"),
         .wants = {.count = true},
         .worst = HEALTH_WARNING,
         .says = "count: windows: 4, needed are 5"},
        {.kms = WELL WINDOWS("24", "100"), /* somebody named a threshold of his own */
         .wants = {.count = true},
         .worst = HEALTH_WARNING,
         .says = "count: windows: 24, needed are 25"},
        {.kms = WELL OFFICE("4", "20"),
         .wants = {.count = true},
         .worst = HEALTH_WARNING,
         .says = "count: office: 4, needed are 5"},
        {.kms = WELL OFFICE("0", "0"), .wants = {.count = true}, .worst = HEALTH_OK, .says = "OK"},
    };

    (void)state;
    judge_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void the_directory_and_its_objects(void **state)
{
    static const struct expected cases[] = {
        {.kms = WELL ", \"directory\": {\"state\": \"down\", \"why\": \"no route\"}",
         .worst = HEALTH_WARNING,
         .says = "directory: down: no route"},
        {.kms = WELL ", \"directory\": {\"state\": \"up\", \"why\": \"another forest\"}",
         .worst = HEALTH_WARNING,
         .says = "another forest"},
        {.kms = WELL ", \"directory\": {\"state\": \"unknown\"}",
         .worst = HEALTH_OK,
         .says = "not looked at yet"},
        {.kms = WELL
         ", \"directory\": {\"state\": \"up\", \"objects\": [{\"name\": \"O\", \"verdict\": "
         "\"good\", \"days_left\": 29}]}",
         .wants = {.days = 30},
         .worst = HEALTH_WARNING,
         .says = "activation object: \"O\" has 29 days left; \"adbactl ao steward\""},
        {.kms = WELL
         ", \"directory\": {\"state\": \"up\", \"objects\": [{\"name\": \"O\", \"verdict\": "
         "\"good\", \"days_left\": 30}]}",
         .wants = {.days = 30},
         .worst = HEALTH_OK,
         .says = "\"O\" has 30 days left"},
        {.kms = WELL
         ", \"directory\": {\"state\": \"up\", \"objects\": [{\"name\": \"O\", \"verdict\": "
         "\"expired\"}]}",
         .worst = HEALTH_CRITICAL,
         .says = "\"O\" is expired"},
        {.kms = WELL
         ", \"directory\": {\"state\": \"up\", \"objects\": [{\"name\": \"O\", \"verdict\": "
         "\"invalid\"}]}",
         .worst = HEALTH_WARNING,
         .says = "\"O\" is invalid"},
        {.kms = WELL
         ", \"directory\": {\"state\": \"up\", \"objects\": [{\"name\": \"O\", \"verdict\": "
         "\"foreign\"}]}",
         .wants = {.kms_only = true},
         .worst = HEALTH_OK,
         .says = "directory: up"},
    };

    (void)state;
    judge_all(cases, sizeof(cases) / sizeof(cases[0]));
}

#define OBJECTS(list) "\"directory\": {\"state\": \"up\", \"objects\": [" list "]}"
#define FOREIGN       "{\"name\": \"O\", \"verdict\": \"foreign\"}"
#define GOOD_OBJECT   "{\"name\": \"P\", \"verdict\": \"good\", \"days_left\": 700}"

static void no_object_where_there_could_be_one(void **state)
{
    static const struct expected cases[] = {
        {.kms = WELL ", " OBJECTS(""),
         .worst = HEALTH_WARNING,
         .says = "activation object: the directory has none of this realm"},
        {.kms = WELL ", " OBJECTS(""), .worst = HEALTH_WARNING, .says = "\"adbactl ao create\""},
        {.kms = WELL ", " OBJECTS(FOREIGN), .worst = HEALTH_WARNING, .says = "none of this realm"},
        {.kms = WELL ", " OBJECTS(FOREIGN ", " GOOD_OBJECT),
         .worst = HEALTH_OK,
         .says = "\"P\" has 700 days left"},
        {.kms = WELL ", " OBJECTS(""),
         .wants = {.kms_only = true},
         .worst = HEALTH_OK,
         .says = "directory: up"},
        {.kms = ALL_BUT(LEDGER_UP ", \"relays_all\": true, \"host_keys\": [], " OBJECTS("")),
         .relay = RELAY("all", UPSTREAM("a", "up")),
         .worst = HEALTH_OK,
         .says = "directory: up"},
    };

    (void)state;
    judge_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void the_registry(void **state)
{
    static const struct expected cases[] = {
        {.kms = WELL,
         .membership = MEMBERS("good", "30", "null"),
         .worst = HEALTH_OK,
         .says = "registry: read 30 s ago"},
        {.kms = WELL,
         .membership = MEMBERS("good", "61", "null"),
         .wants = {.max_stale = 60},
         .worst = HEALTH_WARNING,
         .says = "read 1 min 1 s ago"},
        {.kms = WELL,
         .membership = MEMBERS("stale", "900000", "\"no route\""),
         .worst = HEALTH_WARNING,
         .says = "10 d 10 h ago: no route"},
        {.kms = WELL,
         .membership = MEMBERS("never", "null", "\"no route\""),
         .worst = HEALTH_WARNING,
         .says = "never read: no route"},
        {.kms = WELL,
         .membership = MEMBERS("never", "null", "null"),
         .worst = HEALTH_OK,
         .says = "never read yet"},
    };

    (void)state;
    judge_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void the_relay(void **state)
{
    static const struct expected cases[] = {
        {.kms = WELL,
         .relay = RELAY("foreign", UPSTREAM("a", "up") ", " UPSTREAM("b", "down")),
         .worst = HEALTH_WARNING,
         .says = "relay: b is down: refused"},
        {.kms = WELL,
         .relay = RELAY("foreign", UPSTREAM("a", "down")),
         .worst = HEALTH_CRITICAL,
         .says = "CRITICAL: relay: none of 1 upstreams takes calls; relay: a is down"},
        {.kms = WELL, .relay = RELAY("foreign", ""), .worst = HEALTH_CRITICAL, .says = "none of 0"},
        {.kms = WELL, .relay = "{\"configured\": false}", .worst = HEALTH_OK, .says = "OK"},
    };

    (void)state;
    judge_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void the_records_in_dns(void **state)
{
    static const struct expected cases[] = {
        {.kms = WELL
         ", \"dns\": {\"publishing\": true, \"round\": 1, \"domains\": [{\"domain\": \"d\", "
         "\"configured\": true, \"state\": \"published\"}]}",
         .worst = HEALTH_OK,
         .says = "dns: published in d"},
        {.kms = WELL
         ", \"dns\": {\"publishing\": true, \"round\": 1, \"domains\": [{\"domain\": \"d\", "
         "\"configured\": true, \"state\": \"absent\"}]}",
         .worst = HEALTH_WARNING,
         .says = "dns: d: the record is not there"},
        {.kms = WELL ", \"dns\": {\"publishing\": true, \"round\": 1, \"why\": \"no keytab\"}",
         .worst = HEALTH_WARNING,
         .says = "dns: no keytab"},
        {.kms = WELL ", \"dns\": {\"publishing\": false, \"round\": 1, \"why\": \"no keytab\"}",
         .worst = HEALTH_OK,
         .says = "OK"},
    };

    (void)state;
    judge_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void critical_outweighs_unknown_and_that_a_warning(void **state)
{
    struct health h = {0};
    char line[256];

    (void)state;
    health_add(&h, "a", HEALTH_OK, "fine");
    health_add(&h, "b", HEALTH_WARNING, "so\nso");
    assert_int_equal(health_worst(&h), HEALTH_WARNING);
    health_add(&h, "c", HEALTH_UNKNOWN, "?");
    assert_int_equal(health_worst(&h), HEALTH_UNKNOWN);
    health_add(&h, "d", HEALTH_CRITICAL, "bad");
    assert_string_equal(health_line(&h, line, sizeof(line)), "CRITICAL: d: bad; c: ?; b: so so");
    assert_string_equal(health_line(&h, line, 16), "CRITICAL: d: ba");
}

static void what_is_too_much_is_summed_up(void **state)
{
    struct health h = {0};

    (void)state;
    for (int i = 0; i < HEALTH_CHECKS_MAX + 5; i++)
        health_add(&h, "dns", i > HEALTH_CHECKS_MAX ? HEALTH_WARNING : HEALTH_OK, "domain %d", i);
    assert_int_equal(h.n, HEALTH_CHECKS_MAX);
    assert_int_equal(health_worst(&h), HEALTH_WARNING);
    assert_string_equal(h.checks[h.n - 1].text, "and more than are told here");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_listens_on_and_its_ledger),
        cmocka_unit_test(host_keys),
        cmocka_unit_test(the_count_only_on_request),
        cmocka_unit_test(the_directory_and_its_objects),
        cmocka_unit_test(no_object_where_there_could_be_one),
        cmocka_unit_test(the_registry),
        cmocka_unit_test(the_relay),
        cmocka_unit_test(the_records_in_dns),
        cmocka_unit_test(critical_outweighs_unknown_and_that_a_warning),
        cmocka_unit_test(what_is_too_much_is_summed_up),
    };

    return cmocka_run_group_tests_name("cli_health", tests, NULL, NULL);
}
