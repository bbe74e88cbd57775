#include "store/limit.h"

#include "samples.h"

static void a_question_that_takes_longer_fails_and_the_next_one_does_not(void **state)
{
    struct fixture *f = *state;
    struct store_totals t;
    unsigned n = 0;

    open_ledger(f);
    add_many(f, 5000, 1000);
    store_limit(f->s, 0); /* over before it began */
    assert_int_equal(store_each_activation(f->s, 0, count_rows, &n, &f->ei), ERR_TIMEOUT);
    assert_true(n < 5000);
    store_limit(f->s, 600000);
    n = 0;
    assert_ok(store_each_activation(f->s, 0, count_rows, &n, &f->ei), &f->ei);
    assert_int_equal(n, 5000);
    assert_ok(store_totals(f->s, &t, &f->ei), &f->ei);
    assert_int_equal(t.answered, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_question_that_takes_longer_fails_and_the_next_one_does_not, setup, teardown),
    };

    return cmocka_run_group_tests_name("store_limit", tests, NULL, NULL);
}
