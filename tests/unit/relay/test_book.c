/* The dialler's numbers: one for each address, kept while it is found, never given twice. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "relay/book.h"

#define ROUND_MAX                                                                                  \
    ((uint32_t)RELAY_TARGETS_MAX * RELAY_ADDRESSES_MAX) /* addresses of one look-up                \
                                                         */

static union address v4(uint32_t host, uint16_t port)
{
    union address a = {0};

    a.v4.sin_family = AF_INET;
    a.v4.sin_addr.s_addr = htonl(host);
    a.v4.sin_port = htons(port);
    return a;
}

static int new_book(void **state)
{
    *state = calloc(1, sizeof(struct book));
    assert_non_null(*state);
    return 0;
}

static int free_book(void **state)
{
    free(*state);
    return 0;
}

static void test_an_address_keeps_its_number(void **state)
{
    struct book *b = *state;
    union address one = v4(0xc0000201, 1688), port = v4(0xc0000201, 1689), six;
    uint32_t number = book_number(b, &one, 1);

    assert_int_equal(address_parse("[2001:db8::1]:1688", &six, NULL), ERR_OK);
    assert_int_not_equal(number, book_number(b, &port, 1));
    assert_int_not_equal(number, book_number(b, &six, 1));
    assert_int_equal(number, book_number(b, &one, 9));
    assert_memory_equal(&book_find(b, number)->v4, &one.v4, sizeof(one.v4));
    assert_null(book_find(b, 0));
    assert_null(book_find(b, number + 3));
}

static void test_scopes_tell_addresses_apart(void **state)
{
    struct book *b = *state;
    union address one, other;

    assert_int_equal(address_parse("[fe80::1]:1688", &one, NULL), ERR_OK);
    other = one;
    other.v6.sin6_scope_id = 2;
    assert_int_not_equal(book_number(b, &one, 1), book_number(b, &other, 1));
}

/* Round after round of nothing but new addresses, beside one that is found in each, and one that
 * was found in the first only. */
static void test_the_book_forgets_what_was_found_longest_ago(void **state)
{
    struct book *b = *state;
    union address steady = v4(0xc0000201, 1688), once = v4(0xc0000202, 1688);
    uint32_t first = book_number(b, &once, 1), kept = book_number(b, &steady, 1), highest = kept;
    uint32_t host = 0x0a000000;

    for (uint64_t round = 2; round < 100; round++) {
        uint32_t begin = host;

        assert_int_equal(book_number(b, &steady, round), kept);
        for (uint32_t i = 1; i < ROUND_MAX; i++) {
            union address a = v4(host++, 1688);
            uint32_t number = book_number(b, &a, round);

            assert_true(number > highest); /* none is given again */
            highest = number;
        }
        for (uint32_t i = begin; i < host; i++) { /* all of this round are there */
            union address a = v4(i, 1688);

            assert_non_null(book_find(b, book_number(b, &a, round)));
        }
        assert_int_equal(b->last, highest);
        if (round <= 4)
            assert_memory_equal(&book_find(b, first)->v4, &once.v4, sizeof(once.v4));
    }
    assert_null(book_find(b, first));
    assert_non_null(book_find(b, kept));
    assert_int_not_equal(book_number(b, &once, 100), first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_address_keeps_its_number, new_book, free_book),
        cmocka_unit_test_setup_teardown(test_scopes_tell_addresses_apart, new_book, free_book),
        cmocka_unit_test_setup_teardown(test_the_book_forgets_what_was_found_longest_ago, new_book,
                                        free_book),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
