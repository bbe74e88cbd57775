#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "catalog/csv.h"
#include "support.h"

/* Reads text and writes it out as "field|field\n" so that a test can compare it at a glance. */
static enum err flatten(const void *bytes, size_t len, struct buf *out, struct errinfo *ei)
{
    struct arena mem = ARENA_INIT;
    struct csv c;
    bool got = true;
    enum err e = ERR_OK;

    csv_init(&c, "t.csv", bytes, len, &mem);
    while (e == ERR_OK) {
        e = csv_record(&c, &got, ei);
        if (e != ERR_OK || !got)
            break;
        for (size_t i = 0; i < c.count; i++)
            buf_add_fmt(out, "%s%s", i == 0 ? "" : "|", c.fields[i]);
        buf_add_str(out, "\n");
    }
    arena_reset(&mem);
    return e;
}

static void check_reads_as(const char *text, const char *expected)
{
    struct buf out = BUF_INIT;
    struct errinfo ei;

    assert_ok(flatten(text, strlen(text), &out, &ei), &ei);
    assert_string_equal(buf_str(&out), expected);
    buf_fini(&out);
}

/* The examples of RFC 4180 section 2, items 1 to 7. */
static void the_examples_of_rfc_4180_are_read(void **state)
{
    (void)state;
    check_reads_as("aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n", "aaa|bbb|ccc\nzzz|yyy|xxx\n");
    check_reads_as("aaa,bbb,ccc\r\nzzz,yyy,xxx", "aaa|bbb|ccc\nzzz|yyy|xxx\n");
    check_reads_as("\"aaa\",\"bbb\",\"ccc\"\r\nzzz,yyy,xxx", "aaa|bbb|ccc\nzzz|yyy|xxx\n");
    check_reads_as("\"aaa\",\"b\r\nbb\",\"ccc\"\r\nzzz,yyy,xxx", "aaa|b\r\nbb|ccc\nzzz|yyy|xxx\n");
    check_reads_as("\"aaa\",\"b\"\"bb\",\"ccc\"", "aaa|b\"bb|ccc\n");
}

static void blanks_around_a_field_belong_to_it(void **state)
{
    (void)state;
    check_reads_as(" a , b\n", " a | b\n");
}

static void empty_fields_are_fields(void **state)
{
    (void)state;
    check_reads_as(",\n", "|\n");
    check_reads_as("a,,c,\n", "a||c|\n");
    check_reads_as("\"\"\n", "\n");
    check_reads_as("a,", "a|\n");
}

static void blank_lines_are_skipped(void **state)
{
    (void)state;
    check_reads_as("", "");
    check_reads_as("\n\r\na\n\n\r\nb\n\n", "a\nb\n");
}

static void utf_8_passes_through_and_a_byte_order_mark_is_skipped(void **state)
{
    (void)state;
    check_reads_as("\xef\xbb\xbfgr\xc3\xbc\xc3\x9f,\xe2\x82\xac\n",
                   "gr\xc3\xbc\xc3\x9f|\xe2\x82\xac\n");
}

struct bad {
    const char *bytes;
    size_t len;
    enum err code;
    const char *text;
};

#define BYTES(s) (s), sizeof(s) - 1

static void breaches_are_refused_with_file_and_line(void **state)
{
    static const struct bad table[] = {
        {BYTES("a\nb\"c\n"), ERR_MALFORMED, "t.csv:2: field 1 has a quote in its middle"},
        {BYTES("a,\"b\"c\n"), ERR_MALFORMED, "t.csv:1: field 2 goes on after its closing quote"},
        {BYTES("a,\"b\" ,c\n"), ERR_MALFORMED, "t.csv:1: field 2 goes on after"},
        {BYTES("a\n\nb,\"c\nd\n"), ERR_TRUNCATED, "t.csv:3: field 2 opens a quote"},
        {BYTES("\""), ERR_TRUNCATED, "t.csv:1: field 1 opens a quote"},
        {BYTES("a\"\"\n"), ERR_MALFORMED, "t.csv:1: field 1 has a quote"},
        {BYTES("a\rb\n"), ERR_MALFORMED, "t.csv:1: field 1 has a carriage return"},
        {BYTES("a\n\"x\"\r"), ERR_MALFORMED, "t.csv:2: field 1 goes on"},
        {BYTES("a\0b\n"), ERR_MALFORMED, "t.csv:1: field 1 holds a NUL byte"},
        {BYTES("a,\"\0\"\n"), ERR_MALFORMED, "t.csv:1: field 2 holds a NUL byte"},
        {BYTES("\"a\nb\r\nc\",d\nx\"\n"), ERR_MALFORMED, "t.csv:4: field 1 has a quote"},
        {BYTES(",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\n"), ERR_LIMIT, "t.csv:1: more than 32 fields"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct buf out = BUF_INIT;
        struct errinfo ei = {0};

        assert_int_equal(flatten(table[i].bytes, table[i].len, &out, &ei), table[i].code);
        assert_contains(ei.text, table[i].text);
        buf_fini(&out);
    }
}

static void as_many_columns_as_allowed_are_read(void **state)
{
    (void)state;
    check_reads_as(",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\n", "|||||||||||||||||||||||||||||||\n");
}

static void columns_are_found_by_name_in_any_order(void **state)
{
    static const char text[] = "z,b,a\n1,2,3\n";
    static const char *const names[] = {"a", "b"};
    struct arena mem = ARENA_INIT;
    const char *v[2];
    struct errinfo ei;
    struct csv c;
    bool got;

    (void)state;
    csv_init(&c, "t.csv", text, sizeof(text) - 1, &mem);
    assert_ok(csv_header(&c, names, 2, &ei), &ei);
    assert_ok(csv_row(&c, v, &got, &ei), &ei);
    assert_true(got);
    assert_string_equal(v[0], "3");
    assert_string_equal(v[1], "2");
    assert_ok(csv_row(&c, v, &got, &ei), &ei);
    assert_false(got);
    arena_reset(&mem);
}

static void check_table_error(const char *text, const char *expected)
{
    static const char *const names[] = {"a", "b"};
    struct arena mem = ARENA_INIT;
    const char *v[2];
    struct errinfo ei;
    struct csv c;
    bool got;
    enum err e;

    csv_init(&c, "t.csv", text, strlen(text), &mem);
    e = csv_header(&c, names, 2, &ei);
    if (e == ERR_OK)
        e = csv_row(&c, v, &got, &ei);
    assert_int_equal(e, ERR_MALFORMED);
    assert_contains(ei.text, expected);
    arena_reset(&mem);
}

static void a_header_without_the_columns_and_uneven_rows_are_refused(void **state)
{
    (void)state;
    check_table_error("", "t.csv:1: the column \"a\" is missing");
    check_table_error("a,c\n", "t.csv:1: the column \"b\" is missing");
    check_table_error("a,b,a\n", "t.csv:1: the column \"a\" is there twice");
    check_table_error("a,b\n1\n", "t.csv:2: has 1 fields where the header has 2");
    check_table_error("a,b\n\n1,2,3\n", "t.csv:3: has 3 fields where the header has 2");
}

static void put_field(struct buf *text, const char *field, bool quote)
{
    if (!quote) {
        buf_add_str(text, field);
        return;
    }
    buf_add_str(text, "\"");
    for (; *field != '\0'; field++) {
        if (*field == '"')
            buf_add_str(text, "\"");
        buf_add(text, field, 1);
    }
    buf_add_str(text, "\"");
}

static void what_a_writer_of_our_own_wrote_is_read_back(void **state)
{
    static const char letters[] = "ab,\"\n\r;| \xc3\xbc";
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded);

    (void)state;
    for (int round = 0; round < 500; round++) {
        struct buf text = BUF_INIT, expected = BUF_INIT, out = BUF_INIT;
        size_t rows = rng_below(&rng, 5);
        struct errinfo ei;

        for (size_t i = 0; i < rows; i++) {
            size_t width = 1 + rng_below(&rng, 4);

            for (size_t j = 0; j < width; j++) {
                char field[8] = "";
                size_t len = rng_below(&rng, sizeof(field));
                bool quote;

                for (size_t k = 0; k < len; k++)
                    field[k] = letters[rng_below(&rng, sizeof(letters) - 1)];
                /* A single empty field without quotes is a blank line. */
                quote = strpbrk(field, ",\"\r\n") != NULL || width == 1 || rng_below(&rng, 2) == 0;
                buf_add_str(&text, j == 0 ? "" : ",");
                put_field(&text, field, quote);
                buf_add_fmt(&expected, "%s%s", j == 0 ? "" : "|", field);
            }
            buf_add_str(&text, rng_below(&rng, 2) == 0 ? "\n" : "\r\n");
            buf_add_str(&expected, "\n");
        }
        assert_ok(flatten(text.data, text.len, &out, &ei), &ei);
        assert_string_equal(buf_str(&out), buf_str(&expected));
        buf_fini(&text);
        buf_fini(&expected);
        buf_fini(&out);
    }
}

/* Reads a copy of exactly len bytes, so that a sanitizer sees any step beyond. */
static enum err read_copy(const char *bytes, size_t len, struct buf *out)
{
    char *copy = malloc(len == 0 ? 1 : len);
    struct errinfo ei;
    enum err e;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    e = flatten(copy, len, out, &ei);
    free(copy);
    return e;
}

static const char sample[] =
    "\xef\xbb\xbfname,text\r\n\"a \"\"b\"\"\",\"two\r\nlines\"\r\nc,d\n,\n";

static void a_prefix_that_ends_inside_quotes_is_truncated(void **state)
{
    static const char text[] = "x,\"a \"\"b\"\" c\r\nd";

    (void)state;
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        struct buf out = BUF_INIT;
        enum err e = read_copy(text, len, &out);
        size_t quotes = 0;

        for (size_t i = 0; i < len; i++)
            quotes += text[i] == '"';
        assert_int_equal(e, quotes % 2 == 0 ? ERR_OK : ERR_TRUNCATED);
        buf_fini(&out);
    }
}

static void every_prefix_is_safe(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(sample) - 1; len++) {
        struct buf out = BUF_INIT;
        enum err e = read_copy(sample, len, &out);

        assert_true(e == ERR_OK || e == ERR_MALFORMED || e == ERR_TRUNCATED);
        buf_fini(&out);
    }
}

static void every_changed_byte_is_safe(void **state)
{
    char text[sizeof(sample)];

    (void)state;
    for (size_t i = 0; i < sizeof(sample) - 1; i++) {
        for (int value = 0; value < 256; value++) {
            struct buf out = BUF_INIT;
            enum err e;

            memcpy(text, sample, sizeof(text));
            text[i] = (char)value;
            e = read_copy(text, sizeof(text) - 1, &out);
            assert_true(e == ERR_OK || e == ERR_MALFORMED || e == ERR_TRUNCATED);
            buf_fini(&out);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_rfc_4180_are_read),
        cmocka_unit_test(blanks_around_a_field_belong_to_it),
        cmocka_unit_test(empty_fields_are_fields),
        cmocka_unit_test(blank_lines_are_skipped),
        cmocka_unit_test(utf_8_passes_through_and_a_byte_order_mark_is_skipped),
        cmocka_unit_test(breaches_are_refused_with_file_and_line),
        cmocka_unit_test(as_many_columns_as_allowed_are_read),
        cmocka_unit_test(columns_are_found_by_name_in_any_order),
        cmocka_unit_test(a_header_without_the_columns_and_uneven_rows_are_refused),
        cmocka_unit_test(what_a_writer_of_our_own_wrote_is_read_back),
        cmocka_unit_test(a_prefix_that_ends_inside_quotes_is_truncated),
        cmocka_unit_test(every_prefix_is_safe),
        cmocka_unit_test(every_changed_byte_is_safe),
    };

    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
