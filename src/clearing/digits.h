/* digits: a number as groups of decimal digits that people read to each other, and back.
 *
 * The last digit of each group is a check digit (Damm's, a public algorithm), which also depends
 * on the group's place: every single wrong digit, every two neighbouring digits that changed
 * places within a group, and every two whole groups that changed places are noticed. Inside the
 * room only. */
#ifndef ADBAD_CLEARING_DIGITS_H
#define ADBAD_CLEARING_DIGITS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DIGITS_GROUPS_MAX 10

struct digits_shape {
    const char *name;       /* "installation ID" */
    unsigned groups, width; /* digits of a group, the check digit among them */
    unsigned bits;          /* of the number; 10^(groups * (width - 1)) holds them */
};

/* Big-endian numbers of n bytes, in place. */
unsigned digits_divide(uint8_t *number, size_t n, unsigned by); /* returns the rest */
void digits_multiply_add(uint8_t *number, size_t n, unsigned by, unsigned add);

/* Writes "1234567-1234567-…"; text has room for groups * (width + 1) bytes. number: (bits + 7) / 8
 * bytes, big-endian. */
void digits_write(const struct digits_shape *s, const uint8_t *number, char *text);

/* Reads digits; blanks and hyphens between them do not matter. ERR_TRUNCATED for too few,
 * ERR_LIMIT for too many, ERR_MALFORMED for anything else; ei->hresult is the documented code. */
MUST_CHECK enum err digits_read(const struct digits_shape *s, const char *text, uint8_t *number,
                                struct errinfo *ei);

#endif
