/* labkey: what the 5x5 text of a lab key tells by itself: its kind and the product it is for.
 *
 * All kinds have the form of keytext.h and differ in their first letter, each one that Microsoft's
 * keys never hold: A host key (CSVLK; hostkey.h), E multiple activation key, U retail, S OEM, Z
 * evaluation. In all but host keys, 5 of the free characters stand for the product. A text says
 * nothing about who issued it: that is the clearing house's to know. */
#ifndef ADBAD_REALM_LABKEY_H
#define ADBAD_REALM_LABKEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/guid.h"
#include "base/rng.h"
#include "realm/hostkey.h"

enum labkey_kind {
    LABKEY_HOST,
    LABKEY_MAK,
    LABKEY_RETAIL,
    LABKEY_OEM,
    LABKEY_EVALUATION,
    LABKEY_KINDS
};

#define LABKEY_PRODUCT_BITS 24

/* The number that stands for a product: the first bits of its activation id, which is a hash.
 * Different for all products of the catalogue. */
uint32_t labkey_product(const struct guid *activation_id);

/* A new key. Not for LABKEY_HOST: hostkey_issue. */
void labkey_make(enum labkey_kind kind, const struct guid *activation_id, const struct rng *rng,
                 char out[HOSTKEY_TEXT_LEN + 1]);

/* The free characters of a lab key of any kind as values 0 to 30, and the text that has them. */
bool labkey_values(const char *text, enum labkey_kind *kind, uint8_t out[HOSTKEY_FREE]);
void labkey_from_values(enum labkey_kind kind, const uint8_t values[HOSTKEY_FREE],
                        char out[HOSTKEY_TEXT_LEN + 1]);

/* "host key", "MAK", "retail key", "OEM key", "evaluation key". */
const char *labkey_kind_name(enum labkey_kind kind);

/* False if text (capital letters) is no lab key. *product (labkey_product) is 0 for LABKEY_HOST.
 * Both outputs may be NULL. */
bool labkey_read(const char *text, enum labkey_kind *kind, uint32_t *product);

#endif
