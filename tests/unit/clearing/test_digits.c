/* The check digits, on small shapes exhaustively: what a group's check depends on is its place,
 * what came before, and two digits, so that three payload digits show every case. */
#include "support.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "clearing/codes.h"
#include "clearing/digits.h"

static const struct digits_shape small = {"number", 10, 4, 99};
static const struct digits_shape pair = {"number", 2, 7, 39};

static bool good(const struct digits_shape *s, const char *text)
{
    uint8_t number[16];

    return digits_read(s, text, number, NULL) == ERR_OK;
}

/* Ten groups that are all zero but the one at place. */
static void write_group(unsigned place, unsigned value, char text[51])
{
    uint8_t number[13] = {0};

    for (unsigned g = 0; g < 10; g++)
        digits_multiply_add(number, sizeof(number), 1000, g == place ? value : 0);
    digits_write(&small, number, text);
}

static void every_wrong_digit_of_a_group_is_noticed(void **state)
{
    char text[51];

    (void)state;
    for (unsigned place = 0; place < 10; place++) {
        for (unsigned value = 0; value < (place == 0 ? 600U : 1000U); value += 7) {
            write_group(place, value, text);
            assert_true(good(&small, text));
            for (unsigned at = place * 5; at < place * 5 + 4; at++) {
                char right = text[at];

                for (char d = '0'; d <= '9'; d++) {
                    text[at] = d;
                    assert_int_equal(good(&small, text), d == right);
                }
                text[at] = right;
            }
        }
    }
}

static void every_two_neighbours_that_changed_places_are_noticed(void **state)
{
    char text[51];

    (void)state;
    for (unsigned place = 0; place < 10; place++) {
        for (unsigned value = 0; value < (place == 0 ? 600U : 1000U); value++) {
            write_group(place, value, text);
            for (unsigned at = place * 5; at < place * 5 + 3; at++) {
                char a = text[at], b = text[at + 1];

                text[at] = b;
                text[at + 1] = a;
                assert_int_equal(good(&small, text), a == b);
                text[at] = a;
                text[at + 1] = b;
            }
        }
    }
}

static void two_groups_that_changed_places_are_noticed(void **state)
{
    struct rng_seeded seed;
    struct rng rng = test_rng(&seed);
    char text[17], swapped[17];

    (void)state;
    for (int i = 0; i < 2000; i++) {
        uint8_t number[5];

        rng_fill(&rng, number, sizeof(number));
        number[0] &= 0x7f;
        digits_write(&pair, number, text);
        snprintf(swapped, sizeof(swapped), "%.7s-%.7s", text + 8, text);
        assert_false(good(&pair, swapped));
    }
}

static void what_was_written_reads_back(void **state)
{
    struct rng_seeded seed;
    struct rng rng = test_rng(&seed);

    (void)state;
    for (int i = 0; i < 2000; i++) {
        uint8_t number[5], again[5];
        char text[17];

        rng_fill(&rng, number, sizeof(number));
        number[0] &= 0x7f;
        digits_write(&pair, number, text);
        assert_int_equal(digits_read(&pair, text, again, NULL), ERR_OK);
        assert_memory_equal(again, number, sizeof(number));
    }
}

static void a_number_that_the_bits_cannot_hold_is_refused(void **state)
{
    /* 2^39 - 1 = 549755813887 is the last that 39 bits hold. */
    const uint8_t last[5] = {0x7f, 0xff, 0xff, 0xff, 0xff};
    uint8_t number[5] = {0x80, 0, 0, 0, 0};
    struct errinfo ei;
    char text[17];

    (void)state;
    digits_write(&pair, last, text);
    assert_int_equal(strncmp(text, "549755", 6), 0);
    assert_true(good(&pair, text));
    digits_write(&pair, number, text);
    assert_int_equal(digits_read(&pair, text, number, &ei), ERR_MALFORMED);
    assert_int_equal(ei.hresult, SL_E_CIDIID_INVALID_DATA);
}

static void the_group_with_the_wrong_check_digit_is_named(void **state)
{
    const uint8_t number[5] = {1, 2, 3, 4, 5};
    uint8_t out[5];
    struct errinfo ei;
    char text[17];

    (void)state;
    digits_write(&pair, number, text);
    text[9] = text[9] == '0' ? '1' : '0';
    assert_int_equal(digits_read(&pair, text, out, &ei), ERR_MALFORMED);
    assert_int_equal(ei.hresult, SL_E_CIDIID_INVALID_CHECK_DIGITS);
    assert_contains(ei.text, "group 2");
    assert_contains(ei.text, text + 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wrong_digit_of_a_group_is_noticed),
        cmocka_unit_test(every_two_neighbours_that_changed_places_are_noticed),
        cmocka_unit_test(two_groups_that_changed_places_are_noticed),
        cmocka_unit_test(what_was_written_reads_back),
        cmocka_unit_test(a_number_that_the_bits_cannot_hold_is_refused),
        cmocka_unit_test(the_group_with_the_wrong_check_digit_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
