#include <string.h>

#include "kms/message.h"
#include "samples.h"

/* Expected units: Python's "…".encode("utf-16-le"). */
static const struct {
    const char *utf8;
    uint16_t units[8];
} texts[] = {
    {"", {0}},
    {"WS-1", {'W', 'S', '-', '1'}},
    {"Z\xc3\xbcrich", {'Z', 0x00fc, 'r', 'i', 'c', 'h'}},
    {"\xe6\x97\xa5\xe6\x9c\xac", {0x65e5, 0x672c}},
    {"\xf0\x9f\x92\xbb", {0xd83d, 0xdcbb}},
};

static void text_goes_to_utf_16_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint16_t units[8];
        char back[32];

        memset(units, 0xff, sizeof(units));
        kms_text_set(units, 8, texts[i].utf8);
        assert_memory_equal(units, texts[i].units, sizeof(units));
        kms_text_get(units, 8, back, sizeof(back));
        assert_string_equal(back, texts[i].utf8);
    }
}

static void set_cuts_at_the_last_whole_character(void **state)
{
    static const uint16_t three[] = {'a', 'b', 'c', 0}, pair[] = {'a', 'b', 0, 0};
    uint16_t units[4];

    (void)state;
    kms_text_set(units, 4, "abcdef");
    assert_memory_equal(units, three, sizeof(units));
    kms_text_set(units, 4, "ab\xf0\x9f\x92\xbb"); /* half a surrogate pair would fit */
    assert_memory_equal(units, pair, sizeof(units));
}

static void get_cuts_at_the_last_whole_character(void **state)
{
    static const uint16_t units[] = {'a', 0x00fc, 'b', 0};
    char out[5];

    (void)state;
    kms_text_get(units, 4, out, 3); /* room for "a" and half of the next */
    assert_string_equal(out, "a");
    kms_text_get(units, 4, out, 4);
    assert_string_equal(out, "a\xc3\xbc");
    kms_text_get(units, 4, out, 1);
    assert_string_equal(out, "");
}

static void text_without_an_end_is_read_to_the_end_of_its_field(void **state)
{
    static const uint16_t units[] = {'a', 'b', 'c'};
    char out[8];

    (void)state;
    kms_text_get(units, 3, out, sizeof(out));
    assert_string_equal(out, "abc");
}

static void half_a_surrogate_pair_reads_as_replacement(void **state)
{
    static const uint16_t high[] = {0xd83d, 'x', 0}, low[] = {0xdcbb, 'x', 0},
                          last[] = {'x', 0xd83d};
    char out[16];

    (void)state;
    kms_text_get(high, 3, out, sizeof(out));
    assert_string_equal(out, "\xef\xbf\xbdx");
    kms_text_get(low, 3, out, sizeof(out));
    assert_string_equal(out, "\xef\xbf\xbdx");
    kms_text_get(last, 2, out, sizeof(out));
    assert_string_equal(out, "x\xef\xbf\xbd");
}

/* Each of these begins with a byte or a sequence that RFC 3629 forbids. */
static void invalid_utf_8_is_replaced_and_never_overrun(void **state)
{
    static const char *const bad[] = {
        "\x80",             /* continuation alone */
        "\xc0\x80",         /* overlong NUL */
        "\xc3",             /* ends too early */
        "\xe0\x80\x80",     /* overlong */
        "\xed\xa0\x80",     /* a surrogate */
        "\xf0\x9f\x92",     /* ends too early */
        "\xf4\x90\x80\x80", /* above U+10FFFF */
        "\xff",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint16_t units[8];

        kms_text_set(units, 8, bad[i]);
        assert_int_equal(units[0], 0xfffd);
        assert_int_equal(units[strlen(bad[i])], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_goes_to_utf_16_and_back),
        cmocka_unit_test(set_cuts_at_the_last_whole_character),
        cmocka_unit_test(get_cuts_at_the_last_whole_character),
        cmocka_unit_test(text_without_an_end_is_read_to_the_end_of_its_field),
        cmocka_unit_test(half_a_surrogate_pair_reads_as_replacement),
        cmocka_unit_test(invalid_utf_8_is_replaced_and_never_overrun),
    };

    return cmocka_run_group_tests_name("kms_text", tests, NULL, NULL);
}
