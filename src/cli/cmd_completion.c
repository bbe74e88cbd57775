/* adbactl completion: what shells complete, and the commands' part of the manual page, from the
 * command tables. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

/* ---- what the tables have ---- */

typedef void command_fn(const struct cli_command *c, const struct opt *own);

struct visit {
    const struct cli_command *command;
    command_fn *each;
};

static void on_options(void *arg, const struct opt *own)
{
    const struct visit *v = arg;

    v->each(v->command, own);
}

/* Calls each for every command for people, noun by noun, with the options of its own. */
static void each_command(const struct cli_command *rows, command_fn *each)
{
    for (const struct cli_command *c = rows; c->noun != NULL; c++) {
        struct visit v = {c, each};
        struct cli cli = {.describe = on_options, .describe_arg = &v};
        char *argv[] = {NULL};

        if (!c->hidden)
            c->run(&cli, 0, argv);
    }
}

static void each_of_all(command_fn *each)
{
    for (size_t i = 0; i < cli_noun_count; i++)
        each_command(cli_nouns[i], each);
}

/* ---- tables for shells: functions that bash and zsh both understand ---- */

static void print_nouns(void)
{
    printf("_adbactl_nouns='");
    for (size_t i = 0; i < cli_noun_count; i++)
        printf("%s%s", i > 0 ? " " : "", cli_nouns[i]->noun);
    puts("'");
}

/* Nouns that are commands by themselves have none. */
static void print_verbs(void)
{
    puts("_adbactl_verbs()\n{\n    case $1 in");
    for (size_t i = 0; i < cli_noun_count; i++) {
        const char *before = "";

        if (cli_nouns[i]->verb[0] == '\0')
            continue;
        printf("    %s) echo '", cli_nouns[i]->noun);
        for (const struct cli_command *c = cli_nouns[i]; c->noun != NULL; c++) {
            if (!c->hidden)
                printf("%s%s", before, c->verb);
            before = " ";
        }
        puts("' ;;");
    }
    puts("    esac\n}");
}

static void print_names(const struct cli_command *c, const struct opt *own)
{
    printf("    '%s%s%s') echo '", c->noun, c->verb[0] != '\0' ? " " : "", c->verb);
    for (const struct opt *o = own; o->name != NULL; o++)
        printf("--%s ", o->name);
    puts("' ;;");
}

static void print_common(void)
{
    struct opt common[CLI_COMMON];
    struct cli cli;
    bool help;

    cli_common_options(&cli, &help, common);
    printf("_adbactl_common='");
    for (size_t i = 0; i < CLI_COMMON; i++)
        printf("%s--%s", i > 0 ? " " : "", common[i].name);
    puts("'");
}

static bool takes_path(const struct opt *o)
{
    return o->metavar != NULL &&
           (strcmp(o->metavar, "FILE") == 0 || strcmp(o->metavar, "DIR") == 0);
}

static void print_paths(const struct cli_command *c, const struct opt *own)
{
    for (const struct opt *o = own; o->name != NULL; o++) {
        if (takes_path(o))
            printf("    '%s%s%s --%s') echo path ;;\n", c->noun, c->verb[0] != '\0' ? " " : "",
                   c->verb, o->name);
    }
}

static void print_values(const struct cli_command *c, const struct opt *own)
{
    for (const struct opt *o = own; o->name != NULL; o++) {
        if (o->type != OPT_FLAG && !takes_path(o))
            printf("    '%s%s%s --%s') echo value ;;\n", c->noun, c->verb[0] != '\0' ? " " : "",
                   c->verb, o->name);
    }
}

static void print_tables(void)
{
    print_nouns();
    print_common();
    print_verbs();
    puts("_adbactl_options()\n{\n    case $1 in");
    each_of_all(print_names);
    puts("    esac\n}\n_adbactl_takes()\n{\n    case $1 in\n    *' --config') echo path ;;");
    each_of_all(print_paths);
    each_of_all(print_values);
    puts("    esac\n}");
}

static const char bash_code[] =
    "_adbactl()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} noun= command= i words=\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case ${COMP_WORDS[i]} in\n"
    "        --config) ((i++)) ;;\n"
    "        -*) ;;\n"
    "        *)\n"
    "            if [[ -z $noun ]]; then\n"
    "                noun=${COMP_WORDS[i]} command=$noun\n"
    "            elif [[ $command == \"$noun\" && -n $(_adbactl_verbs \"$noun\") ]]; then\n"
    "                command=\"$noun ${COMP_WORDS[i]}\"\n"
    "            fi ;;\n"
    "        esac\n"
    "    done\n"
    "    case $(_adbactl_takes \"$command ${COMP_WORDS[COMP_CWORD - 1]}\") in\n"
    "    path) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
    "    value) COMPREPLY=(); return ;;\n"
    "    esac\n"
    "    if [[ $cur == -* ]]; then\n"
    "        words=\"$(_adbactl_options \"$command\") $_adbactl_common\"\n"
    "    elif [[ -z $noun ]]; then\n"
    "        words=$_adbactl_nouns\n"
    "    elif [[ $command == \"$noun\" && -n $(_adbactl_verbs \"$noun\") ]]; then\n"
    "        words=$(_adbactl_verbs \"$noun\")\n"
    "    else\n"
    "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
    "        return\n"
    "    fi\n"
    "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
    "}\n"
    "complete -o filenames -F _adbactl adbactl\n";

static const char zsh_code[] =
    "_adbactl()\n"
    "{\n"
    "    local cur=$words[CURRENT] noun= command= i\n"
    "    for ((i = 2; i < CURRENT; i++)); do\n"
    "        case $words[i] in\n"
    "        --config) ((i++)) ;;\n"
    "        -*) ;;\n"
    "        *)\n"
    "            if [[ -z $noun ]]; then\n"
    "                noun=$words[i] command=$noun\n"
    "            elif [[ $command == $noun && -n $(_adbactl_verbs $noun) ]]; then\n"
    "                command=\"$noun $words[i]\"\n"
    "            fi ;;\n"
    "        esac\n"
    "    done\n"
    "    case $(_adbactl_takes \"$command $words[CURRENT-1]\") in\n"
    "    path) _files; return ;;\n"
    "    value) return ;;\n"
    "    esac\n"
    "    if [[ $cur == -* ]]; then\n"
    "        compadd -- ${=\"$(_adbactl_options \"$command\")\"} ${=_adbactl_common}\n"
    "    elif [[ -z $noun ]]; then\n"
    "        compadd -- ${=_adbactl_nouns}\n"
    "    elif [[ $command == $noun && -n $(_adbactl_verbs $noun) ]]; then\n"
    "        compadd -- ${=\"$(_adbactl_verbs $noun)\"}\n"
    "    else\n"
    "        _files\n"
    "    fi\n"
    "}\n"
    "_adbactl \"$@\"\n";

static int run_bash(struct cli *cli, int argc, char **argv)
{
    int code = cli_begin(cli, NULL, &argc, argv, 0, 0);

    if (code >= 0)
        return code;
    puts("# bash completion for adbactl(1), made by \"adbactl completion bash\"");
    print_tables();
    fputs(bash_code, stdout);
    return EXIT_OK;
}

static int run_zsh(struct cli *cli, int argc, char **argv)
{
    int code = cli_begin(cli, NULL, &argc, argv, 0, 0);

    if (code >= 0)
        return code;
    puts("#compdef adbactl\n# zsh completion for adbactl(1), made by \"adbactl completion zsh\"");
    print_tables();
    fputs(zsh_code, stdout);
    return EXIT_OK;
}

/* ---- the manual page, in scdoc's language (scdoc(5)) ---- */

/* What scdoc would take for its own is escaped. */
static void put_plain(const char *text)
{
    if (*text == '-') /* no list */
        putchar('\\');
    for (; *text != '\0'; text++) {
        if (strchr("\\_*[]<>`~|#", *text) != NULL)
            putchar('\\');
        putchar(*text);
    }
}

/* Running text; what is indented, and examples, are paragraphs of their own. */
static void put_lines(const char *text)
{
    bool open = false; /* a paragraph goes on */

    while (*text != '\0') {
        char line[256];
        size_t n = strcspn(text, "\n");
        bool alone = n == 0 || *text == ' ' || strncmp(text, "Example", 7) == 0;

        snprintf(line, sizeof(line), "%.*s", (int)n, text);
        text += n + (text[n] == '\n');
        if (alone && open)
            putchar('\n');
        open = !alone;
        if (n == 0)
            continue;
        putchar('\t');
        put_plain(line + strspn(line, " "));
        puts(alone ? "\n" : "");
    }
    if (open)
        putchar('\n');
}

static void page_of(const struct cli_command *c, const struct opt *own)
{
    printf("*adbactl %s%s%s*", c->noun, c->verb[0] != '\0' ? " " : "", c->verb);
    if (c->usage[0] != '\0') {
        putchar(' ');
        put_plain(c->usage);
    }
    printf("\n\t");
    put_plain(c->summary);
    puts("\n");
    if (c->help != NULL)
        put_lines(c->help);
    for (const struct opt *o = own; o->name != NULL; o++) {
        printf("\t*--%s*", o->name);
        if (o->metavar != NULL)
            printf(" _%s_", o->metavar);
        printf("\n\t\t");
        put_plain(o->help);
        puts("\n");
    }
}

static int run_scdoc(struct cli *cli, int argc, char **argv)
{
    int code = cli_begin(cli, NULL, &argc, argv, 0, 0);

    if (code >= 0)
        return code;
    for (size_t i = 0; i < cli_noun_count; i++) {
        printf("## %s\n\n", cli_nouns[i]->noun);
        each_command(cli_nouns[i], page_of);
    }
    return EXIT_OK;
}

const struct cli_command cmd_completion[] = {
    {.noun = "completion",
     .verb = "bash",
     .usage = "",
     .run = run_bash,
     .summary = "print what bash completes",
     .help = "It is installed with adbactl. By hand: eval \"$(adbactl completion bash)\""},
    {.noun = "completion",
     .verb = "zsh",
     .usage = "",
     .run = run_zsh,
     .summary = "print what zsh completes",
     .help = "It is installed with adbactl. By hand: a file _adbactl in a folder of $fpath."},
    {.noun = "completion", /* for the build */
     .verb = "scdoc",
     .usage = "",
     .run = run_scdoc,
     .summary = "print the commands' part of adbactl(1)",
     .hidden = true},
    {0},
};
