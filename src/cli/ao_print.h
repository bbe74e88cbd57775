/* ao_print: activation objects as tables, facts and JSON, for adbactl ao. */
#ifndef ADBAD_CLI_AO_PRINT_H
#define ADBAD_CLI_AO_PRINT_H

#include "adba/object.h"
#include "cli/cli.h"

/* One object with its verdict and, if it could be opened, its licence. */
void ao_print_one(const struct cli *cli, const struct catalog *cat, const struct ao *o,
                  const struct bundle *b, const struct dir_facts *f, int64_t now);

/* All objects of the directory. Their licences are judged where a bundle tells whose realm it is.
 */
struct ao_listing {
    const struct catalog *cat;
    struct dir *dir;
    const struct bundle *bundle; /* may be NULL */
    int64_t now;
};
MUST_CHECK enum err ao_print_list(const struct cli *cli, const struct ao_listing *in,
                                  struct errinfo *ei);

/* Verdicts that are gathered first and printed sorted by name. */
struct ao_report;
struct ao_report *ao_report_new(void);
void ao_report_free(struct ao_report *r);
MUST_CHECK enum err ao_report_add(struct ao_report *r, const char *name, enum ao_verdict v,
                                  const struct errinfo *why, int64_t days_left, struct errinfo *ei);
/* Returns the exit code: EXIT_INVALID, naming each on stderr, if one is not good. */
int ao_report_print(const struct cli *cli, struct ao_report *r);

#endif
