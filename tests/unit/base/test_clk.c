#include <string.h>

#include "base/clk.h"
#include "base/filetime.h"
#include "support.h"

static void durations_parse_with_units_only(void **state)
{
    static const struct {
        const char *text;
        int rc;
        int64_t seconds;
    } rows[] = {
        {"90s", 0, 90},
        {"120m", 0, 7200},
        {"2h", 0, 7200},
        {"7d", 0, 604800},
        {"7d12h", 0, 648000},
        {"0s", 0, 0},
        {"", -1, 0},
        {"7", -1, 0},
        {"d", -1, 0},
        {"7w", -1, 0},
        {"-1d", -1, 0},
        {"1 d", -1, 0},
        {"7d1", -1, 0},
        {"1.5h", -1, 0},
        {"9223372036854775808s", -1, 0},
        {"106751991167301d", -1, 0},
        {"9223372036854775807s1s", -1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t seconds = -7;

        assert_int_equal(clk_parse_duration(rows[i].text, &seconds), rows[i].rc);
        assert_int_equal(seconds, rows[i].rc == 0 ? rows[i].seconds : -7);
    }
}

static void durations_print_their_two_largest_units(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {0, "0 s"},
        {59, "59 s"},
        {60, "1 min"},
        {61, "1 min 1 s"},
        {7200, "2 h"},
        {7260, "2 h 1 min"},
        {86400, "1 d"},
        {86400 + 59, "1 d"},
        {180 * CLK_DAY, "180 d"},
        {180 * CLK_DAY - CLK_HOUR, "179 d 23 h"},
        {-90, "-1 min 30 s"},
        {INT64_MIN, "-106751991167300 d 15 h"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[CLK_TEXT_MAX];

        assert_string_equal(clk_format_duration(rows[i].seconds, text), rows[i].text);
    }
}

/* Expected values: date -u -d @N */
static void times_print_as_utc(void **state)
{
    char text[CLK_TEXT_MAX];

    (void)state;
    assert_string_equal(clk_format(0, text), "1970-01-01T00:00:00Z");
    assert_string_equal(clk_format(1795341600, text), "2026-11-22T10:00:00Z");
    assert_string_equal(clk_format(INT64_MAX, text), "-");
}

/* Expected values: MS-DTYP 2.3.3; 116444736000000000 is the Unix epoch. */
static void filetime_counts_from_1601(void **state)
{
    (void)state;
    assert_int_equal(filetime_from_unix(0), UINT64_C(116444736000000000));
    assert_int_equal(filetime_to_unix(UINT64_C(116444736000000000)), 0);
    assert_int_equal(filetime_to_unix(UINT64_C(116444736009999999)), 0);
    assert_int_equal(filetime_from_unix(-INT64_C(11644473600)), 0);
    assert_int_equal(filetime_from_unix(-INT64_C(11644473601)), 0);
    assert_true(filetime_to_unix(UINT64_MAX) > 0);
    assert_int_equal(filetime_from_unix(INT64_MAX), filetime_from_unix(FILETIME_UNIX_LAST));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_parse_with_units_only),
        cmocka_unit_test(durations_print_their_two_largest_units),
        cmocka_unit_test(times_print_as_utc),
        cmocka_unit_test(filetime_counts_from_1601),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
