#include "support.h"

#include <signal.h>

#include "daemon/sigkeep.h"

static void on_asked(uv_async_t *a)
{
    unsigned *calls = a->data;

    (*calls)++;
}

static void raise_both(void)
{
    raise(SIGHUP);
    raise(SIGUSR1);
}

static void none_is_lost_and_none_kills(void **state)
{
    unsigned hups = 0, usr1s = 0;
    uv_async_t hup, usr1;
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    sigkeep_ignore();
    raise_both();
    sigkeep_begin();
    raise(SIGHUP);
    raise(SIGHUP);
    sigkeep_watch(SIGHUP, &loop, &hup, on_asked);
    sigkeep_watch(SIGUSR1, &loop, &usr1, on_asked);
    hup.data = &hups;
    usr1.data = &usr1s;
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(hups, 1);
    assert_int_equal(usr1s, 0);
    raise(SIGUSR1);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(hups, 1);
    assert_int_equal(usr1s, 1);
    raise(SIGHUP);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(hups, 2);
    assert_int_equal(usr1s, 1);
    sigkeep_end();
    raise_both();
    uv_close((uv_handle_t *)&hup, NULL);
    uv_close((uv_handle_t *)&usr1, NULL);
    raise_both();
    uv_run(&loop, UV_RUN_DEFAULT);
    raise_both();
    assert_int_equal(hups, 2);
    assert_int_equal(usr1s, 1);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_is_lost_and_none_kills),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
