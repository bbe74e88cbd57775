/* explain: what a code or an event, written in any of the usual ways, stands for. */
#ifndef ADBAD_CATALOG_EXPLAIN_H
#define ADBAD_CATALOG_EXPLAIN_H

#include "catalog/catalog.h"

/* One of the two is set. */
struct cat_meaning {
    const struct cat_error *error;
    const struct cat_event *event;
};

#define CAT_MEANINGS_MAX 8

/* Every row that text may mean (a number can be a Win32 code and an event); returns how many. text
 * is, in any case and with blanks around it: 0xC004F074, C004F074, 0xFFFFFFFFC004F074, with or
 * without L, U behind it -1073418124, 3221549172        the same, signed and unsigned 0xD0020017 an
 * NTSTATUS turned into an HRESULT (bit 28) 1722                           a Win32 code of an
 * HRESULT 0x8007xxxx F074                           its last four digits, one of them a letter
 *   SL_E_VL_NOT_ENOUGH_COUNT       its name
 *   12288                          an event
 * Before it may stand "error", "code", "hr", "HRESULT", "NTSTATUS", "event" or "event id", then a
 * colon, an equals sign or a blank; "event" looks at events only, the others at codes only. */
size_t catalog_explain(const struct catalog *c, const char *text,
                       struct cat_meaning out[CAT_MEANINGS_MAX]);

#define CAT_NEAREST_MAX 5

/* The rows whose number or name is most like text, best first; returns how many. */
size_t catalog_explain_nearest(const struct catalog *c, const char *text,
                               struct cat_meaning out[CAT_NEAREST_MAX]);

#endif
