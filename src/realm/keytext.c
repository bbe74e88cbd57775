#include "realm/keytext.h"

#include <string.h>

#define FIELD  KEYTEXT_FIELD /* a prime, so arithmetic is modulo it */
#define ROOT   3             /* generates the field's multiplicative group */
#define LENGTH 25
#define CHECKS 5
#define LEADER 'A'

/* No I, L, O, 0, 1: they are misread. */
static const char alphabet[FIELD + 1] = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";

static int value_of(char c)
{
    const char *at = c == '\0' ? NULL : strchr(alphabet, c);

    return at == NULL ? -1 : (int)(at - alphabet);
}

static unsigned power(unsigned base, unsigned n)
{
    unsigned v = 1;

    while (n-- > 0)
        v = v * base % FIELD;
    return v;
}

/* The generator polynomial (x - r)(x - r^2)…(x - r^5), lowest coefficient first; g[5] is 1. */
static void generator(unsigned g[CHECKS + 1])
{
    memset(g, 0, (CHECKS + 1) * sizeof(g[0]));
    g[0] = 1;
    for (unsigned i = 1; i <= CHECKS; i++) {
        unsigned minus = FIELD - power(ROOT, i);

        for (unsigned j = i; j > 0; j--)
            g[j] = (g[j - 1] + g[j] * minus) % FIELD;
        g[0] = g[0] * minus % FIELD;
    }
}

/* word[0] is the coefficient of x^24. Fills the last 5 so that the generator divides the word. */
static void add_checks(unsigned word[LENGTH])
{
    unsigned g[CHECKS + 1], rest[LENGTH];

    generator(g);
    memcpy(rest, word, sizeof(rest));
    memset(rest + LENGTH - CHECKS, 0, CHECKS * sizeof(rest[0]));
    for (unsigned i = 0; i < LENGTH - CHECKS; i++) {
        unsigned factor = rest[i];

        for (unsigned j = 0; j <= CHECKS; j++)
            rest[i + j] = (rest[i + j] + (FIELD - factor) * g[CHECKS - j]) % FIELD;
    }
    for (unsigned i = LENGTH - CHECKS; i < LENGTH; i++)
        word[i] = (FIELD - rest[i]) % FIELD;
}

void keytext_write(char leader, const uint8_t values[HOSTKEY_FREE], char out[HOSTKEY_TEXT_LEN + 1])
{
    unsigned word[LENGTH];
    char *p = out;

    word[0] = (unsigned)value_of(leader);
    for (unsigned i = 0; i < HOSTKEY_FREE; i++)
        word[1 + i] = values[i] % FIELD;
    add_checks(word);
    for (unsigned i = 0; i < LENGTH; i++) {
        if (i > 0 && i % 5 == 0)
            *p++ = '-';
        *p++ = alphabet[word[i]];
    }
    *p = '\0';
}

void hostkey_text_from_values(const uint8_t values[HOSTKEY_FREE], char out[HOSTKEY_TEXT_LEN + 1])
{
    keytext_write(LEADER, values, out);
}

void keytext_make(const struct rng *rng, char out[HOSTKEY_TEXT_LEN + 1])
{
    uint8_t values[HOSTKEY_FREE];

    for (unsigned i = 0; i < HOSTKEY_FREE; i++)
        values[i] = (uint8_t)rng_below(rng, FIELD);
    hostkey_text_from_values(values, out);
}

static bool read_word(const char *text, unsigned word[LENGTH])
{
    for (unsigned i = 0; i < LENGTH; i++) {
        int v;

        if (i > 0 && i % 5 == 0 && *text++ != '-')
            return false;
        v = value_of(*text++);
        if (v < 0)
            return false;
        word[i] = (unsigned)v;
    }
    return *text == '\0';
}

/* The word's polynomial at x (Horner). */
static unsigned at(const unsigned word[LENGTH], unsigned x)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < LENGTH; i++)
        sum = (sum * x + word[i]) % FIELD;
    return sum;
}

bool keytext_read(const char *text, char leader, uint8_t values[HOSTKEY_FREE])
{
    unsigned word[LENGTH];

    if (text == NULL || !read_word(text, word) || text[0] != leader)
        return false;
    for (unsigned i = 1; i <= CHECKS; i++)
        if (at(word, power(ROOT, i)) != 0)
            return false;
    for (unsigned i = 0; values != NULL && i < HOSTKEY_FREE; i++)
        values[i] = (uint8_t)word[1 + i];
    return true;
}

bool hostkey_text_valid(const char *text)
{
    return keytext_read(text, LEADER, NULL);
}

bool hostkey_text_values(const char *text, uint8_t out[HOSTKEY_FREE])
{
    return keytext_read(text, LEADER, out);
}
