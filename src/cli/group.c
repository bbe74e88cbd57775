#include "cli/group.h"

enum err group_named(const struct catalog *c, const char *name, const struct cat_group **out,
                     struct errinfo *ei)
{
    const char *nearest;

    if (name == NULL)
        return err_fail(ei, ERR_USAGE,
                        "--group GROUP is required, for example --group \"Volume "
                        "License for Windows Server 2022\"");
    *out = catalog_group(c, name);
    if (*out != NULL)
        return ERR_OK;
    nearest = catalog_nearest_group(c, name);
    return err_fail(ei, ERR_NOTFOUND,
                    "there is no host-key group \"%s\"%s%s%s (\"adbactl hostkey groups\" lists "
                    "them)",
                    name, nearest != NULL ? "; did you mean \"" : "",
                    nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}
