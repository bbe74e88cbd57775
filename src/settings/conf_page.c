/* conf_page TEMPLATE OUT: the source of adbad.conf(5) in scdoc's language: the template with the
 * table of keys in the place of its line "@KEYS@". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/settings.h"

/* Text in which nothing is markup. */
static void put_plain(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("\\_*#<>[]|", *text) != NULL)
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void put_key(FILE *out, const struct conf_key *k)
{
    char range[CONF_RANGE_MAX];

    fputs("*", out);
    put_plain(out, k->name);
    fputs("*\n\t", out);
    put_plain(out, k->help);
    fputs("\n\n\tValue: ", out);
    put_plain(out, conf_range(k, range));
    fputs(k->def == NULL ? "; unset by default. " : "; default: ", out);
    if (k->def != NULL) {
        put_plain(out, k->def);
        fputs(". ", out);
    }
    fputs(k->when == CONF_RELOAD ? "A change takes effect at a reload.\n\n"
                                 : "A change takes effect at the next start.\n\n",
          out);
}

static void put_keys(FILE *out)
{
    for (const struct conf_section *s = settings_sections; s->name != NULL; s++) {
        fprintf(out, "## [%s]\n\n", s->name);
        put_plain(out, s->help);
        fputs("\n\n", out);
        for (size_t i = 0; i < settings_table.n; i++) {
            if (strcmp(settings_table.keys[i].section, s->name) == 0)
                put_key(out, &settings_table.keys[i]);
        }
    }
}

int main(int argc, char **argv)
{
    char line[4096];
    FILE *in, *out;
    int failed;

    if (argc != 3) {
        fputs("Usage: conf_page TEMPLATE OUT\n", stderr);
        return EXIT_FAILURE;
    }
    in = fopen(argv[1], "re");
    out = in == NULL ? NULL : fopen(argv[2], "we");
    if (out == NULL) {
        perror(in == NULL ? argv[1] : argv[2]);
        return EXIT_FAILURE;
    }
    while (fgets(line, sizeof(line), in) != NULL) {
        if (strcmp(line, "@KEYS@\n") == 0)
            put_keys(out);
        else
            fputs(line, out);
    }
    failed = ferror(in);
    fclose(in);
    return fclose(out) != 0 || failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
