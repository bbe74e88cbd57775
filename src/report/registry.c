#include "report/registry.h"

#include "members/roster.h"

enum err registry_take(void *arg, const struct store_member *row)
{
    const struct member m = {.id = row->id,
                             .guid = row->guid,
                             .name = row->name,
                             .dns_name = row->dns_name,
                             .dn = row->dn,
                             .sid = row->sid,
                             .sid_len = row->sid_len,
                             .enabled = row->enabled};
    enum err e = roster_set(arg, &m, NULL);

    return e == ERR_LIMIT ? ERR_OK : e;
}
