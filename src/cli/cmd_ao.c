/* adbactl ao: activation objects in the directory. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adba/object.h"
#include "base/clk.h"
#include "base/file.h"
#include "cli/ao_activate.h"
#include "cli/ao_print.h"
#include "cli/ao_steward.h"
#include "cli/ao_work.h"

/* ---- list ---- */

static int run_list(struct cli *cli, int argc, char **argv)
{
    struct errinfo ei = {0}, why = {0};
    struct ao_work w = {0};
    struct ao_listing l;
    int status = cli_begin(cli, NULL, &argc, argv, 0, 0);
    enum err e;

    if (status >= 0)
        return status;
    e = ao_work_open(cli, false, &w, &ei);
    if (e == ERR_OK) {
        l = (struct ao_listing){.cat = w.cat, .dir = w.dir, .now = w.now};
        if (bundle_load(w.s->realm_bundle, &w.bundle, &why) == ERR_OK)
            l.bundle = &w.bundle;
        else
            fprintf(stderr, "adbactl: licences are not judged: %s\n", why.text);
        e = ao_print_list(cli, &l, &ei);
    }
    status = e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
    ao_work_fini(&w);
    return status;
}

/* ---- show ---- */

static enum err write_licence(const struct ao *o, const char *path, struct errinfo *ei)
{
    if (o->issuance.data == NULL)
        return err_fail(ei, ERR_NOTFOUND, "activation object %s has no issuance licence", o->name);
    return file_write_atomic(path, o->issuance.data, o->issuance.len, 0644, ei);
}

static int run_show(struct cli *cli, int argc, char **argv)
{
    const char *path = NULL;
    const struct opt opts[] = {{.name = "licence",
                                .type = OPT_STRING,
                                .metavar = "FILE",
                                .help = "write the issuance licence (DER) to FILE",
                                .dest = &path},
                               {0}};
    struct errinfo ei = {0};
    struct ao_work w = {0};
    struct ao o = {0};
    int status = cli_begin(cli, opts, &argc, argv, 1, 1);
    enum err e;

    if (status >= 0)
        return status;
    e = ao_work_open(cli, true, &w, &ei);
    if (e == ERR_OK)
        e = ao_find(w.dir, argv[0], &o, &ei);
    if (e == ERR_OK && path != NULL)
        e = write_licence(&o, path, &ei);
    if (e == ERR_OK)
        ao_print_one(cli, w.cat, &o, &w.bundle, dir_facts(w.dir), w.now);
    status = e == ERR_OK ? EXIT_OK : cli_fail(cli, e, &ei);
    ao_fini(&o);
    ao_work_fini(&w);
    return status;
}

/* ---- verify ---- */

struct verifying {
    const struct ao_work *w;
    struct ao_report *report;
};

static enum err verify_each(void *arg, const struct ao *o, enum err parse,
                            const struct errinfo *why, struct errinfo *ei)
{
    const struct verifying *v = arg;
    struct licence l = {0};
    struct errinfo reason = *why;
    enum ao_verdict verdict = AO_INVALID;
    enum err e;

    if (parse == ERR_OK)
        verdict = ao_verify(o, &v->w->bundle, dir_facts(v->w->dir), v->w->now, &l, &reason);
    e = ao_report_add(v->report, o->name, verdict, &reason,
                      l.not_after != 0 ? (l.not_after - v->w->now) / CLK_DAY : 0, ei);
    licence_fini(&l);
    return e;
}

static enum err verify_one(struct verifying *v, const char *name, struct errinfo *ei)
{
    struct errinfo none = {0};
    struct ao o;
    enum err e = ao_find(v->w->dir, name, &o, ei);

    if (e != ERR_OK)
        return e;
    e = verify_each(v, &o, ERR_OK, &none, ei);
    ao_fini(&o);
    return e;
}

static int run_verify(struct cli *cli, int argc, char **argv)
{
    struct errinfo ei = {0};
    struct ao_work w = {0};
    struct verifying v = {.w = &w, .report = ao_report_new()};
    int status = cli_begin(cli, NULL, &argc, argv, 0, 1);
    enum err e;

    if (status < 0) {
        e = ao_work_open(cli, true, &w, &ei);
        if (e == ERR_OK && argc == 1)
            e = verify_one(&v, argv[0], &ei);
        else if (e == ERR_OK)
            e = ao_each(w.dir, verify_each, &v, &ei);
        status = e == ERR_OK ? ao_report_print(cli, v.report) : cli_fail(cli, e, &ei);
    }
    ao_report_free(v.report);
    ao_work_fini(&w);
    return status;
}

/* ---- delete ---- */

static int confirm_and_delete(struct cli *cli, struct ao_work *w, const struct ao *o)
{
    struct errinfo ei = {0};
    char question[512];
    enum err e;

    snprintf(question, sizeof(question), "Delete activation object %s?", o->dn);
    if (!cli_confirm(cli, question)) {
        e = err_fail(&ei, ERR_REFUSED, "%s was not deleted", o->name);
        return cli_fail(cli, e, &ei);
    }
    e = ao_delete(w->dir, &w->bundle, o, &ei);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    if (cli->json)
        cli_json(json_pack("{s:s, s:s, s:s}", "result", "Deleted", "name", o->name, "dn", o->dn));
    else
        printf("Deleted %s.\n", o->dn);
    return EXIT_OK;
}

static int run_delete(struct cli *cli, int argc, char **argv)
{
    const struct opt opts[] = {CLI_YES_ROW(cli), {0}};
    struct errinfo ei = {0};
    struct ao_work w = {0};
    struct ao o = {0};
    int status = cli_begin(cli, opts, &argc, argv, 1, 1);
    enum err e;

    if (status >= 0)
        return status;
    e = ao_work_open(cli, true, &w, &ei);
    if (e == ERR_OK)
        e = ao_find(w.dir, argv[0], &o, &ei);
    status = e == ERR_OK ? confirm_and_delete(cli, &w, &o) : cli_fail(cli, e, &ei);
    ao_fini(&o);
    ao_work_fini(&w);
    return status;
}

const struct cli_command cmd_ao[] = {
    {.noun = "ao",
     .verb = "create",
     .usage = "--group GROUP",
     .run = ao_run_create,
     .summary = "create an activation object",
     .help = "Signs its licences with the installed host key of the group and writes it to the\n"
             "directory. Only in the forest that [directory] lab_forest names. With [clearing]\n"
             "host the clearing house activates the key for this forest first, and counts it.\n\n"
             "  adbactl ao create --group \"Volume License for Windows Server 2022\" --name Lab"},
    {.noun = "ao",
     .verb = "get-iid",
     .usage = "--group GROUP",
     .run = ao_run_get_iid,
     .summary = "the installation ID to activate the forest by phone",
     .help =
         "The clerk answers it with a confirmation ID (at the clearing house: adbactl clearing\n"
         "confirm IID). The same each time for the same host key and forest."},
    {.noun = "ao",
     .verb = "apply-cid",
     .usage = "--group GROUP CID",
     .run = ao_run_apply_cid,
     .summary = "create an activation object with the clerk's answer",
     .help = "A wrong confirmation ID is refused (0xC004F04D if a check digit does not fit) and\n"
             "nothing is written. Quote an ID with blanks."},
    {.noun = "ao",
     .verb = "list",
     .usage = "",
     .run = run_list,
     .summary = "list the forest's activation objects",
     .help = "Reads only, in any forest, and needs no realm; with one it says what each is worth.\n"
             "KEY shows the last five characters of the host key. ao show NAME has the rest."},
    {.noun = "ao",
     .verb = "show",
     .usage = "NAME|DN",
     .run = run_show,
     .summary = "show one object and what its licence says",
     .help = "With --licence FILE the licence can be checked without us:\n"
             "  openssl cms -verify -inform DER -in FILE -CAfile issuer.crt -purpose any"},
    {.noun = "ao",
     .verb = "verify",
     .usage = "[NAME|DN]",
     .run = run_verify,
     .summary = "verify all objects, or one, as a client does",
     .help = "Exit code 7 if one is not good."},
    {.noun = "ao",
     .verb = "delete",
     .usage = "NAME|DN",
     .run = run_delete,
     .summary = "delete an object that this realm signed",
     .help = "Asks first; --yes answers. Objects that this realm did not sign are left alone."},
    {.noun = "ao",
     .verb = "steward",
     .usage = "",
     .run = ao_steward,
     .summary = "create what is missing, renew what grows old",
     .help = "Does once what adbad does with [adba] steward = yes: an object for each group of\n"
             "[adba] groups (default: of every installed host key) is created if there is none,\n"
             "signed anew after two thirds of its time, and made readable for members again.\n"
             "What this realm did not sign is left alone. Exit code 7 if something is wanted that\n"
             "can't be had.\n\n"
             "  adbactl ao steward --dry-run"},
    {0},
};
