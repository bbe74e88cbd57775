#include "support.h"

#include <string.h>

#include "web/header.h"

static char monitor[] = "monitor.example.com", other[] = "Adbad";
static char *list[] = {monitor, other};
static const struct conf_list names = {.n = 2, .v = list};

static void a_host_is_ours_by_loopback_name_address_or_configured_name(void **state)
{
    static const char *const ours[] = {
        "localhost",
        "LOCALHOST:8688",
        "localhost.:8688",
        "127.0.0.1",
        "127.0.0.1:8688",
        "192.0.2.7:80",
        "[::1]",
        "[::1]:8688",
        "[2001:db8::1]:8688",
        "monitor.example.com",
        "Monitor.Example.COM.:443",
        "adbad:",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++) {
        if (!header_host_is_ours(ours[i], &names))
            fail_msg("%s is not ours", ours[i]);
    }
}

static void any_other_host_is_not_ours(void **state)
{
    static const char *const others[] = {
        "",
        ":8688",
        "evil.example",
        "evil.example:8688",
        "localhost.evil.example",
        "localhost..",
        "evil.localhost",
        "127.0.0.1.evil.example",
        "127.0.0.1 evil.example",
        "127.0.0.1:8688:1",
        "127.0.0.1:http",
        "1",
        "2130706433",
        "::1",
        "[::1",
        "[::1]8688",
        "[127.0.0.1]",
        "[]",
        "[localhost]",
        "example.com",
        "monitor.example.com.evil.example",
        "xmonitor.example.com",
        "user@localhost",
        "localhost,evil.example",
        " localhost",
        "http://localhost",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        if (header_host_is_ours(others[i], &names))
            fail_msg("\"%s\" is ours", others[i]);
    }
    assert_false(header_host_is_ours("adbad", NULL));
}

static void a_host_longer_than_a_name_can_be_is_not_ours(void **state)
{
    char host[400];

    (void)state;
    memset(host, 'a', sizeof(host) - 1);
    host[sizeof(host) - 1] = '\0';
    assert_false(header_host_is_ours(host, &names));
}

/* The first is what Prometheus 2.42 sends. */
static void openmetrics_is_for_who_prefers_it(void **state)
{
    static const struct {
        const char *accept;
        bool wants;
    } cases[] = {
        {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
         "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
         true},
        {"application/openmetrics-text", true},
        {"Application/OpenMetrics-Text; Version=\"1.0.0\"", true},
        {"text/html, application/openmetrics-text;q=0.001", true},
        {"application/openmetrics-text;q=0.5, text/plain;q=0.5", true},
        {"", false},
        {"*/*", false},
        {"application/*", false},
        {"text/plain", false},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false},
        {"application/openmetrics-text;version=0.0.1", false},
        {"application/openmetrics-text;q=0", false},
        {"application/openmetrics-text;q=0.000", false},
        {"application/openmetrics-text;q=2", false},
        {"application/openmetrics-text;q=", false},
        {"application/openmetrics-text;q=0.4, text/plain;q=0.5", false},
        {"application/openmetrics-textual", false},
        {"\"application/openmetrics-text", false},
        {",,;;,=", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (header_wants_openmetrics(cases[i].accept) != cases[i].wants)
            fail_msg("%s", cases[i].accept);
    }
}

static void an_etag_is_found_in_a_list_weakly_compared(void **state)
{
    (void)state;
    assert_true(header_has_etag("\"a\"", "\"a\""));
    assert_true(header_has_etag("\"b\" , W/\"a\"", "\"a\""));
    assert_true(header_has_etag("*", "\"a\""));
    assert_true(header_has_etag("\"x,y\", \"a\"", "\"a\""));
    assert_false(header_has_etag("", "\"a\""));
    assert_false(header_has_etag("\"b\"", "\"a\""));
    assert_false(header_has_etag("a", "\"a\""));
    assert_false(header_has_etag("\"A\"", "\"a\""));
    assert_false(header_has_etag("\"x, \"a\"", "\"b\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_is_ours_by_loopback_name_address_or_configured_name),
        cmocka_unit_test(any_other_host_is_not_ours),
        cmocka_unit_test(a_host_longer_than_a_name_can_be_is_not_ours),
        cmocka_unit_test(openmetrics_is_for_who_prefers_it),
        cmocka_unit_test(an_etag_is_found_in_a_list_weakly_compared),
    };

    return cmocka_run_group_tests_name("web_header", tests, NULL, NULL);
}
