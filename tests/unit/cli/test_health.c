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

static void each_thing_that_can_be_wrong_has_its_state(void **state)
{
    static const struct expected cases[] = {
        {WELL, NULL, NULL, {0}, HEALTH_OK, "OK: daemon: adbad 1, process 7; listening: on [::1]"},
        /* listening, ledger */
        {"\"listening\": \"\", " SERVES ", " LEDGER_UP ", \"host_keys\": [" GOOD_KEY "]",
         NULL,
         NULL,
         {0},
         HEALTH_CRITICAL,
         "listening: on no address"},
        {"\"listening\": \"x\", \"connections\": {\"accepting\": false}, " SERVES ", " LEDGER_UP
         ", \"host_keys\": [" GOOD_KEY "]",
         NULL,
         NULL,
         {0},
         HEALTH_WARNING,
         "WARNING: listening: accepting no connections"},
        {ALL_BUT(
             "\"ledger\": {\"state\": \"down\", \"why\": \"disk full\"}, \"host_keys\": [" GOOD_KEY
             "]"),
         NULL,
         NULL,
         {0},
         HEALTH_CRITICAL,
         "CRITICAL: ledger: down, so nothing is answered: disk full"},
        /* host keys */
        {ALL_BUT(LEDGER_UP ", \"host_keys\": []"), NULL, NULL, {0}, HEALTH_CRITICAL, "0xC004F042"},
        {ALL_BUT(LEDGER_UP ", \"host_keys\": [" GOOD_KEY ", " OTHER_KEY "]"),
         NULL,
         NULL,
         {0},
         HEALTH_WARNING,
         "host keys: 1 of 2 not activated (\"Other\")"},
        {ALL_BUT(LEDGER_UP ", \"host_keys\": [" OTHER_KEY "]"),
         NULL,
         NULL,
         {0},
         HEALTH_CRITICAL,
         "hostkey activate"},
        {LISTENING ", \"mode\": \"refuse\", " LEDGER_UP ", \"host_keys\": []",
         NULL,
         NULL,
         {0},
         HEALTH_OK,
         "refuses everybody, as configured"},
        {ALL_BUT(LEDGER_UP ", \"host_keys\": []"),
         NULL,
         RELAY("all", UPSTREAM("a", "up")),
         {0},
         HEALTH_OK,
         "relays everything"},
        /* count: only on request */
        {WELL
         ", \"applications\": [{\"application\": \"windows\", \"count\": 24, \"capacity\": 50}]",
         NULL,
         NULL,
         {0},
         HEALTH_OK,
         "OK"},
        {WELL
         ", \"applications\": [{\"application\": \"windows\", \"count\": 24, \"capacity\": 50}]",
         NULL,
         NULL,
         {.count = true},
         HEALTH_WARNING,
         "count: windows: 24, needed are 25"},
        {WELL ", \"applications\": [{\"application\": \"office\", \"count\": 5, \"capacity\": 10}]",
         NULL,
         NULL,
         {.count = true},
         HEALTH_OK,
         "office: 5, needed are 5"},
        {WELL ", \"applications\": [{\"application\": \"office\", \"count\": 0, \"capacity\": 0}]",
         NULL,
         NULL,
         {.count = true},
         HEALTH_OK,
         "OK"},
        /* directory, objects */
        {WELL ", \"directory\": {\"state\": \"down\", \"why\": \"no route\"}",
         NULL,
         NULL,
         {0},
         HEALTH_WARNING,
         "directory: down: no route"},
        {WELL ", \"directory\": {\"state\": \"up\", \"why\": \"another forest\"}",
         NULL,
         NULL,
         {0},
         HEALTH_WARNING,
         "another forest"},
        {WELL ", \"directory\": {\"state\": \"unknown\"}",
         NULL,
         NULL,
         {0},
         HEALTH_OK,
         "not looked at yet"},
        {WELL ", \"directory\": {\"state\": \"up\", \"objects\": [{\"name\": \"O\", \"verdict\": "
              "\"good\", \"days_left\": 29}]}",
         NULL,
         NULL,
         {.days = 30},
         HEALTH_WARNING,
         "activation object: \"O\" has 29 days left; \"adbactl ao steward\""},
        {WELL ", \"directory\": {\"state\": \"up\", \"objects\": [{\"name\": \"O\", \"verdict\": "
              "\"good\", \"days_left\": 30}]}",
         NULL,
         NULL,
         {.days = 30},
         HEALTH_OK,
         "\"O\" has 30 days left"},
        {WELL ", \"directory\": {\"state\": \"up\", \"objects\": [{\"name\": \"O\", \"verdict\": "
              "\"expired\"}]}",
         NULL,
         NULL,
         {0},
         HEALTH_CRITICAL,
         "\"O\" is expired"},
        {WELL ", \"directory\": {\"state\": \"up\", \"objects\": [{\"name\": \"O\", \"verdict\": "
              "\"invalid\"}]}",
         NULL,
         NULL,
         {0},
         HEALTH_WARNING,
         "\"O\" is invalid"},
        {WELL ", \"directory\": {\"state\": \"up\", \"objects\": [{\"name\": \"O\", \"verdict\": "
              "\"foreign\"}]}",
         NULL,
         NULL,
         {0},
         HEALTH_OK,
         "directory: up"},
        /* registry */
        {WELL, MEMBERS("good", "30", "null"), NULL, {0}, HEALTH_OK, "registry: read 30 s ago"},
        {WELL,
         MEMBERS("good", "61", "null"),
         NULL,
         {.max_stale = 60},
         HEALTH_WARNING,
         "read 1 min 1 s ago"},
        {WELL,
         MEMBERS("stale", "900000", "\"no route\""),
         NULL,
         {0},
         HEALTH_WARNING,
         "10 d 10 h ago: no route"},
        {WELL,
         MEMBERS("never", "null", "\"no route\""),
         NULL,
         {0},
         HEALTH_WARNING,
         "never read: no route"},
        {WELL, MEMBERS("never", "null", "null"), NULL, {0}, HEALTH_OK, "never read yet"},
        /* relay */
        {WELL,
         NULL,
         RELAY("foreign", UPSTREAM("a", "up") ", " UPSTREAM("b", "down")),
         {0},
         HEALTH_WARNING,
         "relay: b is down: refused"},
        {WELL,
         NULL,
         RELAY("foreign", UPSTREAM("a", "down")),
         {0},
         HEALTH_CRITICAL,
         "CRITICAL: relay: none of 1 upstreams takes calls; relay: a is down"},
        {WELL, NULL, RELAY("foreign", ""), {0}, HEALTH_CRITICAL, "none of 0"},
        {WELL, NULL, "{\"configured\": false}", {0}, HEALTH_OK, "OK"},
        /* DNS */
        {WELL ", \"dns\": {\"publishing\": true, \"round\": 1, \"domains\": [{\"domain\": \"d\", "
              "\"configured\": true, \"state\": \"published\"}]}",
         NULL,
         NULL,
         {0},
         HEALTH_OK,
         "dns: published in d"},
        {WELL ", \"dns\": {\"publishing\": true, \"round\": 1, \"domains\": [{\"domain\": \"d\", "
              "\"configured\": true, \"state\": \"absent\"}]}",
         NULL,
         NULL,
         {0},
         HEALTH_WARNING,
         "dns: d: the record is not there"},
        {WELL ", \"dns\": {\"publishing\": true, \"round\": 1, \"why\": \"no keytab\"}",
         NULL,
         NULL,
         {0},
         HEALTH_WARNING,
         "dns: no keytab"},
        {WELL ", \"dns\": {\"publishing\": false, \"round\": 1, \"why\": \"no keytab\"}",
         NULL,
         NULL,
         {0},
         HEALTH_OK,
         "OK"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct health h = {0};
        char line[4096];

        judge(&cases[i], &h);
        health_line(&h, line, sizeof(line));
        if (health_worst(&h) != cases[i].worst || strstr(line, cases[i].says) == NULL)
            fail_msg("case %zu: %s", i, line);
    }
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
        cmocka_unit_test(each_thing_that_can_be_wrong_has_its_state),
        cmocka_unit_test(critical_outweighs_unknown_and_that_a_warning),
        cmocka_unit_test(what_is_too_much_is_summed_up),
    };

    return cmocka_run_group_tests_name("cli_health", tests, NULL, NULL);
}
