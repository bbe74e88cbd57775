/* ask: one question to the running daemon over its control socket (docs/daemon.md). */
#ifndef ADBAD_CLI_ASK_H
#define ADBAD_CLI_ASK_H

#include <jansson.h>

#include "base/err.h"
#include "cli/cli.h"

/* Sends {"cmd": cmd, …args} (args may be NULL; its reference is taken) and waits for the answer.
 * On success *reply (may be NULL) is the caller's. ERR_UNREACHABLE if no daemon answers there; an
 * error that the daemon reports keeps its name and text. */
MUST_CHECK enum err ask_daemon(const struct settings *s, const char *cmd, json_t *args,
                               json_t **reply, struct errinfo *ei);

/* The same of the daemon that the program's configuration names; *reply is without "ok". */
MUST_CHECK enum err ask_here(struct cli *cli, const char *cmd, json_t *args, json_t **reply,
                             struct errinfo *ei);

/* The member "status" of its answer to a command without arguments. *status is the caller's. */
MUST_CHECK enum err ask_status_here(struct cli *cli, const char *cmd, json_t **status,
                                    struct errinfo *ei);

/* The same until its member number is at least that: of what the daemon was asked to do.
 * ERR_TIMEOUT with that text after ten minutes. */
MUST_CHECK enum err ask_until_here(struct cli *cli, const char *cmd, const char *member,
                                   long long number, const char *late, json_t **status,
                                   struct errinfo *ei);

/* A verb without options that shows an answer. */
struct ask_verb {
    const char *cmd;
    enum err (*ask)(struct cli *cli, const char *cmd, json_t **answer, struct errinfo *ei);
    void (*print)(const json_t *answer); /* without --json */
    int (*judge)(const json_t *answer);  /* the exit code, once it is shown; NULL: EXIT_OK */
};
/* Returns the exit code. */
int ask_run_by(struct cli *cli, int argc, char **argv, const struct ask_verb *v);
/* The same of what cmd answers. */
int ask_run(struct cli *cli, int argc, char **argv, const char *cmd,
            void (*print)(const json_t *reply));
/* The same of the answer's member "status". */
int ask_run_status(struct cli *cli, int argc, char **argv, const char *cmd,
                   void (*print)(const json_t *status));

/* Members of an answer: "-" and 0 where they are missing. */
static inline const char *ask_text(const json_t *answer, const char *member)
{
    const char *text = json_string_value(json_object_get(answer, member));

    return text != NULL ? text : "-";
}

static inline long long ask_number(const json_t *answer, const char *member)
{
    return (long long)json_integer_value(json_object_get(answer, member));
}

/* What it means that nobody could be asked there (an errno of connect), with the remedy. systemd:
 * it runs this machine (sd_booted(3)). */
enum err ask_unreachable(const char *path, int errnum, bool systemd, struct errinfo *ei);

/* The error that a daemon calls so; ERR_INTERNAL for no such name, also NULL. */
enum err ask_error_named(const char *name);

/* Tells a running daemon that host keys were installed or removed; none need run. */
void ask_reload_hostkeys(const struct settings *s);

#endif
