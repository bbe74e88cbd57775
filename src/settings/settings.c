#include "settings/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"

static const char *const mechanisms[] = {"none", "scram-sha-256", "external", NULL};
static const char *const levels[] = {"error", "warn", "info", "debug", NULL};

#define AT(member) offsetof(struct settings, member)

/* clang-format off */
const struct conf_key settings_keys[] = {
    {"realm", "dir", CONF_PATH, AT(realm_dir), "/etc/adbad/realm",
     .help = "Folder of the lab realm (adbactl realm init)."},
    {"realm", "bundle", CONF_PATH, AT(realm_bundle), NULL,
     .help = "The realm's client.bundle; default: in the realm folder."},

    {"store", "state_dir", CONF_PATH, AT(state_dir), "/var/lib/adbad",
     .help = "Folder for installed host keys and the ledger."},
    {"store", "ledger", CONF_PATH, AT(ledger), NULL,
     .help = "Ledger database; default: ledger.db in state_dir."},

    {"kms", "listen", CONF_LIST, AT(listen), "0.0.0.0:1688, [::]:1688",
     .help = "Addresses and ports that answer KMS requests."},
    {"kms", "activation_interval", CONF_DURATION, AT(activation_interval), "120m",
     .min = 15 * CLK_MINUTE, .max = 43200 * CLK_MINUTE,
     .help = "How often a client that is not activated shall try."},
    {"kms", "renewal_interval", CONF_DURATION, AT(renewal_interval), "7d",
     .min = 15 * CLK_MINUTE, .max = 43200 * CLK_MINUTE,
     .help = "How often an activated client shall renew."},
    {"kms", "max_connections", CONF_UINT, AT(max_connections), "4096", .min = 1, .max = 1000000,
     .help = "Most connections served at a time; further ones wait to be accepted."},

    {"directory", "uri", CONF_STRING, AT(dir_uri), NULL,
     .help = "Directory server (ldap://, ldaps:// or ldapi://); unset: KMS only."},
    {"directory", "mechanism", CONF_ENUM, AT(dir_mechanism), "scram-sha-256", .choices = mechanisms,
     .help = "How to bind: none, scram-sha-256 or external."},
    {"directory", "user", CONF_STRING, AT(dir_user), NULL,
     .help = "Account to bind as."},
    {"directory", "password_file", CONF_PATH, AT(dir_password_file), NULL,
     .help = "File (mode 0600) whose first line is the account's password."},
    {"directory", "lab_forest", CONF_STRING, AT(lab_forest), NULL,
     .help = "DNS name of the forest root that may be written to; unset: read only."},
    {"directory", "timeout", CONF_DURATION, AT(dir_timeout), "10s", .min = 1, .max = 300,
     .help = "Deadline of each directory operation."},
    {"directory", "retry", CONF_DURATION, AT(dir_retry), "60s", .min = 1, .max = CLK_DAY,
     .help = "How often the daemon looks at the directory and its activation objects."},
    {"directory", "search_base", CONF_STRING, AT(search_base), NULL,
     .help = "Entry below which computer accounts are known; default: the whole domain."},
    {"directory", "sync_interval", CONF_DURATION, AT(sync_interval), "60s", .min = 1, .max = CLK_DAY,
     .help = "How often the daemon reads which computer accounts changed."},
    {"directory", "list_interval", CONF_DURATION, AT(list_interval), "1h", .min = 1,
     .max = 30 * CLK_DAY,
     .help = "How often it looks for deleted accounts where the directory does not tell them."},
    {"directory", "max_stale", CONF_DURATION, AT(max_stale), "7d", .min = 60, .max = 365 * CLK_DAY,
     .help = "How long computer accounts count after they were last read."},

    {"clearing", "serve", CONF_BOOL, AT(clearing_serve), "no",
     .help = "Be the realm's clearing house (lab mode; needs the realm folder)."},
    {"clearing", "host", CONF_STRING, AT(clearing_host), NULL,
     .help = "Clearing house that activates host keys (address:port); unset: lab form, uncounted."},

    {"adba", "steward", CONF_BOOL, AT(steward), "no",
     .help = "Keeps activation objects present, valid and readable, at every look at the directory."},
    {"adba", "groups", CONF_LIST, AT(adba_groups), NULL,
     .help = "Host-key groups that shall have an activation object; unset: every installed key's."},

    {"control", "socket", CONF_PATH, AT(control_socket), "/run/adbad/control.sock",
     .help = "Unix socket for adbactl."},

    {"lab", "enabled", CONF_BOOL, AT(lab), "no",
     .help = "Lab mode: opens the lab clock and the lab RPC interface."},
    {"lab", "clock", CONF_PATH, AT(lab_clock), NULL,
     .help = "Lab clock file, shared with simulated clients; default: clock in state_dir."},

    {"log", "level", CONF_ENUM, AT(log_level), "info", .choices = levels,
     .help = "Most talkative level that is logged."},
};
/* clang-format on */
const size_t settings_key_count = sizeof(settings_keys) / sizeof(settings_keys[0]);

static enum err default_path(char **member, const char *folder, const char *name,
                             struct errinfo *ei)
{
    if (*member != NULL)
        return ERR_OK;
    if (asprintf(member, "%s/%s", folder, name) < 0) {
        *member = NULL;
        return err_nomem(ei);
    }
    return ERR_OK;
}

static enum err complete(struct settings *s, struct errinfo *ei)
{
    enum err e = default_path(&s->realm_bundle, s->realm_dir, "client.bundle", ei);

    if (e == ERR_OK)
        e = default_path(&s->ledger, s->state_dir, "ledger.db", ei);
    if (e == ERR_OK && s->lab)
        e = default_path(&s->lab_clock, s->state_dir, "clock", ei);
    return e;
}

static enum err check(const char *path, const struct settings *s, struct errinfo *ei)
{
    if (s->lab_clock != NULL && !s->lab)
        return err_fail(ei, ERR_CONFIG,
                        "%s: [lab] clock is set but lab mode is off; set [lab] enabled = yes",
                        path);
    if (s->clearing_serve && !s->lab)
        return err_fail(ei, ERR_CONFIG,
                        "%s: [clearing] serve needs lab mode; set [lab] enabled = yes", path);
    if (s->dir_uri == NULL || s->dir_mechanism != SET_MECH_SCRAM)
        return ERR_OK;
    if (s->dir_user == NULL || s->dir_password_file == NULL)
        return err_fail(ei, ERR_CONFIG,
                        "%s: [directory] mechanism scram-sha-256 needs user and password_file",
                        path);
    return ERR_OK;
}

enum err settings_load(const char *path, struct settings *out, struct errinfo *ei)
{
    enum err e;

    memset(out, 0, sizeof(*out));
    e = conf_load(path, settings_keys, settings_key_count, out, ei);
    if (e == ERR_OK)
        e = check(path != NULL ? path : "defaults", out, ei);
    if (e == ERR_OK)
        e = complete(out, ei);
    if (e != ERR_OK)
        settings_free(out);
    return e;
}

void settings_free(struct settings *s)
{
    conf_free(settings_keys, settings_key_count, s);
    memset(s, 0, sizeof(*s));
}
