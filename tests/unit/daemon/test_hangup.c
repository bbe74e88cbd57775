#include "support.h"

#include <signal.h>

#include "daemon/hangup.h"

static void on_hangup(uv_async_t *a)
{
    unsigned *calls = a->data;

    (*calls)++;
}

static void none_is_lost_and_none_kills(void **state)
{
    unsigned calls = 0;
    uv_async_t a;
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    hangup_keep();
    raise(SIGHUP);
    raise(SIGHUP);
    hangup_watch(&loop, &a, on_hangup);
    a.data = &calls;
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(calls, 1);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(calls, 1);
    raise(SIGHUP);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(calls, 2);
    hangup_ignore();
    raise(SIGHUP);
    uv_close((uv_handle_t *)&a, NULL);
    raise(SIGHUP);
    uv_run(&loop, UV_RUN_DEFAULT);
    raise(SIGHUP);
    assert_int_equal(calls, 2);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_is_lost_and_none_kills),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
