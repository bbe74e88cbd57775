/* The bounds of the steward's processes, from inside: each kind of process gives up what it says it
 * does, and then everything is tried. The tables say what is left, as docs/security.md does. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "bounds_world.h"
#include "steward/bounds.h"

static struct bounds_world world;

static int set_up(void **state)
{
    (void)state;
    bounds_set_up(&world);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bounds_tear_down(&world);
    return 0;
}

/* ---- what is left to each ---- */

static void what_a_look_may(void **state)
{
    static const char *const places[PLACES] = {[HOSTKEYS] = "r", [SECRETS] = "rwm", [REALM] = "f",
                                               [CATALOG] = "r",  [CLOCK] = "r",     [LOGIN] = "f"};
    struct confinement c;

    (void)state;
    bounds_job(JOB_LOOK, &world.settings, &c);
    bounds_expect(&world, &c, places, "cbsa");
}

static void what_a_reading_of_accounts_may(void **state)
{
    static const char *const places[PLACES] = {[LOGIN] = "f"};
    struct confinement c;

    (void)state;
    bounds_job(JOB_ACCOUNTS, &world.settings, &c);
    bounds_expect(&world, &c, places, "cbs");
}

static void what_a_round_of_dns_may(void **state)
{
    static const char *const places[PLACES] = {[DNS] = "rwm", [TICKETS] = "rwm", [LOGIN] = "f"};
    struct confinement c;

    (void)state;
    bounds_job(JOB_UPDATE, &world.settings, &c);
    bounds_expect(&world, &c, places, "efcbska");
}

static void what_fetching_the_clearing_houses_key_may(void **state)
{
    static const char *const places[PLACES] = {[REALM] = "f", [HANDED] = "f"};
    struct confinement c;

    (void)state;
    bounds_job(JOB_CLEARING, &world.settings, &c);
    bounds_expect(&world, &c, places, "");
}

static void what_copying_the_services_keytab_may(void **state)
{
    static const char *const places[PLACES] = {[KEYTAB] = "f"};
    struct confinement c;

    (void)state;
    bounds_job(JOB_KEYTAB, &world.settings, &c);
    bounds_expect(&world, &c, places, "a");
}

static void what_listening_for_the_network_process_may(void **state)
{
    static const char *const places[PLACES] = {[STATE] = ""};
    struct confinement c;

    (void)state;
    bounds_job(JOB_LISTEN, &world.settings, &c);
    bounds_expect(&world, &c, places, "lbs");
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

        bounds_job(rows[i].kind, &world.settings, &c);
        bounds_expect(&world, &c, rows[i].places, "a");
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
    bounds_keeper(&world.settings, &c);
    bounds_expect(&world, &c, places, "efcbska");
    world.settings.web_listen = (struct conf_list){1, (char *[]){page}};
    bounds_keeper(&world.settings, &c);
    acts_expect_calls(&world.acts, &c, "efclbska"); /* one of its jobs listens */
    confinement_fini(&c);
    world.settings.web_listen = (struct conf_list){0};
}

/* ---- no job has more than its keeper ---- */

static int as_job(const struct acts_world *w, const char *file)
{
    struct confinement c;
    struct errinfo ei;
    int fd;

    (void)w;
    bounds_job(JOB_LOOK, &world.settings, &c);
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
    bounds_keeper(&world.settings, &keeper);
    assert_true(asprintf(&file, "%s/made", world.folders[SECRETS]) > 0);
    assert_int_equal(acts_try(&world.acts, &keeper, as_job, file), 0);
    free(file);
    assert_true(asprintf(&file, "%s/made", world.folders[STATE]) > 0);
    assert_int_equal(acts_try(&world.acts, &keeper, as_job, file), EACCES);
    free(file);
    confinement_fini(&keeper);
}

/* ---- programs ---- */

static void a_round_of_dns_becomes_nsupdate_and_nothing_else(void **state)
{
    struct confinement c;

    (void)state;
    bounds_job(JOB_UPDATE, &world.settings, &c);
    assert_int_equal(acts_try(&world.acts, NULL, act_exec, "/usr/bin/nsupdate"), 0);
    assert_int_equal(acts_try(&world.acts, &c, act_exec, "/usr/bin/nsupdate"), 0);
    assert_int_equal(acts_try(&world.acts, NULL, act_exec, "/usr/bin/mawk"), 2);
    assert_int_equal(acts_try(&world.acts, &c, act_exec, "/usr/bin/mawk"), EACCES);
    confinement_fini(&c);
}

static void the_keeper_lets_a_job_become_what_is_in_path(void **state)
{
    struct confinement c;

    (void)state;
    bounds_keeper(&world.settings, &c);
    assert_int_equal(acts_try(&world.acts, &c, act_exec, "/usr/bin/nsupdate"), 0);
    assert_int_equal(acts_try(&world.acts, &c, act_exec, world.folders[STATE]), EACCES);
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
