/* labkey_tool KIND [PRODUCT EDITION]: prints a new lab key for a product of the built-in tables.
 * KIND: host (of no product), mak, retail, oem, evaluation. */
#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "realm/labkey.h"

static bool kind_named(const char *name, enum labkey_kind *out)
{
    static const char *const names[LABKEY_KINDS] = {
        [LABKEY_HOST] = "host",
        [LABKEY_MAK] = "mak",
        [LABKEY_RETAIL] = "retail",
        [LABKEY_OEM] = "oem",
        [LABKEY_EVALUATION] = "evaluation",
    };

    for (unsigned i = 0; i < LABKEY_KINDS; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum labkey_kind)i;
            return true;
        }
    }
    return false;
}

static void make_host_key(const struct rng *rng, char text[HOSTKEY_TEXT_LEN + 1])
{
    uint8_t values[HOSTKEY_FREE];

    for (size_t i = 0; i < sizeof(values); i++)
        values[i] = (uint8_t)rng_below(rng, 31);
    hostkey_text_from_values(values, text);
}

int main(int argc, char **argv)
{
    struct rng rng = rng_system();
    const struct cat_product *p = NULL;
    char text[HOSTKEY_TEXT_LEN + 1];
    struct catalog *cat = NULL;
    enum labkey_kind kind;
    struct errinfo ei;

    if (argc < 2 || !kind_named(argv[1], &kind) || catalog_load(&cat, &ei) != ERR_OK)
        return 2;
    if (argc == 4)
        p = catalog_product(cat, argv[2], argv[3]);
    if (kind == LABKEY_HOST)
        make_host_key(&rng, text);
    else if (p != NULL)
        labkey_make(kind, &p->activation_id, &rng, text);
    else
        return 2;
    catalog_free(cat);
    printf("%s\n", text);
    return 0;
}
