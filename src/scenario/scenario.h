/* scenario: stories about a simulated site, one statement a line (docs/scenarios.md), run in
 * process on virtual time. */
#ifndef ADBAD_SCENARIO_SCENARIO_H
#define ADBAD_SCENARIO_SCENARIO_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "catalog/catalog.h"

#define SCENARIO_START INT64_C(1798761600) /* 2027-01-01T00:00:00Z: where every story begins */

struct scenario_conf {
    const struct catalog *catalog;
    uint64_t seed;
    FILE *trace; /* every attempt and event; NULL: none */
};

struct scenario_result {
    char title[160];
    enum err code; /* ERR_OK: the story is true. ERR_CONFLICT: an expectation failed. Else the story
                      could not be told */
    unsigned line; /* where it ended otherwise; 0 */
    struct buf failure; /* what was expected, what is, how it came to be */
    int64_t lasted;     /* virtual seconds */
    uint64_t attempts;
    size_t codes; /* documented codes that machines and administrators met, ascending */
    uint32_t *code_met;
};

/* Tells one story. text: the file's content. What happened is in *out, which the caller empties
 * with scenario_result_fini. */
void scenario_run(const struct scenario_conf *conf, const char *file, const char *text,
                  struct scenario_result *out);
void scenario_result_fini(struct scenario_result *r);

/* One statement of the language. */
struct scenario_statement {
    const char *usage; /* "pass DURATION" */
    const char *help;
};
/* Statements, attributes that can be set and attributes that can be expected; each list ends with
 * a NULL usage. */
const struct scenario_statement *scenario_statements(void);
const struct scenario_statement *scenario_settings(void);
const struct scenario_statement *scenario_expectations(void);

#endif
