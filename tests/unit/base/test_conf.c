#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "settings/settings.h"
#include "support.h"

struct place {
    char folder[256];
    char path[300];
};

static int setup(void **state)
{
    static struct place p;

    test_folder(p.folder);
    snprintf(p.path, sizeof(p.path), "%s/adbad.conf", p.folder);
    *state = &p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;

    test_folder_remove(p->folder);
    return 0;
}

static enum err load(struct place *p, const char *text, struct settings *s, struct errinfo *ei)
{
    assert_ok(file_write_atomic(p->path, text, strlen(text), 0600, ei), ei);
    return settings_load(p->path, s, ei);
}

static void defaults_are_the_documented_ones(void **state)
{
    struct errinfo ei = {0};
    struct settings s;

    (void)state;
    assert_ok(settings_load(NULL, &s, &ei), &ei);
    assert_int_equal(s.activation_interval, 120 * 60);
    assert_int_equal(s.renewal_interval, 7 * 86400);
    assert_int_equal(s.listen.n, 2);
    assert_string_equal(s.listen.v[0], "0.0.0.0:1688");
    assert_string_equal(s.listen.v[1], "[::]:1688");
    assert_string_equal(s.ledger, "/var/lib/adbad/ledger.db");
    assert_null(s.dir_uri);
    assert_null(s.lab_forest);
    assert_false(s.lab);
    settings_free(&s);
}

static void values_replace_defaults(void **state)
{
    struct place *p = *state;
    struct errinfo ei = {0};
    char expected[512];
    struct settings s;

    assert_ok(load(p,
                   "# comment\n[kms]\nlisten = 127.0.0.1:1 , [::1]:2\nrenewal_interval = 15m\n"
                   "[store]\nstate_dir = state\n[lab]\nenabled = yes\n[log]\nlevel = debug\n",
                   &s, &ei),
              &ei);
    assert_int_equal(s.listen.n, 2);
    assert_string_equal(s.listen.v[1], "[::1]:2");
    assert_int_equal(s.renewal_interval, 900);
    assert_true(s.lab);
    assert_int_equal(s.log_level, 3);
    snprintf(expected, sizeof(expected), "%s/state/clock", p->folder);
    assert_string_equal(s.lab_clock, expected);
    settings_free(&s);
}

static void errors_name_file_and_line(void **state)
{
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"[kms]\nlisten = a:1\ncolour = red\n", "adbad.conf:3: unknown key \"colour\""},
        {"[kitchen]\nsink = 1\n", "adbad.conf:2: unknown section [kitchen]"},
        {"[kms]\nrenewal_interval = 7\n", "adbad.conf:2: [kms] renewal_interval = \"7\""},
        {"[kms]\n\nrenewal_interval = 7w\n", "adbad.conf:3: "},
        {"[kms]\nrenewal_interval = 14m\n", "from 15 min to 30 d"},
        {"[kms]\nrenewal_interval = 31d\n", "from 15 min to 30 d"},
        {"[kms]\nmax_connections = 0\n", "a whole number from 1 to 1000000"},
        {"[kms]\nmax_connections = 1x\n", "adbad.conf:2: "},
        {"[lab]\nenabled = maybe\n", "expected yes or no"},
        {"[log]\nlevel = loud\n", "expected one of error, warn, info, debug"},
        {"[kms]\nlisten\n", "adbad.conf:2: "},
        {"[kms]\nlisten = a:1\nlisten = b:2\n", "adbad.conf:3: "},
        {"[lab]\nclock = x\n", "lab mode is off"},
        {"[directory]\nuri = ldap://h\n", "needs user and password_file"},
    };
    struct place *p = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct errinfo ei = {0};
        struct settings s;

        assert_int_equal(load(p, rows[i].text, &s, &ei), ERR_CONFIG);
        assert_contains(ei.text, rows[i].part);
        assert_null(s.listen.v);
    }
}

static void a_missing_file_is_a_configuration_error(void **state)
{
    struct errinfo ei = {0};
    struct settings s;

    (void)state;
    assert_int_equal(settings_load("/nonexistent/adbad.conf", &s, &ei), ERR_CONFIG);
    assert_contains(ei.text, "/nonexistent/adbad.conf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_documented_ones),
        cmocka_unit_test_setup_teardown(values_replace_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_name_file_and_line, setup, teardown),
        cmocka_unit_test(a_missing_file_is_a_configuration_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
