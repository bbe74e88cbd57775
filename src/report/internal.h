/* internal: what the files of this room share. */
#ifndef ADBAD_REPORT_INTERNAL_H
#define ADBAD_REPORT_INTERNAL_H

#include "kms/count.h"
#include "members/roster.h"
#include "report/report.h"
#include "report/seen.h"

struct report {
    const struct catalog *catalog;
    struct report_row *rows; /* by their number in seen; texts owned */
    size_t capacity;
    struct seen seen;
    int64_t newest;      /* id of the newest activation that was read */
    int64_t newest_told; /* and of the newest client's report */
    uint64_t generation;
    int64_t now;
    struct kms_count *count;
    struct roster *roster;
    int64_t synced_at, listed_at; /* what the registry was when it was read */
};

static inline size_t row_count(const struct report *r)
{
    return r->seen.n;
}

/* "Windows 11 Enterprise"; "" for an unknown one. */
#define REPORT_PRODUCT_MAX 160
const char *report_product_text(const struct cat_product *p, char text[REPORT_PRODUCT_MAX]);

/* By name, unknown ones last, by id then. */
int report_compare_products(const struct cat_product *a, const struct guid *a_id,
                            const struct cat_product *b, const struct guid *b_id);

#endif
