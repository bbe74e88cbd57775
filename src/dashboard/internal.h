/* internal: what the files of this room share. */
#ifndef ADBAD_DASHBOARD_INTERNAL_H
#define ADBAD_DASHBOARD_INTERNAL_H

#include "dashboard/dashboard.h"
#include "dashboard/timeline.h"
#include "report/report.h"

/* What the inventory's last line and its filter of products show. */
struct dashboard_totals {
    uint64_t generation; /* report_generation of what they were added up from; 0: not yet */
    size_t rows, computers, silent;
    json_t *products; /* owned */
};

void dashboard_totals_fini(struct dashboard_totals *t);

struct dashboard {
    const struct catalog *catalog;
    struct clk clk;
    struct report *report;
    struct timeline timeline;
    int64_t newest; /* id of the newest activation that the ledger had */
    struct dashboard_totals totals;
};

/* Forgets what was read if the ledger is another one than before. */
MUST_CHECK enum err dashboard_begin(struct dashboard *d, struct store *s, struct errinfo *ei);

/* text is a decimal number up to max; fallback if it is NULL. name is the argument's. */
MUST_CHECK enum err dashboard_number(const char *name, const char *text, size_t fallback,
                                     size_t max, size_t *out, struct errinfo *ei);

#endif
