/* avma: automatic virtual machine activation: which virtualization hosts vouch for which guests
 * (avma_matrix.csv; the guests' keys are cat_product.avma_key). */
#ifndef ADBAD_CATALOG_AVMA_H
#define ADBAD_CATALOG_AVMA_H

#include "catalog/catalog.h"

enum cat_avma {
    CAT_AVMA_OK,
    CAT_AVMA_NO_HOST,   /* no row names this host: not a virtualization host that vouches */
    CAT_AVMA_NOT_GUEST, /* it vouches, but not for this guest */
};

/* host: a system with its edition, in any spelling of the tables; it runs Hyper-V. A guest that no
 * row names is judged as the product whose key it shares: the releases between two versions have
 * those of the older one. */
enum cat_avma catalog_avma(const struct catalog *c, const char *host,
                           const struct cat_product *guest);

#endif
