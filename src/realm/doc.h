/* doc: strict reading of our own JSON documents (bundle, host key, licence).
 *
 * The error is sticky: after the first one every getter yields NULL or zero, so a parser is a
 * straight list and checks once before it trusts the values. Every message names the document
 * and the member. */
#ifndef ADBAD_REALM_DOC_H
#define ADBAD_REALM_DOC_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct doc {
    json_t *root;     /* owned */
    const char *what; /* "bundle /etc/adbad/client.bundle" */
    enum err err;
    struct errinfo *ei;
};

/* Parses text that must be one JSON object whose member "format" is exactly format. Another
 * number at the end of a format of the same name is ERR_VERSION. ERR_TRUNCATED where the text
 * ends too early. what must outlive the doc. Ends with doc_fini in any case. */
MUST_CHECK enum err doc_parse(struct doc *d, const void *text, size_t len, const char *what,
                              const char *format, struct errinfo *ei);
void doc_fini(struct doc *d);

/* Requires that obj (NULL: the root) is an object with exactly these members, NULL-terminated. */
void doc_members(struct doc *d, json_t *obj, const char *const *names);
/* The member of that name, an object; NULL on error. */
json_t *doc_object(struct doc *d, json_t *obj, const char *name);
json_t *doc_array(struct doc *d, json_t *obj, const char *name);
/* Text of min to max bytes without a NUL; lives as long as the document. */
const char *doc_text(struct doc *d, json_t *obj, const char *name, size_t min, size_t max);
/* Exactly n bytes in lower-case hexadecimal. */
void doc_hex(struct doc *d, json_t *obj, const char *name, uint8_t *out, size_t n);
/* A whole number within [min, max]. */
int64_t doc_int(struct doc *d, json_t *obj, const char *name, int64_t min, int64_t max);
/* A time as clk_format writes it ("2026-11-22T10:00:00Z"). */
int64_t doc_time(struct doc *d, json_t *obj, const char *name);
/* Sets the sticky error (ERR_MALFORMED) for a member, unless one is set. */
void doc_reject(struct doc *d, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Appends value as indented text with a final newline and drops the reference. NULL (a failed
 * construction) is ERR_NOMEM. */
MUST_CHECK enum err doc_write(json_t *value, struct buf *out, struct errinfo *ei);

#endif
