/* What goes between the relay and the dialler: there and back, cut at every byte, with every byte
 * changed; and the bytes of a request, which are the dialler's boundary. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/dialling.h"

static struct dialling_answer found_one(void)
{
    struct dialling_answer a = {.type = DIALLING_FOUND,
                                .found = {.target = {.port = 1688, .priority = 7, .weight = 65535},
                                          .n = RELAY_ADDRESSES_MAX}};

    memset(a.found.target.host, 'h', sizeof(a.found.target.host) - 1);
    snprintf(a.found.why, sizeof(a.found.why), "why");
    for (unsigned i = 0; i < a.found.n; i++) {
        struct relay_address *at = &a.found.at[i];

        at->number = UINT32_MAX - i;
        at->local = i % 2 == 0;
        assert_int_equal(
            address_parse(i % 2 == 0 ? "192.0.2.1:1688" : "[2001:db8::1]:65535", &at->at, NULL),
            ERR_OK);
    }
    a.found.at[1].at.v6.sin6_scope_id = 3;
    return a;
}

/* Of an allocation of the exact size, so that a sanitizer sees a read past the end. */
static enum err read_exactly(const void *data, size_t len, struct dialling_answer *a,
                             struct dialling_request *r)
{
    void *copy = malloc(len > 0 ? len : 1);
    enum err e;

    assert_non_null(copy);
    memcpy(copy, data, len);
    e = a != NULL ? dialling_read_answer(copy, len, a) : dialling_read_request(copy, len, r);
    free(copy);
    return e;
}

static void test_a_request_is_these_bytes(void **state)
{
    static const uint8_t look[] = {1};
    static const uint8_t connect[] = {2, 4, 3, 2, 1, 8, 7, 6, 5, 0x10, 0x27, 0, 0};
    const struct dialling_request r = {
        .type = DIALLING_CONNECT, .ticket = 0x01020304, .number = 0x05060708, .limit_ms = 10000};
    const struct dialling_request l = {.type = DIALLING_LOOK};
    struct dialling_request back;
    struct buf out = BUF_INIT;

    (void)state;
    assert_int_equal(dialling_write_request(&l, &out), ERR_OK);
    assert_int_equal(out.len, sizeof(look));
    assert_memory_equal(out.data, look, sizeof(look));
    assert_int_equal(dialling_write_request(&r, &out), ERR_OK);
    assert_int_equal(out.len, sizeof(connect));
    assert_memory_equal(out.data, connect, sizeof(connect));
    assert_int_equal(read_exactly(connect, sizeof(connect), NULL, &back), ERR_OK);
    assert_memory_equal(&back, &r, sizeof(r));
    for (size_t len = 0; len < sizeof(connect); len++)
        assert_int_not_equal(read_exactly(connect, len, NULL, &back), ERR_OK);
    buf_add(&out, "", 1);
    assert_int_equal(read_exactly(out.data, out.len, NULL, &back), ERR_MALFORMED);
    assert_int_equal(back.type, 0);
    for (unsigned type = 3; type < 256; type++) {
        out.data[0] = (uint8_t)type;
        assert_int_equal(read_exactly(out.data, sizeof(connect), NULL, &back), ERR_MALFORMED);
    }
    buf_fini(&out);
}

static void test_what_was_found_comes_back(void **state)
{
    struct dialling_answer a = found_one(), back;
    struct buf out = BUF_INIT;

    (void)state;
    assert_int_equal(dialling_write_answer(&a, &out), ERR_OK);
    assert_true(out.len <= DIALLING_MAX);
    assert_int_equal(read_exactly(out.data, out.len, &back, NULL), ERR_OK);
    assert_int_equal(back.type, DIALLING_FOUND);
    assert_memory_equal(&back.found.target, &a.found.target, sizeof(a.found.target));
    assert_string_equal(back.found.why, "why");
    assert_int_equal(back.found.n, a.found.n);
    for (unsigned i = 0; i < a.found.n; i++) {
        char sent[64], got[64];

        assert_int_equal(back.found.at[i].number, a.found.at[i].number);
        assert_int_equal(back.found.at[i].local, a.found.at[i].local);
        assert_string_equal(address_format(&back.found.at[i].at, got, sizeof(got)),
                            address_format(&a.found.at[i].at, sent, sizeof(sent)));
    }
    assert_int_equal(back.found.at[1].at.v6.sin6_scope_id, 3);
    buf_fini(&out);
}

static void test_the_longest_record_fits(void **state)
{
    struct dialling_answer a = found_one(), back;
    struct buf out = BUF_INIT;

    (void)state;
    memset(a.found.why, 'w', sizeof(a.found.why) - 1);
    for (unsigned i = 0; i < a.found.n; i++)
        a.found.at[i] = a.found.at[1];
    assert_int_equal(dialling_write_answer(&a, &out), ERR_OK);
    assert_true(out.len <= DIALLING_MAX);
    assert_int_equal(read_exactly(out.data, out.len, &back, NULL), ERR_OK);
    assert_string_equal(back.found.why, a.found.why);
    buf_fini(&out);
}

static void test_a_connection_and_the_end_of_a_look_up(void **state)
{
    struct dialling_answer a = {
        .type = DIALLING_CONNECTED, .ticket = 0x80000001, .error = ECONNREFUSED};
    struct dialling_answer back;
    struct buf out = BUF_INIT;

    (void)state;
    assert_int_equal(dialling_write_answer(&a, &out), ERR_OK);
    assert_int_equal(read_exactly(out.data, out.len, &back, NULL), ERR_OK);
    assert_int_equal(back.ticket, a.ticket);
    assert_int_equal(back.error, ECONNREFUSED);
    a = (struct dialling_answer){.type = DIALLING_LOOKED, .failed = true, .records = 34};
    snprintf(a.why, sizeof(a.why), "no DNS server answers");
    assert_int_equal(dialling_write_answer(&a, &out), ERR_OK);
    assert_int_equal(read_exactly(out.data, out.len, &back, NULL), ERR_OK);
    assert_true(back.failed);
    assert_int_equal(back.records, 34);
    assert_string_equal(back.why, a.why);
    buf_fini(&out);
}

/* Whatever is taken keeps to its bounds, and says the same when it is written again. */
static void test_answers_cut_and_changed_are_refused_or_say_what_they_say(void **state)
{
    struct dialling_answer a = found_one(), back;
    struct buf out = BUF_INIT, again = BUF_INIT;

    (void)state;
    assert_int_equal(dialling_write_answer(&a, &out), ERR_OK);
    for (size_t len = 0; len < out.len; len++)
        assert_int_not_equal(read_exactly(out.data, len, &back, NULL), ERR_OK);
    for (size_t i = 0; i < out.len; i++) {
        uint8_t was = out.data[i];

        for (unsigned bit = 0; bit < 8; bit++) {
            out.data[i] = (uint8_t)(was ^ 1u << bit);
            if (read_exactly(out.data, out.len, &back, NULL) != ERR_OK)
                continue;
            assert_true(back.found.n <= RELAY_ADDRESSES_MAX);
            assert_int_equal(dialling_write_answer(&back, &again), ERR_OK);
            assert_int_equal(again.len, out.len);
            assert_memory_equal(again.data, out.data, out.len);
        }
        out.data[i] = was;
    }
    buf_fini(&again);
    buf_fini(&out);
}

static void test_texts_with_a_nul_and_numbers_out_of_range_are_refused(void **state)
{
    static const uint8_t no_errno[] = {3, 0, 0, 0, 0, 0, 0x10, 0, 0};
    static const uint8_t nul[] = {5, 1, 0, 0, 0, 0, 3, 0, 'a', 0, 'b'};
    static const uint8_t neither[] = {5, 2, 0, 0, 0, 0, 0, 0};
    struct dialling_answer back;

    (void)state;
    assert_int_equal(read_exactly(no_errno, sizeof(no_errno), &back, NULL), ERR_MALFORMED);
    assert_int_equal(read_exactly(nul, sizeof(nul), &back, NULL), ERR_MALFORMED);
    assert_int_equal(read_exactly(neither, sizeof(neither), &back, NULL), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_is_these_bytes),
        cmocka_unit_test(test_what_was_found_comes_back),
        cmocka_unit_test(test_the_longest_record_fits),
        cmocka_unit_test(test_a_connection_and_the_end_of_a_look_up),
        cmocka_unit_test(test_answers_cut_and_changed_are_refused_or_say_what_they_say),
        cmocka_unit_test(test_texts_with_a_nul_and_numbers_out_of_range_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
