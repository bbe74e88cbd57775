/* The management interface (C706 appendix Q) and the lab echo, stub against stub; expected bytes
 * laid out by hand from C706 chapter 14 and MS-RPCE 2.2.5. */
#include "support.h"

#include <string.h>

#include "rpc/lab.h"
#include "rpc/mgmt.h"

struct world {
    struct rpc_iface ifaces[2];
    struct rpc_shared *shared;
    struct rpc_server server, other; /* of another thread */
    struct buf out;
};

static void open_world(struct world *w)
{
    *w = (struct world){.out = BUF_INIT};
    w->ifaces[0] = rpc_mgmt_iface(0);
    w->ifaces[1] = rpc_mgmt_iface(1);
    assert_true(guid_parse("00112233-4455-6677-8899-aabbccddeeff", &w->ifaces[1].uuid));
    w->ifaces[1].minor = 3;
    w->shared = rpc_shared_new(0);
    assert_non_null(w->shared);
    w->server = w->other = (struct rpc_server){.ifaces = w->ifaces, .iface_count = 2};
    rpc_server_init(&w->server, w->shared);
    rpc_server_init(&w->other, w->shared);
    /* 1, 2, 3 and 4 together */
    counter_add(&w->other.calls_in, 1);
    counter_add(&w->server.calls_out, 2);
    counter_add(&w->server.pdus_in, 1);
    counter_add(&w->other.pdus_in, 2);
    counter_add(&w->other.pdus_out, 3);
    counter_add(&w->server.pdus_out, 1);
}

static void close_world(struct world *w)
{
    buf_fini(&w->out);
    rpc_server_fini(&w->server);
    rpc_server_fini(&w->other);
    rpc_shared_free(w->shared);
}

static uint32_t ask(struct world *w, bool lab, uint16_t opnum, const char *hex, bool big,
                    bool ndr64)
{
    uint8_t stub[256];
    struct rpc_call call = {.opnum = opnum, .stub = stub, .big = big, .ndr64 = ndr64};

    call.stub_len = test_unhex(hex, stub, sizeof(stub));
    buf_clear(&w->out);
    return lab ? rpc_lab_handle(&call, &w->out) : rpc_mgmt_handle(&w->server, &call, &w->out);
}

static void expect(struct world *w, const char *hex)
{
    uint8_t want[256];
    size_t len = test_unhex(hex, want, sizeof(want));
    struct buf text = BUF_INIT;

    buf_add_hex(&text, w->out.data, w->out.len);
    if (w->out.len != len || memcmp(w->out.data, want, len) != 0)
        fail_msg("answered %s, not %s", buf_str(&text), hex);
    buf_fini(&text);
}

static void the_interfaces_are_listed_in_both_syntaxes(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    assert_int_equal(ask(&w, false, 0, "", false, false), 0);
    /* pointer; maximum count, count, two pointers; two ids; status */
    expect(&w, "00000200 02000000 02000000 04000200 08000200"
               "80bda8af8a7dc911bef408002b102989 0100 0000"
               "33221100554477668899aabbccddeeff 0100 0300 00000000");
    assert_int_equal(ask(&w, false, 0, "", false, true), 0);
    /* the same with 8-byte pointers and maximum count, and the count padded up to the pointers */
    expect(&w, "0000020000000000 0200000000000000 02000000 00000000"
               "0400020000000000 0800020000000000"
               "80bda8af8a7dc911bef408002b102989 0100 0000"
               "33221100554477668899aabbccddeeff 0100 0300 00000000");
    close_world(&w);
}

static void statistics_come_as_many_as_were_asked_for_up_to_four(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    assert_int_equal(ask(&w, false, 1, "04000000 00000000", false, false), 0);
    expect(&w, "04000000 04000000 01000000 02000000 03000000 04000000 00000000");
    assert_int_equal(ask(&w, false, 1, "00000002", true, false), 0);
    expect(&w, "02000000 02000000 01000000 02000000 00000000");
    assert_int_equal(ask(&w, false, 1, "ffffffff", false, true), 0);
    expect(&w, "04000000 00000000 0400000000000000 01000000 02000000 03000000 04000000 00000000");
    assert_int_equal(ask(&w, false, 1, "040000", false, false), RPC_FAULT_BAD_STUB);
    close_world(&w);
}

static void the_server_says_that_it_listens_and_will_not_stop(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    assert_int_equal(ask(&w, false, 2, "", false, false), 0);
    expect(&w, "00000000 01000000");
    assert_int_equal(ask(&w, false, 3, "", false, false), 0);
    expect(&w, "05000000"); /* access denied */
    close_world(&w);
}

static void there_is_no_principal_name(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    assert_int_equal(ask(&w, false, 4, "09000000 00010000", false, false), 0);
    /* maximum 256, offset 0, one byte: the NUL; status 1747 */
    expect(&w, "00010000 00000000 01000000 00 000000 d3060000");
    assert_int_equal(ask(&w, false, 4, "09000000 00000000", false, false), 0);
    expect(&w, "00000000 00000000 00000000 d3060000");
    assert_int_equal(ask(&w, false, 4, "09000000", false, false), RPC_FAULT_BAD_STUB);
    close_world(&w);
}

static void operations_beyond_are_out_of_range(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    assert_int_equal(ask(&w, false, 5, "", false, false), RPC_FAULT_OP_RANGE);
    assert_int_equal(ask(&w, true, 0, "", false, false), RPC_FAULT_OP_RANGE);
    close_world(&w);
}

static void the_echo_gives_back_its_bytes_and_a_status(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    assert_int_equal(ask(&w, true, 4, "04000000 01020304 ffff", false, false), 0);
    expect(&w, "04000000 01020304 00000000");
    assert_int_equal(ask(&w, true, 4, "00000003 010203", true, false), 0);
    expect(&w, "03000000 010203 00 00000000");
    assert_int_equal(ask(&w, true, 4, "0300000000000000 010203", false, true), 0);
    expect(&w, "0300000000000000 010203 00 00000000");
    assert_int_equal(ask(&w, true, 4, "00000000", false, false), 0);
    expect(&w, "00000000 00000000");
    close_world(&w);
}

static void an_echo_longer_than_its_stub_is_a_fault(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    assert_int_equal(ask(&w, true, 4, "", false, false), RPC_FAULT_BAD_STUB);
    assert_int_equal(ask(&w, true, 4, "05000000 01020304", false, false), RPC_FAULT_BAD_STUB);
    assert_int_equal(ask(&w, true, 4, "ffffffff 01020304", false, false), RPC_FAULT_BAD_STUB);
    assert_int_equal(ask(&w, true, 4, "ffffffffffffffff 01020304", false, true),
                     RPC_FAULT_BAD_STUB);
    close_world(&w);
}

static void both_interfaces_have_the_uuids_that_their_headers_tell(void **state)
{
    struct rpc_iface lab = rpc_lab_iface(7);
    char text[GUID_TEXT_MAX];

    (void)state;
    assert_string_equal(guid_format(&lab.uuid, text), RPC_LAB_UUID);
    assert_int_equal(lab.id, 7);
    lab = rpc_mgmt_iface(0);
    assert_string_equal(guid_format(&lab.uuid, text), "afa8bd80-7d8a-11c9-bef4-08002b102989");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_interfaces_are_listed_in_both_syntaxes),
        cmocka_unit_test(statistics_come_as_many_as_were_asked_for_up_to_four),
        cmocka_unit_test(the_server_says_that_it_listens_and_will_not_stop),
        cmocka_unit_test(there_is_no_principal_name),
        cmocka_unit_test(operations_beyond_are_out_of_range),
        cmocka_unit_test(the_echo_gives_back_its_bytes_and_a_status),
        cmocka_unit_test(an_echo_longer_than_its_stub_is_a_fault),
        cmocka_unit_test(both_interfaces_have_the_uuids_that_their_headers_tell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
