#include "settings/check.h"

#include <string.h>
#include <strings.h>

#include "base/clk.h"

int check_name_len(const char *folder)
{
    size_t len = strlen(folder);

    while (len > 1 && folder[len - 1] == '/')
        len--;
    return (int)len;
}

/* ---- each of them ---- */

/* What the mechanism needs; NULL: it is there. */
static const char *missing_for_login(const struct settings *s)
{
    bool password = s->dir_user != NULL && s->dir_password_file != NULL;

    switch (s->dir_mechanism) {
    case SET_MECH_SCRAM:
        return password ? NULL : "scram-sha-256 needs user and password_file";
    case SET_MECH_SIMPLE:
        if (!password)
            return "simple needs user and password_file";
        return s->dir_tls == SET_TLS_OFF && strncasecmp(s->dir_uri, "ldaps:", 6) != 0 &&
                       strncasecmp(s->dir_uri, "ldapi:", 6) != 0
                   ? "simple would show the password; set tls = starttls, or use ldaps://"
                   : NULL;
    case SET_MECH_GSSAPI:
    case SET_MECH_SPNEGO:
        if (s->dir_keytab != NULL)
            return s->dir_password_file == NULL
                       ? NULL
                       : "Kerberos takes keytab or password_file, not both";
        return s->dir_password_file != NULL && (s->dir_user != NULL || s->dir_principal != NULL)
                   ? NULL
                   : "Kerberos needs keytab, or user and password_file";
    default:
        return NULL;
    }
}

static enum err check_uri(const struct settings *s, struct errinfo *ei)
{
    return s->dir_uri != NULL && strcmp(s->dir_uri, "auto") == 0 && s->dir_domain == NULL
               ? err_fail(ei, ERR_CONFIG, "[directory] uri = auto needs domain")
               : ERR_OK;
}

static enum err check_login(const struct settings *s, struct errinfo *ei)
{
    const char *missing;

    if (s->dir_uri == NULL)
        return ERR_OK;
    missing = missing_for_login(s);
    return missing == NULL ? ERR_OK
                           : err_fail(ei, ERR_CONFIG, "[directory] mechanism: %s", missing);
}

static enum err check_keytab(const struct settings *s, struct errinfo *ei)
{
    return s->dir_uri != NULL && s->dir_keytab != NULL && s->dir_mechanism != SET_MECH_GSSAPI &&
                   s->dir_mechanism != SET_MECH_SPNEGO
               ? err_fail(ei, ERR_CONFIG,
                          "[directory] a keytab goes with mechanism gssapi or spnego")
               : ERR_OK;
}

static enum err check_clock(const struct settings *s, struct errinfo *ei)
{
    return s->lab_clock != NULL && !s->lab
               ? err_fail(ei, ERR_CONFIG,
                          "[lab] clock is set but lab mode is off; set [lab] enabled = yes")
               : ERR_OK;
}

static enum err check_host(const struct settings *s, struct errinfo *ei)
{
    return s->host_os == NULL && (s->updates.n > 0 || s->packs.n > 0)
               ? err_fail(ei, ERR_CONFIG,
                          "[kms] updates and packs are those of host_os, which is not set; a host "
                          "without it serves everything")
               : ERR_OK;
}

static enum err check_clearing(const struct settings *s, struct errinfo *ei)
{
    return s->clearing_serve && !s->lab
               ? err_fail(ei, ERR_CONFIG,
                          "[clearing] serve needs lab mode; set [lab] enabled = yes")
               : ERR_OK;
}

#define KEEP_LEAST (31 * CLK_DAY)

static enum err check_keep(const struct settings *s, struct errinfo *ei)
{
    return s->keep != 0 && s->keep < KEEP_LEAST
               ? err_fail(ei, ERR_CONFIG, "[store] keep must be 0d (for ever) or at least 31d")
               : ERR_OK;
}

/* Of the state folder's files none is kept from the process that strangers talk to. */
static enum err check_secrets(const struct settings *s, struct errinfo *ei)
{
    size_t len = (size_t)check_name_len(s->state_dir);

    return s->secrets_dir != NULL && strncmp(s->secrets_dir, s->state_dir, len) == 0 &&
                   (s->secrets_dir[len] == '/' || s->secrets_dir[len] == '\0')
               ? err_fail(ei, ERR_CONFIG,
                          "[store] secrets_dir must lie outside state_dir (%s), which the network "
                          "process may read",
                          s->state_dir)
               : ERR_OK;
}

static enum err check_upstream(const struct settings *s, struct errinfo *ei)
{
    return s->relay_upstream.n == 1 && strcmp(s->relay_upstream.v[0], "auto") == 0 &&
                   s->relay_domain == NULL
               ? err_fail(ei, ERR_CONFIG,
                          "[relay] upstream = auto needs domain: the DNS domain whose _vlmcs._tcp "
                          "records name the licensed KMS hosts")
               : ERR_OK;
}

static enum err check_only(const struct settings *s, struct errinfo *ei)
{
    return s->relay_upstream.n == 0 && s->relay_only == SET_RELAY_ALL
               ? err_fail(ei, ERR_CONFIG, "[relay] only = all needs upstream: hosts to relay to")
               : ERR_OK;
}

static enum err check_attempt(const struct settings *s, struct errinfo *ei)
{
    return s->relay_upstream.n > 0 && s->relay_attempt >= s->relay_patience
               ? err_fail(ei, ERR_CONFIG,
                          "[relay] attempt = %us, patience = %us: attempt must be shorter, or "
                          "nobody is asked after an upstream that does not answer",
                          (unsigned)s->relay_attempt, (unsigned)s->relay_patience)
               : ERR_OK;
}

/* ---- all of them ---- */

#define AT(member) offsetof(struct settings, member)

/* What is wrong is told of the first of these keys that a file sets. */
static const struct {
    enum err (*check)(const struct settings *s, struct errinfo *ei);
    size_t blamed[2]; /* 0: no second */
} rules[] = {
    {check_clock, {AT(lab_clock)}},
    {check_host, {AT(updates), AT(packs)}},
    {check_clearing, {AT(clearing_serve)}},
    {check_keep, {AT(keep)}},
    {check_secrets, {AT(secrets_dir), AT(state_dir)}},
    {check_uri, {AT(dir_uri)}},
    {check_login, {AT(dir_mechanism), AT(dir_uri)}},
    {check_keytab, {AT(dir_keytab)}},
    {check_upstream, {AT(relay_upstream)}},
    {check_only, {AT(relay_only)}},
    {check_attempt, {AT(relay_attempt), AT(relay_patience)}},
};

static const struct conf_origin *origin_of(const struct conf_origin *origins, size_t member)
{
    for (size_t i = 0; origins != NULL && member != 0 && i < settings_table.n; i++)
        if (settings_table.keys[i].offset == member && origins[i].file != NULL)
            return &origins[i];
    return NULL;
}

static void say_where(const struct check_place *place, const size_t blamed[2], struct errinfo *ei)
{
    const struct conf_origin *o = origin_of(place->origins, blamed[0]);

    if (o == NULL)
        o = origin_of(place->origins, blamed[1]);
    if (o != NULL)
        err_context(ei, "%s:%u", o->file, o->line);
    else
        err_context(ei, "%s", place->where);
}

enum err check_all(const struct settings *s, const struct check_place *place,
                   conf_problem_fn *problem, void *arg, struct errinfo *ei)
{
    enum err e = ERR_OK;

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct errinfo one = {0};

        if (rules[i].check(s, &one) == ERR_OK)
            continue;
        say_where(place, rules[i].blamed, &one);
        if (e == ERR_OK && ei != NULL)
            *ei = one;
        e = ERR_CONFIG;
        if (problem != NULL)
            problem(arg, &one);
    }
    return e;
}
