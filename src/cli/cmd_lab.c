/* adbactl lab: a private directory server in a folder, for a forest where no AD is at hand. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/lab_samba.h"
#include "lab/lab.h"

static json_t *as_json(const struct lab *l)
{
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:b, s:s, s:i}", "folder", l->dir, "domain", l->domain, "suffix",
                  l->suffix, "running", l->pid != 0, "uri", l->uri, "kms_port", (int)l->kms_port);
    char text[64];

    if (l->pid != 0)
        json_object_set_new(o, "pid", json_integer(l->pid));
    if (l->ldap_port != 0) {
        snprintf(text, sizeof(text), "ldap://127.0.0.1:%u", l->ldap_port);
        json_object_set_new(o, "uri_tcp", json_string(text));
    }
    json_object_set_new(o, "ad_ds", json_false());
    return o;
}

static void print_facts(const struct lab *l)
{
    struct facts *f = facts_new();

    facts_add(f, "folder", "%s", l->dir);
    facts_add(f, "forest", "%s (OpenLDAP, not AD DS)", l->domain);
    if (l->pid != 0)
        facts_add(f, "directory", "running, process %d", (int)l->pid);
    else
        facts_add(f, "directory", "not running");
    facts_add(f, "address", "%s", l->uri);
    if (l->ldap_port != 0)
        facts_add(f, "over TCP", "ldap://127.0.0.1:%u", l->ldap_port);
    facts_add(f, "configuration", "%s/adbad.conf", l->dir);
    facts_print(f);
}

/* One line of the proposal: a command and a file of the lab, quoted for the shell. */
static void propose(const char *command, const struct lab *l, const char *file, const char *rest)
{
    printf("  %s '", command);
    for (const char *c = l->dir; *c != '\0'; c++) {
        if (*c == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*c);
    }
    printf("/%s'%s\n", file, rest);
}

static void print_next(const struct lab *l)
{
    printf("\nNext:\n");
    propose("adbactl realm init LAB", l, "realm", "");
    propose("adbactl --config", l, "adbad.conf", " machine add PC01");
    propose("adbad --config", l, "adbad.conf", "");
    printf("The lab's administrator, without a password: ldapsearch -Y EXTERNAL -H %s -b %s\n",
           l->uri, l->suffix);
}

static int run_up(struct cli *cli, int argc, char **argv)
{
    struct lab_wish wish = {0};
    struct samba_wish samba = {0};
    bool is_samba = false;
    const struct opt opts[] = {
        OPT_TEXT_ROW("domain", "NAME", &wish.domain,
                     "DNS name of the forest (default: " LAB_DOMAIN_DEFAULT ")"),
        OPT_UINT_ROW("ldap-port", "N", &wish.ldap_port, 1, 65535,
                     "also listen on ldap://127.0.0.1:N"),
        OPT_UINT_ROW("kms-port", "N", &wish.kms_port, 1, 65535,
                     "port of adbad in the configuration written (default: 1688)"),
        OPT_FLAG_ROW("samba", &is_samba, "a domain of real Samba AD DCs instead (needs root)"),
        OPT_UINT_ROW("dcs", "N", &samba.dcs, 1, 2,
                     "with --samba: writable domain controllers, 1 or 2 (default: 1)"),
        OPT_FLAG_ROW("rodc", &samba.rodc, "with --samba: a read-only domain controller too"),
        OPT_FLAG_ROW("schema47", &samba.schema47,
                     "with --samba: the schema of 2008 R2, without activation objects"),
        {0},
    };
    struct errinfo ei = {0};
    struct lab l = {0};
    bool was_running = false;
    int status = cli_begin(cli, opts, &argc, argv, 1, 1);
    enum err e;

    if (status >= 0)
        return status;
    if (is_samba || samba_lab_is(argv[0])) {
        samba.domain = wish.domain;
        samba.kms_port = wish.kms_port;
        return lab_samba_up(cli, argv[0], &samba, wish.ldap_port);
    }
    if (samba.dcs != 0 || samba.rodc || samba.schema47) {
        err_fail(&ei, ERR_USAGE, "--dcs, --rodc and --schema47 go with --samba");
        return cli_fail(cli, ERR_USAGE, &ei);
    }
    e = lab_up(argv[0], &wish, &l, &was_running, &ei);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    if (cli->json) {
        json_t *o = as_json(&l);

        json_object_set_new(o, "was_running", json_boolean(was_running));
        cli_json(o);
    } else {
        printf("The lab directory %s.\n", was_running ? "is running already" : "runs");
        print_facts(&l);
        print_next(&l);
    }
    lab_fini(&l);
    return EXIT_OK;
}

static int run_status(struct cli *cli, int argc, char **argv)
{
    struct errinfo ei = {0};
    struct lab l = {0};
    int status = cli_begin(cli, NULL, &argc, argv, 1, 1);
    enum err e;

    if (status >= 0)
        return status;
    if (samba_lab_is(argv[0]))
        return lab_samba_status(cli, argv[0]);
    e = lab_status(argv[0], &l, &ei);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    if (cli->json)
        cli_json(as_json(&l));
    else
        print_facts(&l);
    status = l.pid != 0 ? EXIT_OK : EXIT_UNREACHABLE;
    lab_fini(&l);
    return status;
}

static int run_down(struct cli *cli, int argc, char **argv)
{
    struct errinfo ei = {0};
    struct lab l = {0};
    bool was_running = false;
    int status = cli_begin(cli, NULL, &argc, argv, 1, 1);
    enum err e;

    if (status >= 0)
        return status;
    if (samba_lab_is(argv[0]))
        return lab_samba_down(cli, argv[0]);
    e = lab_down(argv[0], &l, &was_running, &ei);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    if (cli->json) {
        json_t *o = as_json(&l);

        json_object_set_new(o, "was_running", json_boolean(was_running));
        cli_json(o);
    } else {
        printf("The lab directory in %s %s.\n", l.dir,
               was_running ? "has stopped; its data stays" : "was not running");
    }
    lab_fini(&l);
    return EXIT_OK;
}

const struct cli_command cmd_lab[] = {
    {.noun = "lab",
     .verb = "up",
     .usage = "DIR",
     .run = run_up,
     .summary = "start a private directory server in a folder",
     .help =
         "Makes folder DIR if it does not exist, with a directory of forest lab.example (schema "
         "of\n"
         "activation objects, accounts, access rules as in Active Directory), and writes\n"
         "DIR/adbad.conf for adbad and adbactl. Needs slapd installed, but no root and no running\n"
         "system service. On a lab that runs nothing changes.\n\n"
         "  adbactl lab up /tmp/lab\n\n"
         "With --samba it is a domain of real Samba AD DCs on a network of its own, with a "
         "service\n"
         "account for adbad; \"adbactl lab shell DIR\" gets you in. That needs root.\n\n"
         "  adbactl lab up --samba /tmp/lab"},
    {.noun = "lab",
     .verb = "status",
     .usage = "DIR",
     .run = run_status,
     .summary = "show a lab directory",
     .help = "The exit code is 0 if it runs and 6 if it does not."},
    {.noun = "lab",
     .verb = "down",
     .usage = "DIR",
     .run = run_down,
     .summary = "stop a lab directory; its data stays",
     .help = "To forget the lab, remove the folder afterwards."},
    {.noun = "lab",
     .verb = "run",
     .usage = "DIR [COMMAND ...]",
     .run = lab_samba_run,
     .summary = "run a command inside a Samba lab",
     .help =
         "On the lab's client machine: its network, DNS and Kerberos, your files and your folder.\n"
         "The exit code is the command's. ADBAD_CONF names the lab's configuration.\n\n"
         "  adbactl lab run /tmp/lab kinit Administrator </tmp/lab/administrator",
     .text_only = true},
    {.noun = "lab",
     .verb = "shell",
     .usage = "DIR",
     .run = lab_samba_run,
     .summary = "a shell inside a Samba lab",
     .help = "As \"lab run\" with your shell.",
     .text_only = true},
    {0},
};
