#include "settings/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/docs.h"
#include "settings/check.h"
#include "settings/credentials.h"
#include "settings/values.h"

static const char *const mechanisms[] = {"none",   "scram-sha-256", "external", "gssapi",
                                         "spnego", "simple",        NULL};
static const char *const tls_choices[] = {"off", "starttls", NULL};
static const char *const restart_choices[] = {"remember", "forget", NULL};
static const char *const mode_choices[] = {"serve", "refuse", NULL};
static const char *const members_choices[] = {"adba-first", "count", NULL};
static const char *const proof_choices[] = {"kerberos", "name", "none", NULL};
static const char *const rodc_choices[] = {"refuse", "switch", NULL};
static const char *const relay_choices[] = {"foreign", "all", NULL};
static const char *const targets[] = {"auto", "stderr", "journal", NULL};
static const char *const levels[] = {"error", "warn", "info", "debug", NULL};

#define AT(member) offsetof(struct settings, member)

/* clang-format off */
static const struct conf_key keys[] = {
    {"realm", "dir", CONF_PATH, AT(realm_dir), SETTINGS_CONF_DIR "/realm",
     .help = "Folder of the lab realm (adbactl realm init)."},
    {"realm", "bundle", CONF_PATH, AT(realm_bundle), NULL,
     .help = "The realm's client.bundle; default: in the realm folder."},
    {"realm", "secret", CONF_PATH, AT(realm_secret), NULL,
     .help = "The realm's secret, read only where clearing.serve is set; default: in the realm "
             "folder."},

    {"store", "state_dir", CONF_PATH, AT(state_dir), SETTINGS_STATE_DIR,
     .help = "Folder for installed host keys and the ledger."},
    {"store", "secrets_dir", CONF_PATH, AT(secrets_dir), NULL,
     .help = "Folder for the secret halves of installed host keys, outside state_dir and with mode "
             "0700; default: beside state_dir, with its name and .private."},
    {"store", "ledger", CONF_PATH, AT(ledger), NULL,
     .help = "Ledger database; default: ledger.db in state_dir."},
    {"store", "keep", CONF_DURATION, AT(keep), "400d", .when = CONF_RELOAD,
     .help = "How long activations and refusals stay in the ledger; 0d: for ever. The running "
             "totals stay. At least 31d, since a host remembers its clients for 30."},

    {"kms", "listen", CONF_LIST, AT(listen), "0.0.0.0:1688, [::]:1688", .check = values_listen,
     .help = "Addresses and ports that answer KMS requests."},
    {"kms", "activation_interval", CONF_DURATION, AT(activation_interval), "120m",
     .min = 15 * CLK_MINUTE, .max = 43200 * CLK_MINUTE, .when = CONF_RELOAD,
     .help = "How often a client that is not activated shall try."},
    {"kms", "renewal_interval", CONF_DURATION, AT(renewal_interval), "7d",
     .min = 15 * CLK_MINUTE, .max = 43200 * CLK_MINUTE, .when = CONF_RELOAD,
     .help = "How often an activated client shall renew."},
    {"kms", "restart", CONF_ENUM, AT(restart), "remember", .choices = restart_choices,
     .help = "remember: the count goes on where it was. forget: it begins empty at every start."},
    {"kms", "max_connections", CONF_UINT, AT(max_connections), "4096", .min = 1, .max = 1000000,
     .unit = "connections", .when = CONF_RELOAD,
     .help = "Most connections served at a time; further ones wait to be accepted."},
    {"kms", "max_per_source", CONF_UINT, AT(max_per_source), "512", .min = 1, .max = 1000000,
     .unit = "connections", .when = CONF_RELOAD,
     .help = "Most connections of one address; further ones are closed at once."},
    {"kms", "idle", CONF_DURATION, AT(idle), "30s", .min = 1, .max = CLK_DAY, .when = CONF_RELOAD,
     .help = "How long a connection may be silent between two requests."},
    {"kms", "allow", CONF_LIST, AT(allow), NULL, .when = CONF_RELOAD, .check = values_networks,
     .help = "Networks (192.0.2.0/24, 2001:db8::/32) or addresses that are served; unset: all."},
    {"kms", "deny", CONF_LIST, AT(deny), NULL, .when = CONF_RELOAD, .check = values_networks,
     .help = "Networks or addresses that are not served, even if allow has them."},
    {"kms", "proxies", CONF_LIST, AT(proxies), NULL, .when = CONF_RELOAD, .check = values_networks,
     .help = "Load balancers (networks or addresses) whose connections begin with a header of the "
             "PROXY protocol, version 2, that tells the client's address. Others may not send one."},
    {"kms", "mode", CONF_ENUM, AT(kms_mode), "serve", .choices = mode_choices, .when = CONF_RELOAD,
     .help = "refuse: say no to all (0xC004F042) and record who still asks, for finding the last "
             "clients of a host that shall go."},
    {"kms", "host_os", CONF_STRING, AT(host_os), NULL, .when = CONF_RELOAD,
     .help = "System that the KMS host simulates (\"Windows Server 2019\"), which decides what its "
             "host keys serve (" DOCS_DIR "/hostkeys.md); unset: all that their groups list."},
    {"kms", "updates", CONF_LIST, AT(updates), NULL, .when = CONF_RELOAD,
     .help = "With host_os: the updates that it has (KB5003646, …). They count for host keys that are "
             "installed from then on."},
    {"kms", "packs", CONF_LIST, AT(packs), NULL, .when = CONF_RELOAD,
     .help = "With host_os: its volume licence packs (\"Office LTSC 2024\", or \"Office\" for all), "
             "without which it serves no Office."},
    {"kms", "workers", CONF_UINT, AT(workers), "0", .min = 0, .max = 64, .unit = "threads",
     .help = "Threads that serve connections; 0: one for each core."},
    {"kms", "members", CONF_ENUM, AT(kms_members), "adba-first", .choices = members_choices,
     .when = CONF_RELOAD,
     .help = "adba-first: a proven member of the domain whose product an activation object covers is "
             "granted as the directory would: no threshold, not counted. count: like everyone."},
    {"kms", "keytab", CONF_PATH, AT(kms_keytab), NULL,
     .help = "File (mode 0600) with the Kerberos keys of the service's own principal, "
             "host/NAME-OF-THIS-HOST (" DOCS_DIR "/kerberos.md); unset: callers cannot authenticate. "
             "Another path needs a restart; another file at the same path counts after a reload, "
             "except where systemd hands the service a copy of it (" DOCS_DIR
             "/install.md): restart then."},

    {"directory", "uri", CONF_STRING, AT(dir_uri), NULL,
     .when = CONF_RELOAD, .check = values_uris,
     .help = "Directory servers (ldap://, ldaps:// or ldapi://, with blanks or commas between): the first that "
             "answers is used. auto: the domain controllers of domain that DNS names, in the order "
             "of RFC 2782. Unset: KMS only; to set it where it was unset, or the other way round, needs a "
             "restart, and then so does all of this section."},
    {"directory", "domain", CONF_STRING, AT(dir_domain), NULL, .check = values_domain,
     .help = "With uri = auto: DNS name of the domain."},
    {"directory", "site", CONF_STRING, AT(dir_site), NULL,
     .when = CONF_RELOAD,
     .help = "With uri = auto: the site whose domain controllers come first; unset: the one that "
             "the directory finds for this machine's address."},
    {"directory", "mechanism", CONF_ENUM, AT(dir_mechanism), "scram-sha-256", .choices = mechanisms,
     .when = CONF_RELOAD,
     .help = "How to log in: gssapi or spnego (Kerberos, with keytab, or user and password_file), "
             "simple (user and password_file, inside TLS only), scram-sha-256 or external (lab "
             "directories), or none. Kerberos finds its servers through the system's krb5.conf "
             "and DNS; no environment variable or credential cache is needed."},
    {"directory", "user", CONF_STRING, AT(dir_user), NULL,
     .when = CONF_RELOAD,
     .help = "Account to log in as."},
    {"directory", "password_file", CONF_PATH, AT(dir_password_file), NULL,
     .when = CONF_RELOAD,
     .help = "File (mode 0600) whose first line is the account's password."},
    {"directory", "keytab", CONF_PATH, AT(dir_keytab), NULL,
     .when = CONF_RELOAD,
     .help = "File (mode 0600) with the account's Kerberos keys, read again at every login: a "
             "replaced keytab is used from the next one on, except where systemd hands the service a "
             "copy of it (" DOCS_DIR "/install.md): restart then."},
    {"directory", "principal", CONF_STRING, AT(dir_principal), NULL,
     .when = CONF_RELOAD,
     .help = "Kerberos principal (NAME or NAME@REALM); unset: user, else the keytab's first."},
    {"directory", "tls", CONF_ENUM, AT(dir_tls), "off", .choices = tls_choices,
     .when = CONF_RELOAD,
     .help = "starttls: ldap:// goes on inside TLS. off: Kerberos encrypts, and logins that show a "
             "password are refused."},
    {"directory", "tls_ca", CONF_PATH, AT(dir_tls_ca), "/etc/ssl/certs/ca-certificates.crt",
     .when = CONF_RELOAD,
     .help = "Certificates of the authorities that may vouch for the server's name in TLS."},
    {"directory", "on_rodc", CONF_ENUM, AT(dir_on_rodc), "refuse", .choices = rodc_choices,
     .when = CONF_RELOAD,
     .help = "A write on a read-only domain controller: refuse, naming a writable one, or switch "
             "to it."},
    {"directory", "lab_forest", CONF_STRING, AT(lab_forest), NULL,
     .when = CONF_RELOAD, .check = values_domain,
     .help = "DNS name of the forest root that may be written to; unset: read only."},
    {"directory", "timeout", CONF_DURATION, AT(dir_timeout), "10s", .min = 1, .max = 300,
     .when = CONF_RELOAD,
     .help = "Deadline of each directory operation."},
    {"directory", "retry", CONF_DURATION, AT(dir_retry), "60s", .min = 1, .max = CLK_DAY,
     .when = CONF_RELOAD,
     .help = "How often the daemon looks at the directory and its activation objects."},
    {"directory", "job_limit", CONF_DURATION, AT(job_limit), "30m", .min = 1, .max = CLK_DAY,
     .help = "How long one look, one reading of accounts or one round of DNS may take before its "
             "process is ended; well above all that is asked of the directory in it."},
    {"directory", "proof", CONF_ENUM, AT(proof), "kerberos", .choices = proof_choices,
     .when = CONF_RELOAD,
     .help = "What proves on 1688 that a caller is a member. kerberos: its machine account "
             "authenticated, at least with packet integrity ([kms] keytab). name: its "
             "workstation's name, which anyone can tell; for tests. none: nothing does."},
    {"directory", "search_base", CONF_STRING, AT(search_base), NULL,
     .when = CONF_RELOAD,
     .help = "Entry below which computer accounts are known; default: the whole domain."},
    {"directory", "sync_interval", CONF_DURATION, AT(sync_interval), "60s", .min = 1, .max = CLK_DAY,
     .when = CONF_RELOAD,
     .help = "How often the daemon reads which computer accounts changed."},
    {"directory", "list_interval", CONF_DURATION, AT(list_interval), "1h", .min = 1,
     .max = 30 * CLK_DAY, .when = CONF_RELOAD,
     .help = "How often it looks for deleted accounts where the directory does not tell them."},
    {"directory", "max_stale", CONF_DURATION, AT(max_stale), "7d", .min = 60, .max = 365 * CLK_DAY,
     .when = CONF_RELOAD,
     .help = "How long computer accounts count after they were last read."},

    {"dns", "publish", CONF_BOOL, AT(dns_publish), "yes", .when = CONF_RELOAD,
     .help = "Publishes this host in DNS (SRV records _vlmcs._tcp) at start and every interval."},
    {"dns", "domains", CONF_LIST, AT(dns_domains), NULL,
     .when = CONF_RELOAD, .check = values_names,
     .help = "Domains whose DNS shall name this host; one outside lab_forest needs a relay with a "
             "healthy upstream. Unset: none. The account of [directory] makes the updates."},
    {"dns", "host", CONF_STRING, AT(dns_host), NULL,
     .when = CONF_RELOAD, .check = values_full_name,
     .help = "Name that the records lead to; unset: this machine's full DNS name."},
    {"dns", "port", CONF_UINT, AT(dns_port), "0", .min = 0, .max = 65535,
     .when = CONF_RELOAD,
     .help = "Port that they tell; 0: that of the first address in [kms] listen."},
    {"dns", "priority", CONF_UINT, AT(dns_priority), "0", .min = 0, .max = 65535,
     .when = CONF_RELOAD,
     .help = "Clients try hosts of a lower priority first."},
    {"dns", "weight", CONF_UINT, AT(dns_weight), "0", .min = 0, .max = 65535,
     .when = CONF_RELOAD,
     .help = "Among hosts of one priority, one of twice the weight is tried first twice as often."},
    {"dns", "ttl", CONF_DURATION, AT(dns_ttl), "1h", .min = 1, .max = 7 * CLK_DAY,
     .when = CONF_RELOAD,
     .help = "How long others may remember the records."},
    {"dns", "interval", CONF_DURATION, AT(dns_interval), "24h", .min = 1, .max = 30 * CLK_DAY,
     .when = CONF_RELOAD,
     .help = "How often the records are published anew."},
    {"dns", "retry", CONF_DURATION, AT(dns_retry), "5m", .min = 1, .max = CLK_DAY,
     .when = CONF_RELOAD,
     .help = "How soon it is tried again where it failed."},

    {"relay", "upstream", CONF_LIST, AT(relay_upstream), NULL, .check = values_upstreams,
     .help = "Licensed KMS hosts for requests that are not of this realm, tried in this order: "
             "HOST[:PORT] [priority=N] [weight=N]; auto: those that domain's _vlmcs._tcp records "
             "name. Unset: such requests are refused (" DOCS_DIR "/relay.md)."},
    {"relay", "domain", CONF_STRING, AT(relay_domain), NULL, .check = values_domain,
     .help = "With upstream = auto: the DNS domain whose records are asked for."},
    {"relay", "dns_server", CONF_STRING, AT(relay_dns), NULL, .check = values_dns_servers,
     .help = "DNS servers (ADDRESS[:PORT], with commas between) for the upstreams' names; unset: the "
             "system's."},
    {"relay", "only", CONF_ENUM, AT(relay_only), "foreign", .choices = relay_choices,
     .when = CONF_RELOAD,
     .help = "foreign: what is not of this realm goes to an upstream. all: every request does, and "
             "this host answers none itself."},
    {"relay", "connections", CONF_UINT, AT(relay_connections), "64", .min = 1, .max = 4096, .unit = "requests",
     .help = "Most requests under way to one upstream; further ones wait."},
    {"relay", "queue", CONF_UINT, AT(relay_queue), "1024", .min = 0, .max = 65536, .unit = "requests",
     .help = "Most requests that wait for an upstream, of one client address half of them; "
             "further ones get a fault (too busy)."},
    {"relay", "patience", CONF_DURATION, AT(relay_patience), "8s", .min = 1, .max = 120,
     .help = "Longest that a client waits for a relayed answer, whatever happens; then a fault."},
    {"relay", "attempt", CONF_DURATION, AT(relay_attempt), "3s", .min = 1, .max = 60,
     .help = "Longest for connecting to one upstream, and for its answer; then the next is asked."},
    {"relay", "check", CONF_DURATION, AT(relay_check), "10s", .min = 1, .max = CLK_DAY,
     .help = "How often upstreams are looked up in DNS and bound to, to see whether they work."},

    {"clearing", "serve", CONF_BOOL, AT(clearing_serve), "no",
     .help = "Be the realm's clearing house (lab mode; needs realm.secret)."},
    {"clearing", "host", CONF_STRING, AT(clearing_host), NULL,
     .when = CONF_RELOAD, .check = values_house,
     .help = "Clearing house that activates host keys (address:port); unset: lab form, uncounted."},

    {"adba", "steward", CONF_BOOL, AT(steward), "no",
     .when = CONF_RELOAD,
     .help = "Keeps activation objects present, valid and readable, at every look at the directory."},
    {"adba", "groups", CONF_LIST, AT(adba_groups), NULL,
     .when = CONF_RELOAD,
     .help = "Host-key groups that shall have an activation object; unset: every installed key's."},

    {"catalog", "dir", CONF_PATH, AT(catalog_dir), NULL,
     .help = "Folder of catalogue overlays (adbactl catalog check); unset: /etc/adbad/catalog.d, if "
             "it is there."},

    {"web", "listen", CONF_LIST, AT(web_listen), "127.0.0.1:8688, [::1]:8688", .check = values_web_listen,
     .help = "Addresses and ports that answer HTTP, read only: metrics and the dashboard, to whoever "
             "can connect. none: no HTTP."},
    {"web", "names", CONF_LIST, AT(web_names), NULL, .check = values_web_names,
     .help = "Names by which it may be called (monitor.example.com), beside localhost and addresses: "
             "a page of elsewhere cannot reach it under a name of its own."},
    {"web", "max_connections", CONF_UINT, AT(web_max_connections), "128", .min = 1, .max = 10000, .unit = "connections",
     .help = "Most HTTP connections at a time; further ones wait to be accepted."},
    {"web", "max_per_source", CONF_UINT, AT(web_max_per_source), "64", .min = 1, .max = 10000, .unit = "connections",
     .help = "Most HTTP connections of one address; further ones are closed at once."},
    {"web", "timeout", CONF_DURATION, AT(web_timeout), "10s", .min = 1, .max = CLK_HOUR,
     .help = "How long a client may take to send a request, and to take its answer."},

    {"control", "socket", CONF_PATH, AT(control_socket), SETTINGS_DEFAULT_SOCKET,
     .help = "Unix socket for adbactl."},

    {"lab", "enabled", CONF_BOOL, AT(lab), "no",
     .help = "Lab mode: opens the lab clock and the lab RPC interface."},
    {"lab", "clock", CONF_PATH, AT(lab_clock), NULL,
     .help = "Lab clock file, shared with simulated clients; default: clock in state_dir."},

    {"log", "level", CONF_ENUM, AT(log_level), "info", .choices = levels, .when = CONF_RELOAD,
     .help = "Most talkative level that is logged."},
    {"log", "target", CONF_ENUM, AT(log_target), "auto", .choices = targets,
     .help = "journal: systemd's, with fields to search by (" DOCS_DIR "/logs.md). auto: file, if it is set; "
             "the journal, if stderr leads there; else stderr."},
    {"log", "file", CONF_PATH, AT(log_file), NULL,
     .help = "With target = auto: the file to append to. It is opened anew at SIGUSR1, after it was "
             "renamed."},
};
/* clang-format on */
#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))
const struct conf_table settings_table = {.keys = keys, .n = KEY_COUNT};

const struct conf_section settings_sections[] = {
    {"realm", "The lab realm whose clients are served."},
    {"store", "What is kept on disk."},
    {"kms", "The KMS host: where it listens, whom it serves, what it tells them."},
    {"directory", "The directory: activation objects, computer accounts, and how to log in."},
    {"dns", "This host's SRV records in DNS, by which clients find it."},
    {"relay",
     "Requests that are not of this realm, for the organisation's own licensed KMS hosts."},
    {"clearing", "The realm's clearing house, which confirms installation IDs (lab mode)."},
    {"adba", "The steward of the activation objects in the directory."},
    {"catalog", "The catalogue of products."},
    {"web", "Read-only HTTP: metrics and the dashboard."},
    {"control", "How adbactl reaches adbad."},
    {"lab", "Lab mode."},
    {"log", "What is logged."},
    {0},
};

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

static enum err default_secrets(struct settings *s, struct errinfo *ei)
{
    if (s->secrets_dir != NULL)
        return ERR_OK;
    if (asprintf(&s->secrets_dir, "%.*s.private", check_name_len(s->state_dir), s->state_dir) < 0) {
        s->secrets_dir = NULL;
        return err_nomem(ei);
    }
    return ERR_OK;
}

static enum err complete(struct settings *s, struct errinfo *ei)
{
    enum err e = default_path(&s->realm_bundle, s->realm_dir, "client.bundle", ei);

    if (e == ERR_OK)
        e = default_path(&s->realm_secret, s->realm_dir, "secret", ei);
    if (e == ERR_OK)
        e = default_secrets(s, ei);
    if (e == ERR_OK)
        e = default_path(&s->ledger, s->state_dir, "ledger.db", ei);
    if (e == ERR_OK && s->lab)
        e = default_path(&s->lab_clock, s->state_dir, "clock", ei);
    return e;
}

enum err settings_check_mixed(const struct settings *s, struct errinfo *ei)
{
    static const struct check_place mixed = {.where = "with what needs a restart as it was"};

    return check_all(s, &mixed, NULL, NULL, ei);
}

/* From the files, or from text where that is not NULL. */
static enum err read_from(const char *path, const struct settings_text *text,
                          const struct settings_report *report, struct settings *out,
                          struct errinfo *ei)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    unsigned given = text != NULL ? text->credentials : credentials_given(folder);
    struct conf_origin own[KEY_COUNT] = {0};
    struct conf_origin *origins = report->origins != NULL ? report->origins : own;
    const struct check_place place = {.where = path != NULL ? path : "defaults",
                                      .origins = origins};
    const struct conf_source from = {.path = path,
                                     .optional =
                                         path != NULL && strcmp(path, SETTINGS_DEFAULT_PATH) == 0,
                                     .origins = origins,
                                     .problem = report->problem,
                                     .arg = report->arg,
                                     .keep = report->keep != NULL ? &report->keep->files : NULL,
                                     .from = text != NULL ? &text->files : NULL};
    enum err e;

    memset(out, 0, sizeof(*out));
    if (report->keep != NULL)
        report->keep->credentials = given;
    e = conf_load(&from, &settings_table, out, ei);
    if (e == ERR_OK)
        e = credentials_apply(folder, given, out, ei);
    if (e == ERR_OK)
        e = check_all(out, &place, report->problem, report->arg, ei);
    if (e == ERR_OK)
        e = complete(out, ei);
    conf_origins_free(own, KEY_COUNT);
    if (e != ERR_OK)
        settings_free(out);
    return e;
}

enum err settings_read(const char *path, const struct settings_report *report, struct settings *out,
                       struct errinfo *ei)
{
    return read_from(path, NULL, report, out, ei);
}

static const struct settings_report nobody = {0};

enum err settings_load(const char *path, struct settings *out, struct errinfo *ei)
{
    return read_from(path, NULL, &nobody, out, ei);
}

enum err settings_load_text(const char *path, const struct settings_text *text,
                            struct settings *out, struct errinfo *ei)
{
    return read_from(path, text, &nobody, out, ei);
}

void settings_free(struct settings *s)
{
    conf_free(&settings_table, s);
    memset(s, 0, sizeof(*s));
}

char *settings_ticket_folder(const struct settings *s)
{
    char *path;

    return asprintf(&path, "%s.tickets", s->control_socket) < 0 ? NULL : path;
}

char *settings_ticket_file(const struct settings *s)
{
    char *path;

    return asprintf(&path, "%s.tickets/ccache", s->control_socket) < 0 ? NULL : path;
}
