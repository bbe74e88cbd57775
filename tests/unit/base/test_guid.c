#include <string.h>

#include "base/guid.h"
#include "support.h"

/* MS-DTYP 2.3.4: the first three fields are little-endian on the wire. The id is the KMS RPC
 * interface's (public). */
static const char text[] = "51c82175-844e-4750-b0d8-ec255555bc06";
static const uint8_t wire[16] = {0x75, 0x21, 0xc8, 0x51, 0x4e, 0x84, 0x50, 0x47,
                                 0xb0, 0xd8, 0xec, 0x25, 0x55, 0x55, 0xbc, 0x06};

static void text_and_wire_order_agree(void **state)
{
    char out[GUID_TEXT_MAX];
    struct guid g;

    (void)state;
    assert_true(guid_parse(text, &g));
    assert_memory_equal(g.b, wire, 16);
    assert_string_equal(guid_format(&g, out), text);
    assert_true(guid_parse("{51C82175-844E-4750-B0D8-EC255555BC06}", &g));
    assert_memory_equal(g.b, wire, 16);
}

static void network_order_is_the_texts_order(void **state)
{
    uint8_t net[16];
    struct guid g, back;

    (void)state;
    assert_true(guid_parse(text, &g));
    guid_to_network(&g, net);
    assert_int_equal(net[0], 0x51);
    assert_int_equal(net[7], 0x50);
    guid_from_network(net, &back);
    assert_true(guid_equal(&g, &back));
}

static void anything_else_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "51c82175",
        "51c82175-844e-4750-b0d8-ec255555bc0",
        "51c82175-844e-4750-b0d8-ec255555bc06x",
        "51c82175x844e-4750-b0d8-ec255555bc06",
        "{51c82175-844e-4750-b0d8-ec255555bc06",
        "51c82175-844e-4750-b0d8-ec255555bc06}",
        "g1c82175-844e-4750-b0d8-ec255555bc06",
        "51c8217-5844e-4750-b0d8-ec255555bc06",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct guid g;

        assert_false(guid_parse(bad[i], &g));
    }
}

/* RFC 9562 5.4: version in the high four bits of byte 6, variant 10 in byte 8. */
static void random_ids_are_version_4(void **state)
{
    uint8_t ones[16], net[16];
    struct guid g;

    (void)state;
    memset(ones, 0xff, sizeof(ones));
    g = guid_from_random(ones);
    guid_to_network(&g, net);
    assert_int_equal(net[6], 0x4f);
    assert_int_equal(net[8], 0xbf);
    assert_false(guid_is_zero(&g));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_wire_order_agree),
        cmocka_unit_test(network_order_is_the_texts_order),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(random_ids_are_version_4),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
