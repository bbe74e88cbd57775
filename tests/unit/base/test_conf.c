#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
    assert_string_equal(s.secrets_dir, "/var/lib/adbad.private");
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

static void secrets_lie_outside_the_state_folder(void **state)
{
    static const char *const inside[] = {"/srv/state", "/srv/state/", "/srv/state/private"};
    struct place *p = *state;
    struct errinfo ei = {0};
    struct settings s;
    char text[200];

    assert_ok(load(p, "[store]\nstate_dir = /srv/state//\n", &s, &ei), &ei);
    assert_string_equal(s.secrets_dir, "/srv/state.private");
    settings_free(&s);
    assert_ok(load(p, "[store]\nstate_dir = /srv/state\nsecrets_dir = /srv/state2\n", &s, &ei),
              &ei);
    assert_string_equal(s.secrets_dir, "/srv/state2");
    settings_free(&s);
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        snprintf(text, sizeof(text), "[store]\nstate_dir = /srv/state/\nsecrets_dir = %s\n",
                 inside[i]);
        assert_int_equal(load(p, text, &s, &ei), ERR_CONFIG);
        assert_contains(ei.text, "outside state_dir");
    }
}

static void errors_name_file_and_line(void **state)
{
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"[kms]\nlisten = [::]:1\ncolour = red\n", "adbad.conf:3: unknown key \"colour\""},
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
        {"[kms]\nlisten = [::]:1\nlisten = [::]:2\n", "adbad.conf:3: "},
        {"[lab]\nclock = x\n", "lab mode is off"},
        {"[directory]\nuri = ldap://h\n", "needs user and password_file"},
        {"[kms]\n\nlisten = 0.0.0.0:70000\n", "adbad.conf:3: [kms] listen: \"0.0.0.0:70000\""},
        {"[kms]\nlisten = [::]:1, 1688\n", "adbad.conf:2: [kms] listen: \"1688\""},
        {"[kms]\nallow = 192.0.2.1, 10.0.0.0/99\n", "adbad.conf:2: [kms] allow: \"10.0.0.0/99\""},
        {"[kms]\ndeny = 10.0.0.1/8\n", "adbad.conf:2: [kms] deny: \"10.0.0.1/8\": bits are set"},
        {"[kms]\nproxies = foo\n", "adbad.conf:2: [kms] proxies: \"foo\""},
        {"[web]\nlisten = foo\n", "adbad.conf:2: [web] listen: \"foo\""},
        {"[web]\nlisten = none, [::1]:1\n", "adbad.conf:2: [web] listen: \"none\""},
        {"[web]\nnames = foo bar\n", "adbad.conf:2: [web] names: \"foo bar\""},
        {"[web]\nnames = http://foo\n", "adbad.conf:2: [web] names: \"http://foo\""},
        {"[relay]\nupstream = :::\n", "adbad.conf:2: [relay] upstream: \":::\""},
        {"[relay]\nupstream = a, A:1688\n", "adbad.conf:2: [relay] upstream: \"A:1688\" is there"},
        {"[relay]\nconnections = 1\nupstream = auto\n", "adbad.conf:3: [relay] upstream = auto"},
        {"[relay]\nonly = all\n", "adbad.conf:2: [relay] only = all needs upstream"},
        {"[relay]\nupstream = a\nattempt = 9s\n", "adbad.conf:3: [relay] attempt = 9s"},
        {"[relay]\ndomain = a b\n", "adbad.conf:2: [relay] domain: \"a b\""},
        {"[relay]\ndns_server = ns.example\n", "adbad.conf:2: [relay] dns_server: \"ns.example\""},
        {"[dns]\ndomains = good.name, bad..name\n", "adbad.conf:2: [dns] domains: \"bad..name\""},
        {"[dns]\nhost = kms\n", "adbad.conf:2: [dns] host: \"kms\": expected a full DNS name"},
        {"[directory]\nuri = http://foo\n", "adbad.conf:2: [directory] uri: \"http://foo\""},
        {"[directory]\nuri = ldap://a dc2\n", "adbad.conf:2: [directory] uri: \"ldap://a dc2\""},
        {"[directory]\nuri =\n", "adbad.conf:2: [directory] uri: \"\""},
        {"[directory]\ndomain = lab..example\n", "adbad.conf:2: [directory] domain"},
        {"[directory]\nlab_forest = lab/example\n", "adbad.conf:2: [directory] lab_forest"},
        {"[clearing]\nhost = :1\n", "adbad.conf:2: [clearing] host: \":1\""},
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

static void what_fits_is_taken(void **state)
{
    static const char *const rows[] = {
        "[kms]\nlisten = 192.0.2.1:1688, [2001:db8::1]:0\nallow = 192.0.2.0/24, 2001:db8::/32, "
        "::1\n",
        "[web]\nlisten = none\nnames = monitor, _a.monitor.example\n",
        "[web]\nlisten =\nnames =\n",
        "[relay]\nupstream = kms1, [2001:db8::7]:1688 priority=1\ndns_server = [::1]:5353\n",
        "[relay]\nupstream = auto\ndomain = corp.example.\ndns_server = 192.0.2.53\n",
        "[directory]\nuri = LDAP://dc1  ldaps://dc2:636 ldapi://%2frun%2fldapi ldapi://\nmechanism "
        "= none\n",
        "[directory]\nuri = auto\ndomain = lab.example\nmechanism = none\n",
        "[clearing]\nhost = house.example\n[dns]\nhost = kms.lab.example\n",
    };
    struct place *p = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct errinfo ei = {0};
        struct settings s;

        assert_ok(load(p, rows[i], &s, &ei), &ei);
        settings_free(&s);
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

/* ---- several files ---- */

static void put(const struct place *p, const char *name, const char *text)
{
    char folder[300], path[600];
    struct errinfo ei = {0};

    snprintf(folder, sizeof(folder), "%s/conf.d", p->folder);
    assert_true(mkdir(folder, 0700) == 0 || errno == EEXIST);
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_ok(file_write_atomic(path, text, strlen(text), 0600, &ei), &ei);
}

static void later_files_win_in_the_order_of_their_names(void **state)
{
    struct place *p = *state;
    struct errinfo ei = {0};
    struct settings s;
    char expected[600];

    put(p, "9.conf", "[kms]\nidle = 9s\nlisten = 192.0.2.1:1, 192.0.2.2:1\n");
    put(p, "10.conf", "[kms]\nidle = 10s\nmax_per_source = 10\n");
    put(p, "B.conf", "[kms]\nmax_per_source = 11\n"); /* bytes: capitals come first */
    put(p, "a.conf", "[kms]\nmax_per_source = 12\n[catalog]\ndir = overlays\n");
    put(p, ".hidden.conf", "[kms]\nidle = 1s\n");
    put(p, "z.conf~", "[kms]\nidle = 1s\n");
    put(p, "README", "no configuration\n");
    put(p, ".conf", "[kitchen]\n");
    assert_ok(load(p, "[kms]\nidle = 5s\nlisten = [::]:1\nmax_connections = 7\n", &s, &ei), &ei);
    assert_int_equal(s.idle, 9);
    assert_int_equal(s.max_per_source, 12);
    assert_int_equal(s.max_connections, 7);
    assert_int_equal(s.listen.n, 2); /* replaced, not added to */
    assert_string_equal(s.listen.v[0], "192.0.2.1:1");
    snprintf(expected, sizeof(expected), "%s/overlays", p->folder);
    assert_string_equal(s.catalog_dir, expected); /* as if it stood in the main file */
    settings_free(&s);
}

static size_t key_number(const char *section, const char *name)
{
    for (size_t i = 0; i < settings_table.n; i++) {
        if (strcmp(settings_table.keys[i].section, section) == 0 &&
            strcmp(settings_table.keys[i].name, name) == 0)
            return i;
    }
    fail_msg("no key [%s] %s", section, name);
    return 0;
}

static void each_value_knows_its_place(void **state)
{
    struct conf_origin *origins = calloc(settings_table.n, sizeof(*origins));
    const struct settings_report report = {.origins = origins};
    struct place *p = *state;
    struct errinfo ei = {0};
    struct settings s;
    const struct conf_origin *o;
    const char *text = "[kms]\nidle = 5s\nmode = refuse\n";

    assert_non_null(origins);
    put(p, "a.conf", "# one line\n\n[kms]\nidle = 6s\n");
    assert_ok(file_write_atomic(p->path, text, strlen(text), 0600, &ei), &ei);
    assert_ok(settings_read(p->path, &report, &s, &ei), &ei);
    o = &origins[key_number("kms", "idle")];
    assert_contains(o->file, "/conf.d/a.conf");
    assert_int_equal(o->line, 4);
    o = &origins[key_number("kms", "mode")];
    assert_string_equal(o->file, p->path);
    assert_int_equal(o->line, 3);
    assert_null(origins[key_number("kms", "listen")].file);
    settings_free(&s);
    conf_origins_free(origins, settings_table.n);
    free(origins);
}

struct told {
    unsigned n;
    char text[8][512];
};

static void on_problem(void *arg, const struct errinfo *problem)
{
    struct told *t = arg;

    assert_true(t->n < 8);
    snprintf(t->text[t->n++], sizeof(t->text[0]), "%s", problem->text);
}

static void all_mistakes_are_told(void **state)
{
    struct place *p = *state;
    struct told told = {0};
    const struct settings_report report = {.problem = on_problem, .arg = &told};
    const char *text = "[kms]\nidle = 5\ncolour = red\nmode = maybe\n";
    struct errinfo ei = {0};
    struct settings s;

    put(p, "a.conf", "[kms]\nno value\n[half\n");
    put(p, "b.conf", "[lab]\nenabled = perhaps\n");
    assert_ok(file_write_atomic(p->path, text, strlen(text), 0600, &ei), &ei);
    assert_int_equal(settings_read(p->path, &report, &s, &ei), ERR_CONFIG);
    assert_string_equal(ei.text, told.text[0]);
    assert_int_equal(told.n, 6);
    assert_contains(told.text[0], "adbad.conf:2: [kms] idle");
    assert_contains(told.text[1], "adbad.conf:3: unknown key \"colour\"");
    assert_contains(told.text[2], "adbad.conf:4: [kms] mode");
    assert_contains(told.text[3], "conf.d/a.conf:2: ");
    assert_contains(told.text[4], "conf.d/a.conf:3: ");
    assert_contains(told.text[5], "conf.d/b.conf:2: [lab] enabled");
    assert_null(s.listen.v);
}

static void what_no_row_can_tell_is_told_together(void **state)
{
    struct place *p = *state;
    struct told told = {0};
    const struct settings_report report = {.problem = on_problem, .arg = &told};
    const char *text = "[lab]\nclock = x\n[store]\nkeep = 3d\n[directory]\nuri = auto\n";
    struct errinfo ei = {0};
    struct settings s;

    assert_ok(file_write_atomic(p->path, text, strlen(text), 0600, &ei), &ei);
    assert_int_equal(settings_read(p->path, &report, &s, &ei), ERR_CONFIG);
    assert_int_equal(told.n, 4);
    assert_contains(told.text[0], "adbad.conf:2: [lab] clock");
    assert_contains(told.text[1], "[store] keep");
    assert_contains(told.text[2], "uri = auto needs domain");
    assert_contains(told.text[3], "needs user and password_file");
}

/* A line that is no INI is told beside all others, each once; below a broken heading nothing is,
 * since nobody knows what it was to be. */
static void what_cannot_be_read_hides_nothing(void **state)
{
    struct place *p = *state;
    struct told told = {0};
    const struct settings_report report = {.problem = on_problem, .arg = &told};
    const char *text =
        "[kms]\nidle = 5\nno value\nmode = serve\nmode = refuse\n[log\nlevel = loud\n"
        "[lab]\nenabled = perhaps\nenabled = yes\nenabled = no\n";
    struct errinfo ei = {0};
    struct settings s;

    assert_ok(file_write_atomic(p->path, text, strlen(text), 0600, &ei), &ei);
    assert_int_equal(settings_read(p->path, &report, &s, &ei), ERR_CONFIG);
    assert_int_equal(told.n, 7);
    for (unsigned i = 0; i < 7; i++) {
        static const char *const where[] = {"adbad.conf:3: ",
                                            "adbad.conf:6: ",
                                            "adbad.conf:5: ",
                                            "adbad.conf:10: ",
                                            "adbad.conf:11: ",
                                            "adbad.conf:2: [kms] idle",
                                            "adbad.conf:9: [lab] enabled"};

        assert_contains(told.text[i], where[i]);
    }
}

static void a_comment_without_end_is_told_once(void **state)
{
    struct place *p = *state;
    struct told told = {0};
    const struct settings_report report = {.problem = on_problem, .arg = &told};
    const char *text = "[kms]\nidle = 5\n/* from here on\nmode = refuse\n";
    struct errinfo ei = {0};
    struct settings s;

    assert_ok(file_write_atomic(p->path, text, strlen(text), 0600, &ei), &ei);
    assert_int_equal(settings_read(p->path, &report, &s, &ei), ERR_CONFIG);
    assert_int_equal(told.n, 1);
    assert_contains(told.text[0], "adbad.conf:");
}

/* Of the keys that contradict each other, one that a file sets. */
static void what_no_row_can_tell_names_the_file_that_says_it(void **state)
{
    struct place *p = *state;
    struct errinfo ei = {0};
    struct settings s;

    put(p, "30.conf", "\n[store]\nkeep = 5d\n");
    assert_int_equal(load(p, "[store]\nledger = l\n", &s, &ei), ERR_CONFIG);
    assert_contains(ei.text, "/conf.d/30.conf:3: [store] keep must be");
    put(p, "30.conf", "[directory]\nuri = auto\n");
    assert_int_equal(load(p, "[directory]\nmechanism = none\n", &s, &ei), ERR_CONFIG);
    assert_contains(ei.text, "/conf.d/30.conf:2: [directory] uri = auto needs domain");
    put(p, "30.conf", "[directory]\n\nuri = ldap://h\n"); /* the mechanism is the default */
    assert_int_equal(load(p, "", &s, &ei), ERR_CONFIG);
    assert_contains(ei.text, "/conf.d/30.conf:3: [directory] mechanism");
    put(p, "30.conf", "[directory]\nmechanism = gssapi\n");
    assert_int_equal(load(p, "[directory]\nuri = ldap://h\n", &s, &ei), ERR_CONFIG);
    assert_contains(ei.text, "/conf.d/30.conf:2: [directory] mechanism");
}

/* ---- values as text ---- */

static void values_are_told_as_they_would_stand_in_a_file(void **state)
{
    static const struct {
        const char *section, *name, *given, *told;
    } rows[] = {
        {"kms", "listen", " [::]:1,[::]:2 ,", "[::]:1, [::]:2"},
        {"kms", "renewal_interval", "90m", "90m"},
        {"kms", "renewal_interval", "7d12h", "180h"},
        {"kms", "idle", "3600s", "1h"},
        {"store", "keep", "0d", "0s"},
        {"kms", "max_connections", "17", "17"},
        {"kms", "mode", "Refuse", "refuse"},
        {"dns", "publish", "off", "no"},
        {"directory", "lab_forest", "lab.example", "lab.example"},
        {"realm", "dir", "/r", "/r"},
    };
    struct place *p = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct conf_key *k = &settings_table.keys[key_number(rows[i].section, rows[i].name)];
        struct errinfo ei = {0};
        struct settings s, t, u;
        char text[200], *told;

        snprintf(text, sizeof(text), "[%s]\n%s = %s\n", rows[i].section, rows[i].name,
                 rows[i].given);
        assert_ok(load(p, text, &s, &ei), &ei);
        assert_ok(load(p, "", &u, &ei), &ei);
        assert_int_equal(conf_text(k, &s, &told), ERR_OK);
        assert_string_equal(told, rows[i].told);
        snprintf(text, sizeof(text), "[%s]\n%s = %s\n", rows[i].section, rows[i].name, told);
        assert_ok(load(p, text, &t, &ei), &ei);
        assert_true(conf_equal(k, &s, &t));
        assert_false(conf_equal(k, &s, &u));
        assert_int_equal(conf_copy(k, &s, &u), ERR_OK);
        assert_true(conf_equal(k, &s, &u));
        free(told);
        settings_free(&s);
        settings_free(&t);
        settings_free(&u);
    }
}

/* ---- the table ---- */

static void every_key_is_described(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_table.n; i++) {
        const struct conf_key *k = &settings_table.keys[i];
        const struct conf_section *s = settings_sections;

        while (s->name != NULL && strcmp(s->name, k->section) != 0)
            s++;
        if (s->name == NULL)
            fail_msg("[%s] is not in settings_sections", k->section);
        if (k->help == NULL || k->help[0] == '\0' || k->help[strlen(k->help) - 1] != '.')
            fail_msg("[%s] %s: its help is no sentence", k->section, k->name);
    }
}

/* Another process makes the same settings of it, and reads no file. */
static void what_a_reading_kept_stands_for_its_files(void **state)
{
    static const char main_text[] = "[realm]\ndir = r\n[kms]\nidle = 10s\n";
    static const char more[] = "[kms]\nidle = 20s\n";
    struct place *p = *state;
    struct settings_text kept = {0}, back;
    const struct settings_report report = {.keep = &kept};
    struct settings s;
    struct buf packed = BUF_INIT;
    struct errinfo ei = {0};
    char folder[300], fragment[320];

    snprintf(folder, sizeof(folder), "%s/" CONF_FOLDER, p->folder);
    snprintf(fragment, sizeof(fragment), "%s/a.conf", folder);
    assert_ok(file_write_atomic(p->path, main_text, strlen(main_text), 0600, &ei), &ei);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_ok(file_write_atomic(fragment, more, strlen(more), 0600, &ei), &ei);
    assert_ok(settings_read(p->path, &report, &s, &ei), &ei);
    settings_free(&s);
    settings_text_pack(&kept, &packed);
    assert_int_equal(unlink(fragment), 0);
    assert_int_equal(unlink(p->path), 0);
    assert_ok(settings_text_unpack(&packed, &back, &ei), &ei);
    assert_int_equal(back.files.n, 2);
    assert_string_equal(back.files.v[0].path, p->path);
    assert_string_equal(back.files.v[1].path, fragment);
    assert_ok(settings_load_text(p->path, &back, &s, &ei), &ei);
    assert_int_equal(s.idle, 20);
    snprintf(fragment, sizeof(fragment), "%s/r", p->folder);
    assert_string_equal(s.realm_dir, fragment);
    settings_free(&s);
    settings_text_free(&back);
    settings_text_free(&kept);
    for (size_t cut = 1; cut < packed.len; cut++) { /* at most the last file is missing */
        struct buf less = {.data = packed.data, .len = packed.len - cut};

        if (settings_text_unpack(&less, &back, &ei) == ERR_OK)
            assert_true(back.files.n < 2);
        settings_text_free(&back);
    }
    buf_fini(&packed);
}

/* Which credentials there were belongs to the reading, too. */
static void credentials_are_those_of_the_reading(void **state)
{
    struct place *p = *state;
    struct settings_text kept = {0};
    const struct settings_report report = {.keep = &kept};
    struct settings s;
    struct errinfo ei = {0};
    char bundle[300];

    snprintf(bundle, sizeof(bundle), "%s/realm.bundle", p->folder);
    assert_ok(file_write_atomic(p->path, "", 0, 0600, &ei), &ei);
    assert_ok(file_write_atomic(bundle, "x", 1, 0600, &ei), &ei);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", p->folder, 1), 0);
    assert_ok(settings_read(p->path, &report, &s, &ei), &ei);
    settings_free(&s);
    assert_int_equal(unlink(bundle), 0);
    assert_ok(settings_load_text(p->path, &kept, &s, &ei), &ei);
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    assert_string_equal(s.realm_bundle, bundle);
    settings_free(&s);
    settings_text_free(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_documented_ones),
        cmocka_unit_test_setup_teardown(values_replace_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(secrets_lie_outside_the_state_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_name_file_and_line, setup, teardown),
        cmocka_unit_test_setup_teardown(what_fits_is_taken, setup, teardown),
        cmocka_unit_test(a_missing_file_is_a_configuration_error),
        cmocka_unit_test_setup_teardown(later_files_win_in_the_order_of_their_names, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(each_value_knows_its_place, setup, teardown),
        cmocka_unit_test_setup_teardown(all_mistakes_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(what_no_row_can_tell_is_told_together, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_hides_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_comment_without_end_is_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_no_row_can_tell_names_the_file_that_says_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(values_are_told_as_they_would_stand_in_a_file, setup,
                                        teardown),
        cmocka_unit_test(every_key_is_described),
        cmocka_unit_test_setup_teardown(what_a_reading_kept_stands_for_its_files, setup, teardown),
        cmocka_unit_test_setup_teardown(credentials_are_those_of_the_reading, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
