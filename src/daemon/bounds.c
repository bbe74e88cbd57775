#include "daemon/bounds.h"

#include <stdio.h>
#include <string.h>

#include "confine/places.h"

/* Its folder is opened to be flushed. The files alone are written: beside them lies what the
 * steward believes. */
static void allow_ledger(struct paths *p, const char *ledger)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
        paths_allow_named(p, ledger, suffixes[i], PATHS_READ | PATHS_WRITE);
    paths_allow_beside(p, ledger, PATHS_READ);
}

void bounds_paths(const struct settings *s, struct paths *out)
{
    *out = (struct paths){.given_up = PATHS_ALL, .no_connect = true};
    places_system(out);
    paths_allow(out, s->state_dir, PATHS_READ);
    allow_ledger(out, s->ledger);
    if (s->lab)
        paths_allow_beside(out, s->lab_clock, PATHS_READ); /* it is replaced, not changed */
    if (s->kms_keytab != NULL) {
        places_kerberos(out);
        places_resolver(out);
        paths_allow_named(out, s->control_socket, ".rcache", PATHS_READ | PATHS_WRITE);
    }
    paths_allow_beside(out, s->control_socket, PATHS_REMOVE); /* the socket, in the end */
    /* Those of a steward that was killed. */
    paths_allow_taken(out, settings_ticket_folder(s), PATHS_REMOVE);
}

void bounds_calls(const pid_t peers[CALLS_PEERS], struct calls *out)
{
    *out = (struct calls){.given_up = CALLS_EXEC | CALLS_FORK | CALLS_CONNECT | CALLS_LISTEN |
                                      CALLS_BIND | CALLS_SOCKET | CALLS_UNIX | CALLS_SIGNAL |
                                      CALLS_FILES};
    memcpy(out->may_signal, peers, sizeof(out->may_signal));
}

static void fail(struct bounds *b, const struct errinfo *why, const struct log *log)
{
    snprintf(b->why, sizeof(b->why), "%s", why->text);
    log_as(log, LOGL_WARN, LOGK_CONFINEMENT, NULL,
           "this process keeps rights that it does not need: %s", why->text);
}

void bounds_enter_paths(struct bounds *b, const struct settings *s, const struct log *log)
{
    struct errinfo why;
    struct paths p;

    bounds_paths(s, &p);
    if (paths_give_up(&p, &why) == ERR_OK)
        b->landlock = paths_abi();
    else
        fail(b, &why, log);
    paths_fini(&p);
}

void bounds_enter_calls(struct bounds *b, const pid_t peers[CALLS_PEERS], const struct log *log)
{
    struct errinfo why;
    struct calls c;

    bounds_calls(peers, &c);
    b->filtered = calls_give_up(&c, &why) == ERR_OK;
    if (!b->filtered)
        fail(b, &why, log);
}

json_t *bounds_json(const struct bounds *b)
{
    return json_pack("{s:o, s:b, s:s?}", "landlock",
                     b->landlock > 0 ? json_integer(b->landlock) : json_null(), "system_calls",
                     b->filtered, "why", b->why[0] != '\0' ? b->why : NULL);
}
