#include "support.h"

#include <string.h>

#include "web/web.h"

/* What the running server does is tested from outside, with real clients
 * (tests/integration/test_daemon_web.py). */

static struct web_stats stats;
static const struct web_route *const no_routes[] = {NULL};

static struct web_conf conf_of(const struct conf_list *listen, const struct conf_list *names)
{
    return (struct web_conf){.listen = listen,
                             .names = names,
                             .routes = no_routes,
                             .stats = &stats,
                             .max_connections = 4,
                             .max_per_source = 4,
                             .timeout_ms = 1000};
}

static struct conf_list one(const char *word, char **v)
{
    v[0] = (char *)(uintptr_t)word; /* nobody writes there */
    return (struct conf_list){.n = 1, .v = v};
}

static void none_means_no_server(void **state)
{
    static const char *const words[] = {"none", "None"};
    struct web_server *s = (struct web_server *)1;
    const struct conf_list empty = {0};
    struct web_conf conf = conf_of(&empty, NULL);
    struct errinfo ei;
    char *v[1];

    (void)state;
    assert_ok(web_open(&conf, &s, &ei), &ei);
    assert_null(s);
    for (size_t i = 0; i < 2; i++) {
        struct conf_list listen = one(words[i], v);

        conf = conf_of(&listen, NULL);
        assert_ok(web_open(&conf, &s, &ei), &ei);
        assert_null(s);
    }
    web_close(NULL);
}

static void what_is_no_address_is_a_configuration_error(void **state)
{
    char *v[1];
    struct conf_list listen = one("localhost:8688", v);
    struct web_conf conf = conf_of(&listen, NULL);
    struct web_server *s;
    struct errinfo ei;

    (void)state;
    assert_int_equal(web_open(&conf, &s, &ei), ERR_CONFIG);
    assert_contains(ei.text, "[web] listen");
    assert_contains(ei.text, "localhost:8688");
}

static void it_ends_where_nobody_came(void **state)
{
    char *v[1];
    struct conf_list listen = one("127.0.0.1:0", v);
    struct web_conf conf = conf_of(&listen, NULL);
    struct web_server *s;
    struct errinfo ei;

    (void)state;
    assert_ok(web_open(&conf, &s, &ei), &ei);
    assert_non_null(s);
    web_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_means_no_server),
        cmocka_unit_test(what_is_no_address_is_a_configuration_error),
        cmocka_unit_test(it_ends_where_nobody_came),
    };

    return cmocka_run_group_tests_name("web_server", tests, NULL, NULL);
}
