#include "support.h"

#include <string.h>

#include "base/hostport.h"

static void every_form_is_taken_apart(void **state)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
    } cases[] = {
        {"kms1.example", "kms1.example", 0},
        {"kms1.example:1689", "kms1.example", 1689},
        {"kms1.example:01689", "kms1.example", 1689},
        {"192.0.2.7:1", "192.0.2.7", 1},
        {"192.0.2.7:65535", "192.0.2.7", 65535},
        {"[2001:db8::7]", "2001:db8::7", 0},
        {"[2001:db8::7]:1690", "2001:db8::7", 1690},
        {"2001:db8::7", "2001:db8::7", 0},
        {"::1", "::1", 0},
        {":1690", "", 1690},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hostport h = {.host = "before", .port = 7};

        if (!hostport_parse(cases[i].text, strlen(cases[i].text), &h))
            fail_msg("\"%s\" was refused", cases[i].text);
        assert_string_equal(h.host, cases[i].host);
        assert_int_equal(h.port, cases[i].port);
    }
}

static void anything_else_is_refused_and_changes_nothing(void **state)
{
    static const char *const bad[] = {
        "",        ":",        ":0",         "kms1:",   "kms1:0", "kms1:65536", "kms1:001689",
        "kms1:+5", "kms1:-1",  "kms1: 5",    "kms1:5x", "kms1:x", "[",          "[]",
        "[]:1688", "[::1",     "[::1:1688",  "[::1]x",  "[::1]:", "[::1]:0",    "[::1]1688",
        "[::1]]",  "[::1]::1", "[::1]:1688]"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hostport h = {.host = "before", .port = 7};

        if (hostport_parse(bad[i], strlen(bad[i]), &h))
            fail_msg("\"%s\" was taken", bad[i]);
        assert_string_equal(h.host, "before");
        assert_int_equal(h.port, 7);
    }
}

static void nothing_behind_the_length_is_read(void **state)
{
    struct hostport h;

    (void)state;
    assert_true(hostport_parse("kms1:1688:9", 9, &h));
    assert_string_equal(h.host, "kms1");
    assert_int_equal(h.port, 1688);
    assert_true(hostport_parse("kms1:16889", 8, &h));
    assert_int_equal(h.port, 168);
    assert_false(hostport_parse("[::1]:1688", 4, &h));
    assert_false(hostport_parse("kms1:1688", 0, &h));
}

static void the_longest_host_fits(void **state)
{
    char text[HOSTPORT_HOST_MAX + 1];
    struct hostport h;

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_true(hostport_parse(text, HOSTPORT_HOST_MAX - 1, &h));
    assert_int_equal(strlen(h.host), HOSTPORT_HOST_MAX - 1);
    assert_false(hostport_parse(text, HOSTPORT_HOST_MAX, &h));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_taken_apart),
        cmocka_unit_test(anything_else_is_refused_and_changes_nothing),
        cmocka_unit_test(nothing_behind_the_length_is_read),
        cmocka_unit_test(the_longest_host_fits),
    };

    return cmocka_run_group_tests_name("base_hostport", tests, NULL, NULL);
}
