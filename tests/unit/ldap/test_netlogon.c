#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "ldap/netlogon.h"

/* MS-ADTS 6.3.1.9, composed by hand: lab.example; dc1.lab.example; LAB, DC1, no user; the
 * controller in site HQ, the asker in Branch. */
static const uint8_t response[] = {
    23,   0,   0,   0,   0xfd, 0xf3, 0,    0, /* opcode, padding, flags */
    1,    2,   3,   4,   5,    6,    7,    8,   9,   10,  11,  12,  13, 14, /* GUID */
    15,   16,                                                          /* offset 24: the forest */
    3,    'l', 'a', 'b', 7,    'e',  'x',  'a', 'm', 'p', 'l', 'e', 0, /* 37: the domain */
    0xc0, 24,                                                          /* the host */
    3,    'd', 'c', '1', 0xc0, 24,                                     /* NetBIOS names */
    3,    'L', 'A', 'B', 0,    3,    'D',  'C', '1', 0,   0,           /* and no user */
    2,    'H', 'Q', 0,   6,    'B',  'r',  'a', 'n', 'c', 'h', 0,      /* sites */
    5,    0,   0,   0,   0xff, 0xff, 0xff, 0xff};

static void a_response_tells_names_sites_and_flags(void **state)
{
    struct netlogon n;

    (void)state;
    assert_int_equal(netlogon_parse(response, sizeof(response), &n), ERR_OK);
    assert_string_equal(n.forest, "lab.example");
    assert_string_equal(n.domain, "lab.example");
    assert_string_equal(n.host, "dc1.lab.example");
    assert_string_equal(n.dc_site, "HQ");
    assert_string_equal(n.client_site, "Branch");
    assert_true((n.flags & NETLOGON_WRITABLE) != 0);
    assert_true((n.flags & NETLOGON_CLOSEST) != 0);
}

static void every_part_of_a_response_is_truncated(void **state)
{
    struct netlogon n;

    (void)state;
    for (size_t len = 0; len < sizeof(response); len++) {
        uint8_t *copy = malloc(len + 1); /* so that a sanitizer sees the end */

        assert_non_null(copy);
        memcpy(copy, response, len);
        assert_int_equal(netlogon_parse(copy, len, &n), ERR_TRUNCATED);
        free(copy);
    }
}

static void every_changed_byte_is_safe(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(response); i++)
        for (int v = 0; v < 256; v++) {
            uint8_t copy[sizeof(response)];
            struct netlogon n = {0};

            memcpy(copy, response, sizeof(copy));
            copy[i] = (uint8_t)v;
            if (netlogon_parse(copy, sizeof(copy), &n) == ERR_OK)
                assert_non_null(memchr(n.client_site, 0, sizeof(n.client_site)));
        }
}

static void a_name_that_points_to_itself_or_forward_is_malformed(void **state)
{
    static const uint8_t targets[] = {37, 38, 60};

    (void)state;
    for (size_t i = 0; i < sizeof(targets); i++) {
        uint8_t copy[sizeof(response)];
        struct netlogon n;

        memcpy(copy, response, sizeof(copy));
        copy[38] = targets[i];
        assert_int_equal(netlogon_parse(copy, sizeof(copy), &n), ERR_MALFORMED);
    }
}

static void another_kind_of_response_is_told_apart(void **state)
{
    uint8_t copy[sizeof(response)];
    struct netlogon n;

    (void)state;
    memcpy(copy, response, sizeof(copy));
    copy[0] = 19; /* LOGON_SAM_LOGON_RESPONSE: another layout */
    assert_int_equal(netlogon_parse(copy, sizeof(copy), &n), ERR_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_response_tells_names_sites_and_flags),
        cmocka_unit_test(every_part_of_a_response_is_truncated),
        cmocka_unit_test(every_changed_byte_is_safe),
        cmocka_unit_test(a_name_that_points_to_itself_or_forward_is_malformed),
        cmocka_unit_test(another_kind_of_response_is_told_apart),
    };

    return cmocka_run_group_tests_name("netlogon", tests, NULL, NULL);
}
