#include "cli/lab_samba.h"

#include <stdio.h>
#include <string.h>

/* ---- output ---- */

static json_t *dc_json(const struct samba_dc *dc)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:b, s:b}", "name", dc->node.name, "fqdn", dc->fqdn,
                          "address", dc->address, "read_only", (int)dc->read_only, "running",
                          (int)(dc->node.pid != 0));

    if (dc->node.pid != 0)
        json_object_set_new(o, "pid", json_integer(dc->node.pid));
    return o;
}

static json_t *as_json(const struct samba_lab *l)
{
    const char *dir = l->place.dir;
    json_t *dcs = json_array();
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:i, s:b}", "folder", dir, "kind",
                  "samba", "domain", l->place.domain, "suffix", l->place.suffix, "realm", l->realm,
                  "netbios", l->netbios, "ad_ds", 1, "running", (int)samba_lab_runs(l), "kms_port",
                  (int)l->place.kms_port, "schema47", (int)l->schema47);

    for (size_t i = 0; i < l->dcs; i++)
        json_array_append_new(dcs, dc_json(&l->dc[i]));
    json_object_set_new(o, "domain_controllers", dcs);
    json_object_set_new(o, "service_account", json_string(SAMBA_SERVICE_NAME));
    json_object_set_new(o, "keytab", json_sprintf("%s/service.keytab", dir));
    json_object_set_new(o, "administrator", json_sprintf("%s/administrator", dir));
    json_object_set_new(o, "ca", json_sprintf("%s/ca.pem", dir));
    json_object_set_new(o, "configuration", json_sprintf("%s/adbad.conf", dir));
    return o;
}

static void print_facts(const struct samba_lab *l)
{
    const char *dir = l->place.dir;
    struct facts *f = facts_new();
    char name[32];

    facts_add(f, "folder", "%s", dir);
    facts_add(f, "domain", "%s (Samba AD DS%s)", l->place.domain,
              l->schema47 ? ", schema 47: no activation objects" : "");
    facts_add(f, "realm", "%s", l->realm);
    for (size_t i = 0; i < l->dcs; i++) {
        const struct samba_dc *dc = &l->dc[i];

        snprintf(name, sizeof(name), "%s", dc->node.name);
        facts_add(f, name, "%s, %s%s: %s", dc->fqdn, dc->address,
                  dc->read_only ? ", read-only" : "",
                  dc->node.pid != 0 ? "running" : "not running");
    }
    facts_add(f, "Administrator", "password in %s/administrator", dir);
    facts_add(f, SAMBA_SERVICE_NAME, "keys in %s/service.keytab", dir);
    facts_add(f, "TLS authority", "%s/ca.pem", dir);
    facts_add(f, "configuration", "%s/adbad.conf", dir);
    facts_print(f);
}

/* One proposed command; a word that starts with a slash is a file of the lab, quoted. */
static void propose(const struct samba_lab *l, const char *const *words)
{
    putchar(' ');
    for (; *words != NULL; words++) {
        putchar(' ');
        if (**words != '/') {
            fputs(*words, stdout);
            continue;
        }
        putchar('\'');
        for (const char *c = l->place.dir; *c != '\0'; c++) {
            if (*c == '\'')
                fputs("'\\''", stdout);
            else
                putchar(*c);
        }
        printf("%s'", (*words)[1] == '\0' ? "" : *words);
    }
    putchar('\n');
}

#define PROPOSE(l, ...) propose((l), (const char *const[]){__VA_ARGS__, NULL})

static void print_next(const struct samba_lab *l)
{
    printf("\nNobody outside sees this network. To get in, and then on:\n");
    PROPOSE(l, "adbactl lab shell", "/");
    PROPOSE(l, "kinit Administrator <", "/administrator");
    printf("  ldapsearch -Q -N -Y GSSAPI -H ldap://%s -b %s -s base\n", l->dc[0].fqdn,
           l->place.suffix);
    PROPOSE(l, "adbactl realm init LAB", "/realm");
    PROPOSE(l, "adbad --config", "/adbad.conf");
}

static void say(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "%s ...\n", text);
}

/* ---- verbs ---- */

int lab_samba_up(struct cli *cli, const char *dir, const struct samba_wish *wish,
                 uint32_t ldap_port)
{
    const struct samba_talk talk = {.say = say};
    struct errinfo ei = {0};
    struct samba_lab l = {0};
    bool was_running = false;
    enum err e = ERR_OK;

    if (ldap_port != 0)
        e = err_fail(&ei, ERR_USAGE,
                     "--ldap-port does not go with --samba: nobody outside sees "
                     "the lab's network");
    if (e == ERR_OK)
        e = samba_lab_up(dir, wish, &talk, &l, &was_running, &ei);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    if (cli->json) {
        json_t *o = as_json(&l);

        json_object_set_new(o, "was_running", json_boolean(was_running));
        cli_json(o);
    } else {
        printf("The lab domain %s.\n", was_running ? "is running already" : "runs");
        print_facts(&l);
        print_next(&l);
    }
    samba_lab_fini(&l);
    return EXIT_OK;
}

int lab_samba_status(struct cli *cli, const char *dir)
{
    struct errinfo ei = {0};
    struct samba_lab l = {0};
    enum err e = samba_lab_status(dir, &l, &ei);
    int status;

    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    if (cli->json)
        cli_json(as_json(&l));
    else
        print_facts(&l);
    status = samba_lab_runs(&l) ? EXIT_OK : EXIT_UNREACHABLE;
    samba_lab_fini(&l);
    return status;
}

int lab_samba_down(struct cli *cli, const char *dir)
{
    struct errinfo ei = {0};
    struct samba_lab l = {0};
    bool was_running = false;
    enum err e = samba_lab_down(dir, &l, &was_running, &ei);

    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    if (cli->json) {
        json_t *o = as_json(&l);

        json_object_set_new(o, "was_running", json_boolean(was_running));
        cli_json(o);
    } else {
        printf("The lab domain in %s %s.\n", l.place.dir,
               was_running ? "has stopped; its data stays" : "was not running");
    }
    samba_lab_fini(&l);
    return EXIT_OK;
}

/* Options are ours up to DIR; what follows is the command, dashes and all. */
int lab_samba_run(struct cli *cli, int argc, char **argv)
{
    struct errinfo ei = {0};
    int ours = 0, inner = 0, status;
    char *const *command;
    enum err e;

    while (ours < argc && argv[ours][0] == '-')
        ours += strcmp(argv[ours], "--config") == 0 ? 2 : 1;
    inner = ours < argc ? ours + 1 : argc;
    command = inner < argc && strcmp(argv[inner], "--") == 0 ? &argv[inner + 1] : &argv[inner];
    ours = inner;
    status = cli_begin(cli, NULL, &ours, argv, 1, 1);
    if (status >= 0)
        return status;
    fflush(NULL);
    e = samba_lab_run(argv[0], command < &argv[argc] ? command : NULL, &status, &ei);
    return e == ERR_OK ? status : cli_fail(cli, e, &ei);
}
