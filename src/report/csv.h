/* csv: the inventory as comma-separated values: adbactl's --csv and the dashboard's file are the
 * same but for their line ends. docs/reports.md has the columns, which are the members of a row's
 * JSON. */
#ifndef ADBAD_REPORT_CSV_H
#define ADBAD_REPORT_CSV_H

#include "base/buf.h"
#include "report/report.h"

/* Append a line that ends with end ("\n", "\r\n"); cells as base/csvcell.h has them. */
void report_csv_head(struct buf *b, const char *end);
void report_csv_row(struct buf *b, const struct report_row *row, const char *end);

#endif
