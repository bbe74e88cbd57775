/* cli: what the command-line programs share: command tables, options, output.
 *
 * Stdout carries the result (a table for people, or JSON with --json), stderr the talk. A command
 * is a row in a table; its options stand in a table beside its usage text. */
#ifndef ADBAD_CLI_CLI_H
#define ADBAD_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* ---- options ---- */

enum opt_type {
    OPT_FLAG,     /* bool * */
    OPT_STRING,   /* const char ** */
    OPT_UINT,     /* uint32_t * */
    OPT_DURATION, /* int64_t * seconds */
    OPT_TEXTS,    /* struct opt_texts *: may be given several times */
};

struct opt {
    const char *name; /* without dashes: "json" is given as --json, --name VALUE or --name=VALUE */
    enum opt_type type;
    const char *metavar; /* "FILE"; NULL for flags */
    const char *help;    /* one line */
    void *dest;
    uint32_t min, max; /* OPT_UINT; ignored if both are 0 */
    const char *words; /* that it takes, with blanks between, for completion; NULL: none */
};

#define OPT_TEXTS_MAX 64

struct opt_texts {
    size_t n;
    const char *v[OPT_TEXTS_MAX];
};

/* Rows for the two usual kinds, one to a line. */
#define OPT_TEXT_ROW(n, m, d, h)                                                                   \
    {                                                                                              \
        .name = (n), .type = OPT_STRING, .metavar = (m), .help = (h), .dest = (d)                  \
    }
#define OPT_WORD_ROW(n, m, d, w, h)                                                                \
    {                                                                                              \
        .name = (n), .type = OPT_STRING, .metavar = (m), .help = (h), .dest = (d), .words = (w)    \
    }
#define OPT_UINT_ROW(n, m, d, lo, hi, h)                                                           \
    {                                                                                              \
        .name = (n), .type = OPT_UINT, .metavar = (m), .help = (h), .dest = (d), .min = (lo),      \
        .max = (hi)                                                                                \
    }
#define OPT_FLAG_ROW(n, d, h)                                                                      \
    {                                                                                              \
        .name = (n), .type = OPT_FLAG, .help = (h), .dest = (d)                                    \
    }

/* Parses argv[0 … argc-1] (no program name), moving positional arguments to the front; *argc is
 * then their number. "--" ends the options. ERR_USAGE names the option and what it takes; an
 * unknown one names the nearest known. opts ends with a row whose name is NULL. */
MUST_CHECK enum err opt_parse(const struct opt *opts, int *argc, char **argv, struct errinfo *ei);

/* ---- commands of adbactl ---- */

struct settings;

/* What is common to one run of adbactl. */
struct cli {
    const char *conf_path;     /* --config, $ADBAD_CONF or the default */
    bool json;                 /* --json */
    bool yes;                  /* --yes (CLI_YES_ROW): do not ask */
    struct settings *settings; /* loaded on first use by cli_settings */
    /* If set, cli_begin calls it with the command's own options (maybe none) and the command ends:
     * for completion and the manual page. */
    void (*describe)(void *arg, const struct opt *own);
    void *describe_arg;
};

struct cli_command {
    const char *noun, *verb; /* verb "": the noun alone is the command */
    const char *usage;       /* positional arguments, "NAME DIR" */
    const char *summary;     /* one line for the list */
    const char *help;        /* more lines, what it does and an example; may be NULL */
    /* argv: what follows the verb. Returns an exit code. On ERR_USAGE from opt_parse return
     * cli_fail(cli, e, &ei). */
    int (*run)(struct cli *cli, int argc, char **argv);
    bool hidden;    /* not in the list: no command for people */
    bool text_only; /* what it prints is a file or another program's: it takes no --json */
};

/* Each noun's file exports its rows; adbactl.c lists them. The last row has noun NULL. */
extern const struct cli_command *const cli_nouns[];
extern const size_t cli_noun_count;
extern const struct cli_command cmd_realm[];
extern const struct cli_command cmd_lab[];
extern const struct cli_command cmd_machine[];
extern const struct cli_command cmd_hostkey[];
extern const struct cli_command cmd_ao[];
extern const struct cli_command cmd_directory[];
extern const struct cli_command cmd_clearing[];
extern const struct cli_command cmd_mak[];
extern const struct cli_command cmd_kms[];
extern const struct cli_command cmd_dns[];
extern const struct cli_command cmd_relay[];
extern const struct cli_command cmd_ledger[];
extern const struct cli_command cmd_clock[];
extern const struct cli_command cmd_membership[];
extern const struct cli_command cmd_conf[];
extern const struct cli_command cmd_reload[];
extern const struct cli_command cmd_explain[];
extern const struct cli_command cmd_plan[];
extern const struct cli_command cmd_catalog[];
extern const struct cli_command cmd_report[];
extern const struct cli_command cmd_health[];
extern const struct cli_command cmd_top[];
extern const struct cli_command cmd_completion[];

/* The command that is running (for --help inside run); set by adbactl.c. */
extern const struct cli_command *cli_running;

/* Parses the command's own options together with the common ones (--config, --json, --help) and
 * checks the number of positional arguments (min … max). Returns -1 to go on, or the exit code to
 * return at once (help was shown, or usage was wrong and said so; of --csv and --json only one may
 * be given). opts may be NULL. */
int cli_begin(struct cli *cli, const struct opt *opts, int *argc, char **argv, int min, int max);
#define CLI_COMMON 3
/* The rows of the options that every command takes, and --json unless c (NULL: no command yet) is
 * text_only; *help is --help's. What is left of out is zero. */
void cli_common_options(struct cli *cli, const struct cli_command *c, bool *help,
                        struct opt out[CLI_COMMON]);
/* The row for commands that ask with cli_confirm. */
#define CLI_YES_ROW(cli) OPT_FLAG_ROW("yes", &(cli)->yes, "do not ask before the change")
/* Whether argv has common options alone: -1; else says which one is none, and returns the exit
 * code. */
int cli_check_common(struct cli *cli, int argc, char **argv);

/* The file that --config, the environment or nobody named. */
const char *cli_conf_path(const struct cli *cli);
/* Loads the configuration on first use. */
MUST_CHECK enum err cli_settings(struct cli *cli, const struct settings **out, struct errinfo *ei);

/* Prints "adbactl: <text>" to stderr (with the documented code and its name if ei->hresult is
 * set; as JSON {"error": …} on stdout too with --json) and returns the exit code. */
int cli_fail(const struct cli *cli, enum err e, const struct errinfo *ei);

/* After an attempt at what is adbad's own (its socket, its ledger): adds to the system's refusal
 * who may. Returns e. */
enum err cli_denied(enum err e, struct errinfo *ei);

/* Prints a JSON value to stdout, indented, sorted as built, and drops the reference. */
void cli_json(json_t *value);

/* Asks on the terminal; --yes or a non-terminal stdin with --yes answers yes. Without --yes on a
 * non-terminal the answer is no. */
bool cli_confirm(const struct cli *cli, const char *question);

/* ---- tables ---- */

struct table;

/* headers is NULL-terminated; a header that starts with '>' makes its column right-aligned. */
struct table *table_new(const char *const *headers);
/* One cell after the other, row by row; text is copied. */
void table_cell(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Prints aligned (width in characters, not bytes) and frees. */
void table_print(struct table *t);
/* For a table that is not printed after all. */
void table_free(struct table *t);

/* "name: value" lines with aligned values, for show verbs. */
struct facts;
struct facts *facts_new(void);
void facts_add(struct facts *f, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);
void facts_print(struct facts *f);

/* Names that strangers chose must not steer the terminal: control characters (C0, DEL, and C1 in
 * UTF-8) become question marks. */
void text_without_controls(char *text);

/* Edit distance, for "did you mean"; used by opt_parse and the command table. */
unsigned text_distance(const char *a, const char *b);

#endif
