#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "support.h"

static void every_code_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++)
        assert_string_not_equal(err_name((enum err)i), "unknown error");
    assert_string_equal(err_name(ERR_COUNT), "unknown error");
}

static void only_ok_exits_with_zero(void **state)
{
    (void)state;
    assert_int_equal(err_exit_code(ERR_OK), 0);
    for (int i = 1; i < ERR_COUNT; i++)
        assert_int_not_equal(err_exit_code((enum err)i), 0);
}

static void context_goes_in_front_and_keeps_the_codes(void **state)
{
    struct errinfo ei = {0};

    (void)state;
    assert_int_equal(err_fail_hr(&ei, ERR_LIMIT, 0xC004F082, "name of %d characters", 41),
                     ERR_LIMIT);
    assert_int_equal(err_context(&ei, "create object %s", "x"), ERR_LIMIT);
    assert_string_equal(ei.text, "create object x: name of 41 characters");
    assert_int_equal(ei.hresult, 0xC004F082);
}

static void errno_becomes_a_code_and_its_text(void **state)
{
    struct errinfo ei = {0};

    (void)state;
    assert_int_equal(err_fail_errno(&ei, ENOSPC, "write %s", "f"), ERR_FULL);
    assert_string_equal(ei.text, "write f: No space left on device");
    assert_int_equal(err_fail_errno(NULL, ENOENT, "x"), ERR_NOTFOUND);
}

static void arguments_may_point_into_the_text(void **state)
{
    struct errinfo ei = {0};

    (void)state;
    err_fail(&ei, ERR_IO, "inner");
    err_fail(&ei, ERR_IO, "outer (%s)", ei.text);
    assert_string_equal(ei.text, "outer (inner)");
}

static void a_text_is_whole_utf8_without_control_codes(void **state)
{
    struct errinfo ei = {0};
    char path[2 * ERR_TEXT_MAX];

    (void)state;
    err_fail(&ei, ERR_IO, "open %s", "a\xff\xc3/\x1b[31mb\xc3\xa4");
    assert_string_equal(ei.text, "open a?"
                                 "?/?[31mb\xc3\xa4");
    for (size_t i = 0; i < sizeof(path) - 1; i += 2)
        memcpy(path + i, "\xc3\xa4", 2);
    path[sizeof(path) - 2] = '\0';
    err_fail(&ei, ERR_IO, "%s", path); /* 511 bytes have room for 255 of two */
    assert_int_equal(strlen(ei.text), ERR_TEXT_MAX - 2);
    err_context(&ei, "%s", path);
    assert_int_equal(strlen(ei.text), ERR_TEXT_MAX - 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_name),
        cmocka_unit_test(only_ok_exits_with_zero),
        cmocka_unit_test(context_goes_in_front_and_keeps_the_codes),
        cmocka_unit_test(errno_becomes_a_code_and_its_text),
        cmocka_unit_test(arguments_may_point_into_the_text),
        cmocka_unit_test(a_text_is_whole_utf8_without_control_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
