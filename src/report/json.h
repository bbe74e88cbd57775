/* json: what a report says, for programs: adbactl's --json and the dashboard show the same. */
#ifndef ADBAD_REPORT_JSON_H
#define ADBAD_REPORT_JSON_H

#include <jansson.h>

#include "report/report.h"

/* New references; NULL: out of memory. docs/reports.md has the members. */
json_t *report_row_json(const struct report_row *row);
json_t *report_product_json(const struct report_product *p);
json_t *report_computer_json(const struct report_computer *c);
/* {"member": {"licensed": 3, …}, …} and {"kms": 2, …}. */
json_t *report_counts_json(const struct report_compliance *c);

/* "kms", "adba", "relay". */
const char *report_channel_name(enum store_channel channel);
/* The same of a row, for people: "adba, self-reported" where that is the client's own word. */
const char *report_channel_text(const struct report_row *row);

#endif
