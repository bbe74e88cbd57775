#include "support.h"

#include "net/deadline.h"

static struct deadlines fresh(void)
{
    struct deadlines all = {.ms = {[DEADLINE_BIND] = 100, [DEADLINE_IDLE] = 300}};

    return all;
}

static void the_earliest_of_all_kinds_is_next(void **state)
{
    struct deadlines all = fresh();
    struct deadline a = {0}, b = {0};

    (void)state;
    deadlines_init(&all);
    assert_true(deadline_next(&all) == UINT64_MAX);
    deadline_set(&all, &a, DEADLINE_IDLE, 0);
    deadline_set(&all, &b, DEADLINE_BIND, 50);
    assert_int_equal(deadline_next(&all), 150);
    assert_null(deadline_due(&all, 149));
    assert_ptr_equal(deadline_due(&all, 150), &b);
    deadline_clear(&b);
    assert_int_equal(deadline_next(&all), 300);
}

static void one_kind_falls_due_in_the_order_of_setting(void **state)
{
    struct deadlines all = fresh();
    struct deadline d[3] = {0};

    (void)state;
    deadlines_init(&all);
    for (uint64_t i = 0; i < 3; i++)
        deadline_set(&all, &d[i], DEADLINE_BIND, i);
    deadline_set(&all, &d[0], DEADLINE_BIND, 10); /* renewed: to the end of the queue */
    assert_ptr_equal(deadline_due(&all, 1000), &d[1]);
    deadline_clear(&d[1]);
    assert_ptr_equal(deadline_due(&all, 1000), &d[2]);
    deadline_clear(&d[2]);
    assert_ptr_equal(deadline_due(&all, 1000), &d[0]);
}

static void another_limit_holds_for_those_that_run_too(void **state)
{
    struct deadlines all = fresh();
    struct deadline d[3] = {0};

    (void)state;
    deadlines_init(&all);
    deadline_set(&all, &d[0], DEADLINE_IDLE, 0);
    deadline_set(&all, &d[1], DEADLINE_IDLE, 5);
    deadlines_change(&all, DEADLINE_IDLE, 20);
    deadline_set(&all, &d[2], DEADLINE_IDLE, 6);
    assert_int_equal(deadline_next(&all), 20);
    deadline_clear(&d[0]);
    assert_int_equal(deadline_next(&all), 25);
    deadline_clear(&d[1]);
    assert_int_equal(deadline_next(&all), 26);
    deadlines_change(&all, DEADLINE_IDLE, 1000);
    assert_int_equal(deadline_next(&all), 1006);
}

static void changing_the_kind_leaves_the_old_queue(void **state)
{
    struct deadlines all = fresh();
    struct deadline d = {0};

    (void)state;
    deadlines_init(&all);
    deadline_set(&all, &d, DEADLINE_BIND, 0);
    deadline_set(&all, &d, DEADLINE_IDLE, 0);
    assert_null(deadline_due(&all, 299));
    deadline_set(&all, &d, DEADLINE_NONE, 0);
    assert_true(deadline_next(&all) == UINT64_MAX);
    deadline_clear(&d); /* clearing twice is fine */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_of_all_kinds_is_next),
        cmocka_unit_test(one_kind_falls_due_in_the_order_of_setting),
        cmocka_unit_test(another_limit_holds_for_those_that_run_too),
        cmocka_unit_test(changing_the_kind_leaves_the_old_queue),
    };

    return cmocka_run_group_tests_name("deadline", tests, NULL, NULL);
}
