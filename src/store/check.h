/* check: whether a ledger is whole and agrees with itself. */
#ifndef ADBAD_STORE_CHECK_H
#define ADBAD_STORE_CHECK_H

#include "store/store.h"

enum store_check_item {
    STORE_CHECK_INTEGRITY,  /* SQLite's own, every page and row */
    STORE_CHECK_REFERENCES, /* rows name rows that are there */
    STORE_CHECK_TOTALS,     /* the running totals fit the rows */
    STORE_CHECK_TALLIES,    /* those per product fit the totals */
    STORE_CHECK_COUNT,      /* the saved count is good (store/count.h) */
    STORE_CHECKS
};

/* "integrity", "references", … */
const char *store_check_name(enum store_check_item item);

struct store_report {
    int version;          /* migrations applied */
    uint64_t file, log;   /* bytes */
    uint64_t unused;      /* bytes of file that store_compact would give back */
    uint64_t activations; /* rows; the totals outlive them */
    uint64_t refusals;
    int64_t oldest, newest; /* lab time of the activations; 0 if there is none */
    struct {
        bool good;
        char text[240]; /* what was found, also when it is good */
    } items[STORE_CHECKS];
};

/* Looks at one state of the ledger, also beside a writer, whose log grows meanwhile. Damage is in
 * the report and no error. */
MUST_CHECK enum err store_check(struct store *s, struct store_report *out, struct errinfo *ei);

#endif
