#include "support.h"

#include <stdio.h>
#include <string.h>

#include "base/loglimit.h"

struct lines {
    unsigned n;
    enum log_level level;
    char last[200];
};

static void take(void *arg, enum log_level level, const char *prefix, const char *text)
{
    struct lines *l = arg;

    (void)prefix;
    l->n++;
    l->level = level;
    snprintf(l->last, sizeof(l->last), "%s", text);
}

struct fixture {
    struct lines lines;
    struct log_dest dest;
    struct log log;
    struct loglimit limit;
};

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.limit = {.what = "requests answered", .per_second = 3}};
    f.dest = (struct log_dest){.fn = take, .arg = &f.lines, .max = LOGL_INFO};
    f.log.dest = &f.dest;
    *state = &f;
    return 0;
}

static void say(struct fixture *f, unsigned times, int64_t now)
{
    for (unsigned i = 0; i < times; i++)
        log_limited(&f->limit, &f->log, LOGL_INFO, now, "request %u", i);
}

static void so_many_lines_a_second_are_written(void **state)
{
    struct fixture *f = *state;

    say(f, 3, 100);
    assert_int_equal(f->lines.n, 3);
    say(f, 5, 100);
    assert_int_equal(f->lines.n, 3);
    say(f, 2, 101);
    assert_int_equal(f->lines.n, 5);
}

static void the_next_second_tells_how_many_more_there_were(void **state)
{
    struct fixture *f = *state;

    say(f, 4815, 100);
    assert_false(loglimit_tell(&f->limit, &f->log, LOGL_INFO, 100));
    assert_int_equal(f->lines.n, 3);
    assert_true(loglimit_tell(&f->limit, &f->log, LOGL_INFO, 101));
    assert_int_equal(f->lines.n, 4);
    assert_string_equal(f->lines.last, "… and 4812 more requests answered");
    assert_int_equal(f->lines.level, LOGL_INFO);
    assert_true(loglimit_tell(&f->limit, &f->log, LOGL_INFO, 102));
    assert_int_equal(f->lines.n, 4);
}

/* Nobody came to tell it in between: the seconds are told together. */
static void what_was_held_is_told_once_whenever_somebody_comes(void **state)
{
    struct fixture *f = *state;

    say(f, 5, 100);
    say(f, 7, 101);
    assert_true(loglimit_tell(&f->limit, &f->log, LOGL_INFO, 200));
    assert_string_equal(f->lines.last, "… and 6 more requests answered");
}

static void nothing_is_told_where_nothing_was_held(void **state)
{
    struct fixture *f = *state;

    say(f, 3, 100);
    assert_true(loglimit_tell(&f->limit, &f->log, LOGL_INFO, 101));
    assert_int_equal(f->lines.n, 3);
}

static void a_log_at_level_debug_holds_nothing_back(void **state)
{
    struct fixture *f = *state;

    f->dest.max = LOGL_DEBUG;
    say(f, 50, 100);
    assert_int_equal(f->lines.n, 50);
}

static void a_silent_log_counts_nothing(void **state)
{
    struct fixture *f = *state;

    f->dest.max = LOGL_WARN;
    say(f, 50, 100);
    assert_int_equal(f->lines.n, 0);
    assert_int_equal(f->limit.held, 0);
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(so_many_lines_a_second_are_written),
        T(the_next_second_tells_how_many_more_there_were),
        T(what_was_held_is_told_once_whenever_somebody_comes),
        T(nothing_is_told_where_nothing_was_held),
        T(a_log_at_level_debug_holds_nothing_back),
        T(a_silent_log_counts_nothing),
    };

    return cmocka_run_group_tests_name("loglimit", tests, NULL, NULL);
}
