#include "base/child.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

static const char *const no_env[] = {CHILD_PATH, NULL};

static enum err sh(const char *script, const char *input, struct buf *out, int *status,
                   struct errinfo *ei)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    const struct child c = {
        .argv = argv, .env = no_env, .input = input, .output = out, .timeout_ms = 30000};

    return child_run(&c, status, ei);
}

static void what_it_says_and_its_exit_code_come_back(void **state)
{
    struct buf out = BUF_INIT;
    struct errinfo ei;
    int status = -1;

    (void)state;
    assert_ok(sh("cat; echo loud >&2; exit 7", "in\n", &out, &status, &ei), &ei);
    assert_int_equal(status, 7);
    assert_string_equal(buf_str(&out), "in\nloud\n");
    assert_ok(sh("kill -9 $$", NULL, NULL, &status, &ei), &ei);
    assert_int_equal(status, 128 + 9);
    buf_fini(&out);
}

static void it_has_no_environment_and_no_descriptor_of_ours(void **state)
{
    int leaked = dup2(0, 77);
    struct buf out = BUF_INIT;
    struct errinfo ei;
    int status;

    (void)state;
    assert_int_equal(leaked, 77);
    setenv("LEAKED", "yes", 1);
    assert_ok(
        sh("echo \"${LEAKED-no}\"; [ -e /proc/$$/fd/77 ] || echo closed", NULL, &out, &status, &ei),
        &ei);
    assert_string_equal(buf_str(&out), "no\nclosed\n");
    unsetenv("LEAKED");
    close(leaked);
    buf_fini(&out);
}

static void a_program_that_is_missing_has_its_own_code(void **state)
{
    const char *const argv[] = {"adbad-no-such-program", NULL};
    const struct child c = {.argv = argv, .env = no_env, .timeout_ms = 30000};
    struct errinfo ei;
    int status = 0;

    (void)state;
    assert_ok(child_run(&c, &status, &ei), &ei);
    assert_int_equal(status, CHILD_MISSING);
}

static void one_that_does_not_end_is_killed(void **state)
{
    const char *const argv[] = {"sh", "-c", "echo $$; exec tail -f /dev/null", NULL};
    struct buf out = BUF_INIT;
    const struct child c = {.argv = argv, .env = no_env, .output = &out, .timeout_ms = 50};
    struct errinfo ei;
    int status;

    (void)state;
    assert_int_equal(child_run(&c, &status, &ei), ERR_TIMEOUT);
    assert_contains(ei.text, "sh: no end");
    buf_fini(&out);
}

static void an_end_that_is_not_known_is_no_success(void **state)
{
    struct errinfo ei = {0};
    int status = -1;

    (void)state;
    signal(SIGCHLD, SIG_IGN);
    assert_int_equal(sh("exit 7", NULL, NULL, &status, &ei), ERR_IO);
    signal(SIGCHLD, SIG_DFL);
    assert_contains(ei.text, "sh");
}

static void the_last_line_is_found(void **state)
{
    char text[] = "first\nsecond\n", none[] = "";

    (void)state;
    assert_string_equal(child_last_line(text), "second");
    assert_string_equal(child_last_line(none), "it says nothing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_says_and_its_exit_code_come_back),
        cmocka_unit_test(it_has_no_environment_and_no_descriptor_of_ours),
        cmocka_unit_test(a_program_that_is_missing_has_its_own_code),
        cmocka_unit_test(one_that_does_not_end_is_killed),
        cmocka_unit_test(an_end_that_is_not_known_is_no_success),
        cmocka_unit_test(the_last_line_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
