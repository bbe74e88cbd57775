/* slmgr's options of a KMS host: they act on the daemon, through its control socket. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/script.h"
#include "settings/settings.h"

#define HR_INVALID_ARG 0x80070057u

static enum err ask(const struct client *c, json_t *change, json_t **reply, struct errinfo *ei)
{
    struct settings s = {0};
    enum err e = ERR_OK;

    if (c->config != NULL) {
        e = settings_load(c->config, &s, ei);
    } else {
        s.control_socket = strdup(c->control);
        e = s.control_socket == NULL ? err_nomem(ei) : ERR_OK;
    }
    if (e == ERR_OK)
        e = ask_daemon(&s, "kms.set", change, reply, ei);
    else
        json_decref(change);
    settings_free(&s);
    return e;
}

/* The cmdlets' properties of what is set now. */
static json_t *success(const json_t *reply)
{
    json_t *o = json_pack("{s:b}", "Success", 1);

    json_object_set(o, "overrides", json_object_get(reply, "overrides"));
    json_object_set(o, "restart_needed", json_object_get(reply, "restart_needed"));
    return o;
}

static int set(struct client *c, json_t *change, const char *text)
{
    json_t *reply = NULL;
    struct errinfo ei;
    enum err e = ask(c, change, &reply, &ei);

    if (e != ERR_OK)
        return client_fail(c, e, &ei);
    if (c->json)
        cli_json(success(reply));
    else
        printf("%s\n", text);
    if (json_is_true(json_object_get(reply, "restart_needed")))
        fprintf(stderr, "adbaclient: warning: the KMS host takes this over at its next start.\n");
    json_decref(reply);
    return EXIT_OK;
}

/* The bounds are the host's to judge; only what is no number at all is refused here. The text is
 * before and after the number. */
static int set_number(struct client *c, const char *member, const char *given, const char *before,
                      const char *after)
{
    size_t digits = strspn(given, "0123456789");
    struct errinfo ei;
    char text[160];

    if (digits == 0 || digits > 9 || given[digits] != '\0')
        return client_fail(
            c,
            err_fail_hr(&ei, ERR_USAGE, HR_INVALID_ARG, "\"%s\": expected a whole number", given),
            &ei);
    snprintf(text, sizeof(text), "%s %s%s successfully.", before, given, after);
    return set(c, json_pack("{s:i}", member, (int)strtoul(given, NULL, 10)), text);
}

static int set_flag(struct client *c, const char *member, bool on, const char *text)
{
    return set(c, json_pack("{s:b}", member, on), text);
}

int script_sprt(struct client *c, int argc, char **argv)
{
    (void)argc;
    return set_number(c, "listening_port", argv[0], "KMS port set to", "");
}

int script_sai(struct client *c, int argc, char **argv)
{
    (void)argc;
    return set_number(c, "activation_interval", argv[0], "Volume activation interval set to",
                      " minutes");
}

int script_sri(struct client *c, int argc, char **argv)
{
    (void)argc;
    return set_number(c, "renewal_interval", argv[0], "Volume renewal interval set to", " minutes");
}

int script_sdns(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return set_flag(c, "dns_publishing", true, "DNS publishing enabled");
}

int script_cdns(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return set_flag(c, "dns_publishing", false, "DNS publishing disabled");
}

int script_spri(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return set_flag(c, "low_priority", false, "KMS priority set to Normal");
}

int script_cpri(struct client *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return set_flag(c, "low_priority", true, "KMS priority set to Low");
}
