/* A frame of top: what it makes of names that are longer than their place. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "cli/top.h"

#define LINES_MAX 64

struct shown {
    char lines[LINES_MAX][TOP_LINE_MAX + 8];
    size_t n;
};

static void keep(void *arg, enum top_style style, const char *text)
{
    struct shown *s = arg;

    (void)style;
    assert_true(s->n < LINES_MAX);
    snprintf(s->lines[s->n++], sizeof(s->lines[0]), "%s", text);
}

static size_t characters(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* A look at a daemon that answers, with one decision. */
static struct top_look *look_of(const struct top_decision *d)
{
    struct top_look *l = calloc(1, sizeof(*l));

    assert_non_null(l);
    l->kms = json_pack("{s:s}", "realm", "LAB");
    l->decisions[0] = *d;
    l->n = 1;
    return l;
}

static void frame(struct top_look *l, unsigned width, struct shown *out)
{
    out->n = 0;
    top_frame(l, NULL, width, 24, keep, out);
    for (size_t i = 0; i < out->n; i++)
        assert_in_range(characters(out->lines[i]), 0, width);
}

static void done(struct top_look *l)
{
    top_look_fini(l);
    free(l);
}

static const struct top_decision long_one = {
    .when = 1700000000, /* 22:13:20 */
    .what = "count 50",
    .machine = "ACCOUNTING-WORKSTATION-1",
    .of = "Windows Server 2022 Datacenter: Azure Edition",
    .address = "192.168.100.123",
};

static void an_address_of_ipv4_is_whole_in_80_columns(void **state)
{
    struct top_look *l = look_of(&long_one);
    struct shown s;

    (void)state;
    frame(l, 80, &s);
    assert_string_equal(s.lines[s.n - 1], "22:13:20  count 50   ACCOUNTING-WOR… "
                                          "Windows Server 2022 Datac… 192.168.100.123");
    done(l);
}

static void a_wider_one_shows_the_product_and_ipv6_whole(void **state)
{
    struct top_decision d = long_one;
    struct top_look *l;
    struct shown s;

    (void)state;
    snprintf(d.machine, sizeof(d.machine), "PC01");
    snprintf(d.address, sizeof(d.address), "2001:db8:1111:2222:3333:4444:5555:6666");
    l = look_of(&d);
    frame(l, 132, &s);
    assert_string_equal(
        s.lines[s.n - 1],
        "22:13:20  count 50   PC01            Windows Server 2022 Datacenter: Azure "
        "Edition 2001:db8:1111:2222:3333:4444:5555:6666");
    frame(l, 80, &s);
    assert_string_equal(s.lines[s.n - 1], "22:13:20  count 50   PC01            "
                                          "Windows Server 2022 Datac… 2001:db8:1111:2…");
    done(l);
}

static void what_is_cut_is_marked_and_what_fits_is_not(void **state)
{
    struct top_decision d = {.when = 1700000000, .text = "an event of the host itself, in words"};
    struct top_look *l = look_of(&d);
    struct shown s;

    (void)state;
    frame(l, 47, &s);
    assert_string_equal(s.lines[s.n - 1], "22:13:20  an event of the host itself, in words");
    frame(l, 46, &s);
    assert_string_equal(s.lines[s.n - 1], "22:13:20  an event of the host itself, in wor…");
    frame(l, 1, &s);
    assert_string_equal(s.lines[s.n - 1], "…");
    done(l);
}

static void columns_are_of_characters_and_without_controls(void **state)
{
    struct top_decision d = long_one;
    struct top_look *l;
    struct shown s;

    (void)state;
    snprintf(d.machine, sizeof(d.machine), "b\xc3\xbcro-\xff\x1b[2J");
    snprintf(d.of, sizeof(d.of), "Windows 11 Pro");
    l = look_of(&d);
    frame(l, 80, &s);
    assert_string_equal(s.lines[s.n - 1], "22:13:20  count 50   b\xc3\xbcro-??[2J      "
                                          "Windows 11 Pro             192.168.100.123");
    done(l);
}

static void a_failure_is_wrapped_not_cut(void **state)
{
    struct top_look *l = calloc(1, sizeof(*l));
    struct shown s;

    (void)state;
    assert_non_null(l);
    snprintf(l->failure, sizeof(l->failure), "n\xc3\xb6 answer; ask again");
    frame(l, 10, &s);
    assert_string_equal(s.lines[1], "n\xc3\xb6 answer;");
    assert_string_equal(s.lines[2], " ask again");
    done(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_of_ipv4_is_whole_in_80_columns),
        cmocka_unit_test(a_wider_one_shows_the_product_and_ipv6_whole),
        cmocka_unit_test(what_is_cut_is_marked_and_what_fits_is_not),
        cmocka_unit_test(columns_are_of_characters_and_without_controls),
        cmocka_unit_test(a_failure_is_wrapped_not_cut),
    };

    return cmocka_run_group_tests_name("cli_top", tests, NULL, NULL);
}
