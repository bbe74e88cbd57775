#include "support.h"

#include <stdio.h>
#include <string.h>

#include "base/relaytarget.h"

static void what_an_administrator_may_write(void **state)
{
    static const struct {
        const char *text, *host;
        uint16_t port, priority, weight;
    } rows[] = {
        {"kms1.example", "kms1.example", 1688, 3, 0},
        {"kms1.example:1689", "kms1.example", 1689, 3, 0},
        {"192.0.2.7:1688", "192.0.2.7", 1688, 3, 0},
        {"[2001:db8::7]:1690", "2001:db8::7", 1690, 3, 0},
        {"[2001:db8::7]", "2001:db8::7", 1688, 3, 0},
        {"kms1.example priority=0", "kms1.example", 1688, 0, 0},
        {"kms1.example:9  weight=70 priority=10", "kms1.example", 9, 10, 70},
        {"kms1.example priority=65535 weight=65535", "kms1.example", 1688, 65535, 65535},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct relay_target t;
        struct errinfo ei = {0};

        assert_ok(relay_target_parse(rows[i].text, 3, &t, &ei), &ei);
        assert_string_equal(t.host, rows[i].host);
        assert_int_equal(t.port, rows[i].port);
        assert_int_equal(t.priority, rows[i].priority);
        assert_int_equal(t.weight, rows[i].weight);
    }
}

static void what_is_refused_with_an_example(void **state)
{
    static const char *const rows[] = {
        "",
        ":1688",
        "kms1:",
        "kms1:0",
        "kms1:65536",
        "kms1:x",
        "2001:db8::7",
        "[::1",
        "[]:1688",
        "[::1]x",
        "kms1 5",
        "kms1 prio=5",
        "kms1 weight=",
        "kms1 weight=65536",
        "kms1:1688 :1688",
        "kms1:+5",
        "kms1 weight=-1",
    };
    char longest[RELAY_HOST_MAX + 1];
    struct relay_target t;
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct errinfo ei = {0};

        if (relay_target_parse(rows[i], 0, &t, &ei) != ERR_CONFIG)
            fail_msg("\"%s\" was taken", rows[i]);
        assert_contains(ei.text, "kms1.example:1688");
    }
    memset(longest, 'a', sizeof(longest));
    longest[RELAY_HOST_MAX] = '\0';
    assert_int_equal(relay_target_parse(longest, 0, &t, NULL), ERR_CONFIG);
    longest[RELAY_HOST_MAX - 1] = '\0';
    assert_int_equal(relay_target_parse(longest, 0, &t, NULL), ERR_OK);
}

static void a_list_is_tried_in_its_order_and_names_nobody_twice(void **state)
{
    char *two[] = {(char *)"kms1", (char *)"kms2:1689"};
    char *twice[] = {(char *)"kms1", (char *)"KMS1:1688"};
    char *automatic[] = {(char *)"auto"};
    char *mixed[] = {(char *)"kms1", (char *)"auto"};
    struct relay_target t[RELAY_TARGETS_MAX];
    struct errinfo ei = {0};
    bool yes;
    size_t n;
    (void)state;

    assert_ok(relay_targets_parse(&(struct conf_list){.v = two, .n = 2}, &yes, t, &n, &ei), &ei);
    assert_false(yes);
    assert_int_equal(n, 2);
    assert_int_equal(t[0].priority, 0);
    assert_int_equal(t[1].priority, 1);
    assert_ok(relay_targets_parse(&(struct conf_list){.v = automatic, .n = 1}, &yes, t, &n, &ei),
              &ei);
    assert_true(yes);
    assert_int_equal(n, 0);
    assert_int_equal(relay_targets_parse(&(struct conf_list){.v = twice, .n = 2}, &yes, t, &n, &ei),
                     ERR_CONFIG);
    assert_contains(ei.text, "twice");
    assert_int_equal(relay_targets_parse(&(struct conf_list){.v = mixed, .n = 2}, &yes, t, &n, &ei),
                     ERR_CONFIG);
}

static void text_is_what_can_be_parsed_again(void **state)
{
    struct relay_target t;
    char text[RELAY_TARGET_TEXT];
    (void)state;

    assert_int_equal(relay_target_parse("[2001:db8::7]:1690", 0, &t, NULL), ERR_OK);
    assert_string_equal(relay_target_format(&t, text), "[2001:db8::7]:1690");
    assert_int_equal(relay_target_parse("kms1.example", 0, &t, NULL), ERR_OK);
    assert_string_equal(relay_target_format(&t, text), "kms1.example:1688");
    t.port = UINT16_MAX;
    assert_string_equal(relay_target_format(&t, text), "kms1.example:65535");
    t.port = 7;
    assert_string_equal(relay_target_format(&t, text), "kms1.example:7");
    t.port = 100;
    assert_string_equal(relay_target_format(&t, text), "kms1.example:100");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_administrator_may_write),
        cmocka_unit_test(what_is_refused_with_an_example),
        cmocka_unit_test(a_list_is_tried_in_its_order_and_names_nobody_twice),
        cmocka_unit_test(text_is_what_can_be_parsed_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
