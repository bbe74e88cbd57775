#include "publish/record.h"

#include <string.h>

#include "support.h"

static void names_are_the_same_in_any_case_and_with_a_last_dot(void **state)
{
    (void)state;
    assert_true(publish_name_same("kms1.lab.example", "KMS1.Lab.Example."));
    assert_false(publish_name_same("kms1.lab.example", "kms1.lab.exampl"));
    assert_false(publish_name_same("kms1.lab.example", "kms2.lab.example"));
}

static void records_are_the_same_in_every_part(void **state)
{
    const struct publish_record r = {1, 2, 1688, "kms1.lab.example"};
    const struct publish_record others[] = {{0, 2, 1688, "kms1.lab.example"},
                                            {1, 0, 1688, "kms1.lab.example"},
                                            {1, 2, 1689, "kms1.lab.example"},
                                            {1, 2, 1688, "kms2.lab.example"}};
    const struct publish_record same = {1, 2, 1688, "KMS1.lab.example."};

    (void)state;
    assert_true(publish_record_same(&r, &same));
    for (size_t i = 0; i < 4; i++)
        assert_false(publish_record_same(&r, &others[i]));
}

static void only_a_domain_of_the_lab_forest_is_published_in_without_a_relay(void **state)
{
    static const struct {
        const char *domain, *forest;
        bool allowed;
    } table[] = {
        {"lab.example", "lab.example", true},
        {"child.lab.example", "lab.example", true},
        {"LAB.example", "lab.EXAMPLE", true},
        {"notlab.example", "lab.example", false},
        {"example", "lab.example", false},
        {"lab.example.com", "lab.example", false},
        {"corp.example", "lab.example", false},
        {"lab.example", NULL, false},
        {"lab.example", "", false},
    };
    struct errinfo ei;

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        enum err e = publish_allowed(table[i].domain, table[i].forest, PUBLISH_RELAY_DOWN, &ei);

        assert_int_equal(e, table[i].allowed ? ERR_OK : ERR_REFUSED);
        if (e != ERR_OK)
            assert_contains(ei.text, table[i].domain);
        assert_ok(publish_allowed(table[i].domain, table[i].forest, PUBLISH_RELAY_HEALTHY, &ei),
                  &ei);
    }
}

static void a_refusal_says_what_is_wrong_with_the_relay(void **state)
{
    static const struct {
        enum publish_relay relay;
        const char *text;
    } table[] = {
        {PUBLISH_RELAY_NONE, "[relay] upstream"},
        {PUBLISH_RELAY_UNKNOWN, "has ended yet"},
        {PUBLISH_RELAY_DOWN, "relay status"},
    };
    struct errinfo ei;

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_int_equal(publish_allowed("corp.example", "lab.example", table[i].relay, &ei),
                         ERR_REFUSED);
        assert_contains(ei.text, table[i].text);
    }
}

static void a_record_goes_with_its_relay_but_not_for_a_short_failure(void **state)
{
    (void)state;
    assert_false(publish_may_stay(PUBLISH_RELAY_NONE, 0));
    assert_true(publish_may_stay(PUBLISH_RELAY_UNKNOWN, 0));
    assert_true(publish_may_stay(PUBLISH_RELAY_DOWN, 1));
    assert_true(publish_may_stay(PUBLISH_RELAY_DOWN, 2));
    assert_false(publish_may_stay(PUBLISH_RELAY_DOWN, 3));
    assert_false(publish_may_stay(PUBLISH_RELAY_DOWN, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_the_same_in_any_case_and_with_a_last_dot),
        cmocka_unit_test(records_are_the_same_in_every_part),
        cmocka_unit_test(only_a_domain_of_the_lab_forest_is_published_in_without_a_relay),
        cmocka_unit_test(a_refusal_says_what_is_wrong_with_the_relay),
        cmocka_unit_test(a_record_goes_with_its_relay_but_not_for_a_short_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
