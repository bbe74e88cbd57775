#include "support.h"

#include <string.h>

#include "base/address.h"

static void addresses_come_back_as_they_were_given(void **state)
{
    static const char *const good[] = {"0.0.0.0:1688", "192.0.2.1:0", "255.255.255.255:65535",
                                       "[::]:1688", "[2001:db8::1]:135"};
    struct errinfo ei;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        union address a;
        char text[64];

        assert_ok(address_parse(good[i], &a, &ei), &ei);
        assert_string_equal(address_format(&a, text, sizeof(text)), good[i]);
    }
}

static void the_host_stands_without_its_port(void **state)
{
    union address a;
    struct errinfo ei;
    char text[64];

    (void)state;
    assert_ok(address_parse("[2001:db8::1]:135", &a, &ei), &ei);
    assert_string_equal(address_format_host(&a, text, sizeof(text)), "2001:db8::1");
    assert_int_equal(address_port(&a), 135);
}

static void malformed_addresses_are_configuration_errors(void **state)
{
    static const char *const bad[] = {
        "",        ":",         "1688",  "1.2.3.4", "1.2.3.4:", "1.2.3.4:-1",  "1.2.3.4:65536",
        "1.2.3:1", "::1:1",     "[::1]", "[::1:1",  "[]:1",     "[1.2.3.4]:1", "1.2.3.4:1x",
        "host:1",  "1.2.3.4: 1"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct errinfo ei = {0};
        union address a;

        assert_int_equal(address_parse(bad[i], &a, &ei), ERR_CONFIG);
        assert_contains(ei.text, bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_come_back_as_they_were_given),
        cmocka_unit_test(the_host_stands_without_its_port),
        cmocka_unit_test(malformed_addresses_are_configuration_errors),
    };

    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
