/* sid: security identifiers (MS-DTYP 2.4.2), their bytes and their text. */
#ifndef ADBAD_WIRE_SID_H
#define ADBAD_WIRE_SID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

#define SID_SUBS_MAX 15
#define SID_MAX      68  /* bytes: 8 and 15 sub-authorities */
#define SID_TEXT_MAX 192 /* "S-1-0x…-…" with its NUL */

struct sid {
    uint64_t authority; /* 48 bits */
    uint8_t n;
    uint32_t sub[SID_SUBS_MAX];
};

/* Reads one SID; sets the reader's sticky error (ERR_MALFORMED: revision or count). */
struct sid sid_get(struct wire_rd *r);
void sid_put(struct wire_wr *w, const struct sid *s);
/* How many bytes sid_put writes. */
size_t sid_size(const struct sid *s);
/* false if the bytes are not exactly one SID. */
bool sid_from_bytes(const void *data, size_t len, struct sid *out);

/* Writes "S-1-5-21-…" and returns text. */
const char *sid_format(const struct sid *s, char text[SID_TEXT_MAX]);
/* Parses the text form from its start; *end (may be NULL: then nothing may follow) is where it
 * stopped. */
bool sid_parse(const char *text, struct sid *out, const char **end);

bool sid_equal(const struct sid *a, const struct sid *b);
/* The SID with one more part, such as a domain's SID and an account's number; false if it is full.
 */
bool sid_child(const struct sid *parent, uint32_t rid, struct sid *out);

#endif
