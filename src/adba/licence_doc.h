/* licence_doc: the JSON document inside a licence. Inside the room only. */
#ifndef ADBAD_ADBA_LICENCE_DOC_H
#define ADBAD_ADBA_LICENCE_DOC_H

#include "adba/licence.h"

MUST_CHECK enum err licence_doc_write(const struct licence *l, struct buf *out, struct errinfo *ei);
/* Strict: exactly the members, each within its bounds. *out is the caller's on success only. */
MUST_CHECK enum err licence_doc_parse(const void *text, size_t len, struct licence *out,
                                      struct errinfo *ei);

#endif
