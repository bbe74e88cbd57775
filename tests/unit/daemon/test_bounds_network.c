/* The bounds of the network process, from inside: what is still possible once it serves. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acts.h"
#include "daemon/bounds.h"

enum { STATE, HOSTKEYS, DNS, SECRETS, RUN, TICKETS, CLOCK, LOG, KEYTAB, REALM, ELSEWHERE, PLACES };
static const char *const names[PLACES] = {
    "state", "state/hostkeys", "state/dns", "secrets",  "run", "run/file.tickets", "clock",
    "log",   "keytab",         "realm",     "elsewhere"};
static struct acts_world world;
static struct settings settings;
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
                                 .ledger = file_in(folders[STATE]),
                                 .secrets_dir = folders[SECRETS],
                                 .control_socket = file_in(folders[RUN]),
                                 .realm_dir = folders[REALM],
                                 .realm_bundle = file_in(folders[REALM]),
                                 .log_file = file_in(folders[LOG]),
                                 .lab = true,
                                 .lab_clock = file_in(folders[CLOCK]),
                                 .kms_keytab = file_in(folders[KEYTAB])};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(settings.ledger);
    free(settings.control_socket);
    free(settings.realm_bundle);
    free(settings.log_file);
    free(settings.lab_clock);
    free(settings.kms_keytab);
    for (size_t i = 0; i < PLACES; i++)
        free(folders[i]);
    acts_tear_down(&world);
    return 0;
}

/* Of the state folder it writes the ledger, here the folder's "file", and makes nothing. */
static void what_the_network_process_may(void **state)
{
    static const char *const places[PLACES] = {
        [STATE] = "rw", [HOSTKEYS] = "r", [DNS] = "r",     [SECRETS] = "",
        [RUN] = "u",    [TICKETS] = "u",  [CLOCK] = "r",   [LOG] = "",
        [KEYTAB] = "",  [REALM] = "",     [ELSEWHERE] = ""};
    const pid_t peers[CALLS_PEERS] = {0, 0};
    struct confinement c = {0};

    (void)state;
    bounds_paths(&settings, &c.paths);
    bounds_calls(peers, &c.calls);
    for (size_t i = 0; i < PLACES; i++)
        acts_expect_folder(&world, &c, folders[i], places[i]);
    acts_expect_calls(&world, &c, "");
    confinement_fini(&c);
}

/* Those that work for it, and nobody else. */
static void it_can_end_its_companions(void **state)
{
    const pid_t peers[CALLS_PEERS] = {0, getpid()};
    struct confinement c = {0};

    (void)state;
    bounds_paths(&settings, &c.paths);
    bounds_calls(peers, &c.calls);
    acts_expect_calls(&world, &c, "k");
    confinement_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_network_process_may),
        cmocka_unit_test(it_can_end_its_companions),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
