/* adbaclient slmgr and ospp: finding the option, its help, who may use it; what options share. */
#include "cli/script.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HR_ACCESS_DENIED 0x80070005u
#define HR_LUA_DENIED    0xC004F025u
#define HR_NO_SKU        0xC004F015u

/* ---- what options share ---- */

struct machine_app *script_app(const struct client *c, struct machine *m)
{
    return &m->app[c->office ? 1 : 0];
}

enum err script_each(struct client *c, const char *which, script_product_fn *each, const void *arg,
                     struct errinfo *ei)
{
    enum err e = client_open(c, ei);
    size_t n = 0;

    for (size_t i = 0; i < c->count && e == ERR_OK; i++) {
        struct station *s = &c->station[i];
        struct machine *m = &s->folder.machine;

        for (size_t k = 0; k < m->products && e == ERR_OK; k++) {
            if (!client_chosen(m, &m->product[k], which, c->office))
                continue;
            e = each(c, s, &m->product[k], arg, ei);
            n++;
        }
    }
    if (e == ERR_OK && n == 0)
        e = err_fail_hr(ei, ERR_NOTFOUND, HR_NO_SKU, "no %s product%s%s is installed",
                        c->office ? "Office" : "such", which != NULL ? " with activation id " : "",
                        which != NULL ? which : "");
    return e;
}

int script_done(struct client *c, enum err e, struct errinfo *ei, const char *text)
{
    int status = client_saved(c, e, ei);

    if (status == EXIT_OK && !c->json)
        printf("%s\n", text);
    return status;
}

int script_not_modelled(const struct client *c, const char *what, const char *instead)
{
    struct errinfo ei;

    (void)client_fail(c, err_fail(&ei, ERR_NOT_NOW, "%s is not modelled here; %s", what, instead),
                      &ei);
    return EXIT_NOT_MODELLED;
}

/* ---- help ---- */

static const char *script_name(const struct client *c)
{
    return c->office ? "ospp" : "slmgr";
}

static const char *target_text(enum script_target t)
{
    return t == SCRIPT_MACHINE ? "--machine DIR or --machines DIR"
           : t == SCRIPT_HOST  ? "the KMS host: --control SOCKET or --config FILE"
                               : "nothing";
}

static int help_one(const struct client *c, const struct script_option *o)
{
    struct facts *f = facts_new();

    printf("adbaclient %s /%s %s\n\n%s.\n\n", script_name(c), o->name, o->args, o->summary);
    facts_add(f, "Works on", "%s", target_text(o->target));
    facts_add(f, "Standard user", "%s",
              o->admin ? "refused (--standard-user), unless user operations are allowed"
                       : "allowed");
    if (o->operation != NULL && o->operation[0] != '\0')
        facts_add(f, "Operation with --json", "%s", o->operation);
    facts_print(f);
    return EXIT_OK;
}

int script_help(const struct client *c, const struct script_option *all)
{
    static const char *const headers[] = {"OPTION", "ARGUMENTS", "ADMIN", "WHAT", NULL};
    struct table *t = table_new(headers);

    for (; all->name != NULL; all++) {
        table_cell(t, "/%s", all->name);
        table_cell(t, "%s", all->args);
        table_cell(t, "%s", all->admin ? "yes" : "no");
        table_cell(t, "%s", all->summary);
    }
    table_print(t);
    printf("\nEach also with - instead of /; more of one: adbaclient %s /OPTION --help\n",
           script_name(c));
    return EXIT_OK;
}

/* ---- running one ---- */

static const struct script_option *find(const struct script_option *all, const char *name, int n)
{
    const struct script_option *named = NULL;

    for (; all->name != NULL; all++) {
        if (strcasecmp(all->name, name) != 0)
            continue;
        named = all;
        if (n >= all->min && n <= all->max)
            return all;
    }
    return named;
}

static int unknown(const struct client *c, const struct script_option *all, const char *given)
{
    const struct script_option *near = NULL;
    unsigned best = (unsigned)strlen(given + 1) / 2 + 1;
    struct errinfo ei;

    for (const struct script_option *o = all; o->name != NULL; o++) {
        unsigned d = text_distance(o->name, given + 1);

        if (d < best) {
            best = d;
            near = o;
        }
    }
    return client_fail(c,
                       err_fail(&ei, ERR_USAGE, "%s has no option %s%s%s%s (%s alone lists them)",
                                script_name(c), given, near != NULL ? "; did you mean /" : "",
                                near != NULL ? near->name : "", near != NULL ? "?" : "",
                                script_name(c)),
                       &ei);
}

/* A standard user may do what needs an administrator only where every machine allows it. */
static enum err may(struct client *c, const struct script_option *o, struct errinfo *ei)
{
    bool allowed = o->target == SCRIPT_MACHINE && strcmp(o->name, "puserops") != 0 &&
                   strcmp(o->name, "duserops") != 0;
    enum err e = ERR_OK;

    if (!c->standard_user || !o->admin)
        return ERR_OK;
    if (allowed) {
        e = client_open(c, ei);
        for (size_t i = 0; i < c->count && e == ERR_OK; i++)
            allowed &= script_app(c, &c->station[i].folder.machine)->user_operations;
        client_close(c);
    }
    if (e != ERR_OK || allowed)
        return e;
    return err_fail_hr(ei, ERR_DENIED, c->office ? HR_ACCESS_DENIED : HR_LUA_DENIED,
                       "%s /%s needs an administrator; run it without --standard-user",
                       script_name(c), o->name);
}

static int run_option(struct client *c, const struct script_option *o, int argc, char **argv)
{
    struct errinfo ei;
    enum err e;
    int status = o->target == SCRIPT_MACHINE ? client_need_machine(c) : -1;

    if (status >= 0)
        return status;
    if (argc < o->min || argc > o->max)
        return client_fail(
            c, err_fail(&ei, ERR_USAGE, "usage: %s /%s %s", script_name(c), o->name, o->args), &ei);
    if (o->target == SCRIPT_HOST && (c->control == NULL) == (c->config == NULL))
        return client_fail(c,
                           err_fail(&ei, ERR_USAGE,
                                    "/%s is for a KMS host: give one of --control SOCKET and "
                                    "--config FILE (adbad.conf)",
                                    o->name),
                           &ei);
    c->operation = o->operation;
    e = may(c, o, &ei);
    return e == ERR_OK ? o->run(c, argc, argv) : client_fail(c, e, &ei);
}

/* ospp writes "/option:value". Returns the number of arguments, the option's name included. */
static int split_value(bool office, int argc, char **argv, char *parts[4])
{
    char *colon = office ? strchr(argv[0], ':') : NULL;
    int n = 0;

    parts[n++] = argv[0];
    if (colon != NULL) {
        *colon = '\0';
        parts[n++] = colon + 1;
    }
    for (int i = 1; i < argc && n < 4; i++)
        parts[n++] = argv[i];
    return n;
}

static bool asks_help(int *argc, char **argv)
{
    bool asked = false;
    int n = 0;

    for (int i = 0; i < *argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            asked = true;
        else
            argv[n++] = argv[i];
    }
    *argc = n;
    return asked;
}

static int run_script(struct client *c, int argc, char **argv, const struct script_option *all)
{
    const struct opt opts[] = {
        OPT_FLAG_ROW("standard-user", &c->standard_user, "without an administrator's rights"),
        OPT_TEXT_ROW("config", "FILE", &c->config, "adbad.conf of the lab, for its administrator"),
        OPT_TEXT_ROW("control", "SOCKET", &c->control, "control socket of the KMS host"),
        {0},
    };
    bool help = asks_help(&argc, argv);
    const struct script_option *o;
    char *parts[4];
    int n, status = client_parse(c, opts, &argc, argv, 0, 4);

    if (status >= 0)
        return status;
    if (argc == 0)
        return script_help(c, all);
    n = split_value(c->office, argc, argv, parts);
    o = parts[0][0] == '/' || parts[0][0] == '-' ? find(all, parts[0] + 1, n - 1) : NULL;
    if (o == NULL)
        return unknown(c, all, parts[0]);
    return help ? help_one(c, o) : run_option(c, o, n - 1, parts + 1);
}

static int run_slmgr(struct client *c, int argc, char **argv)
{
    return run_script(c, argc, argv, script_slmgr_options);
}

static int run_ospp(struct client *c, int argc, char **argv)
{
    c->office = true;
    return run_script(c, argc, argv, script_ospp_options);
}

const struct client_verb client_slmgr_verbs[] = {
    {"slmgr", "/OPTION …", "slmgr's options (alone: lists them); bare ones are slmgr's too",
     run_slmgr},
    {"ospp", "/OPTION[:VALUE]", "ospp's options, for Office (alone: lists them)", run_ospp},
    {0},
};
