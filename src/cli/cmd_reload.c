/* adbactl reload: a running adbad takes the configuration as it is now. */
#include <stdio.h>

#include "cli/ask.h"
#include "cli/cli.h"

static const char *value_of(const json_t *change, const char *member)
{
    const char *text = json_string_value(json_object_get(change, member));

    return text != NULL ? text : "(unset)";
}

static void print(const json_t *reply)
{
    static const char *const headers[] = {"KEY", "WAS", "NOW", "TAKES EFFECT", NULL};
    static const struct {
        const char *member, *effect;
    } lists[] = {{"applied", "now"}, {"restart", "needs a restart"}};
    struct table *t = table_new(headers);
    const json_t *change;
    size_t i, any = 0;

    for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
        json_array_foreach(json_object_get(reply, lists[l].member), i, change)
        {
            table_cell(t, "%s", value_of(change, "key"));
            table_cell(t, "%s", value_of(change, "was"));
            table_cell(t, "%s", value_of(change, "now"));
            table_cell(t, "%s", lists[l].effect);
            any++;
        }
    }
    if (any > 0) {
        table_print(t);
        return;
    }
    table_free(t);
    puts("Reloaded; nothing has changed.");
}

/* The files that adbad shall read say where it is asked: with a mistake in them it is not. */
static enum err ask(struct cli *cli, const char *cmd, json_t **reply, struct errinfo *ei)
{
    const struct settings *s;
    enum err e = cli_settings(cli, &s, ei);

    if (e == ERR_CONFIG)
        return err_fail(ei, e,
                        "configuration not reloaded, all stays as it was: %s (\"adbactl conf "
                        "check\" tells all that is wrong)",
                        ei->text);
    return e == ERR_OK ? ask_here(cli, cmd, NULL, reply, ei) : e;
}

static int run_reload(struct cli *cli, int argc, char **argv)
{
    return ask_run_by(cli, argc, argv,
                      &(struct ask_verb){.cmd = "reload", .ask = ask, .print = print});
}

const struct cli_command cmd_reload[] = {
    {.noun = "reload",
     .verb = "",
     .usage = "",
     .run = run_reload,
     .summary = "have the running adbad read its configuration again",
     .help =
         "Every change that can take effect does at once, all together; the rest is named and "
         "needs a restart.\n"
         "A file that took the place of [kms] keytab is read anew. If anything is wrong, exit code "
         "3 (4 or 5: a keytab\n"
         "that is missing, or open to others) and what: adbad goes on as it was. \"adbactl conf "
         "check\" tells all that is\n"
         "wrong with the configuration. SIGHUP does the same without an answer."},
    {0},
};
