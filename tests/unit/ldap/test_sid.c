#include "support.h"

#include <string.h>

#include "wire/sid.h"

/* MS-DTYP 2.4.2.1 and 2.4.2.2. */
static const struct {
    const char *text, *hex;
} samples[] = {
    {"S-1-1-0", "0101 000000000001 00000000"},
    {"S-1-5-32-544", "0102 000000000005 20000000 20020000"},
    {"S-1-5-21-1004336348-1177238915-682003330-512",
     "0105 000000000005 15000000 dcf4dc3b 833d2b46 828ba628 00020000"},
    {"S-1-0x123456789abc-4294967295", "0101 123456789abc ffffffff"},
    {"S-1-5", "0100 000000000005"},
};

static void text_and_bytes_stand_for_each_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        uint8_t data[SID_MAX];
        size_t len = test_unhex(samples[i].hex, data, sizeof(data));
        struct buf b = BUF_INIT;
        struct wire_wr w = wire_writer(&b);
        char text[SID_TEXT_MAX];
        struct sid one, two;

        assert_true(sid_from_bytes(data, len, &one));
        assert_string_equal(sid_format(&one, text), samples[i].text);
        assert_true(sid_parse(samples[i].text, &two, NULL));
        assert_true(sid_equal(&one, &two));
        sid_put(&w, &two);
        assert_int_equal(b.len, sid_size(&two));
        assert_int_equal(b.len, len);
        assert_memory_equal(b.data, data, len);
        buf_fini(&b);
    }
}

static void text_that_is_no_sid_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "S",
        "S-1",
        "S-1-",
        "S-2-5-1",
        "S-1-5-",
        "S-1-5--1",
        "S-1-5-4294967296",
        "S-1-5-1x",
        "S-1-5-0x10",
        "S-1- 5",
        "S-1-x",
        "S-1-+5",
        "S-1-0x",
        "T-1-5",
        "S-1-0x1000000000000",
        "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16",
    };
    struct sid s;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (sid_parse(bad[i], &s, NULL))
            fail_msg("accepted: %s", bad[i]);
}

static void parsing_stops_where_the_sid_ends(void **state)
{
    const char *end;
    struct sid s;

    (void)state;
    assert_true(sid_parse("S-1-5-32-544D:", &s, &end));
    assert_string_equal(end, "D:");
}

static void the_longest_sid_fits_and_takes_no_more(void **state)
{
    struct sid s = {.authority = UINT64_C(0xffffffffffff)}, t;
    char text[SID_TEXT_MAX];

    (void)state;
    for (int i = 0; i < SID_SUBS_MAX; i++)
        assert_true(sid_child(&s, UINT32_MAX, &s));
    assert_false(sid_child(&s, 1, &t));
    assert_int_equal(sid_size(&s), SID_MAX);
    assert_true(sid_parse(sid_format(&s, text), &t, NULL));
    assert_true(sid_equal(&s, &t));
}

static void each_prefix_and_any_longer_input_is_refused(void **state)
{
    uint8_t data[SID_MAX];
    size_t len = test_unhex(samples[2].hex, data, sizeof(data));
    struct sid s;

    (void)state;
    for (size_t n = 0; n < sizeof(data); n++)
        assert_int_equal(sid_from_bytes(data, n, &s), n == len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_bytes_stand_for_each_other),
        cmocka_unit_test(text_that_is_no_sid_is_refused),
        cmocka_unit_test(parsing_stops_where_the_sid_ends),
        cmocka_unit_test(the_longest_sid_fits_and_takes_no_more),
        cmocka_unit_test(each_prefix_and_any_longer_input_is_refused),
    };

    return cmocka_run_group_tests_name("sid", tests, NULL, NULL);
}
