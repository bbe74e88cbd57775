/* Which addresses a port that was set at run time leaves to listen on. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/overrides.h"

#define ROOM 5

static void expect(const char *const configured[ROOM], uint16_t port, const char *const left[ROOM])
{
    struct conf_list listen = {.v = calloc(ROOM, sizeof(char *))};
    struct errinfo ei;

    for (; listen.n < ROOM && configured[listen.n] != NULL; listen.n++)
        listen.v[listen.n] = strdup(configured[listen.n]);
    assert_ok(overrides_listen(&listen, port, &ei), &ei);
    for (size_t i = 0; i < listen.n; i++) {
        assert_non_null(left[i]);
        assert_string_equal(listen.v[i], left[i]);
        free(listen.v[i]);
    }
    assert_true(listen.n == ROOM || left[listen.n] == NULL);
    free(listen.v);
}

static void what_has_the_port_already_is_left_out(void **state)
{
    static const struct {
        const char *configured[ROOM], *left[ROOM];
    } rows[] = {
        {{"192.0.2.1:1688"}, {"192.0.2.1:1700"}},
        {{"192.0.2.1:1688", "192.0.2.1:1689"}, {"192.0.2.1:1700"}},
        {{"192.0.2.1:1688", "192.0.2.2:1688", "192.0.2.1:1689"},
         {"192.0.2.1:1700", "192.0.2.2:1700"}},
        {{"0.0.0.0:1688", "[::]:1688", "0.0.0.0:1689"}, {"0.0.0.0:1700", "[::]:1700"}},
        {{"127.0.0.1:1689", "0.0.0.0:1688"}, {"0.0.0.0:1700"}},
        {{"0.0.0.0:1688", "127.0.0.1:1689"}, {"0.0.0.0:1700"}},
        {{"[2001:db8::1]:1688", "[2001:db8:0::1]:1689", "[::1]:1688"},
         {"[2001:db8::1]:1700", "[::1]:1700"}},
        {{"[::1]:1", "[::]:2", "127.0.0.1:3"}, {"[::]:1700", "127.0.0.1:1700"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect(rows[i].configured, 1700, rows[i].left);
}

static void without_a_port_nothing_changes(void **state)
{
    static const char *const same[ROOM] = {"0.0.0.0:1688", "127.0.0.1:1689", "0.0.0.0:1690"};

    (void)state;
    expect(same, 0, same);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_the_port_already_is_left_out),
        cmocka_unit_test(without_a_port_nothing_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
