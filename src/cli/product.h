/* product: products as the user names them. */
#ifndef ADBAD_CLI_PRODUCT_H
#define ADBAD_CLI_PRODUCT_H

#include "base/err.h"
#include "catalog/catalog.h"

/* The product of --product and --edition (NULL: not given). ERR_USAGE without a product, or
 * without an edition where there are several, which it names; ERR_NOTFOUND names the nearest. */
MUST_CHECK enum err product_named(const struct catalog *c, const char *product, const char *edition,
                                  const struct cat_product **out, struct errinfo *ei);

#endif
