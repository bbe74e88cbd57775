/* The bounds of the steward's processes, from inside: each kind of process gives up what it says it
 * does, and then everything is tried. The tables say what is left, as docs/security.md does. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acts.h"
#include "steward/bounds.h"

static struct acts_world world;
static struct settings settings;

enum {
    STATE,
    HOSTKEYS,
    DNS,
    SECRETS,
    RUN,
    TICKETS,
    REALM,
    HANDED,
    CATALOG,
    CLOCK,
    LOG,
    LOGIN,
    KEYTAB,
    ELSEWHERE,
    PLACES
};
static const char *const names[PLACES] = {
    "state",  "state/hostkeys", "state/dns", "secrets", "run",   "run/file.tickets", "realm",
    "handed", "catalog",        "clock",     "log",     "login", "keytab",           "elsewhere"};
static char *folders[PLACES];

static char *file_in(const char *folder)
{
    char *path;

    assert_true(asprintf(&path, "%s/file", folder) > 0);
    return path;
}

static int set_up(void **state)
{
    (void)state;
    acts_set_up(&world);
    for (size_t i = 0; i < PLACES; i++)
        folders[i] = strdup(acts_folder(&world, names[i]));
    settings = (struct settings){.state_dir = folders[STATE],
                                 .secrets_dir = folders[SECRETS],
                                 .log_file = file_in(folders[LOG]),
                                 .control_socket = file_in(folders[RUN]),
                                 .realm_dir = folders[REALM],
                                 .realm_bundle = file_in(folders[REALM]),
                                 .realm_secret = file_in(folders[HANDED]),
                                 .catalog_dir = folders[CATALOG],
                                 .lab = true,
                                 .lab_clock = file_in(folders[CLOCK]),
                                 .dir_password_file = file_in(folders[LOGIN]),
                                 .kms_keytab = file_in(folders[KEYTAB])};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(settings.log_file);
    free(settings.control_socket);
    free(settings.realm_bundle);
    free(settings.realm_secret);
    free(settings.lab_clock);
    free(settings.dir_password_file);
    free(settings.kms_keytab);
    for (size_t i = 0; i < PLACES; i++)
        free(folders[i]);
    acts_tear_down(&world);
    return 0;
}

/* ---- what is left to each ---- */

static void expect(struct confinement *c, const char *const places[PLACES], const char *calls)
{
    for (size_t i = 0; i < PLACES; i++)
        acts_expect_folder(&world, c, folders[i], places[i] == NULL ? "" : places[i]);
    acts_expect_calls(&world, c, calls);
    confinement_fini(c);
}

static void what_a_look_may(void **state)
{
    static const char *const places[PLACES] = {[HOSTKEYS] = "r", [SECRETS] = "rwm", [REALM] = "f",
                                               [CATALOG] = "r",  [CLOCK] = "r",     [LOGIN] = "f"};
    struct confinement c;

    (void)state;
    bounds_job(JOB_LOOK, &settings, &c);
    expect(&c, places, "cbsa");
}

static void what_a_reading_of_accounts_may(void **state)
{
    static const char *const places[PLACES] = {[LOGIN] = "f"};
    struct confinement c;

    (void)state;
    bounds_job(JOB_ACCOUNTS, &settings, &c);
    expect(&c, places, "cbs");
}

static void what_a_round_of_dns_may(void **state)
{
    static const char *const places[PLACES] = {[DNS] = "rwm", [TICKETS] = "rwm", [LOGIN] = "f"};
    struct confinement c;

    (void)state;
    bounds_job(JOB_UPDATE, &settings, &c);
    expect(&c, places, "efcbska");
}

static void what_fetching_the_clearing_houses_key_may(void **state)
{
    static const char *const places[PLACES] = {[REALM] = "f", [HANDED] = "f"};
    struct confinement c;

    (void)state;
    bounds_job(JOB_CLEARING, &settings, &c);
    expect(&c, places, "");
}

static void what_copying_the_services_keytab_may(void **state)
{
    static const char *const places[PLACES] = {[KEYTAB] = "f"};
    struct confinement c;

    (void)state;
    bounds_job(JOB_KEYTAB, &settings, &c);
    expect(&c, places, "a");
}

static void what_listening_for_the_network_process_may(void **state)
{
    static const char *const places[PLACES] = {[STATE] = ""};
    struct confinement c;

    (void)state;
    bounds_job(JOB_LISTEN, &settings, &c);
    expect(&c, places, "lbs");
}

static void what_writing_for_the_network_process_may(void **state)
{
    static const struct {
        enum job_kind kind;
        const char *places[PLACES];
    } rows[] = {
        {JOB_OVERRIDES,
         {[STATE] = "rwm", [HOSTKEYS] = "rwm", [DNS] = "rwm"}}, /* folders in it, too */
        {JOB_CLOCK, {[CLOCK] = "rwm"}},
        {JOB_LOG, {[LOG] = "rwm"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct confinement c;

        bounds_job(rows[i].kind, &settings, &c);
        expect(&c, rows[i].places, "a");
    }
}

static void what_the_keeper_may(void **state)
{
    static const char *const places[PLACES] = {
        [STATE] = "rwm",   [HOSTKEYS] = "rwm", [DNS] = "rwm",  [SECRETS] = "rwm", [RUN] = "r",
        [TICKETS] = "rwm", [REALM] = "r",      [HANDED] = "r", [CATALOG] = "r",   [CLOCK] = "rwm",
        [LOG] = "rwm",     [LOGIN] = "r",      [KEYTAB] = "r", [ELSEWHERE] = "r"};
    char page[] = "127.0.0.1:0";
    struct confinement c;

    (void)state;
    bounds_keeper(&settings, &c);
    expect(&c, places, "efcbska");
    settings.web_listen = (struct conf_list){1, (char *[]){page}};
    bounds_keeper(&settings, &c);
    acts_expect_calls(&world, &c, "efclbska"); /* one of its jobs listens */
    confinement_fini(&c);
    settings.web_listen = (struct conf_list){0};
}

/* ---- no job has more than its keeper ---- */

static int as_job(const struct acts_world *w, const char *file)
{
    struct confinement c;
    struct errinfo ei;
    int fd;

    (void)w;
    bounds_job(JOB_LOOK, &settings, &c);
    if (confine(&c, &ei) != ERR_OK)
        return 199;
    confinement_fini(&c);
    fd = open(file, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? errno : 0;
}

static void a_job_works_within_its_keeper(void **state)
{
    struct confinement keeper;
    char *file;

    (void)state;
    bounds_keeper(&settings, &keeper);
    assert_true(asprintf(&file, "%s/made", folders[SECRETS]) > 0);
    assert_int_equal(acts_try(&world, &keeper, as_job, file), 0);
    free(file);
    assert_true(asprintf(&file, "%s/made", folders[STATE]) > 0);
    assert_int_equal(acts_try(&world, &keeper, as_job, file), EACCES);
    free(file);
    confinement_fini(&keeper);
}

/* ---- programs ---- */

static void a_round_of_dns_becomes_nsupdate_and_nothing_else(void **state)
{
    struct confinement c;

    (void)state;
    bounds_job(JOB_UPDATE, &settings, &c);
    assert_int_equal(acts_try(&world, NULL, act_exec, "/usr/bin/nsupdate"), 0);
    assert_int_equal(acts_try(&world, &c, act_exec, "/usr/bin/nsupdate"), 0);
    assert_int_equal(acts_try(&world, NULL, act_exec, "/usr/bin/mawk"), 2);
    assert_int_equal(acts_try(&world, &c, act_exec, "/usr/bin/mawk"), EACCES);
    confinement_fini(&c);
}

static void the_keeper_lets_a_job_become_what_is_in_path(void **state)
{
    struct confinement c;

    (void)state;
    bounds_keeper(&settings, &c);
    assert_int_equal(acts_try(&world, &c, act_exec, "/usr/bin/nsupdate"), 0);
    assert_int_equal(acts_try(&world, &c, act_exec, folders[STATE]), EACCES);
    confinement_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_look_may),
        cmocka_unit_test(what_a_reading_of_accounts_may),
        cmocka_unit_test(what_a_round_of_dns_may),
        cmocka_unit_test(what_fetching_the_clearing_houses_key_may),
        cmocka_unit_test(what_copying_the_services_keytab_may),
        cmocka_unit_test(what_listening_for_the_network_process_may),
        cmocka_unit_test(what_writing_for_the_network_process_may),
        cmocka_unit_test(what_the_keeper_may),
        cmocka_unit_test(a_job_works_within_its_keeper),
        cmocka_unit_test(a_round_of_dns_becomes_nsupdate_and_nothing_else),
        cmocka_unit_test(the_keeper_lets_a_job_become_what_is_in_path),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
