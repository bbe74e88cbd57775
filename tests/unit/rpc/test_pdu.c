/* Packets read and written, against bytes composed by hand from C706 12.6 and MS-RPCE 2.2.2. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "rpc/pdu.h"

/* A bind: flags 17, call 1, sizes 4280 and 2048, group 5, two contexts; the second offers two
 * syntaxes. 28 + 44 + 64 = 136 = 0x88 bytes. */
#define BIND                                                                                       \
    "05000b17 10000000 8800 0000 01000000 b810 0008 05000000 02 000000"                            \
    "0000 01 00 7521c8514e845047b0d8ec255555bc06 01000200 045d888aeb1cc9119fe808002b104860"        \
    "02000000"                                                                                     \
    "0100 02 00 7521c8514e845047b0d8ec255555bc06 01000200 33057171babe37498319b5dbef9ccc36"        \
    "01000000 045d888aeb1cc9119fe808002b104860 02000000"

static void a_header_is_read_field_by_field(void **state)
{
    uint8_t in[16];
    struct rpc_hdr h;

    (void)state;
    test_unhex("05001293 10000000 1234 5678 9abcdef0", in, sizeof(in));
    assert_int_equal(rpc_hdr_read(in, &h), RPC_OK);
    assert_int_equal(h.vers, 5);
    assert_int_equal(h.minor, 0);
    assert_int_equal(h.ptype, RPC_CO_CANCEL);
    assert_int_equal(h.flags, 0x93);
    assert_false(h.big);
    assert_int_equal(h.frag_len, 0x3412);
    assert_int_equal(h.auth_len, 0x7856);
    assert_int_equal(h.call_id, 0xf0debc9a);
    in[4] = 0;
    assert_int_equal(rpc_hdr_read(in, &h), RPC_OK);
    assert_true(h.big);
    assert_int_equal(h.frag_len, 0x1234);
    assert_int_equal(h.call_id, 0x9abcdef0);
}

static void headers_that_cannot_be_ours_are_told_apart(void **state)
{
    static const struct {
        const char *hex;
        enum rpc_reason reason;
    } rows[] = {
        {"04000b03 10000000 4800 0000 01000000", RPC_BAD_VERSION},
        {"06000b03 10000000 4800 0000 01000000", RPC_BAD_VERSION},
        {"05010b03 10000000 4800 0000 01000000", RPC_OK},
        {"05020b03 10000000 4800 0000 01000000", RPC_BAD_VERSION},
        {"05000b03 11000000 4800 0000 01000000", RPC_BAD_VERSION}, /* EBCDIC */
        {"05000b03 10020000 4800 0000 01000000", RPC_BAD_VERSION}, /* Cray */
        {"05000b03 10000000 0f00 0000 01000000", RPC_BAD_LENGTH},
        {"05000b03 10000000 1800 0000 01000000", RPC_BAD_LENGTH}, /* 25 is the least bind */
        {"05000b03 10000000 1900 0000 01000000", RPC_OK},
        {"05000003 10000000 1700 0000 01000000", RPC_BAD_LENGTH}, /* 24 the least request */
        {"05000003 10000000 1800 0000 01000000", RPC_OK},
        {"05000083 10000000 2700 0000 01000000", RPC_BAD_LENGTH}, /* and 40 with an object */
        {"05000083 10000000 2800 0000 01000000", RPC_OK},
        {"05000203 10000000 1700 0000 01000000", RPC_BAD_LENGTH},
        {"05000303 10000000 1b00 0000 01000000", RPC_BAD_LENGTH},
        {"05001403 10000000 1800 0000 01000000", RPC_BAD_TYPE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t in[16];
        struct rpc_hdr h;

        test_unhex(rows[i].hex, in, sizeof(in));
        assert_int_equal(rpc_hdr_read(in, &h), rows[i].reason);
    }
}

static void a_bind_is_read_field_by_field(void **state)
{
    uint8_t in[256];
    struct rpc_proposal p;
    struct rpc_syntax s;
    struct rpc_bind b;
    struct rpc_hdr h;

    (void)state;
    assert_int_equal(test_unhex(BIND, in, sizeof(in)), 136);
    assert_int_equal(rpc_hdr_read(in, &h), RPC_OK);
    assert_int_equal(rpc_bind_read(&h, in, &b), ERR_OK);
    assert_int_equal(b.max_xmit, 4280);
    assert_int_equal(b.max_recv, 2048);
    assert_int_equal(b.group, 5);
    assert_int_equal(b.contexts, 2);
    p = rpc_bind_next(&b.list);
    assert_int_equal(p.id, 0);
    assert_int_equal(p.transfers, 1);
    assert_int_equal(p.abstract.major, 1);
    assert_int_equal(p.abstract.minor, 2);
    s = rpc_syntax_read(&p.list);
    assert_true(rpc_syntax_equal(&s, &rpc_ndr));
    p = rpc_bind_next(&b.list);
    assert_int_equal(p.id, 1);
    assert_int_equal(p.transfers, 2);
    s = rpc_syntax_read(&p.list);
    assert_true(rpc_syntax_equal(&s, &rpc_ndr64));
    s = rpc_syntax_read(&p.list);
    assert_true(rpc_syntax_equal(&s, &rpc_ndr));
    assert_int_equal(wire_end(&b.list), ERR_OK);
}

static void every_prefix_of_a_bind_is_truncated(void **state)
{
    uint8_t in[256];
    size_t len = test_unhex(BIND, in, sizeof(in));

    (void)state;
    for (size_t n = RPC_BIND_LEN; n < len; n++) {
        uint8_t *cut = malloc(n);
        struct rpc_bind b;
        struct rpc_hdr h;

        assert_non_null(cut);
        memcpy(cut, in, n);
        cut[8] = (uint8_t)n;
        assert_int_equal(rpc_hdr_read(cut, &h), RPC_OK);
        assert_int_equal(rpc_bind_read(&h, cut, &b), ERR_TRUNCATED);
        free(cut);
    }
}

static void every_changed_byte_of_a_bind_is_safe(void **state)
{
    uint8_t in[136];

    (void)state;
    for (size_t at = 0; at < sizeof(in); at++) {
        for (unsigned v = 0; v < 256; v++) {
            struct rpc_bind b;
            struct rpc_hdr h;

            test_unhex(BIND, in, sizeof(in));
            in[at] = (uint8_t)v;
            if (rpc_hdr_read(in, &h) != RPC_OK || h.frag_len > sizeof(in))
                continue;
            if (rpc_bind_read(&h, in, &b) != ERR_OK)
                continue;
            for (unsigned i = 0; i < b.contexts; i++)
                (void)rpc_bind_next(&b.list);
            assert_int_equal(b.list.err, ERR_OK);
        }
    }
}

static void a_request_ends_where_its_auth_padding_begins(void **state)
{
    uint8_t in[64];
    struct rpc_request q;
    struct rpc_hdr h;

    (void)state;
    /* Stub "abcdef", two bytes of padding, type 9 level 6 pad 2, context 7, value of 4 bytes:
     * 24 + 8 + 8 + 4 = 44 = 0x2c. */
    test_unhex("05000003 10000000 2c00 0400 01000000 06000000 0900 0300 616263646566 0000"
               "09060200 07000000 01020304",
               in, sizeof(in));
    assert_int_equal(rpc_hdr_read(in, &h), RPC_OK);
    assert_int_equal(rpc_request_read(&h, in, &q), ERR_OK);
    assert_int_equal(q.alloc_hint, 6);
    assert_int_equal(q.context_id, 9);
    assert_int_equal(q.opnum, 3);
    assert_false(q.has_object);
    assert_int_equal(q.stub_len, 6);
    assert_memory_equal(q.stub, "abcdef", 6);
    in[34] = 9; /* one byte more padding than there is in front of the trailer */
    assert_int_equal(rpc_request_read(&h, in, &q), ERR_MALFORMED);
    h.auth_len = 13; /* would begin before the stub */
    assert_int_equal(rpc_request_read(&h, in, &q), ERR_MALFORMED);
}

static void an_auth_trailer_is_read_field_by_field(void **state)
{
    uint8_t in[64];
    struct rpc_auth a;
    struct rpc_hdr h;

    (void)state;
    test_unhex("05000003 10000000 2c00 0400 01000000 06000000 0900 0300 616263646566 0000"
               "09060200 07000000 01020304",
               in, sizeof(in));
    assert_int_equal(rpc_hdr_read(in, &h), RPC_OK);
    assert_int_equal(rpc_auth_read(&h, in, RPC_REQUEST_LEN, &a), ERR_OK);
    assert_int_equal(a.type, 9);
    assert_int_equal(a.level, 6);
    assert_int_equal(a.pad, 2);
    assert_int_equal(a.context_id, 7);
    assert_int_equal(a.len, 4);
    assert_memory_equal(a.value, "\1\2\3\4", 4);
}

static void features_are_recognised_by_prefix_and_version(void **state)
{
    struct rpc_syntax s = {.major = 1};
    uint64_t mask = 0;

    (void)state;
    test_unhex("2c1cb76c12984045 0300000000000080", s.uuid.b, 16);
    assert_true(rpc_syntax_features(&s, &mask));
    assert_true(mask == 0x8000000000000003u);
    s.major = 2;
    assert_false(rpc_syntax_features(&s, &mask));
    assert_false(rpc_syntax_features(&rpc_ndr, &mask));
}

static void check(struct buf *out, const char *hex)
{
    uint8_t want[256];
    size_t len = test_unhex(hex, want, sizeof(want));

    assert_int_equal(out->len, len);
    assert_memory_equal(out->data, want, len);
    buf_clear(out);
}

static void what_we_write_is_what_the_specification_draws(void **state)
{
    struct rpc_result results[2] = {{.result = RPC_CTX_REJECTED, .reason = RPC_CTX_NO_ABSTRACT},
                                    {.result = RPC_CTX_ACCEPTED, .syntax = rpc_ndr64}};
    struct rpc_ack ack = {.ptype = RPC_BIND_ACK,
                          .flags = RPC_PFC_CONC_MPX,
                          .call_id = 3,
                          .max_frag = 4280,
                          .group = 0x01020304,
                          .address = "135",
                          .results = results,
                          .count = 2};
    struct buf out = BUF_INIT;

    (void)state;
    rpc_put_ack(&out, &ack);
    /* 26 + 4 + 2 (padding) + 4 + 2 × 24 = 84 = 0x54 */
    check(&out, "05000c13 10000000 5400 0000 03000000 b810 b810 04030201 0400 31333500 0000"
                "02 000000 0200 0100 00000000000000000000000000000000 00000000"
                "0000 0000 33057171babe37498319b5dbef9ccc36 01000000");
    rpc_put_nak(&out, 7, RPC_NAK_VERSION);
    check(&out, "05000d03 10000000 1800 0000 07000000 0400 01 0500 000000");
    rpc_put_fault(&out, 8, 0x1234, RPC_PFC_DID_NOT_EXECUTE, 0x1c010003);
    check(&out, "05000323 10000000 2000 0000 08000000 20000000 3412 00 00 0300011c 00000000");
    rpc_put_response(&out, 9, 0x1234, RPC_PFC_FIRST, 10, "ab", 2);
    check(&out, "05000201 10000000 1a00 0000 09000000 0a000000 3400 00 00 6162");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_read_field_by_field),
        cmocka_unit_test(headers_that_cannot_be_ours_are_told_apart),
        cmocka_unit_test(a_bind_is_read_field_by_field),
        cmocka_unit_test(every_prefix_of_a_bind_is_truncated),
        cmocka_unit_test(every_changed_byte_of_a_bind_is_safe),
        cmocka_unit_test(a_request_ends_where_its_auth_padding_begins),
        cmocka_unit_test(an_auth_trailer_is_read_field_by_field),
        cmocka_unit_test(features_are_recognised_by_prefix_and_version),
        cmocka_unit_test(what_we_write_is_what_the_specification_draws),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
