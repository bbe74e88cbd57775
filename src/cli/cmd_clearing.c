/* adbactl clearing: the clearing house's side: a clerk's answers, and what was granted. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/clearing.h"
#include "cli/cli.h"

/* ---- confirm ---- */

static int run_confirm(struct cli *cli, int argc, char **argv)
{
    struct errinfo ei = {0};
    json_t *reply = NULL;
    int status = cli_begin(cli, NULL, &argc, argv, 1, 1);
    enum err e;

    if (status >= 0)
        return status;
    e = ask_here(cli, "clearing.confirm", json_pack("{s:s}", "iid", argv[0]), &reply, &ei);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    if (cli->json) {
        cli_json(reply);
        return EXIT_OK;
    }
    puts(ask_text(reply, "confirmation_id"));
    if (json_is_true(json_object_get(reply, "pool")))
        fprintf(stderr, "For \"%s\": activation %lld of the key, %lld left; machine %lld.\n",
                ask_text(reply, "group"), ask_number(reply, "activations"),
                ask_number(reply, "activations_left"), ask_number(reply, "hosts"));
    else
        fprintf(
            stderr,
            "For \"%s\": activation %lld of this %s, %lld left; host %lld of the host key, %lld "
            "left.\n",
            ask_text(reply, "group"), ask_number(reply, "activations"), ask_text(reply, "kind"),
            ask_number(reply, "activations_left"), ask_number(reply, "hosts"),
            ask_number(reply, "hosts_left"));
    json_decref(reply);
    return EXIT_OK;
}

/* ---- status, list ---- */

/* Clients that were given a host key: nobody meant that. */
static void tell_mistakes(const json_t *keys)
{
    json_t *k, *h;
    size_t i, j;

    json_array_foreach(keys, i, k)
    {
        const char *key = ask_text(k, "key");
        size_t n = strlen(key);

        json_array_foreach(json_object_get(k, "entries"), j, h)
        {
            if (strcmp(ask_text(h, "kind"), "machine") != 0)
                continue;
            printf("%s took %lld of the activations of the host key ending in %s and is no KMS "
                   "host: install its client setup key there (/ipk).\n",
                   ask_text(h, "name"), ask_number(h, "activations"), n > 5 ? key + n - 5 : key);
        }
    }
}

static void status_text(const json_t *reply)
{
    static const char *const headers[] = {"HOST KEY",     "GROUP", ">HOSTS", ">LEFT",
                                          ">ACTIVATIONS", "STATE", NULL};
    const json_t *keys = json_object_get(reply, "keys");
    const json_t *refused = json_object_get(reply, "refused_since_start");
    const char *reason;
    json_t *times, *k;
    struct table *t;
    size_t i;

    printf("Clearing house of realm %s: %lld granted since its start", ask_text(reply, "realm"),
           ask_number(reply, "granted_since_start"));
    json_object_foreach((json_t *)(uintptr_t)refused, reason, times)
    {
        if (json_integer_value(times) > 0)
            printf(", %lld refused (%s)", (long long)json_integer_value(times), reason);
    }
    puts(".");
    if (json_array_size(keys) == 0) {
        puts("No host key was activated yet.");
        return;
    }
    t = table_new(headers);
    json_array_foreach(keys, i, k)
    {
        table_cell(t, "%s", ask_text(k, "key"));
        table_cell(t, "%s", ask_text(k, "group"));
        table_cell(t, "%lld of %lld", ask_number(k, "hosts"), ask_number(k, "hosts_max"));
        table_cell(t, "%lld", ask_number(k, "hosts_left"));
        table_cell(t, "%lld", ask_number(k, "activations"));
        table_cell(t, "%s", json_is_true(json_object_get(k, "blocked")) ? "blocked" : "good");
    }
    table_print(t);
    tell_mistakes(keys);
}

static void list_entries(struct table *t, const json_t *keys)
{
    json_t *k, *h;
    size_t i, j;

    json_array_foreach(keys, i, k)
    {
        const char *key = ask_text(k, "key");
        size_t n = strlen(key);

        json_array_foreach(json_object_get(k, "entries"), j, h)
        {
            const json_t *left = json_object_get(h, "activations_left");

            table_cell(t, "%s%s", n > 5 ? "…" : "", n > 5 ? key + n - 5 : key);
            table_cell(t, "%s", ask_text(h, "kind"));
            table_cell(t, "%s", ask_text(h, "name"));
            table_cell(t, "%s", ask_text(h, "binding"));
            table_cell(t, "%lld", ask_number(h, "activations"));
            if (json_is_integer(left))
                table_cell(t, "%lld", (long long)json_integer_value(left));
            else
                table_cell(t, "-");
            table_cell(t, "%s", ask_text(h, "first_activated"));
            table_cell(t, "%s", ask_text(h, "last_activated"));
        }
    }
}

static size_t entries_of(const json_t *keys)
{
    size_t n = 0, i;
    json_t *k;

    json_array_foreach(keys, i, k) n += json_array_size(json_object_get(k, "entries"));
    return n;
}

static void list_text(const json_t *reply)
{
    static const char *const headers[] = {"KEY",   "KIND",  "NAME", "BINDING", ">ACTIVATIONS",
                                          ">LEFT", "FIRST", "LAST", NULL};
    const json_t *keys = json_object_get(reply, "keys");
    const json_t *machines = json_object_get(reply, "machine_keys");
    struct table *t;

    if (entries_of(keys) + entries_of(machines) == 0) {
        puts("No host, forest or machine was activated yet.");
        return;
    }
    t = table_new(headers);
    list_entries(t, keys);
    list_entries(t, machines);
    table_print(t);
    tell_mistakes(keys);
}

static int run_status(struct cli *cli, int argc, char **argv)
{
    return ask_run(cli, argc, argv, "clearing.status", status_text);
}

static int run_list(struct cli *cli, int argc, char **argv)
{
    return ask_run(cli, argc, argv, "clearing.status", list_text);
}

/* ---- block, unblock ---- */

static int set_blocked(struct cli *cli, int argc, char **argv, bool blocked)
{
    struct errinfo ei = {0};
    json_t *reply = NULL;
    int status = cli_begin(cli, NULL, &argc, argv, 1, 1);
    enum err e;

    if (status >= 0)
        return status;
    e = ask_here(cli, "clearing.block", json_pack("{s:s, s:b}", "key", argv[0], "blocked", blocked),
                 &reply, &ei);
    if (e != ERR_OK)
        return cli_fail(cli, e, &ei);
    if (cli->json) {
        cli_json(reply);
        return EXIT_OK;
    }
    printf("The key %s is %s.\n", argv[0], blocked ? "blocked" : "no longer blocked");
    json_decref(reply);
    return EXIT_OK;
}

int clearing_run_block(struct cli *cli, int argc, char **argv)
{
    return set_blocked(cli, argc, argv, true);
}

int clearing_run_unblock(struct cli *cli, int argc, char **argv)
{
    return set_blocked(cli, argc, argv, false);
}

const struct cli_command cmd_clearing[] = {
    {.noun = "clearing",
     .verb = "confirm",
     .usage = "IID",
     .run = run_confirm,
     .summary = "answer an installation ID, as the clerk on the phone",
     .help = "At the clearing house. Counts an activation and prints the confirmation ID; refused\n"
             "with 0xC004C008 when the host key has none left. Quote an ID with blanks."},
    {.noun = "clearing",
     .verb = "status",
     .usage = "",
     .run = run_status,
     .summary = "host keys, and how many activations are left"},
    {.noun = "clearing",
     .verb = "list",
     .usage = "",
     .run = run_list,
     .summary = "the hosts, forests and machines that were activated"},
    {.noun = "clearing",
     .verb = "block",
     .usage = "KEY",
     .run = clearing_run_block,
     .summary = "activate nothing more with a host key",
     .help = "At the clearing house. Who asks with the key from then on is refused (0xC004C003);\n"
             "what is activated stays so. KEY is its 5x5 text, as clearing status shows it."},
    {.noun = "clearing",
     .verb = "unblock",
     .usage = "KEY",
     .run = clearing_run_unblock,
     .summary = "let a blocked host key activate again"},
    {0},
};
