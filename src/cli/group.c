#include "cli/group.h"

enum err group_named(const struct catalog *c, const char *name, const struct cat_group **out,
                     struct errinfo *ei)
{
    if (name == NULL)
        return err_fail(ei, ERR_USAGE,
                        "--group GROUP is required, for example --group \"Volume "
                        "License for Windows Server 2022\"");
    return catalog_group_named(c, name, out, ei);
}
