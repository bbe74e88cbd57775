#include "publish/plan.h"

#include <stdio.h>
#include <string.h>

#include "support.h"

static const struct publish_record ours = {10, 20, 1688, "kms1.lab.example"};
static const struct publish_record before = {0, 0, 1700, "kms1.lab.example"};
static const struct publish_record renamed = {0, 0, 1688, "old.lab.example"};
static const struct publish_record stranger = {0, 0, 9999, "kms1.lab.example"};
static const struct publish_record other = {0, 0, 1688, "kms2.lab.example"};

static struct publish_goal goal(bool present, const struct publish_record *kept, size_t n)
{
    return (struct publish_goal){.domain = "lab.example",
                                 .record = ours,
                                 .present = present,
                                 .ttl = 3600,
                                 .kept = kept,
                                 .kept_count = n};
}

static void a_record_is_ours_if_it_is_wanted_or_remembered(void **state)
{
    const struct publish_record kept[] = {before, renamed};
    struct publish_goal g = goal(true, kept, 2);

    (void)state;
    assert_int_equal(publish_whose(&g, &ours), PUBLISH_WANTED);
    assert_int_equal(publish_whose(&g, &before), PUBLISH_OLD);
    assert_int_equal(publish_whose(&g, &renamed), PUBLISH_OLD);
    assert_int_equal(publish_whose(&g, &stranger), PUBLISH_THIS_HOST);
    assert_int_equal(publish_whose(&g, &other), PUBLISH_OTHER);
    g.present = false;
    assert_int_equal(publish_whose(&g, &ours), PUBLISH_THIS_HOST); /* another's may look the same */
    g.kept = (const struct publish_record[]){ours};
    g.kept_count = 1;
    assert_int_equal(publish_whose(&g, &ours), PUBLISH_OLD);
    g.kept_count = 0;
    assert_int_equal(publish_whose(&g, &before), PUBLISH_THIS_HOST);
    assert_int_equal(publish_whose(&g, &renamed), PUBLISH_OTHER);
}

static void the_state_is_that_of_our_records_alone(void **state)
{
    const struct publish_record kept[] = {before, ours};
    const struct publish_goal there = goal(true, kept, 2), gone = goal(false, kept, 2);
    const struct {
        struct publish_record found[3];
        size_t n;
        enum publish_state present, absent;
    } table[] = {
        {{other}, 0, PUBLISH_ABSENT, PUBLISH_ABSENT},
        {{other, stranger}, 2, PUBLISH_ABSENT, PUBLISH_ABSENT},
        {{other, ours}, 2, PUBLISH_PUBLISHED, PUBLISH_OUTDATED},
        {{ours, before}, 2, PUBLISH_OUTDATED, PUBLISH_OUTDATED},
        {{before, ours, other}, 3, PUBLISH_OUTDATED, PUBLISH_OUTDATED},
        {{before}, 1, PUBLISH_OUTDATED, PUBLISH_OUTDATED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_int_equal(publish_state(&there, table[i].found, table[i].n), table[i].present);
        assert_int_equal(publish_state(&gone, table[i].found, table[i].n), table[i].absent);
    }
    assert_true(publish_reached(&there, PUBLISH_PUBLISHED));
    assert_false(publish_reached(&there, PUBLISH_OUTDATED));
    assert_false(publish_reached(&there, PUBLISH_ABSENT));
    assert_true(publish_reached(&gone, PUBLISH_ABSENT));
    assert_false(publish_reached(&gone, PUBLISH_OUTDATED));
}

static const char *script(const struct publish_goal *g, const struct publish_record *found,
                          size_t n, struct buf *out)
{
    publish_script(g, found, n, "example", "ns.example", out);
    return buf_str(out);
}

/* The syntax of nsupdate(1). */
static void the_script_replaces_what_is_ours_and_nothing_else(void **state)
{
    const struct publish_record kept[] = {before};
    const struct publish_record found[] = {other, before, stranger};
    const struct publish_goal g = goal(true, kept, 1);
    struct buf out = BUF_INIT;

    (void)state;
    assert_string_equal(
        script(&g, found, 3, &out),
        "server ns.example\n"
        "zone example.\n"
        "update delete _vlmcs._tcp.lab.example. SRV 0 0 1700 kms1.lab.example.\n"
        "update add _vlmcs._tcp.lab.example. 3600 SRV 10 20 1688 kms1.lab.example.\n"
        "send\n");
    buf_fini(&out);
}

static void withdrawing_deletes_by_value_what_is_remembered(void **state)
{
    const struct publish_record kept[] = {before, ours};
    const struct publish_record found[] = {other, ours, before, stranger};
    struct publish_goal g = goal(false, kept, 2);
    struct buf out = BUF_INIT;

    (void)state;
    assert_string_equal(script(&g, found, 4, &out),
                        "server ns.example\n"
                        "zone example.\n"
                        "update delete _vlmcs._tcp.lab.example. SRV 10 20 1688 kms1.lab.example.\n"
                        "update delete _vlmcs._tcp.lab.example. SRV 0 0 1700 kms1.lab.example.\n"
                        "send\n");
    g.kept_count = 1;
    buf_clear(&out);
    assert_string_equal(script(&g, found, 4, &out),
                        "server ns.example\n"
                        "zone example.\n"
                        "update delete _vlmcs._tcp.lab.example. SRV 0 0 1700 kms1.lab.example.\n"
                        "send\n");
    buf_fini(&out);
}

/* What nsupdate 9.18 says; the third is what it says of Samba 4.17 that denies access. */
static void a_failure_names_cause_and_remedy(void **state)
{
    static const struct {
        const char *said;
        enum err e;
        uint32_t hresult;
        const char *text;
    } table[] = {
        {"update failed: REFUSED\n", ERR_DENIED, 0x80072338, "write permission"},
        {"; TSIG error with server: tsig verify failure\nupdate failed: REFUSED\n", ERR_DENIED,
         0x80072338, "another account"},
        {"; TSIG error with server: tsig verify failure\nupdate failed: SERVFAIL\n", ERR_DENIED,
         0x80072338, "write permission"},
        {"; Communication with 10.53.0.1#53 failed: timed out\n", ERR_TIMEOUT, 0x8007267C,
         "in time"},
        {"; Communication with 10.53.0.1#53 failed: connection refused\n", ERR_UNREACHABLE,
         0x8007267C, "nobody answers"},
        {"tkey query failed: GSSAPI error: Major = Unspecified GSS failure\n", ERR_AUTH, 0x80072338,
         "ticket"},
        {"update failed: NOTAUTH\n", ERR_CONFIG, 0x8007232A, "SOA"},
        {"; TSIG error with server: tsig verify failure\n", ERR_NOT_NOW, 0x80072338,
         "tsig verify failure"},
        {"", ERR_NOT_NOW, 0x80072338, "it says nothing"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct errinfo ei;
        char said[200];

        snprintf(said, sizeof(said), "%s", table[i].said);
        assert_int_equal(publish_failure("lab.example", "dc1.lab.example", said, &ei), table[i].e);
        assert_int_equal(ei.hresult, table[i].hresult);
        assert_contains(ei.text, table[i].text);
        assert_contains(ei.text, "_vlmcs._tcp.lab.example at dc1.lab.example");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_ours_if_it_is_wanted_or_remembered),
        cmocka_unit_test(the_state_is_that_of_our_records_alone),
        cmocka_unit_test(the_script_replaces_what_is_ours_and_nothing_else),
        cmocka_unit_test(withdrawing_deletes_by_value_what_is_remembered),
        cmocka_unit_test(a_failure_names_cause_and_remedy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
