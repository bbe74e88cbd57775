/* shape: the one DER encoding that a licence may have (docs/protocol/adba.md). CMS leaves much
 * open that no signature covers (versions, algorithm lists, unsigned attributes, more
 * certificates); a licence has none of that freedom, so no byte of it can change unnoticed.
 * Inside the room only. */
#ifndef ADBAD_ADBA_SHAPE_H
#define ADBAD_ADBA_SHAPE_H

#include <stddef.h>

#include "base/err.h"

/* ERR_TRUNCATED if der ends before its outermost length says, ERR_MALFORMED for anything else. */
MUST_CHECK enum err shape_check(const void *der, size_t len);

#endif
