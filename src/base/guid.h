/* guid: 16 bytes as Windows and the directory store them (the first three fields little-endian,
 * MS-DTYP 2.3.4), and their text form 8-4-4-4-12. */
#ifndef ADBAD_BASE_GUID_H
#define ADBAD_BASE_GUID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct guid {
    uint8_t b[16]; /* wire order */
};

#define GUID_TEXT_MAX 37

/* Lower case, without braces. Returns text. */
const char *guid_format(const struct guid *g, char text[GUID_TEXT_MAX]);
/* Accepts upper and lower case, with or without braces, nothing else around it. */
bool guid_parse(const char *text, struct guid *out);

static inline bool guid_equal(const struct guid *a, const struct guid *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static inline bool guid_is_zero(const struct guid *g)
{
    static const struct guid zero;

    return guid_equal(g, &zero);
}

/* Between wire order and RFC 9562 (network) order. */
void guid_to_network(const struct guid *g, uint8_t out[16]);
void guid_from_network(const uint8_t in[16], struct guid *out);

/* Makes a version-4 UUID (RFC 9562 section 5.4) of 16 random bytes. */
struct guid guid_from_random(const uint8_t random[16]);

#endif
