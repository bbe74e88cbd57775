#include "gss/pac.h"

#include <string.h>

#include "wire/wire.h"

#define NAMES_BEFORE 8u /* length and offset of the UPN and of the domain's name */
#define HAS_SID      2u /* flag S: the account's name and SID follow */

/* Revision 1, and as long as its sub-authorities make it (MS-DTYP 2.4.2.2). */
static bool well_formed(const uint8_t *sid, size_t len)
{
    return len >= 8 && len <= RPC_SID_MAX && sid[0] == 1 && len == 8u + 4u * sid[1];
}

size_t pac_sid(const void *info, size_t len, uint8_t sid[RPC_SID_MAX])
{
    struct wire_rd r = wire_reader(info, len);
    uint16_t size, offset;
    uint32_t flags;

    (void)wire_take(&r, NAMES_BEFORE);
    flags = wire_u32(&r);
    (void)wire_take(&r, 4); /* the account's name */
    size = wire_u16(&r);
    offset = wire_u16(&r);
    if (r.err != ERR_OK || (flags & HAS_SID) == 0 || offset > len || size > len - offset ||
        !well_formed((const uint8_t *)info + offset, size))
        return 0;
    memcpy(sid, (const uint8_t *)info + offset, size);
    return size;
}
