/* adbaclient init, install, join, leave: what a machine is. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/client_join.h"
#include "client/words.h"
#include "settings/settings.h"

struct setup {
    const char *product, *edition, *bundle, *name, *key;
    const char *domain, *directory, *password_file, *keytab, *user;
    const char *credential_file, *login_user, *lab_forest; /* for adcli */
    const char *one_time_file;
    const char *clock, *kms, *dns, *seed, *clearing, *report;
    const char *config; /* adbad.conf whose lab the machine is for: gives what is not said */
    const char *avma_host, *mak;
    struct opt_texts suffixes;
    bool no_key, is_virtual, oem, host_activated;
};

/* ---- parts ---- */

static enum err copy(const char *what, const char *from, char *to, size_t size, struct errinfo *ei)
{
    if (from == NULL)
        from = "";
    words_copy(to, size, from);
    if (strcmp(to, from) != 0)
        return err_fail(ei, ERR_USAGE, "--%s: at most %zu bytes of UTF-8 text", what, size - 1);
    return ERR_OK;
}

/* Files are remembered by absolute path: later runs may start elsewhere. */
static enum err copy_path(const char *what, const char *from, char *to, size_t size,
                          struct errinfo *ei)
{
    char cwd[PATH_MAX], full[2 * PATH_MAX];

    if (from == NULL || from[0] == '/')
        return copy(what, from, to, size, ei);
    if (getcwd(cwd, sizeof(cwd)) == NULL)
        return err_fail_errno(ei, errno, "find the current folder");
    snprintf(full, sizeof(full), "%s/%s", cwd, from);
    return copy(what, full, to, size, ei);
}

/* Whether the machine comes to have a keytab: it is given one, or gets its account now. */
static bool by_keytab(const struct setup *o)
{
    return o->keytab != NULL || o->credential_file != NULL || o->one_time_file != NULL;
}

static enum err set_domain(struct machine *m, const struct setup *o, struct errinfo *ei)
{
    const char *directory = o->directory;
    char user[128], domain[256];
    enum err e;

    if (o->domain == NULL &&
        (directory != NULL || o->password_file != NULL || o->user != NULL || o->keytab != NULL))
        return err_fail(ei, ERR_USAGE,
                        "--directory, --password-file, --keytab and --user go with --domain");
    if (o->domain == NULL)
        return ERR_OK;
    if (o->password_file != NULL && by_keytab(o))
        return err_fail(ei, ERR_USAGE, "a machine has a keytab or a password, not both");
    if (directory == NULL && by_keytab(o))
        directory = "auto";
    if (directory == NULL || (o->password_file == NULL && !by_keytab(o)))
        return err_fail(ei, ERR_USAGE,
                        "--domain needs the machine account: --keytab FILE in an AD domain, or "
                        "--directory URI and --password-file FILE in a lab directory (\"adbactl "
                        "machine add\" makes both)");
    snprintf(user, sizeof(user), "%.120s$", m->name);
    e = copy("domain", o->domain, domain, sizeof(domain), ei);
    if (e == ERR_OK)
        e = copy("directory", directory, m->directory, sizeof(m->directory), ei);
    if (e == ERR_OK)
        e = copy("user", o->user != NULL ? o->user : user, m->user, sizeof(m->user), ei);
    if (e == ERR_OK)
        e = copy_path("password-file", o->password_file, m->password_file, sizeof(m->password_file),
                      ei);
    if (e != ERR_OK)
        return e;
    if (strcasecmp(domain, m->domain) != 0 && m->domain[0] != '\0')
        m->forest[0] = '\0'; /* another domain: what it belongs to is not known yet */
    memcpy(m->domain, domain, sizeof(m->domain));
    m->changed = true;
    return ERR_OK;
}

/* A CMID of the seed and the name: the same machine again, and another one for another name. */
static void make_identity(struct machine *m)
{
    struct rng rng = rng_system();
    struct rng_seeded state;
    uint64_t mix = m->seed;
    uint8_t random[16];

    if (m->seed != 0) {
        for (const char *c = m->name; *c != '\0'; c++)
            mix = (mix ^ (uint8_t)*c) * UINT64_C(0x100000001b3); /* FNV-1a */
        rng_seeded_init(&state, mix);
        rng = rng_from_seed(&state);
    }
    rng_fill(&rng, random, sizeof(random));
    m->client_id = guid_from_random(random);
    rng_fill(&rng, random, sizeof(random));
    m->hardware = guid_from_random(random);
}

static enum err take_suffixes(struct machine *m, const struct opt_texts *list, struct errinfo *ei)
{
    enum err e = ERR_OK;

    if (list->n > MACHINE_SUFFIXES_MAX)
        return err_fail(ei, ERR_USAGE, "--dns-suffix: at most %d", MACHINE_SUFFIXES_MAX);
    for (size_t i = 0; i < list->n && e == ERR_OK; i++) {
        if (list->v[i][0] == '\0')
            return err_fail(ei, ERR_USAGE, "--dns-suffix: a domain's name is missing");
        e = copy("dns-suffix", list->v[i], m->suffix[i], sizeof(m->suffix[i]), ei);
    }
    return e;
}

/* Firmware and virtualization host. */
static enum err take_surroundings(const struct client *c, struct machine *m, const struct setup *o,
                                  struct errinfo *ei)
{
    if (o->oem)
        m->firmware = FIRMWARE_MARKED;
    if (o->avma_host == NULL && o->host_activated)
        return err_fail(ei, ERR_USAGE, "--avma-host-activated goes with --avma-host");
    return o->avma_host == NULL ? ERR_OK
                                : client_vmhost(c, o->avma_host, true, o->host_activated, m, ei);
}

static enum err parse_seed(const char *text, uint64_t *out, struct errinfo *ei)
{
    char *end;

    if (text == NULL)
        return ERR_OK;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || *out == 0)
        return err_fail(ei, ERR_USAGE, "--seed takes a whole number above 0, not \"%s\"", text);
    return ERR_OK;
}

/* "…/pc01/" is machine PC01. */
static void name_from_folder(const char *path, char *out, size_t size)
{
    size_t end = strlen(path), begin;

    while (end > 0 && path[end - 1] == '/')
        end--;
    begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    snprintf(out, size, "%.*s", (int)(end - begin), path + begin);
    for (; *out != '\0'; out++)
        *out = (char)(*out >= 'a' && *out <= 'z' ? *out - 32 : *out);
}

static enum err describe(struct machine *m, const struct setup *o, const char *folder,
                         struct errinfo *ei)
{
    enum err e;

    if (o->name != NULL)
        e = copy("name", o->name, m->name, sizeof(m->name), ei);
    else {
        char name[64];

        name_from_folder(folder, name, sizeof(name));
        e = copy("name", name, m->name, sizeof(m->name), ei);
    }
    m->is_virtual = o->is_virtual;
    if (e == ERR_OK)
        e = parse_seed(o->seed, &m->seed, ei);
    if (e == ERR_OK)
        e = copy_path("clock", o->clock, m->clock, sizeof(m->clock), ei);
    if (e == ERR_OK)
        e = copy("dns", o->dns, m->dns, sizeof(m->dns), ei);
    if (e == ERR_OK)
        e = copy("clearing", o->clearing, m->clearing, sizeof(m->clearing), ei);
    if (e == ERR_OK)
        e = copy("report", o->report, m->report, sizeof(m->report), ei);
    if (e == ERR_OK && o->kms != NULL)
        e = machine_host_parse(o->kms, &m->kms, ei);
    if (e == ERR_OK)
        e = set_domain(m, o, ei);
    if (e == ERR_OK)
        e = take_suffixes(m, &o->suffixes, ei);
    if (e == ERR_OK)
        make_identity(m);
    m->changed = true;
    return e;
}

static enum err add_product(const struct client *c, struct station *s, const struct setup *o,
                            struct errinfo *ei)
{
    const struct cat_product *product;
    struct machine_product *p = NULL;
    enum err e = client_product(c, o->product, o->edition, &product, ei);

    if (e == ERR_OK)
        e = machine_install(&s->folder.machine, product, &p, ei);
    if (e != ERR_OK || o->no_key)
        return e;
    if (product->setup_key == NULL)
        return err_fail(ei, ERR_NOTFOUND,
                        "%s %s: no client setup key is published for it; give --no-key",
                        product->product, product->edition);
    return machine_set_key(&s->folder.machine, p, product->setup_key, station_now(s), ei);
}

/* ---- what the lab's own configuration knows ---- */

/* A host that listens everywhere is reached at this machine's own address. */
static const char *reachable(const char *listen)
{
    static const char any4[] = "0.0.0.0:", any6[] = "[::]:";

    if (strncmp(listen, any4, sizeof(any4) - 1) == 0)
        return listen + sizeof(any4) - 1;
    if (strncmp(listen, any6, sizeof(any6) - 1) == 0)
        return listen + sizeof(any6) - 1;
    return NULL;
}

/* Fills what was not given on the command line. The strings in o then point into s and address. */
static void take_from_lab(struct setup *o, const struct settings *s, char address[64])
{
    const char *own = NULL;

    if (o->bundle == NULL)
        o->bundle = s->realm_bundle;
    if (o->clock == NULL && s->lab)
        o->clock = s->lab_clock;
    if (s->listen.n > 0) {
        const char *port = reachable(s->listen.v[0]);

        snprintf(address, 64, "127.0.0.1:%s", port != NULL ? port : "");
        own = port != NULL ? address : s->listen.v[0];
    }
    if (o->kms == NULL)
        o->kms = own;
    if (o->clearing == NULL && s->clearing_host != NULL)
        o->clearing = s->clearing_host;
    else if (o->clearing == NULL && s->clearing_serve)
        o->clearing = own;
    if (o->password_file == NULL &&
        o->keytab == NULL) /* without an account it is a workgroup machine */
        return;
    if (o->domain == NULL)
        o->domain = s->lab_forest;
    if (o->directory == NULL)
        o->directory = s->dir_uri;
}

/* ---- init ---- */

static enum err make_machine(struct client *c, const struct setup *o, struct errinfo *ei)
{
    const struct cat_product *product;
    struct station *s;
    enum err e = client_product(c, o->product, o->edition, &product, ei); /* before any file */

    c->station = calloc(1, sizeof(*c->station));
    if (c->station == NULL)
        return err_nomem(ei);
    s = c->station;
    s->folder.lock = -1;
    if (e == ERR_OK && o->bundle == NULL)
        e = err_fail(ei, ERR_USAGE,
                     "--bundle FILE is missing: client.bundle of the lab realm (or --config "
                     "FILE, the lab's adbad.conf, which names it)");
    if (e == ERR_OK)
        e = describe(&s->folder.machine, o, c->machine, ei);
    if (e == ERR_OK)
        e = take_surroundings(c, &s->folder.machine, o, ei);
    if (e == ERR_OK) {
        struct machine m = s->folder.machine;

        e = folder_create(c->machine, o->bundle, &s->folder, ei);
        if (e == ERR_OK) {
            s->folder.machine = m;
            c->count = 1;
        }
    }
    if (e == ERR_OK && o->keytab != NULL)
        e = join_take_keytab(&s->folder, o->keytab, ei);
    if (e == ERR_OK)
        e = station_ready(c, s, ei);
    if (e == ERR_OK)
        e = add_product(c, s, o, ei);
    if (e == ERR_OK && o->mak != NULL)
        e = client_set_mak(&s->folder.machine, o->mak, ei);
    return e == ERR_OK ? client_save(c, ei) : e;
}

/* The lab's overlays, unless others are named. */
static enum err lab_catalog(struct client *c, const struct settings *lab, struct errinfo *ei)
{
    struct catalog *cat;
    enum err e;

    if (c->overlays != NULL)
        return ERR_OK;
    e = catalog_load_overlays(lab->catalog_dir, &cat, ei);
    if (e != ERR_OK)
        return e;
    catalog_free(c->catalog);
    c->catalog = cat;
    return ERR_OK;
}

/* make_machine with the gaps of o filled from the lab's configuration, if one is named. */
static enum err make_for_lab(struct client *c, struct setup *o, struct errinfo *ei)
{
    struct settings lab = {0};
    char address[64];
    enum err e = ERR_OK;

    if (o->config != NULL) {
        e = settings_load(o->config, &lab, ei);
        if (e != ERR_OK)
            return e;
        take_from_lab(o, &lab, address);
        e = lab_catalog(c, &lab, ei);
    }
    if (e == ERR_OK)
        e = make_machine(c, o, ei);
    settings_free(&lab);
    return e;
}

static int run_init(struct client *c, int argc, char **argv)
{
    struct setup o = {0};
    const struct opt opts[] = {
        OPT_TEXT_ROW(
            "config", "FILE", &o.config,
            "adbad.conf of the lab: gives bundle, clock, KMS address, clearing house, directory, "
            "overlays"),
        OPT_TEXT_ROW("product", "NAME", &o.product, "\"Windows 11\""),
        OPT_TEXT_ROW("edition", "NAME", &o.edition, "Enterprise"),
        OPT_TEXT_ROW("bundle", "FILE", &o.bundle, "the realm's client.bundle; it is copied"),
        OPT_TEXT_ROW("name", "PC01", &o.name, "workstation name (default: the folder's name)"),
        OPT_TEXT_ROW("domain", "DNS-NAME", &o.domain, "member of this domain (default: workgroup)"),
        OPT_TEXT_ROW("directory", "URI", &o.directory,
                     "ldap:// or ldapi:// of the domain's directory"),
        OPT_TEXT_ROW("password-file", "FILE", &o.password_file,
                     "the machine account's password (0600)"),
        OPT_TEXT_ROW("keytab", "FILE", &o.keytab,
                     "the machine account's keytab (0600), in an AD domain; it is copied"),
        OPT_TEXT_ROW("user", "ACCOUNT", &o.user, "machine account (default: NAME$)"),
        OPT_TEXT_ROW("clock", "FILE", &o.clock, "lab clock (default: real time)"),
        OPT_TEXT_ROW("kms", "HOST[:PORT]", &o.kms, "as /skms"),
        OPT_TEXT_ROW("dns", "ADDRESS[:PORT]", &o.dns, "DNS server (default: the system's)"),
        OPT_TEXT_ROW("clearing", "HOST[:PORT]", &o.clearing,
                     "clearing house for keys that ask one (default: no way to it)"),
        OPT_TEXT_ROW("report", "HOST[:PORT]", &o.report,
                     "lab host that is told of activations through the directory (default: none)"),
        OPT_TEXT_ROW("seed", "N", &o.seed, "makes CMID and SRV order repeatable"),
        {.name = "dns-suffix",
         .type = OPT_TEXTS,
         .metavar = "DOMAIN",
         .help = "where else SRV records are looked up; several times for several",
         .dest = &o.suffixes},
        OPT_FLAG_ROW("virtual", &o.is_virtual, "a virtual machine"),
        OPT_TEXT_ROW("avma-host", "SYSTEM", &o.avma_host,
                     "a Hyper-V guest of, such as \"Windows Server 2022 Datacenter\""),
        OPT_FLAG_ROW("avma-host-activated", &o.host_activated, "that host is activated itself"),
        OPT_FLAG_ROW("oem", &o.oem, "the firmware has the marker of an OEM system"),
        OPT_TEXT_ROW("mak", "KEY", &o.mak, "asked with when the directory and KMS fail"),
        OPT_FLAG_ROW("no-key", &o.no_key, "install no setup key"),
        {0},
    };
    struct errinfo ei;
    int status = client_begin(c, opts, &argc, argv, 0, 0);

    if (status >= 0)
        return status;
    if (c->machine == NULL)
        return client_fail(c, err_fail(&ei, ERR_USAGE, "init takes one machine: --machine DIR"),
                           &ei);
    return client_done(c, make_for_lab(c, &o, &ei), &ei, "made");
}

static int run_install(struct client *c, int argc, char **argv)
{
    struct setup o = {0};
    const struct opt opts[] = {
        OPT_TEXT_ROW("product", "NAME", &o.product, "\"Office LTSC 2021\""),
        OPT_TEXT_ROW("edition", "NAME", &o.edition, "\"Office LTSC Professional Plus 2021\""),
        OPT_FLAG_ROW("no-key", &o.no_key, "install no setup key"),
        {0},
    };
    struct station *s;
    struct errinfo ei;
    enum err e;
    int status = client_begin(c, opts, &argc, argv, 0, 0);

    if (status >= 0)
        return status;
    e = client_open_one(c, &s, &ei);
    if (e == ERR_OK)
        e = add_product(c, s, &o, &ei);
    if (e == ERR_OK)
        e = client_save(c, &ei);
    return client_done(c, e, &ei, "installed");
}

/* ---- the domain ---- */

/* What m and o say about the account. */
static struct join join_of(const struct client *c, const struct machine *m, const struct setup *o)
{
    return (struct join){.directory = m->directory,
                         .domain = m->domain,
                         .dns = m->dns,
                         .login_user = o->login_user,
                         .credential_file = o->credential_file,
                         .one_time_file = o->one_time_file,
                         .lab_forest = o->lab_forest,
                         .timeout_ms = (int)c->timeout * 1000};
}

static enum err check_login(const struct setup *o, struct errinfo *ei)
{
    if ((o->credential_file == NULL) != (o->login_user == NULL))
        return err_fail(ei, ERR_USAGE, "--login-user and --credential-file go together");
    if (o->credential_file != NULL && o->keytab != NULL)
        return err_fail(
            ei, ERR_USAGE,
            "--keytab is for an account that is there, --credential-file for making it");
    if (o->one_time_file != NULL &&
        (o->keytab != NULL || o->credential_file != NULL || o->password_file != NULL))
        return err_fail(ei, ERR_USAGE,
                        "--one-time-password-file is a way of its own: not with --keytab, "
                        "--credential-file or --password-file");
    return ERR_OK;
}

/* The machine changes only after its account is there. */
static enum err join(struct client *c, struct station *s, const struct setup *o, struct errinfo *ei)
{
    enum err e = check_login(o, ei);

    if (e == ERR_OK && o->domain == NULL)
        e = err_fail(ei, ERR_USAGE, "--domain is missing");
    if (e == ERR_OK)
        e = set_domain(&s->folder.machine, o, ei);
    if (e == ERR_OK && o->credential_file != NULL) {
        struct join j = join_of(c, &s->folder.machine, o);

        e = join_domain(&s->folder, &j, ei);
    }
    if (e == ERR_OK && o->one_time_file != NULL) {
        struct join j = join_of(c, &s->folder.machine, o);

        e = join_by_one_time(&s->folder, &j, ei);
    }
    if (e == ERR_OK && o->keytab != NULL)
        e = join_take_keytab(&s->folder, o->keytab, ei);
    if (e == ERR_OK)
        e = client_save(c, ei);
    if (e == ERR_OK && o->password_file != NULL)
        join_drop_keytab(&s->folder);
    return e;
}

static int run_join(struct client *c, int argc, char **argv)
{
    struct setup o = {0};
    const struct opt opts[] = {
        OPT_TEXT_ROW("domain", "DNS-NAME", &o.domain, "the domain"),
        OPT_TEXT_ROW("directory", "URI", &o.directory,
                     "its directory (default in an AD domain: auto, by DNS)"),
        OPT_TEXT_ROW("password-file", "FILE", &o.password_file,
                     "the machine account's password (0600), in a lab directory"),
        OPT_TEXT_ROW("keytab", "FILE", &o.keytab,
                     "the machine account's keytab (0600), in an AD domain; it is copied"),
        OPT_TEXT_ROW("login-user", "USER", &o.login_user,
                     "makes the account by adcli: who may do that"),
        OPT_TEXT_ROW("credential-file", "FILE", &o.credential_file, "that user's password (0600)"),
        OPT_TEXT_ROW("one-time-password-file", "FILE", &o.one_time_file,
                     "the account's password until now (0600), in an AD domain; it is changed"),
        OPT_TEXT_ROW("lab-forest", "DNS-NAME", &o.lab_forest,
                     "the forest where accounts may be made or changed"),
        OPT_TEXT_ROW("user", "ACCOUNT", &o.user, "machine account (default: NAME$)"),
        {0},
    };
    struct station *s;
    struct errinfo ei;
    enum err e;
    int status = client_begin(c, opts, &argc, argv, 0, 0);

    if (status >= 0)
        return status;
    e = client_open_one(c, &s, &ei);
    if (e == ERR_OK)
        e = join(c, s, &o, &ei);
    return client_done(c, e, &ei, "joined; the directory is asked at the next service start");
}

static enum err leave(struct client *c, struct station *s, const struct setup *o, bool delete,
                      struct errinfo *ei)
{
    struct machine *m = &s->folder.machine;
    enum err e = check_login(o, ei);

    if (e == ERR_OK && delete != (o->credential_file != NULL))
        e = err_fail(ei, ERR_USAGE,
                     "--delete needs --login-user and --credential-file, and they it");
    if (e == ERR_OK && m->domain[0] == '\0')
        e = err_fail(ei, ERR_NOT_NOW, "leave: %s is in no domain", m->name);
    if (e == ERR_OK && delete) {
        struct join j = join_of(c, m, o);

        e = join_delete(&s->folder, &j, ei);
    }
    if (e != ERR_OK)
        return e;
    m->domain[0] = m->directory[0] = m->user[0] = m->password_file[0] = '\0';
    m->changed = true;
    e = client_save(c, ei);
    if (e == ERR_OK)
        join_drop_keytab(&s->folder);
    return e;
}

static int run_leave(struct client *c, int argc, char **argv)
{
    struct setup o = {0};
    bool delete = false;
    const struct opt opts[] = {
        OPT_FLAG_ROW("delete", &delete, "delete the computer account too, by adcli"),
        OPT_TEXT_ROW("login-user", "USER", &o.login_user, "with --delete: who may do that"),
        OPT_TEXT_ROW("credential-file", "FILE", &o.credential_file, "that user's password (0600)"),
        OPT_TEXT_ROW("lab-forest", "DNS-NAME", &o.lab_forest,
                     "the forest where accounts may be deleted"),
        {0},
    };
    struct station *s;
    struct errinfo ei;
    enum err e;
    int status = client_begin(c, opts, &argc, argv, 0, 0);

    if (status >= 0)
        return status;
    e = client_open_one(c, &s, &ei);
    if (e == ERR_OK)
        e = leave(c, s, &o, delete, &ei);
    return client_done(c, e, &ei,
                       "in a workgroup now; a directory licence fails at the next service start");
}

const struct client_verb client_setup_verbs[] = {
    {"init", "--product P --edition E --bundle FILE …", "make a machine", run_init},
    {"install", "--product P --edition E", "add a product, such as Office", run_install},
    {"join", "--domain D --keytab F | --directory URI --password-file F", "join a domain",
     run_join},
    {"leave", "", "leave the domain", run_leave},
    {0},
};
