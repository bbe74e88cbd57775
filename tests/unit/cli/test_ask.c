/* What is said where the daemon could not be asked. */
#include "support.h"

#include <errno.h>
#include <string.h>

#include "cli/ask.h"
#include "settings/settings.h"

static void the_service_is_started_by_systemd(void **state)
{
    struct errinfo ei = {0};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int errnum = i == 0 ? ENOENT : ECONNREFUSED;

        assert_int_equal(ask_unreachable(SETTINGS_DEFAULT_SOCKET, errnum, true, &ei),
                         ERR_UNREACHABLE);
        assert_contains(ei.text, "no adbad answers on " SETTINGS_DEFAULT_SOCKET);
        assert_contains(ei.text, "\"systemctl start adbad\"");
        assert_contains(ei.text, "\"systemctl status adbad\"");
        assert_null(strstr(ei.text, "--config"));
    }
}

static void another_one_by_hand(void **state)
{
    struct errinfo ei = {0};

    (void)state;
    assert_int_equal(ask_unreachable("/tmp/lab/control.sock", ENOENT, true, &ei), ERR_UNREACHABLE);
    assert_contains(ei.text, "start it with \"adbad --config FILE\"");
    assert_int_equal(ask_unreachable(SETTINGS_DEFAULT_SOCKET, ENOENT, false, &ei), ERR_UNREACHABLE);
    assert_contains(ei.text, "start it with \"adbad --config FILE\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_service_is_started_by_systemd),
        cmocka_unit_test(another_one_by_hand),
    };

    return cmocka_run_group_tests_name("cli_ask", tests, NULL, NULL);
}
