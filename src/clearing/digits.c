#include "clearing/digits.h"

#include <string.h>

#include "clearing/codes.h"

#define DIGITS_MAX 128

/* H. M. Damm's quasigroup of order 10: totally anti-symmetric, with zeros in the diagonal. */
static const uint8_t damm[10][10] = {
    {0, 3, 1, 7, 5, 9, 8, 6, 4, 2}, {7, 0, 9, 2, 1, 5, 4, 8, 6, 3}, {4, 2, 0, 6, 8, 7, 1, 3, 5, 9},
    {1, 7, 5, 0, 9, 8, 3, 4, 2, 6}, {6, 1, 2, 3, 0, 4, 5, 9, 7, 8}, {3, 6, 7, 4, 2, 0, 9, 5, 8, 1},
    {5, 8, 6, 9, 7, 2, 0, 1, 3, 4}, {8, 9, 4, 5, 3, 6, 2, 0, 1, 7}, {9, 4, 3, 8, 6, 1, 7, 2, 0, 5},
    {2, 5, 8, 1, 4, 3, 6, 7, 9, 0},
};

/* Starts from the group's place, so that a group is good in its own place only. A group with its
 * check digit comes to 0. */
static unsigned check(unsigned place, const uint8_t *digit, unsigned n)
{
    unsigned c = place;

    for (unsigned i = 0; i < n; i++)
        c = damm[c][digit[i]];
    return c;
}

unsigned digits_divide(uint8_t *number, size_t n, unsigned by)
{
    unsigned rest = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned v = rest << 8 | number[i];

        number[i] = (uint8_t)(v / by);
        rest = v % by;
    }
    return rest;
}

void digits_multiply_add(uint8_t *number, size_t n, unsigned by, unsigned add)
{
    while (n > 0) {
        unsigned v = number[--n] * by + add;

        number[n] = (uint8_t)v;
        add = v >> 8;
    }
}

static size_t number_size(const struct digits_shape *s)
{
    return (s->bits + 7) / 8;
}

void digits_write(const struct digits_shape *s, const uint8_t *number, char *text)
{
    uint8_t rest[DIGITS_MAX / 2], digit[DIGITS_MAX];
    unsigned payload = s->width - 1;

    memcpy(rest, number, number_size(s));
    for (unsigned i = s->groups * payload; i-- > 0;)
        digit[i] = (uint8_t)digits_divide(rest, number_size(s), 10);
    for (unsigned g = 0; g < s->groups; g++) {
        const uint8_t *d = digit + (size_t)g * payload;

        if (g > 0)
            *text++ = '-';
        for (unsigned i = 0; i < payload; i++)
            *text++ = (char)('0' + d[i]);
        *text++ = (char)('0' + check(g, d, payload)); /* the diagonal of the quasigroup is 0 */
    }
    *text = '\0';
}

/* ---- reading ---- */

static enum err take_digits(const struct digits_shape *s, const char *text,
                            uint8_t digit[DIGITS_MAX], struct errinfo *ei)
{
    unsigned wanted = s->groups * s->width, n = 0;

    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '-' || *p == ' ')
            continue;
        if (*p < '0' || *p > '9')
            return err_fail_hr(ei, ERR_MALFORMED, SL_E_CIDIID_INVALID_DATA,
                               "the %s holds something that is no digit after its digit %u",
                               s->name, n);
        if (n == wanted)
            return err_fail_hr(ei, ERR_LIMIT, SL_E_CIDIID_INVALID_DATA_LENGTH,
                               "the %s has more than %u digits (%u groups of %u)", s->name, wanted,
                               s->groups, s->width);
        digit[n++] = (uint8_t)(*p - '0');
    }
    if (n < wanted)
        return err_fail_hr(ei, ERR_TRUNCATED, SL_E_CIDIID_INVALID_DATA_LENGTH,
                           "the %s has %u digits, expected %u (%u groups of %u)", s->name, n,
                           wanted, s->groups, s->width);
    return ERR_OK;
}

static enum err check_groups(const struct digits_shape *s, const uint8_t *digit, struct errinfo *ei)
{
    for (unsigned g = 0; g < s->groups; g++) {
        const uint8_t *d = digit + (size_t)g * s->width;
        char shown[DIGITS_MAX];

        if (check(g, d, s->width) == 0)
            continue;
        for (unsigned i = 0; i < s->width; i++)
            shown[i] = (char)('0' + d[i]);
        shown[s->width] = '\0';
        return err_fail_hr(ei, ERR_MALFORMED, SL_E_CIDIID_INVALID_CHECK_DIGITS,
                           "group %u of the %s (%s): its check digit does not fit; read it again",
                           g + 1, s->name, shown);
    }
    return ERR_OK;
}

enum err digits_read(const struct digits_shape *s, const char *text, uint8_t *number,
                     struct errinfo *ei)
{
    uint8_t digit[DIGITS_MAX];
    size_t n = number_size(s);
    unsigned spare = (unsigned)n * 8 - s->bits;
    enum err e = take_digits(s, text, digit, ei);

    if (e == ERR_OK)
        e = check_groups(s, digit, ei);
    if (e != ERR_OK)
        return e;
    memset(number, 0, n);
    for (unsigned i = 0; i < s->groups * s->width; i++) {
        if (i % s->width != s->width - 1)
            digits_multiply_add(number, n, 10, digit[i]);
    }
    if (number[0] >> (8 - spare) != 0)
        return err_fail_hr(ei, ERR_MALFORMED, SL_E_CIDIID_INVALID_DATA,
                           "the %s stands for no number that is ever given out", s->name);
    return ERR_OK;
}
