/* reports: what the verbs of adbactl report share. */
#ifndef ADBAD_CLI_REPORTS_H
#define ADBAD_CLI_REPORTS_H

#include "cli/kms.h"
#include "report/report.h"

int reports_run_machines(struct cli *cli, int argc, char **argv);
int reports_run_compliance(struct cli *cli, int argc, char **argv);

/* The ledger's report as of now on its clock. */
struct reports {
    struct kms_reader reader;
    struct report *report; /* owned */
    int64_t now;
};

MUST_CHECK enum err reports_open(struct cli *cli, int64_t soon, struct reports *r,
                                 struct errinfo *ei);
void reports_close(struct reports *r);

/* "2026-11-22T10:00:00Z"; "-" for REPORT_NEVER. */
const char *reports_time(int64_t when, char *text);
/* A date alone, for narrow columns. */
const char *reports_date(int64_t when, char *text);
/* ERR_USAGE names what --status takes. Sets their bits. silent: no-report is one of them. */
MUST_CHECK enum err reports_statuses(const struct opt_texts *names, bool silent, unsigned *bits,
                                     struct errinfo *ei);

#endif
