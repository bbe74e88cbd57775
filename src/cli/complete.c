#include "cli/complete.h"

#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"

/* ---- tables: functions that bash and zsh both understand ---- */

struct print {
    const struct complete_program *p;
    char before[64]; /* the first word of the command before */
};

static bool is_new_word(struct print *to, const char *word)
{
    bool is_new = strcmp(to->before, word) != 0;

    snprintf(to->before, sizeof(to->before), "%s", word);
    return is_new;
}

static void on_first(void *arg, const struct complete_command *c)
{
    struct print *to = arg;
    bool first = to->before[0] == '\0';

    if (is_new_word(to, c->first))
        printf("%s%s", first ? "" : " ", c->first);
}

static void on_second(void *arg, const struct complete_command *c)
{
    struct print *to = arg;
    bool first = to->before[0] == '\0';

    if (c->second[0] == '\0')
        return;
    if (is_new_word(to, c->first))
        printf("%s    %s) echo '%s", first ? "" : "' ;;\n", c->first, c->second);
    else
        printf(" %s", c->second);
}

static void print_command(const struct complete_command *c)
{
    printf("%s%s%s", c->first, c->second[0] != '\0' ? " " : "", c->second);
}

static void put_options(const struct opt *o)
{
    for (; o->name != NULL; o++)
        printf("--%s ", o->name);
}

static void on_options(void *arg, const struct complete_command *c)
{
    (void)arg;
    printf("    '");
    print_command(c);
    printf("') echo '");
    put_options(c->own);
    put_options(c->common);
    puts("' ;;");
}

static bool is_path(const char *metavar)
{
    return strcmp(metavar, "FILE") == 0 || strcmp(metavar, "DIR") == 0 ||
           strcmp(metavar, "PATH") == 0;
}

/* What to offer for a value: "path", "groups", "value" (nothing), or the words themselves. */
static const char *value_of(const struct opt *o)
{
    if (o->words != NULL)
        return o->words;
    if (o->metavar != NULL && is_path(o->metavar))
        return "path";
    return o->metavar != NULL && strcmp(o->metavar, "GROUP") == 0 ? "groups" : "value";
}

/* What is common to all stands at the end, as a pattern. */
static void on_values(void *arg, const struct complete_command *c)
{
    (void)arg;
    for (const struct opt *o = c->own; o->name != NULL; o++) {
        if (o->type == OPT_FLAG)
            continue;
        printf("    '");
        print_command(c);
        printf(" --%s') echo '%s' ;;\n", o->name, value_of(o));
    }
}

/* The last word of a usage line without its brackets and dots; "" if an option takes it. */
static void last_word(const char *usage, char *out, size_t size)
{
    const char *blank = strrchr(usage, ' '), *before = blank;
    const char *word = blank == NULL ? usage : blank + 1;

    while (before != NULL && before > usage && before[-1] != ' ')
        before--;
    if (before != NULL && strncmp(before, "--", 2) == 0)
        word = "";
    word += word[0] == '[';
    snprintf(out, size, "%.*s", (int)strcspn(word, "]."), word);
}

/* What stands alone: a path, a group, or one of some words ("yes|no"). */
static void on_operands(void *arg, const struct complete_command *c)
{
    const char *offer = NULL;
    char word[64];

    (void)arg;
    last_word(c->usage, word, sizeof(word));
    if (is_path(word)) {
        offer = "path";
    } else if (strncmp(word, "GROUP", 5) == 0) {
        offer = "groups";
    } else if (strchr(word, '|') != NULL && strpbrk(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL) {
        for (char *bar = strchr(word, '|'); bar != NULL; bar = strchr(bar, '|'))
            *bar = ' ';
        offer = word;
    }
    if (offer == NULL)
        return;
    printf("    '");
    print_command(c);
    printf("') echo '%s' ;;\n", offer);
}

/* A line for each key group of the built-in tables. */
static void print_groups(void)
{
    const struct cat_group *groups;
    struct catalog *cat = NULL;
    struct errinfo ei;

    if (catalog_load(&cat, &ei) != ERR_OK)
        return;
    for (size_t i = 0, n = catalog_groups(cat, &groups); i < n; i++)
        printf("%s%s", i > 0 ? "\n" : "", groups[i].name);
    catalog_free(cat);
}

static void print_tables(const struct complete_program *p)
{
    struct print to = {.p = p};

    printf("_%s_first='", p->name);
    p->each(p->arg, on_first, &to);
    printf("'\n_%s_leading='", p->name);
    put_options(p->leading);
    printf("'\n_%s_second()\n{\n    case $1 in\n", p->name);
    to.before[0] = '\0';
    p->each(p->arg, on_second, &to);
    if (to.before[0] != '\0')
        puts("' ;;");
    printf("    esac\n}\n_%s_options()\n{\n    case $1 in\n", p->name);
    p->each(p->arg, on_options, &to);
    printf("    esac\n}\n_%s_takes()\n{\n    case $1 in\n", p->name);
    p->each(p->arg, on_values, &to);
    for (const struct opt *o = p->leading; o->name != NULL; o++)
        if (o->type != OPT_FLAG)
            printf("    *' --%s') echo '%s' ;;\n", o->name, value_of(o));
    printf("    esac\n}\n_%s_operand()\n{\n    case $1 in\n", p->name);
    p->each(p->arg, on_operands, &to);
    printf("    esac\n}\n_%s_groups='", p->name);
    print_groups();
    puts("'");
}

/* ---- the programs that read them; @ is the program's name ---- */

static const char bash_code[] =
    "_@_offer()\n"
    "{\n"
    "    local cur=$2 IFS=$' \\n'\n"
    "    case $1 in\n"
    "    '' | value) COMPREPLY=(); return ;;\n"
    "    path) IFS=$'\\n'; COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
    "    groups) IFS=$'\\n'; cur=${cur#[\\\"\\']}; cur=${cur//\\\\/}; set -- \"$_@_groups\" ;;\n"
    "    esac\n"
    "    COMPREPLY=($(compgen -W \"$1\" -- \"$cur\"))\n"
    "}\n"
    "_@()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} first= command= i takes words=\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case ${COMP_WORDS[i]} in\n"
    "        --*) [[ -z $(_@_takes \"$command ${COMP_WORDS[i]}\") ]] || ((++i)) ;;\n"
    "        *)\n"
    "            if [[ -z $first ]]; then\n"
    "                first=${COMP_WORDS[i]} command=$first\n"
    "            elif [[ $command == \"$first\" && -n $(_@_second \"$first\") ]]; then\n"
    "                command=\"$first ${COMP_WORDS[i]}\"\n"
    "            fi ;;\n"
    "        esac\n"
    "    done\n"
    "    takes=$(_@_takes \"$command ${COMP_WORDS[COMP_CWORD - 1]}\")\n"
    "    if [[ -n $takes ]]; then\n"
    "        _@_offer \"$takes\" \"$cur\"\n"
    "        return\n"
    "    fi\n"
    "    if [[ $cur == -* && -z $first ]]; then\n"
    "        words=$_@_leading\n"
    "    elif [[ $cur == -* ]]; then\n"
    "        words=$(_@_options \"$command\")\n"
    "    elif [[ -z $first ]]; then\n"
    "        words=$_@_first\n"
    "    elif [[ $command == \"$first\" && -n $(_@_second \"$first\") ]]; then\n"
    "        words=$(_@_second \"$first\")\n"
    "    else\n"
    "        _@_offer \"$(_@_operand \"$command\")\" \"$cur\"\n"
    "        return\n"
    "    fi\n"
    "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
    "}\n"
    "complete -o filenames -F _@ @\n";

static const char zsh_code[] =
    "_@_offer()\n"
    "{\n"
    "    case $1 in\n"
    "    '' | value) ;;\n"
    "    path) _files ;;\n"
    "    groups) compadd -- ${(f)_@_groups} ;;\n"
    "    *) compadd -- ${=1} ;;\n"
    "    esac\n"
    "}\n"
    "_@()\n"
    "{\n"
    "    local cur=$words[CURRENT] first= command= i takes\n"
    "    for ((i = 2; i < CURRENT; i++)); do\n"
    "        case $words[i] in\n"
    "        --*) [[ -z $(_@_takes \"$command $words[i]\") ]] || ((++i)) ;;\n"
    "        *)\n"
    "            if [[ -z $first ]]; then\n"
    "                first=$words[i] command=$first\n"
    "            elif [[ $command == $first && -n $(_@_second $first) ]]; then\n"
    "                command=\"$first $words[i]\"\n"
    "            fi ;;\n"
    "        esac\n"
    "    done\n"
    "    takes=$(_@_takes \"$command $words[CURRENT-1]\")\n"
    "    if [[ -n $takes ]]; then\n"
    "        _@_offer $takes\n"
    "        return\n"
    "    fi\n"
    "    if [[ $cur == -* && -z $first ]]; then\n"
    "        compadd -- ${=_@_leading}\n"
    "    elif [[ $cur == -* ]]; then\n"
    "        compadd -- ${=\"$(_@_options \"$command\")\"}\n"
    "    elif [[ -z $first ]]; then\n"
    "        compadd -- ${=_@_first}\n"
    "    elif [[ $command == $first && -n $(_@_second $first) ]]; then\n"
    "        compadd -- ${=\"$(_@_second $first)\"}\n"
    "    else\n"
    "        _@_offer \"$(_@_operand \"$command\")\"\n"
    "    fi\n"
    "}\n"
    "_@ \"$@\"\n";

static void print_code(const char *code, const char *name)
{
    for (; *code != '\0'; code++) {
        if (*code != '@' || code[1] == '"') /* "$@" is the shell's */
            putchar(*code);
        else
            fputs(name, stdout);
    }
}

void complete_bash(const struct complete_program *p)
{
    printf("# bash completion for %s, made by \"%s completion bash\"\n", p->man, p->name);
    print_tables(p);
    print_code(bash_code, p->name);
}

void complete_zsh(const struct complete_program *p)
{
    printf("#compdef %s\n# zsh completion for %s, made by \"%s completion zsh\"\n", p->name, p->man,
           p->name);
    print_tables(p);
    print_code(zsh_code, p->name);
}

/* ---- the manual page, in scdoc's language (scdoc(5)) ---- */

void complete_plain(const char *text)
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
        complete_plain(line + strspn(line, " "));
        puts(alone ? "\n" : "");
    }
    if (open)
        putchar('\n');
}

void complete_page(const char *program, const struct complete_command *c)
{
    printf("*%s ", program);
    print_command(c);
    printf("*");
    if (c->usage[0] != '\0') {
        putchar(' ');
        complete_plain(c->usage);
    }
    printf("\n\t");
    complete_plain(c->summary);
    puts("\n");
    if (c->help != NULL)
        put_lines(c->help);
    for (const struct opt *o = c->own; o->name != NULL; o++) {
        printf("\t*--%s*", o->name);
        if (o->metavar != NULL)
            printf(" _%s_", o->metavar);
        printf("\n\t\t");
        complete_plain(o->help);
        puts("\n");
    }
}
