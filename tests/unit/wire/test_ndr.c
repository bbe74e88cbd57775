/* NDR in both transfer syntaxes, laid out by hand from C706 chapter 14 and MS-RPCE 2.2.5. */
#include "support.h"

#include "wire/ndr.h"

/* u16 1, pointer, count 3, u64 5, u32 7 in NDR 2.0 and NDR64. */
#define NDR20 "0100 0000 00000200 03000000 00000000 0500000000000000 07000000"
#define NDR64 "0100 000000000000 0000020000000000 0300000000000000 0500000000000000 07000000"

static void values_are_aligned_to_their_own_size(void **state)
{
    static const char *const hex[] = {NDR20, NDR64};

    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        struct buf out = BUF_INIT;
        struct ndr_wr w = ndr_writer(&out, wide);
        uint8_t want[64];
        size_t len = test_unhex(hex[wide], want, sizeof(want));
        struct ndr_rd r = ndr_reader(want, len, false, wide);

        ndr_put_u16(&w, 1);
        ndr_put_pointer(&w, true);
        ndr_put_count(&w, 3);
        ndr_put_u64(&w, 5);
        ndr_put_u32(&w, 7);
        assert_int_equal(out.len, len);
        assert_memory_equal(out.data, want, len);
        assert_int_equal(ndr_u16(&r), 1);
        assert_true(ndr_pointer(&r));
        assert_int_equal(ndr_count(&r, 1), 3);
        assert_true(ndr_u64(&r) == 5);
        assert_int_equal(ndr_u32(&r), 7);
        assert_int_equal(wire_end(&r.r), ERR_OK);
        buf_fini(&out);
    }
}

static void every_prefix_is_truncated_or_counts_too_much(void **state)
{
    static const char *const hex[] = {NDR20, NDR64};

    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        uint8_t bytes[64];
        size_t len = test_unhex(hex[wide], bytes, sizeof(bytes));

        for (size_t n = 0; n < len; n++) {
            struct ndr_rd r = ndr_reader(bytes, n, false, wide);

            (void)ndr_u16(&r);
            (void)ndr_pointer(&r);
            (void)ndr_count(&r, 0);
            (void)ndr_u64(&r);
            (void)ndr_u32(&r);
            assert_int_equal(r.r.err, ERR_TRUNCATED);
        }
    }
}

static void a_count_is_bounded_by_the_bytes_that_are_left(void **state)
{
    uint8_t bytes[16];
    struct ndr_rd r;

    (void)state;
    test_unhex("03000000 000000000000000000000000", bytes, sizeof(bytes));
    r = ndr_reader(bytes, sizeof(bytes), false, false);
    assert_int_equal(ndr_count(&r, 4), 3);
    r = ndr_reader(bytes, sizeof(bytes) - 1, false, false);
    assert_int_equal(ndr_count(&r, 4), 0);
    assert_int_equal(r.r.err, ERR_MALFORMED);
    test_unhex("0000000001000000", bytes, sizeof(bytes)); /* 2^32 */
    r = ndr_reader(bytes, 8, false, true);
    assert_int_equal(ndr_count(&r, 0), 0);
    assert_int_equal(r.r.err, ERR_MALFORMED);
}

static void null_pointers_and_distinct_referents(void **state)
{
    struct buf out = BUF_INIT;
    struct ndr_wr w = ndr_writer(&out, false);
    struct ndr_rd r;

    (void)state;
    ndr_put_pointer(&w, true);
    ndr_put_pointer(&w, false);
    ndr_put_pointer(&w, true);
    r = ndr_reader(out.data, out.len, false, false);
    assert_int_equal(ndr_u32(&r), 0x00020000);
    assert_false(ndr_pointer(&r));
    assert_int_equal(ndr_u32(&r), 0x00020004);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_aligned_to_their_own_size),
        cmocka_unit_test(every_prefix_is_truncated_or_counts_too_much),
        cmocka_unit_test(a_count_is_bounded_by_the_bytes_that_are_left),
        cmocka_unit_test(null_pointers_and_distinct_referents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
