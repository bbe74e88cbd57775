/* kms_filter: which answered requests are wanted, as options tell. */
#ifndef ADBAD_CLI_KMS_FILTER_H
#define ADBAD_CLI_KMS_FILTER_H

#include "base/cidr.h"
#include "cli/kms.h"

/* What --application and --channel take, for completion; an application id, too. */
#define KMS_APPLICATIONS "windows office"
#define KMS_CHANNELS     "kms adba relay"

struct kms_filter {
    /* as given; NULL: any */
    const char *product, *application, *source, *workstation, *channel;
    /* as understood */
    struct guid product_id, application_id;
    bool by_product_id;
    struct cidr network;
};

/* Understands what was given. ERR_USAGE names the option and what it takes. */
MUST_CHECK enum err kms_filter_read(const struct catalog *c, struct kms_filter *f,
                                    struct errinfo *ei);
/* Product and application; p is the activation's product or NULL. */
bool kms_filter_product(const struct kms_filter *f, const struct store_activation *a,
                        const struct cat_product *p);
/* Channel, workstation and source. */
bool kms_filter_contact(const struct kms_filter *f, const struct store_activation *a);

#endif
