#include <string.h>

#include "base/buf.h"
#include "support.h"

static void appends_add_up(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    for (int i = 0; i < 1000; i++)
        buf_add_fmt(&b, "%03d,", i);
    assert_int_equal(b.err, ERR_OK);
    assert_int_equal(b.len, 4000);
    assert_memory_equal(b.data + 3996, "999,", 4);
    assert_int_equal(strlen(buf_str(&b)), 4000);
    assert_int_equal(b.len, 4000);
    buf_fini(&b);
}

static void drop_keeps_the_rest(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    buf_add_str(&b, "hello world");
    buf_drop(&b, 6);
    assert_string_equal(buf_str(&b), "world");
    buf_drop(&b, 99);
    assert_int_equal(b.len, 0);
    buf_fini(&b);
}

static void hex_is_lower_case(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    buf_add_hex(&b, "\x00\xab\xff", 3);
    assert_string_equal(buf_str(&b), "00abff");
    buf_fini(&b);
}

static void error_sticks_until_cleared(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    buf_add_str(&b, "x");
    assert_null(buf_grow(&b, SIZE_MAX - 4));
    assert_int_equal(b.err, ERR_NOMEM);
    buf_add_str(&b, "y");
    assert_int_equal(b.len, 1);
    buf_clear(&b);
    buf_add_str(&b, "z");
    assert_string_equal(buf_str(&b), "z");
    buf_wipe(&b);
    assert_null(b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_add_up),
        cmocka_unit_test(drop_keeps_the_rest),
        cmocka_unit_test(hex_is_lower_case),
        cmocka_unit_test(error_sticks_until_cleared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
