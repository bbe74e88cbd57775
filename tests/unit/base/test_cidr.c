#include "support.h"

#include <stdio.h>
#include <string.h>

#include "base/cidr.h"

static union address host(const char *text)
{
    union address a;
    struct errinfo ei;
    char full[80];

    snprintf(full, sizeof(full), strchr(text, ':') != NULL ? "[%s]:1" : "%s:1", text);
    assert_ok(address_parse(full, &a, &ei), &ei);
    return a;
}

static bool holds(const char *network, const char *address)
{
    struct cidr one;
    struct cidr_set set = {.v = &one, .n = 1};
    union address a = host(address);
    struct errinfo ei;

    assert_ok(cidr_parse(network, &one, &ei), &ei);
    return cidr_set_has(&set, &a);
}

static void a_network_holds_its_addresses_and_no_other(void **state)
{
    static const struct {
        const char *network, *address;
        bool in;
    } cases[] = {
        {"192.0.2.0/24", "192.0.2.0", true},
        {"192.0.2.0/24", "192.0.2.255", true},
        {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.0/24", "192.0.1.255", false},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"10.0.0.0/9", "10.127.255.255", true},
        {"10.0.0.0/9", "10.128.0.0", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},
        {"192.0.2.7/32", "192.0.2.7", true},
        {"0.0.0.0/0", "255.255.255.255", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "192.0.2.1", false},
        {"2001:db8::/32", "2001:db8:ffff::1", true},
        {"2001:db8::/32", "2001:db9::", false},
        {"2001:db8::/33", "2001:db8:7fff::", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"::1", "::1", true},
        {"::1", "::", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (holds(cases[i].network, cases[i].address) != cases[i].in)
            fail_msg("%s, %s: expected %d", cases[i].network, cases[i].address, cases[i].in);
    }
}

static void what_is_no_network_is_a_configuration_error(void **state)
{
    static const char *const bad[] = {"",
                                      "/",
                                      "host.example",
                                      "192.0.2.0/",
                                      "192.0.2.0/33",
                                      "192.0.2.0/-1",
                                      "192.0.2/24",
                                      "192.0.2.0/24/1",
                                      "192.0.2.0/2 4",
                                      "2001:db8::/129",
                                      "[::1]",
                                      "192.0.2.0:1688",
                                      "2001:db8:::/32",
                                      "192.0.2.0/4294967296",
                                      "192.0.2.1/24",
                                      "2001:db8::1/32",
                                      "0.0.0.1/0",
                                      "0000:0000:0000:0000:0000:0000:0000:0000:0000/1"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct errinfo ei = {0};
        struct cidr c;

        if (cidr_parse(bad[i], &c, &ei) != ERR_CONFIG)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_contains(ei.text, bad[i]);
    }
}

static void a_set_holds_what_any_of_its_networks_holds(void **state)
{
    char *texts[] = {(char[]){"192.0.2.0/24"}, (char[]){"2001:db8::/32"}};
    struct conf_list list = {.n = 2, .v = texts};
    union address in4 = host("192.0.2.9"), in6 = host("2001:db8::9"), out = host("198.51.100.9");
    struct cidr_set set;
    struct errinfo ei;

    (void)state;
    assert_ok(cidr_set_parse(&list, "[kms] allow", &set, &ei), &ei);
    assert_true(cidr_set_has(&set, &in4));
    assert_true(cidr_set_has(&set, &in6));
    assert_false(cidr_set_has(&set, &out));
    cidr_set_fini(&set);
    assert_false(cidr_set_has(&set, &in4));
}

static void an_error_names_its_setting(void **state)
{
    char *texts[] = {(char[]){"192.0.2.0/24"}, (char[]){"everyone"}};
    struct conf_list list = {.n = 2, .v = texts};
    struct cidr_set set;
    struct errinfo ei;

    (void)state;
    assert_int_equal(cidr_set_parse(&list, "[kms] deny", &set, &ei), ERR_CONFIG);
    assert_contains(ei.text, "[kms] deny");
    assert_contains(ei.text, "everyone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_holds_its_addresses_and_no_other),
        cmocka_unit_test(what_is_no_network_is_a_configuration_error),
        cmocka_unit_test(a_set_holds_what_any_of_its_networks_holds),
        cmocka_unit_test(an_error_names_its_setting),
    };

    return cmocka_run_group_tests_name("cidr", tests, NULL, NULL);
}
