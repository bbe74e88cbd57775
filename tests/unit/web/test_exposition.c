#include "support.h"

#include <math.h>
#include <string.h>

#include "web/exposition.h"

/* What is expected is written by hand from the formats' specifications: "Exposition formats" of
 * Prometheus' documentation, and OpenMetrics 1.0. */

static struct buf out;

static struct expo begin(bool openmetrics)
{
    buf_clear(&out);
    return (struct expo){.out = &out, .openmetrics = openmetrics};
}

static void write_counter_and_info(bool openmetrics)
{
    struct expo x = begin(openmetrics);

    expo_family(&x, EXPO_COUNTER, "a_requests", NULL, "Requests.");
    expo_sample(&x, 3, "result", "answered", "version", "6", NULL);
    expo_family(&x, EXPO_INFO, "a_build", NULL, "Build.");
    expo_sample(&x, 1, "version", "1.0", NULL);
    expo_end(&x);
}

static void counters_and_infos_have_their_suffixes_where_each_format_wants_them(void **state)
{
    (void)state;
    write_counter_and_info(false);
    assert_string_equal(buf_str(&out), "# TYPE a_requests_total counter\n"
                                       "# HELP a_requests_total Requests.\n"
                                       "a_requests_total{result=\"answered\",version=\"6\"} 3\n"
                                       "# TYPE a_build_info gauge\n"
                                       "# HELP a_build_info Build.\n"
                                       "a_build_info{version=\"1.0\"} 1\n");
    write_counter_and_info(true);
    assert_string_equal(buf_str(&out), "# TYPE a_requests counter\n"
                                       "# HELP a_requests Requests.\n"
                                       "a_requests_total{result=\"answered\",version=\"6\"} 3\n"
                                       "# TYPE a_build info\n"
                                       "# HELP a_build Build.\n"
                                       "a_build_info{version=\"1.0\"} 1\n"
                                       "# EOF\n");
}

static void units_are_told_in_openmetrics_only(void **state)
{
    struct expo x = begin(true);

    (void)state;
    expo_family(&x, EXPO_GAUGE, "age_seconds", "seconds", "Age.");
    expo_sample(&x, 0.25, NULL);
    assert_string_equal(buf_str(&out), "# TYPE age_seconds gauge\n# UNIT age_seconds seconds\n"
                                       "# HELP age_seconds Age.\nage_seconds 0.25\n");
    x = begin(false);
    expo_family(&x, EXPO_GAUGE, "age_seconds", "seconds", "Age.");
    assert_string_equal(buf_str(&out), "# TYPE age_seconds gauge\n# HELP age_seconds Age.\n");
}

static void whatever_a_label_holds_stays_inside_its_quotes(void **state)
{
    struct expo x = begin(false);

    (void)state;
    expo_family(&x, EXPO_GAUGE, "g", NULL, "a\\b\nc \"d\"");
    expo_sample(&x, 1, "l", "\"\\\n{},=é", NULL);
    assert_string_equal(buf_str(&out), "# TYPE g gauge\n# HELP g a\\\\b\\nc \"d\"\n"
                                       "g{l=\"\\\"\\\\\\n{},=é\"} 1\n");
    x = begin(true);
    expo_family(&x, EXPO_GAUGE, "g", NULL, "c \"d\"");
    assert_string_equal(buf_str(&out), "# TYPE g gauge\n# HELP g c \\\"d\\\"\n");
}

static void numbers_stand_as_people_write_them(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "g 0\n"},
        {-3, "g -3\n"},
        {123456789, "g 123456789\n"},
        {9007199254740992.0, "g 9.00719925e+15\n"},
        {0.0005, "g 0.0005\n"},
        {INFINITY, "g +Inf\n"},
        {-INFINITY, "g -Inf\n"},
        {NAN, "g NaN\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct expo x = begin(false);

        expo_family(&x, EXPO_GAUGE, "g", NULL, "");
        buf_clear(&out);
        expo_sample(&x, cases[i].value, NULL);
        assert_string_equal(buf_str(&out), cases[i].text);
    }
}

static void a_timing_is_a_cumulative_histogram(void **state)
{
    struct expo x = begin(true);
    static struct timing t;

    (void)state;
    timing_add(&t, 100);     /* as long as the first bound: within it */
    timing_add(&t, 101);     /* in the second */
    timing_add(&t, 1000000); /* 1 s */
    timing_add(&t, 9000000); /* beyond all */
    expo_family(&x, EXPO_HISTOGRAM, "d_seconds", "seconds", "D.");
    expo_timing(&x, &t);
    assert_contains(buf_str(&out), "# TYPE d_seconds histogram\n");
    assert_contains(buf_str(&out), "\nd_seconds_bucket{le=\"0.0001\"} 1\n"
                                   "d_seconds_bucket{le=\"0.00025\"} 2\n"
                                   "d_seconds_bucket{le=\"0.0005\"} 2\n");
    assert_contains(buf_str(&out), "\nd_seconds_bucket{le=\"0.5\"} 2\n"
                                   "d_seconds_bucket{le=\"1.0\"} 3\n"
                                   "d_seconds_bucket{le=\"2.5\"} 3\n"
                                   "d_seconds_bucket{le=\"+Inf\"} 4\n"
                                   "d_seconds_sum 10.000201\n"
                                   "d_seconds_count 4\n");
}

static void a_summary_has_a_sum_and_a_count(void **state)
{
    struct expo x = begin(false);

    (void)state;
    expo_family(&x, EXPO_SUMMARY, "s_seconds", "seconds", "S.");
    expo_summary(&x, 1.5, 2);
    assert_string_equal(buf_str(&out), "# TYPE s_seconds summary\n# HELP s_seconds S.\n"
                                       "s_seconds_sum 1.5\ns_seconds_count 2\n");
}

static int free_out(void **state)
{
    (void)state;
    buf_fini(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_infos_have_their_suffixes_where_each_format_wants_them),
        cmocka_unit_test(units_are_told_in_openmetrics_only),
        cmocka_unit_test(whatever_a_label_holds_stays_inside_its_quotes),
        cmocka_unit_test(numbers_stand_as_people_write_them),
        cmocka_unit_test(a_timing_is_a_cumulative_histogram),
        cmocka_unit_test(a_summary_has_a_sum_and_a_count),
    };

    return cmocka_run_group_tests_name("web_exposition", tests, NULL, free_out);
}
