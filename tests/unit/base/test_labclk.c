#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/labclk.h"
#include "support.h"

static char folder[256], path[300];
static int64_t real_now;

static int setup(void **state)
{
    (void)state;
    test_folder(folder);
    snprintf(path, sizeof(path), "%s/clock", folder);
    real_now = 1000000;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static struct labclk *open_clock(void)
{
    struct errinfo ei = {0};
    struct labclk *l;

    assert_ok(labclk_open(path, clk_fixed(&real_now), &l, &ei), &ei);
    return l;
}

static int64_t now_of(struct labclk *l)
{
    struct clk c = labclk_clk(l);

    return clk_now(&c);
}

static void without_a_file_it_is_real_time(void **state)
{
    struct labclk *l = open_clock();

    (void)state;
    assert_int_equal(now_of(l), 1000000);
    real_now += 5;
    assert_int_equal(now_of(l), 1000005);
    labclk_free(l);
}

static void everybody_sees_a_move(void **state)
{
    struct labclk *mine = open_clock(), *yours = open_clock();
    struct errinfo ei = {0};
    int64_t now = 0;

    (void)state;
    assert_ok(labclk_advance(mine, 7 * CLK_DAY, &now, &ei), &ei);
    assert_int_equal(now, 1000000 + 7 * CLK_DAY);
    assert_int_equal(now_of(yours), now);
    assert_ok(labclk_advance(yours, 1, NULL, &ei), &ei);
    real_now += 10;
    assert_int_equal(now_of(mine), now + 11);
    labclk_free(mine);
    labclk_free(yours);
}

static void a_frozen_clock_stands_until_it_is_moved(void **state)
{
    struct labclk *l = open_clock();
    struct errinfo ei = {0};

    (void)state;
    assert_ok(labclk_freeze(l, 2000000, &ei), &ei);
    real_now += 100;
    assert_int_equal(now_of(l), 2000000);
    assert_ok(labclk_advance(l, 60, NULL, &ei), &ei);
    assert_int_equal(now_of(l), 2000060);
    assert_ok(labclk_freeze_now(l, &ei), &ei);
    assert_int_equal(now_of(l), 2000060);
    labclk_free(l);
}

static void it_never_goes_back(void **state)
{
    struct labclk *l = open_clock();
    struct errinfo ei = {0};

    (void)state;
    assert_int_equal(labclk_advance(l, -1, NULL, &ei), ERR_REFUSED);
    assert_int_equal(labclk_freeze(l, 999999, &ei), ERR_REFUSED);
    assert_ok(labclk_advance(l, 1, NULL, &ei), &ei);
    assert_int_equal(labclk_advance(l, INT64_MAX, NULL, &ei), ERR_LIMIT);
    assert_int_equal(labclk_advance(l, INT64_C(253402300799), NULL, &ei), ERR_LIMIT);
    assert_int_equal(labclk_freeze(l, INT64_MAX, &ei), ERR_LIMIT);
    assert_int_equal(now_of(l), 1000001);
    labclk_free(l);
}

static void a_broken_file_is_refused_and_later_ignored(void **state)
{
    static const char *const bad[] = {"",
                                      "offset",
                                      "offset x",
                                      "offset 5 6",
                                      "sometime 5",
                                      "5",
                                      "offset 9223372036854775807",
                                      "fixed -9223372036854775807"};
    struct labclk *l = open_clock();
    struct errinfo ei = {0};

    (void)state;
    assert_ok(labclk_advance(l, 50, NULL, &ei), &ei);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct labclk *other;

        assert_ok(file_write_atomic(path, bad[i], strlen(bad[i]), 0644, &ei), &ei);
        assert_int_equal(labclk_open(path, clk_fixed(&real_now), &other, &ei), ERR_MALFORMED);
        assert_int_equal(now_of(l), 1000050);
    }
    labclk_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_file_it_is_real_time, setup, teardown),
        cmocka_unit_test_setup_teardown(everybody_sees_a_move, setup, teardown),
        cmocka_unit_test_setup_teardown(a_frozen_clock_stands_until_it_is_moved, setup, teardown),
        cmocka_unit_test_setup_teardown(it_never_goes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broken_file_is_refused_and_later_ignored, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
