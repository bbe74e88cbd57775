#include "wire/sid.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SID_REVISION  1
#define AUTHORITY_MAX UINT64_C(0xffffffffffff)

struct sid sid_get(struct wire_rd *r)
{
    struct sid s = {0};
    uint8_t revision = wire_u8(r), n = wire_u8(r);

    if (r->err == ERR_OK && (revision != SID_REVISION || n > SID_SUBS_MAX))
        wire_reject(r, ERR_MALFORMED);
    for (int i = 0; i < 6; i++)
        s.authority = s.authority << 8 | wire_u8(r);
    if (r->err != ERR_OK)
        return (struct sid){0};
    for (s.n = 0; s.n < n; s.n++)
        s.sub[s.n] = wire_u32(r);
    return s;
}

void sid_put(struct wire_wr *w, const struct sid *s)
{
    wire_put_u8(w, SID_REVISION);
    wire_put_u8(w, s->n);
    for (int shift = 40; shift >= 0; shift -= 8)
        wire_put_u8(w, (uint8_t)(s->authority >> shift));
    for (uint8_t i = 0; i < s->n; i++)
        wire_put_u32(w, s->sub[i]);
}

size_t sid_size(const struct sid *s)
{
    return 8 + 4 * (size_t)s->n;
}

bool sid_from_bytes(const void *data, size_t len, struct sid *out)
{
    struct wire_rd r = wire_reader(data, len);
    struct sid s = sid_get(&r);

    if (wire_end(&r) != ERR_OK)
        return false;
    *out = s;
    return true;
}

/* MS-DTYP 2.4.2.1: an authority of 2^32 or more is written in hexadecimal. */
const char *sid_format(const struct sid *s, char text[SID_TEXT_MAX])
{
    int at = s->authority > UINT32_MAX
                 ? snprintf(text, SID_TEXT_MAX, "S-1-0x%012" PRIx64, s->authority)
                 : snprintf(text, SID_TEXT_MAX, "S-1-%" PRIu64, s->authority);

    for (uint8_t i = 0; i < s->n; i++)
        at += snprintf(text + at, SID_TEXT_MAX - (size_t)at, "-%" PRIu32, s->sub[i]);
    return text;
}

/* A number without sign or blanks; hexadecimal after 0x where that is allowed, then at most twelve
 * digits (what follows in a descriptor's text may begin with a letter that is a digit too). */
static bool take_number(const char **p, bool hex, uint64_t max, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef";
    unsigned base = hex && (*p)[0] == '0' && ((*p)[1] == 'x' || (*p)[1] == 'X') ? 16 : 10;
    const char *start = base == 16 ? *p + 2 : *p;
    uint64_t v = 0;

    for (*p = start; **p != '\0' && (base == 10 || *p - start < 12); (*p)++) {
        char c = **p >= 'A' && **p <= 'F' ? (char)(**p | 0x20) : **p;
        const char *d = memchr(digits, c, base);

        if (d == NULL)
            break;
        v = v * base + (uint64_t)(d - digits);
        if (v > max)
            return false;
    }
    *out = v;
    return *p != start;
}

bool sid_parse(const char *text, struct sid *out, const char **end)
{
    struct sid s = {0};
    const char *p = text + 4;
    uint64_t v;

    if (strncmp(text, "S-1-", 4) != 0 && strncmp(text, "s-1-", 4) != 0)
        return false;
    if (!take_number(&p, true, AUTHORITY_MAX, &s.authority))
        return false;
    while (*p == '-') {
        p++;
        if (s.n == SID_SUBS_MAX || !take_number(&p, false, UINT32_MAX, &v))
            return false;
        s.sub[s.n++] = (uint32_t)v;
    }
    if (end == NULL && *p != '\0')
        return false;
    if (end != NULL)
        *end = p;
    *out = s;
    return true;
}

bool sid_equal(const struct sid *a, const struct sid *b)
{
    return a->authority == b->authority && a->n == b->n &&
           memcmp(a->sub, b->sub, a->n * sizeof(a->sub[0])) == 0;
}

bool sid_child(const struct sid *parent, uint32_t rid, struct sid *out)
{
    if (parent->n == SID_SUBS_MAX)
        return false;
    *out = *parent;
    out->sub[out->n++] = rid;
    return true;
}
