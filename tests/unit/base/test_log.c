#include "support.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

static void take(void *arg, enum log_level level, const char *prefix, const char *text)
{
    (void)level;
    (void)prefix;
    snprintf(arg, 100, "%s", text);
}

static void assert_line(const char *text, const char *written)
{
    char line[100];
    const struct log_dest dest = {.fn = take, .arg = line, .max = LOGL_INFO};
    const struct log log = {.dest = &dest};

    log_write(&log, LOGL_INFO, "%s", text);
    assert_string_equal(line, written);
}

/* ECMA-48: C0 is 00 to 1f, C1 is 80 to 9f (9b begins a sequence, as ESC [ does). */
static void no_control_character_is_written(void **state)
{
    (void)state;
    assert_line("a\x1b[2Jb\nc\x7f", "a?[2Jb?c?");
    assert_line("a\xc2\x9b"
                "2Jb",
                "a??2Jb");
    assert_line("\x9b"
                "2J",
                "?2J");
}

static void text_stays(void **state)
{
    (void)state;
    assert_line("K\xc3\xb6ln \xe2\x80\x93 \xf0\x9f\x98\x80\xc2\xa0",
                "K\xc3\xb6ln \xe2\x80\x93 \xf0\x9f\x98\x80\xc2\xa0");
}

static void what_is_no_utf8_is_not_written(void **state)
{
    (void)state;
    assert_line("a\xff\xc3", "a??");
    assert_line("\xe2\x80", "??");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_control_character_is_written),
        cmocka_unit_test(text_stays),
        cmocka_unit_test(what_is_no_utf8_is_not_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
