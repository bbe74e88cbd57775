/* The cursors: every read is bounded, the first error stays, the byte order is honoured. */
#include "support.h"

#include <string.h>

#include "wire/wire.h"

static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static void integers_are_read_in_either_byte_order(void **state)
{
    struct wire_rd r = wire_reader(bytes, sizeof(bytes));

    (void)state;
    assert_int_equal(wire_u8(&r), 1);
    assert_int_equal(wire_u16(&r), 0x0302);
    assert_int_equal(wire_u32(&r), 0x07060504);
    assert_true(wire_u64(&r) == 0x0f0e0d0c0b0a0908u);
    assert_int_equal(wire_left(&r), 1);
    r = wire_reader(bytes, sizeof(bytes));
    r.big = true;
    assert_int_equal(wire_u16(&r), 0x0102);
    assert_int_equal(wire_u32(&r), 0x03040506);
    assert_true(wire_u64(&r) == 0x0708090a0b0c0d0eu);
    assert_int_equal(wire_offset(&r), 14);
}

static void the_first_error_stays_and_reads_yield_zero(void **state)
{
    struct wire_rd r = wire_reader(bytes, 3);
    uint8_t out[2] = {9, 9};

    (void)state;
    assert_int_equal(wire_u32(&r), 0);
    assert_int_equal(r.err, ERR_TRUNCATED);
    assert_int_equal(wire_u8(&r), 0);
    assert_null(wire_take(&r, 0));
    wire_copy(&r, out, sizeof(out));
    assert_memory_equal(out, "\0\0", 2);
    wire_reject(&r, ERR_LIMIT);
    assert_int_equal(wire_end(&r), ERR_TRUNCATED);
    assert_int_equal(wire_left(&r), 0);
}

static void the_end_is_checked(void **state)
{
    struct wire_rd r = wire_reader(bytes, 4);

    (void)state;
    assert_int_equal(wire_end(&r), ERR_MALFORMED);
    (void)wire_u32(&r);
    assert_int_equal(wire_end(&r), ERR_OK);
    wire_reject(&r, ERR_VERSION);
    assert_int_equal(wire_end(&r), ERR_VERSION);
}

static void an_empty_reader_gives_nothing_and_is_no_error(void **state)
{
    struct wire_rd r = wire_reader(NULL, 0);

    (void)state;
    (void)wire_take(&r, 0);
    assert_int_equal(wire_end(&r), ERR_OK);
    assert_int_equal(wire_u8(&r), 0);
    assert_int_equal(r.err, ERR_TRUNCATED);
}

static void alignment_counts_from_the_start_of_the_reader(void **state)
{
    struct wire_rd r = wire_reader(bytes + 1, 9);

    (void)state;
    wire_align(&r, 8);
    assert_int_equal(wire_offset(&r), 0);
    (void)wire_u8(&r);
    wire_align(&r, 4);
    assert_int_equal(wire_offset(&r), 4);
    (void)wire_u8(&r);
    wire_align(&r, 8);
    assert_int_equal(wire_offset(&r), 8);
    (void)wire_u8(&r);
    wire_align(&r, 2);
    assert_int_equal(r.err, ERR_TRUNCATED);
}

static void a_part_is_bounded_by_itself(void **state)
{
    struct wire_rd r = wire_reader(bytes, 8);
    struct wire_rd sub;

    (void)state;
    r.big = true;
    (void)wire_u8(&r);
    sub = wire_sub(&r, 3);
    assert_int_equal(wire_u16(&sub), 0x0203);
    assert_int_equal(wire_offset(&sub), 2);
    (void)wire_u16(&sub);
    assert_int_equal(sub.err, ERR_TRUNCATED);
    assert_int_equal(wire_u8(&r), 5);
    sub = wire_sub(&r, 4);
    assert_int_equal(sub.err, ERR_TRUNCATED);
    assert_int_equal(r.err, ERR_TRUNCATED);
}

static void a_guid_ends_in_wire_order_whatever_the_readers(void **state)
{
    /* 00112233-4455-6677-8899-aabbccddeeff both ways (C706 appendix A) */
    uint8_t little[16], big[16];
    struct wire_rd r;
    struct guid a, b, want;

    (void)state;
    test_unhex("33221100554477668899aabbccddeeff", little, 16);
    test_unhex("00112233445566778899aabbccddeeff", big, 16);
    assert_true(guid_parse("00112233-4455-6677-8899-aabbccddeeff", &want));
    r = wire_reader(little, 16);
    a = wire_guid(&r);
    r = wire_reader(big, 16);
    r.big = true;
    b = wire_guid(&r);
    assert_true(guid_equal(&a, &want));
    assert_true(guid_equal(&b, &want));
}

static void what_is_written_is_read_back(void **state)
{
    struct buf out = BUF_INIT;
    struct wire_slot len;
    struct wire_wr w;
    struct guid g;

    (void)state;
    memcpy(g.b, bytes, 16);
    for (int big = 0; big < 2; big++) {
        struct guid back;
        struct wire_rd r;

        buf_clear(&out);
        buf_add_str(&out, "x"); /* a writer counts from where it began */
        w = wire_writer(&out);
        w.big = big;
        len = wire_hold_u16(&w);
        wire_put_u8(&w, 7);
        wire_pad(&w, 4);
        wire_put_u32(&w, 0x01020304);
        wire_put_u64(&w, 0x0506070809u);
        wire_put_guid(&w, &g);
        wire_fill_u16(&w, len, out.len - 1);
        assert_int_equal(wire_written(&w), ERR_OK);
        r = wire_reader(out.data + 1, out.len - 1);
        r.big = big;
        assert_int_equal(wire_u16(&r), 32);
        assert_int_equal(wire_u8(&r), 7);
        wire_align(&r, 4);
        assert_int_equal(wire_u32(&r), 0x01020304);
        assert_true(wire_u64(&r) == 0x0506070809u);
        back = wire_guid(&r);
        assert_true(guid_equal(&back, &g));
        assert_int_equal(wire_end(&r), ERR_OK);
    }
    buf_fini(&out);
}

static void a_value_too_large_for_its_place_is_an_error(void **state)
{
    struct buf out = BUF_INIT;
    struct wire_wr w = wire_writer(&out);
    struct wire_slot s = wire_hold_u16(&w);
    struct wire_slot t = wire_hold_u32(&w);

    (void)state;
    wire_fill_u16(&w, s, 65535);
    wire_fill_u32(&w, t, UINT32_MAX);
    assert_int_equal(wire_written(&w), ERR_OK);
    assert_memory_equal(out.data, "\xff\xff\xff\xff\xff\xff", 6);
    wire_fill_u16(&w, s, 65536);
    assert_int_equal(wire_written(&w), ERR_LIMIT);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_read_in_either_byte_order),
        cmocka_unit_test(the_first_error_stays_and_reads_yield_zero),
        cmocka_unit_test(the_end_is_checked),
        cmocka_unit_test(an_empty_reader_gives_nothing_and_is_no_error),
        cmocka_unit_test(alignment_counts_from_the_start_of_the_reader),
        cmocka_unit_test(a_part_is_bounded_by_itself),
        cmocka_unit_test(a_guid_ends_in_wire_order_whatever_the_readers),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_value_too_large_for_its_place_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
