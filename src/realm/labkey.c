#include "realm/labkey.h"

#include <string.h>

#include "realm/keytext.h"

#define PRODUCT_CHARS 5 /* 31^5 is more than 2^24 */

static const char leaders[LABKEY_KINDS + 1] = "AEUSZ"; /* by enum labkey_kind */

uint32_t labkey_product(const struct guid *activation_id)
{
    char text[GUID_TEXT_MAX];
    uint32_t n = 0;

    guid_format(activation_id, text);
    for (unsigned i = 0; i < LABKEY_PRODUCT_BITS / 4; i++) {
        char c = text[i];

        n = n << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return n;
}

void labkey_make(enum labkey_kind kind, const struct guid *activation_id, const struct rng *rng,
                 char out[HOSTKEY_TEXT_LEN + 1])
{
    uint32_t product = labkey_product(activation_id);
    uint8_t values[HOSTKEY_FREE];

    for (unsigned i = 0; i < HOSTKEY_FREE; i++) {
        if (i < PRODUCT_CHARS) {
            values[i] = (uint8_t)(product % KEYTEXT_FIELD);
            product /= KEYTEXT_FIELD;
        } else {
            values[i] = (uint8_t)rng_below(rng, KEYTEXT_FIELD);
        }
    }
    keytext_write(leaders[kind], values, out);
}

bool labkey_values(const char *text, enum labkey_kind *kind, uint8_t out[HOSTKEY_FREE])
{
    const char *leader = text == NULL || text[0] == '\0' ? NULL : strchr(leaders, text[0]);

    if (leader == NULL || !keytext_read(text, *leader, out))
        return false;
    *kind = (enum labkey_kind)(leader - leaders);
    return true;
}

void labkey_from_values(enum labkey_kind kind, const uint8_t values[HOSTKEY_FREE],
                        char out[HOSTKEY_TEXT_LEN + 1])
{
    keytext_write(leaders[kind], values, out);
}

const char *labkey_kind_name(enum labkey_kind kind)
{
    static const char *const names[LABKEY_KINDS] = {"host key", "MAK", "retail key", "OEM key",
                                                    "evaluation key"};

    return names[kind];
}

bool labkey_read(const char *text, enum labkey_kind *kind, uint32_t *product)
{
    uint8_t values[HOSTKEY_FREE];
    enum labkey_kind found;
    uint32_t n = 0;

    if (!labkey_values(text, &found, values))
        return false;
    for (unsigned i = PRODUCT_CHARS; i-- > 0;)
        n = n * KEYTEXT_FIELD + values[i];
    if (kind != NULL)
        *kind = found;
    if (product != NULL)
        *product = found == LABKEY_HOST ? 0 : n;
    return true;
}
