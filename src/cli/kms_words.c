#include <stdio.h>

#include "cli/kms.h"

const char *kms_or_null(const char *text)
{
    return *text != '\0' ? text : NULL;
}

const char *kms_product_name(const struct cat_product *p, const struct guid *activation_id,
                             char text[KMS_NAME_MAX])
{
    char id[GUID_TEXT_MAX];

    if (p == NULL)
        snprintf(text, KMS_NAME_MAX, "%s", guid_format(activation_id, id));
    else
        snprintf(text, KMS_NAME_MAX, "%s%s%s", p->product, p->edition[0] != '\0' ? " " : "",
                 p->edition);
    return text;
}

const char *kms_status_name(uint32_t licence_status)
{
    static const char *const names[] = {
        "unlicensed",  "licensed",     "initial grace",  "out-of-tolerance grace",
        "non-genuine", "notification", "extended grace",
    };

    return licence_status < sizeof(names) / sizeof(names[0]) ? names[licence_status] : "unknown";
}
