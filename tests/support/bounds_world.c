#include "bounds_world.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[PLACES] = {[STATE] = "state",     [HOSTKEYS] = "state/hostkeys",
                                          [DNS] = "state/dns",   [SECRETS] = "secrets",
                                          [RUN] = "run",         [TICKETS] = "run/file.tickets",
                                          [REALM] = "realm",     [HANDED] = "handed",
                                          [CATALOG] = "catalog", [CLOCK] = "clock",
                                          [LOG] = "log",         [LOGIN] = "login",
                                          [KEYTAB] = "keytab",   [ELSEWHERE] = "elsewhere"};

static char *file_in(const char *folder)
{
    char *path;

    assert_true(asprintf(&path, "%s/file", folder) > 0);
    return path;
}

void bounds_set_up(struct bounds_world *w)
{
    acts_set_up(&w->acts);
    for (size_t i = 0; i < PLACES; i++)
        w->folders[i] = strdup(acts_folder(&w->acts, names[i]));
    w->settings = (struct settings){.state_dir = w->folders[STATE],
                                    .ledger = file_in(w->folders[STATE]),
                                    .secrets_dir = w->folders[SECRETS],
                                    .control_socket = file_in(w->folders[RUN]),
                                    .realm_dir = w->folders[REALM],
                                    .realm_bundle = file_in(w->folders[REALM]),
                                    .realm_secret = file_in(w->folders[HANDED]),
                                    .catalog_dir = w->folders[CATALOG],
                                    .lab = true,
                                    .lab_clock = file_in(w->folders[CLOCK]),
                                    .log_file = file_in(w->folders[LOG]),
                                    .dir_password_file = file_in(w->folders[LOGIN]),
                                    .kms_keytab = file_in(w->folders[KEYTAB])};
}

void bounds_tear_down(struct bounds_world *w)
{
    free(w->settings.ledger);
    free(w->settings.control_socket);
    free(w->settings.realm_bundle);
    free(w->settings.realm_secret);
    free(w->settings.lab_clock);
    free(w->settings.log_file);
    free(w->settings.dir_password_file);
    free(w->settings.kms_keytab);
    for (size_t i = 0; i < PLACES; i++)
        free(w->folders[i]);
    acts_tear_down(&w->acts);
}

void bounds_expect(struct bounds_world *w, struct confinement *c, const char *const places[PLACES],
                   const char *calls)
{
    for (size_t i = 0; i < PLACES; i++)
        acts_expect_folder(&w->acts, c, w->folders[i], places[i] == NULL ? "" : places[i]);
    acts_expect_calls(&w->acts, c, calls);
    confinement_fini(c);
}
