#include "adba/shape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DEPTH_MAX 8

#define T_OCTETS 0x04
#define T_SEQ    0x30
#define T_SET    0x31
#define T_0      0xa0 /* [0], constructed */
#define T_KEYID  0x80 /* [0], primitive */

#define INT_3      "\x02\x01\x03"
#define OID_SIGNED "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
#define OID_DATA   "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
#define ALG_SHA256 "\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01"
#define ALG_ECDSA  "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"

enum op {
    ENTER, /* an element of this tag, whose content follows */
    LEAVE, /* the end of the innermost one that was entered, and nothing left in it */
    ANY,   /* one element of this tag, whatever it holds */
    SAME,  /* exactly these bytes */
};

struct step {
    enum op op;
    uint8_t tag;
    const char *bytes;
};

/* RFC 5652 sections 3, 5.1 and 5.3. What stands under ANY is judged by its signature: the
 * document by the message digest, the certificate by its issuer. */
static const struct step shape[] = {
    {ENTER, T_SEQ, NULL}, /* ContentInfo */
    {SAME, 0, OID_SIGNED}, {ENTER, T_0, NULL},
    {ENTER, T_SEQ, NULL}, /* SignedData */
    {SAME, 0, INT_3},      {ENTER, T_SET, NULL},
    {SAME, 0, ALG_SHA256}, {LEAVE, 0, NULL},
    {ENTER, T_SEQ, NULL}, /* EncapsulatedContentInfo */
    {SAME, 0, OID_DATA},   {ENTER, T_0, NULL},
    {ANY, T_OCTETS, NULL}, {LEAVE, 0, NULL},
    {LEAVE, 0, NULL},      {ENTER, T_0, NULL}, /* certificates: the signer's alone */
    {ANY, T_SEQ, NULL},    {LEAVE, 0, NULL},
    {ENTER, T_SET, NULL},  {ENTER, T_SEQ, NULL}, /* SignerInfo */
    {SAME, 0, INT_3},      {ANY, T_KEYID, NULL},
    {SAME, 0, ALG_SHA256}, {ANY, T_0, NULL},      /* signed attributes */
    {SAME, 0, ALG_ECDSA},  {ANY, T_OCTETS, NULL}, /* signature */
    {LEAVE, 0, NULL},      {LEAVE, 0, NULL},
    {LEAVE, 0, NULL},      {LEAVE, 0, NULL},
    {LEAVE, 0, NULL},
};

struct cursor {
    const uint8_t *pos;
    const uint8_t *end[DEPTH_MAX]; /* end[0] is the input's */
    int depth;
};

/* The element at pos: where its content starts and ends. Lengths in the shortest form only. */
static enum err element(const uint8_t *pos, const uint8_t *end, uint8_t tag,
                        const uint8_t **content, const uint8_t **after)
{
    size_t len, extra = 0;

    if (end - pos < 2)
        return ERR_TRUNCATED;
    if (pos[0] != tag)
        return ERR_MALFORMED;
    len = pos[1];
    if (len >= 0x80) {
        extra = len & 0x7f;
        if (extra < 1 || extra > 4)
            return ERR_MALFORMED;
        if ((size_t)(end - pos) < 2 + extra)
            return ERR_TRUNCATED;
        len = 0;
        for (size_t i = 0; i < extra; i++)
            len = len << 8 | pos[2 + i];
        if (len < 0x80 || pos[2] == 0)
            return ERR_MALFORMED;
    }
    *content = pos + 2 + extra;
    if (len > (size_t)(end - *content))
        return ERR_TRUNCATED;
    *after = *content + len;
    return ERR_OK;
}

static bool same(struct cursor *c, const char *bytes)
{
    size_t n = 2 + (size_t)(uint8_t)bytes[1]; /* each is one element with a short length */

    if ((size_t)(c->end[c->depth] - c->pos) < n || memcmp(c->pos, bytes, n) != 0)
        return false;
    c->pos += n;
    return true;
}

static bool enter(struct cursor *c, uint8_t tag)
{
    const uint8_t *content, *after;

    if (c->depth + 1 >= DEPTH_MAX ||
        element(c->pos, c->end[c->depth], tag, &content, &after) != ERR_OK)
        return false;
    c->pos = content;
    c->end[++c->depth] = after;
    return true;
}

static bool leave(struct cursor *c)
{
    return c->depth > 0 && c->pos == c->end[c->depth--];
}

static bool pass(struct cursor *c, uint8_t tag)
{
    const uint8_t *content;

    return element(c->pos, c->end[c->depth], tag, &content, &c->pos) == ERR_OK;
}

static bool take(struct cursor *c, const struct step *s)
{
    switch (s->op) {
    case ENTER:
        return enter(c, s->tag);
    case LEAVE:
        return leave(c);
    case ANY:
        return pass(c, s->tag);
    default:
        return same(c, s->bytes);
    }
}

enum err shape_check(const void *der, size_t len)
{
    const uint8_t *start = der, *content, *after;
    struct cursor c = {.pos = start, .end = {start + len}};
    enum err e = len == 0 ? ERR_TRUNCATED : element(start, start + len, T_SEQ, &content, &after);

    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < sizeof(shape) / sizeof(shape[0]); i++) {
        if (!take(&c, &shape[i]))
            return ERR_MALFORMED;
    }
    return c.pos == start + len ? ERR_OK : ERR_MALFORMED;
}
