#include "steward/bounds.h"

#include <strings.h>

#include "catalog/catalog.h"
#include "confine/places.h"

#define CHANGE (PATHS_READ | PATHS_WRITE | PATHS_MAKE)

/* How the directory's account logs in. */
static void allow_login(struct paths *p, const struct settings *s)
{
    places_system(p);
    places_resolver(p);
    places_kerberos(p);
    paths_allow(p, s->dir_password_file, PATHS_READ);
    paths_allow(p, s->dir_keytab, PATHS_READ);
}

static void allow_directory(struct paths *p, const struct settings *s)
{
    allow_login(p, s);
    places_ldap(p);
    paths_allow(p, s->dir_tls_ca, PATHS_READ);
}

/* ---- each job ---- */

static void look(const struct settings *s, struct confinement *c)
{
    allow_directory(&c->paths, s);
    paths_allow(&c->paths, s->realm_bundle, PATHS_READ);
    paths_allow(&c->paths, s->catalog_dir != NULL ? s->catalog_dir : CATALOG_DEFAULT_DIR,
                PATHS_READ);
    if (s->lab)
        paths_allow_beside(&c->paths, s->lab_clock, PATHS_READ); /* it is replaced, not changed */
    paths_allow_named(&c->paths, s->state_dir, "/hostkeys", PATHS_READ);
    paths_allow(&c->paths, s->secrets_dir, CHANGE);
    c->calls.given_up = CALLS_EXEC | CALLS_FORK | CALLS_LISTEN | CALLS_SIGNAL;
}

static void accounts(const struct settings *s, struct confinement *c)
{
    allow_directory(&c->paths, s);
    c->calls.given_up = CALLS_EXEC | CALLS_FORK | CALLS_LISTEN | CALLS_SIGNAL | CALLS_FILES;
}

static void update(const struct settings *s, struct confinement *c)
{
    allow_login(&c->paths, s);
    paths_allow_named(&c->paths, s->state_dir, "/dns", CHANGE);
    paths_allow_taken(&c->paths, settings_ticket_folder(s), CHANGE);
    places_program(&c->paths, "nsupdate");
    c->calls.given_up = CALLS_LISTEN;
}

#define NOTHING_BUT_FILES                                                                          \
    (CALLS_EXEC | CALLS_FORK | CALLS_CONNECT | CALLS_LISTEN | CALLS_BIND | CALLS_SOCKET |          \
     CALLS_SIGNAL)

/* Files are all that it deals with. */
static void deal_with_files(struct confinement *c)
{
    places_system(&c->paths);
    c->paths.no_connect = true;
    c->paths.no_bind = true;
    c->calls.given_up = NOTHING_BUT_FILES;
}

static void clearing(const struct settings *s, struct confinement *c)
{
    deal_with_files(c);
    paths_allow(&c->paths, s->realm_bundle, PATHS_READ);
    paths_allow(&c->paths, s->realm_secret, PATHS_READ);
    c->calls.given_up |= CALLS_FILES;
}

static void keep_overrides(const struct settings *s, struct confinement *c)
{
    deal_with_files(c);
    paths_allow(&c->paths, s->state_dir, CHANGE);
}

static void advance_clock(const struct settings *s, struct confinement *c)
{
    deal_with_files(c);
    if (s->lab)
        paths_allow_beside(&c->paths, s->lab_clock, CHANGE);
}

static void open_log(const struct settings *s, struct confinement *c)
{
    deal_with_files(c);
    paths_allow_beside(&c->paths, s->log_file, CHANGE);
}

/* What it reads goes on as a file in memory, which CALLS_FILES would forbid. */
static void copy_keytab(const struct settings *s, struct confinement *c)
{
    deal_with_files(c);
    paths_allow(&c->paths, s->kms_keytab, PATHS_READ);
}

static void listen_for_web(const struct settings *s, struct confinement *c)
{
    (void)s;
    places_system(&c->paths);
    c->paths.no_connect = true;
    c->calls.given_up =
        CALLS_EXEC | CALLS_FORK | CALLS_CONNECT | CALLS_UNIX | CALLS_SIGNAL | CALLS_FILES;
}

void bounds_job(enum job_kind kind, const struct settings *s, struct confinement *out)
{
    static void (*const kinds[JOB_KINDS])(const struct settings *, struct confinement *) = {
        [JOB_LOOK] = look,         [JOB_ACCOUNTS] = accounts,        [JOB_UPDATE] = update,
        [JOB_CLEARING] = clearing, [JOB_OVERRIDES] = keep_overrides, [JOB_CLOCK] = advance_clock,
        [JOB_LOG] = open_log,      [JOB_KEYTAB] = copy_keytab,       [JOB_LISTEN] = listen_for_web,
    };

    *out = (struct confinement){.paths.given_up = PATHS_ALL};
    kinds[kind](s, out);
}

/* ---- the keeper ---- */

/* Whether a job may have to listen. */
static bool has_page(const struct settings *s)
{
    return s->web_listen.n > 0 && strcasecmp(s->web_listen.v[0], "none") != 0;
}

void bounds_keeper(const struct settings *s, struct confinement *out)
{
    *out = (struct confinement){.paths.given_up =
                                    PATHS_WRITE | PATHS_MAKE | PATHS_REMOVE | PATHS_EXECUTE,
                                .calls.given_up = has_page(s) ? 0 : CALLS_LISTEN};
    paths_allow(&out->paths, "/dev/null", PATHS_WRITE);
    paths_allow(&out->paths, s->state_dir, PATHS_WRITE | PATHS_MAKE);
    paths_allow(&out->paths, s->secrets_dir, PATHS_WRITE | PATHS_MAKE);
    paths_allow_taken(&out->paths, settings_ticket_folder(s), PATHS_WRITE | PATHS_MAKE);
    paths_allow_beside(&out->paths, s->log_file, PATHS_WRITE | PATHS_MAKE);
    if (s->lab)
        paths_allow_beside(&out->paths, s->lab_clock, PATHS_WRITE | PATHS_MAKE);
    places_programs(&out->paths);
}
