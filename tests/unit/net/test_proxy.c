/* The headers are put together here from the format's description (haproxy's proxy-protocol.txt,
 * 2.2); the checksums were computed with Python's bit-by-bit CRC of RFC 4960, appendix B. */
#include "support.h"

#include <string.h>

#include "net/proxy.h"

#define SIGNATURE "0d0a0d0a000d0a515549540a"
#define TCP4      SIGNATURE "21 11 000c c0000207 c6336401 04d2 0698"
#define TCP6                                                                                       \
    SIGNATURE "21 21 0024 20010db8000000000000000000000007 20010db8000000000000000000000001"       \
              "04d2 0698"
#define LOCAL SIGNATURE "20 00 0000"

struct header {
    uint8_t bytes[8192];
    size_t len;
    struct proxy_header out;
    enum proxy_step step;
};

static struct header parse(const char *hex)
{
    static struct header h;

    h.len = test_unhex(hex, h.bytes, sizeof(h.bytes));
    h.step = proxy_parse(h.bytes, h.len, &h.out);
    return h;
}

static void assert_client(const struct header *h, const char *text)
{
    char is[64];

    assert_int_equal(h->step, PROXY_DONE);
    assert_true(h->out.told);
    assert_string_equal(address_format(&h->out.client, is, sizeof(is)), text);
}

static void the_client_of_a_tcp4_header_is_known(void **state)
{
    struct header h = parse(TCP4);

    (void)state;
    assert_client(&h, "192.0.2.7:1234");
    assert_int_equal(h.out.len, 28);
}

static void the_client_of_a_tcp6_header_is_known(void **state)
{
    struct header h = parse(TCP6);

    (void)state;
    assert_client(&h, "[2001:db8::7]:1234");
    assert_int_equal(h.out.len, 52);
}

static void an_ipv4_client_told_as_ipv6_is_ipv4(void **state)
{
    struct header h = parse(SIGNATURE "21 21 0024 00000000000000000000ffffc0000207"
                                      "00000000000000000000ffffc6336401 04d2 0698");

    (void)state;
    assert_client(&h, "192.0.2.7:1234");
}

static void a_local_header_tells_no_client_whatever_follows(void **state)
{
    struct header h = parse(LOCAL);

    (void)state;
    assert_int_equal(h.step, PROXY_DONE);
    assert_false(h.out.told);
    assert_int_equal(h.out.len, 16);
    h = parse(SIGNATURE "20 ff 0003 040000");
    assert_int_equal(h.step, PROXY_DONE);
    assert_false(h.out.told);
    assert_int_equal(h.out.len, 19);
}

static void what_follows_the_header_is_not_its_own(void **state)
{
    struct header h = parse(TCP4 "0500 0b03");

    (void)state;
    assert_client(&h, "192.0.2.7:1234");
    assert_int_equal(h.out.len, 28);
}

static void tlvs_are_passed_over(void **state)
{
    /* NOOP of 2 bytes, AUTHORITY "ab", an unknown empty one */
    struct header h = parse(SIGNATURE "21 11 0019 c0000207 c6336401 04d2 0698"
                                      "04 0002 0000  02 0002 6162  ee 0000");

    (void)state;
    assert_client(&h, "192.0.2.7:1234");
    assert_int_equal(h.out.len, 41);
}

static void a_checksum_must_fit(void **state)
{
    struct header h = parse(SIGNATURE "21 11 0013 c0000207 c6336401 04d2 0698 03 0004 5a7fa5d9");

    (void)state;
    assert_client(&h, "192.0.2.7:1234");
    for (size_t i = 16; i < h.len; i++) {
        if (i >= 28 && i < 31) /* type and length: without them there is no checksum */
            continue;
        h.bytes[i] ^= 0x10;
        assert_int_equal(proxy_parse(h.bytes, h.len, &h.out), PROXY_BAD);
        h.bytes[i] ^= 0x10;
    }
    h = parse(SIGNATURE "21 11 0012 c0000207 c6336401 04d2 0698 03 0003 000000");
    assert_int_equal(h.step, PROXY_BAD);
}

static void every_beginning_of_a_header_asks_for_more(void **state)
{
    static const char *const whole[] = {
        TCP4, TCP6, LOCAL,
        SIGNATURE "21 11 0019 c0000207 c6336401 04d2 0698 04 0002 0000  02 0002 6162  ee 0000"};

    (void)state;
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        struct header h = parse(whole[i]);

        assert_int_equal(h.step, PROXY_DONE);
        for (size_t n = 0; n < h.len; n++)
            assert_int_equal(proxy_parse(h.bytes, n, &h.out), PROXY_MORE);
    }
}

static void what_is_no_header_is_bad_with_its_first_wrong_byte(void **state)
{
    struct header h = parse(TCP4);

    (void)state;
    for (size_t n = 0; n < 13; n++) {
        h.bytes[n] ^= 0x80;
        assert_int_equal(proxy_parse(h.bytes, n + 1, &h.out), PROXY_BAD);
        h.bytes[n] ^= 0x80;
    }
    h = parse("05 00 0b 03");
    assert_int_equal(h.step, PROXY_BAD);
    assert_contains(h.out.wrong, "signature");
}

static void broken_headers_say_what_is_wrong(void **state)
{
    static const struct {
        const char *hex, *wrong;
    } cases[] = {
        {SIGNATURE "11 11 000c c0000207 c6336401 04d2 0698", "version"},
        {SIGNATURE "22 11 000c c0000207 c6336401 04d2 0698", "command"},
        {SIGNATURE "21 00 000c c0000207 c6336401 04d2 0698", "TCP"},
        {SIGNATURE "21 12 000c c0000207 c6336401 04d2 0698", "TCP"},
        {SIGNATURE "21 41 000c c0000207 c6336401 04d2 0698", "TCP"},
        {SIGNATURE "21 11 000b c0000207 c6336401 04d2 06", "too short"},
        {SIGNATURE "21 21 000c c0000207 c6336401 04d2 0698", "too short"},
        {SIGNATURE "21 11 000d c0000207 c6336401 04d2 0698 04", "TLV"},
        {SIGNATURE "21 11 0010 c0000207 c6336401 04d2 0698 04 0002 00 00", "TLV"},
        {SIGNATURE "21 11 0ff1", "4096"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct header h = parse(cases[i].hex);

        if (h.step != PROXY_BAD)
            fail_msg("taken: %s", cases[i].hex);
        assert_contains(h.out.wrong, cases[i].wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_of_a_tcp4_header_is_known),
        cmocka_unit_test(the_client_of_a_tcp6_header_is_known),
        cmocka_unit_test(an_ipv4_client_told_as_ipv6_is_ipv4),
        cmocka_unit_test(a_local_header_tells_no_client_whatever_follows),
        cmocka_unit_test(what_follows_the_header_is_not_its_own),
        cmocka_unit_test(tlvs_are_passed_over),
        cmocka_unit_test(a_checksum_must_fit),
        cmocka_unit_test(every_beginning_of_a_header_asks_for_more),
        cmocka_unit_test(what_is_no_header_is_bad_with_its_first_wrong_byte),
        cmocka_unit_test(broken_headers_say_what_is_wrong),
    };

    return cmocka_run_group_tests_name("proxy", tests, NULL, NULL);
}
