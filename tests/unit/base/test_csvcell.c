#include "support.h"

#include "base/csvcell.h"

static void assert_cell(const char *text, const char *cell)
{
    struct buf b = BUF_INIT;

    csvcell_add(&b, text);
    assert_string_equal(buf_str(&b), cell);
    buf_fini(&b);
}

/* RFC 4180, section 2, rules 5 to 7. */
static void quotes_only_where_they_are_needed(void **state)
{
    (void)state;
    assert_cell("", "");
    assert_cell("PC01", "PC01");
    assert_cell("a,b", "\"a,b\"");
    assert_cell("a\nb", "\"a\nb\"");
    assert_cell("say \"x\"", "\"say \"\"x\"\"\"");
}

static void no_text_is_a_formula(void **state)
{
    (void)state;
    assert_cell("=1+1", "'=1+1");
    assert_cell("+1", "'+1");
    assert_cell("@SUM(A1)", "'@SUM(A1)");
    assert_cell("-1+1", "'-1+1");
    assert_cell("-", "'-");
    assert_cell("\t=1", "'\t=1");
    assert_cell("\r=1", "\"'\r=1\"");
    assert_cell("=\"a\",b", "\"'=\"\"a\"\",b\"");
    assert_cell("a=1", "a=1");
    assert_cell("S-1-5-21", "S-1-5-21");
}

static void a_negative_number_stays_one(void **state)
{
    (void)state;
    assert_cell("-12", "-12");
    assert_cell("12", "12");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_only_where_they_are_needed),
        cmocka_unit_test(no_text_is_a_formula),
        cmocka_unit_test(a_negative_number_stays_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
