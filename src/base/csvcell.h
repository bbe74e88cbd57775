/* csvcell: one cell of a CSV file (RFC 4180) that people open in a spreadsheet. */
#ifndef ADBAD_BASE_CSVCELL_H
#define ADBAD_BASE_CSVCELL_H

#include "base/buf.h"

/* Appends the text, quoted where it has to be. What a spreadsheet would take for a formula (names
 * come from strangers) gets an apostrophe before it; a plain negative number doesn't. */
void csvcell_add(struct buf *b, const char *text);

#endif
