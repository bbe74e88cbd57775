/* UPN_DNS_INFO of a PAC (MS-PAC 2.10), as Samba 4.17 packs it (python3-samba,
 * samba.dcerpc.krb5pac). */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "gss/pac.h"

#define FLAGS 8
#define SID   0x68 /* where it lies here */

static const char packed[] =
    "2200 1800 1600 4000 03000000 0a00 5800 1c00 6800 00000000" /* both parts, padding */
    "500043003000310024004000 6c00610062002e006500780061006d0070006c006500 000000000000"
    "4c00410042002e004500580041004d0050004c004500 0000 50004300300031002400 000000000000"
    "01050000000000051500000001000000020000000300000050040000 00000000"; /* S-1-5-21-1-2-3-1104 */

static void the_sid_is_found_in_what_samba_packs(void **state)
{
    uint8_t info[136], sid[RPC_SID_MAX];

    (void)state;
    assert_int_equal(test_unhex(packed, info, sizeof(info)), sizeof(info));
    assert_int_equal(pac_sid(info, sizeof(info), sid), 28);
    assert_memory_equal(sid, info + SID, 28);
    info[FLAGS] = 1; /* an UPN that was made up, and nothing behind it */
    assert_int_equal(pac_sid(info, sizeof(info), sid), 0);
}

static void what_does_not_fit_is_none(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
    } rows[] = {
        {0x10, 0x1b}, {0x10, 0x20}, {0x11, 1},       {0x12, 0x70}, {0x13, 0xff}, {SID, 2},
        {SID + 1, 4}, {SID + 1, 6}, {SID + 1, 0xff}, {0x10, 0},    {0x10, 4},
    };
    uint8_t info[136], sid[RPC_SID_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(test_unhex(packed, info, sizeof(info)), sizeof(info));
        info[rows[i].at] = rows[i].value;
        assert_int_equal(pac_sid(info, sizeof(info), sid), 0);
    }
    (void)test_unhex(packed, info, sizeof(info));
    for (size_t len = 0; len < SID + 28; len++) {
        uint8_t *cut = malloc(len > 0 ? len : 1); /* of its own, for AddressSanitizer */

        memcpy(cut, info, len);
        assert_int_equal(pac_sid(cut, len, sid), 0);
        free(cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sid_is_found_in_what_samba_packs),
        cmocka_unit_test(what_does_not_fit_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
