#include "cli/product.h"

enum err product_named(const struct catalog *c, const char *product, const char *edition,
                       const struct cat_product **out, struct errinfo *ei)
{
    const char *near;

    if (product == NULL)
        return err_fail(ei, ERR_USAGE, "--product is missing, such as --product \"Windows 11\"");
    *out = catalog_product(c, product, edition);
    if (*out != NULL)
        return ERR_OK;
    near = edition != NULL ? catalog_nearest_edition(c, product, edition) : NULL;
    if (near != NULL)
        return err_fail(ei, ERR_NOTFOUND, "%s has no edition \"%s\"; did you mean \"%s\"?", product,
                        edition, near);
    near = catalog_nearest_product(c, product);
    return err_fail(ei, ERR_NOTFOUND, "no product \"%s\"%s%s%s%s%s%s in the tables", product,
                    edition != NULL ? ", edition \"" : ", or it needs --edition",
                    edition != NULL ? edition : "", edition != NULL ? "\"" : "",
                    near != NULL ? " (nearest: \"" : "", near != NULL ? near : "",
                    near != NULL ? "\")" : "");
}
