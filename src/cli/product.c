#include "cli/product.h"

#include "base/buf.h"

/* "Enterprise, Pro, …": the editions of the product of that name. How many they are. */
static size_t editions(const struct catalog *c, const char *product, struct buf *out)
{
    const struct cat_product *all;
    size_t total = catalog_products(c, &all), n = 0;

    for (size_t i = 0; i < total; i++) {
        if (catalog_product(c, product, all[i].edition) == &all[i])
            buf_add_fmt(out, "%s%s", n++ > 0 ? ", " : "", all[i].edition);
    }
    return n;
}

enum err product_named(const struct catalog *c, const char *product, const char *edition,
                       const struct cat_product **out, struct errinfo *ei)
{
    struct buf list = BUF_INIT;
    enum err e = ERR_OK;
    const char *near;

    if (product == NULL)
        return err_fail(ei, ERR_USAGE, "--product is missing, such as --product \"Windows 11\"");
    *out = catalog_product(c, product, edition);
    if (*out != NULL)
        return ERR_OK;
    if (edition == NULL && editions(c, product, &list) > 0)
        e = err_fail(ei, ERR_USAGE, "%s needs --edition: %s", product, buf_str(&list));
    buf_fini(&list);
    if (e != ERR_OK)
        return e;
    near = edition != NULL ? catalog_nearest_edition(c, product, edition) : NULL;
    if (near != NULL)
        return err_fail(ei, ERR_NOTFOUND, "%s has no edition \"%s\"; did you mean \"%s\"?", product,
                        edition, near);
    near = catalog_nearest_product(c, product);
    return err_fail(ei, ERR_NOTFOUND, "no product \"%s\"%s%s%s in the tables", product,
                    near != NULL ? " (nearest: \"" : "", near != NULL ? near : "",
                    near != NULL ? "\")" : "");
}
