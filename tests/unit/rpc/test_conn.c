/* The server core against bytes written by hand from C706 12.6 and MS-RPCE 2.2.2.
 *
 * Conventions of the tables: an interface "activation" with one operation is served on the default
 * association group 00010001; whole calls are answered with their own stub. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/conn.h"
#include "rpc/pdu.h"

#define ACTIVATION_ID                                                                              \
    "7521c8514e845047b0d8ec255555bc06" /* 51c82175-844e-4750-b0d8-ec255555bc06                     \
                                        */
#define NDR       "045d888aeb1cc9119fe808002b104860 02000000"
#define NDR64     "33057171babe37498319b5dbef9ccc36 01000000"
#define NO_SYNTAX "00000000000000000000000000000000 00000000"
#define FEATURES  "2c1cb76c12984045" /* and eight bytes of bitmask, version 1 */
/* A presentation context: id, number of transfer syntaxes, reserved, abstract syntax 1.0. */
#define CONTEXT(id, n) id " " n " 00 " ACTIVATION_ID " 01000000 "
#define SIZES          "d016 d016 00000000 " /* 5840 both ways, no group */

#define BIND_FLAGS(flags)                                                                          \
    "05000b" flags " 10000000 4800 0000 01000000 " SIZES "01000000 " CONTEXT("0000", "01") NDR
#define BIND BIND_FLAGS("03")
/* Secondary address "1688" with its NUL (5 bytes), one byte up to a multiple of 4. */
#define ACK_FLAGS(flags, len, n)                                                                   \
    "05000c" flags " 10000000 " len " 0000 01000000 d016 d016 01000100 0500 3136383800 00 " n      \
    " 000000 "
#define ACK ACK_FLAGS("03", "3c00", "01") "0000 0000 " NDR
/* reject reason, one version (5.0), padding. */
#define NAK(call, reason) "05000d03 10000000 1800 0000 " call " " reason " 01 0500 000000"
/* alloc_hint 32, context, cancel count, reserved, status, reserved. */
#define FAULT(flags, call, context, status)                                                        \
    "050003" flags " 10000000 2000 0000 " call " 20000000 " context " 00 00 " status " 00000000"
#define PE(call) FAULT("23", call, "0000", "0b00011c")

/* Header of a request: flags, frag_length, call; then alloc_hint, context, opnum. */
#define REQUEST(flags, len, call, hint, context, opnum)                                            \
    "050000" flags " 10000000 " len " 0000 " call " " hint " " context " " opnum " "
#define CALL(call)   REQUEST("03", "2000", call, "08000000", "0000", "0000") "0102030405060708"
#define ANSWER(call) "05000203 10000000 2000 0000 " call " 08000000 0000 00 00 0102030405060708"

#define MAX_BYTES 70000

struct world {
    struct rpc_iface ifaces[2];
    struct rpc_shared *shared;
    struct rpc_server server;
    struct rpc_conn *conn;
    struct rpc_call last; /* what the last whole call said; its stub is gone */
    size_t calls;
};

static void open_world(struct world *w)
{
    struct guid other;

    *w = (struct world){.calls = 0};
    assert_true(guid_parse("51c82175-844e-4750-b0d8-ec255555bc06", &w->ifaces[0].uuid));
    assert_true(guid_parse("11111111-2222-3333-4444-555555555555", &other));
    w->ifaces[0].major = 1;
    w->ifaces[0].opnums = 1;
    w->ifaces[0].max_stub = 65536;
    w->ifaces[0].name = "activation";
    w->ifaces[1] = w->ifaces[0];
    w->ifaces[1].uuid = other;
    w->ifaces[1].opnums = 5;
    w->server = (struct rpc_server){.ifaces = w->ifaces, .iface_count = 2};
    strcpy(w->server.secondary_address, "1688");
    w->shared = rpc_shared_new(0);
    assert_non_null(w->shared);
    rpc_server_init(&w->server, w->shared);
    w->conn = rpc_conn_new(&w->server);
    assert_non_null(w->conn);
}

static void close_world(struct world *w)
{
    rpc_conn_free(w->conn);
    rpc_server_fini(&w->server);
    rpc_shared_free(w->shared);
}

/* Feeds in pieces of chunk bytes and answers calls; true: the connection is to be closed. */
static bool play_bytes(struct world *w, const uint8_t *in, size_t len, size_t chunk)
{
    size_t pos = 0;

    while (pos < len) {
        size_t n = chunk < len - pos ? chunk : len - pos;
        size_t used;
        enum rpc_step step = rpc_conn_feed(w->conn, in + pos, n, &used);

        assert_true(used <= n && (used > 0 || step == RPC_CALL));
        pos += used;
        if (step == RPC_CLOSE)
            return true;
        if (step == RPC_CALL) {
            struct rpc_call *call = rpc_conn_call(w->conn);

            w->last = *call;
            w->calls++;
            rpc_conn_reply(w->conn, call, call->stub, call->stub_len);
        }
    }
    return false;
}

static bool play(struct world *w, const char *hex, size_t chunk)
{
    static uint8_t in[MAX_BYTES];
    size_t len = test_unhex(hex, in, sizeof(in));

    return play_bytes(w, in, len, chunk);
}

static void expect_output(struct world *w, const char *hex, const char *what)
{
    static uint8_t want[MAX_BYTES];
    size_t len = test_unhex(hex, want, sizeof(want));
    struct buf *out = rpc_conn_output(w->conn);
    struct buf text = BUF_INIT;

    if (out->len != len || (len > 0 && memcmp(out->data, want, len) != 0)) {
        buf_add_hex(&text, out->data, out->len);
        fail_msg("%s: answered %s, not %s", what, buf_str(&text), hex);
    }
    buf_clear(out);
}

struct row {
    const char *what;
    const char *before; /* BIND, answered with ACK, or NULL */
    const char *in;
    const char *answer;
    bool closed;
    enum rpc_reason reason;
};

static void check_row(const struct row *row, size_t chunk)
{
    struct world w;
    bool closed;

    open_world(&w);
    if (row->before != NULL) {
        assert_false(play(&w, row->before, chunk));
        buf_clear(rpc_conn_output(w.conn));
    }
    closed = play(&w, row->in, chunk);
    expect_output(&w, row->answer, row->what);
    if (closed != row->closed)
        fail_msg("%s: closed %d", row->what, closed);
    if (closed && rpc_conn_reason(w.conn) != row->reason)
        fail_msg("%s: reason %s", row->what, rpc_reason_name(rpc_conn_reason(w.conn)));
    if (closed && rpc_conn_detail(w.conn)[0] == '\0')
        fail_msg("%s: no detail", row->what);
    for (unsigned i = 1; i < RPC_REASONS; i++) {
        if (counter_read(&w.server.refused[i]) != (i == row->reason ? 1u : 0u))
            fail_msg("%s: %s counted %u times", row->what, rpc_reason_name((enum rpc_reason)i),
                     (unsigned)counter_read(&w.server.refused[i]));
    }
    close_world(&w);
}

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        check_row(&rows[i], MAX_BYTES);
        check_row(&rows[i], 1);
    }
}

#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))
#define ONE         "01000000"
#define TWO         "02000000"

static void bad_headers_are_answered_as_the_table_says(void **state)
{
    static const struct row rows[] = {
        {"version 4", NULL, "04000b03 10000000 4800 0000 01000000", NAK(ONE, "0400"), true,
         RPC_BAD_VERSION},
        {"minor version 2", NULL, "05020b03 10000000 4800 0000 01000000", NAK(ONE, "0400"), true,
         RPC_BAD_VERSION},
        {"EBCDIC", NULL, "05000b03 11000000 4800 0000 01000000", NAK(ONE, "0400"), true,
         RPC_BAD_VERSION},
        {"VAX floating point", NULL, "05000b03 10010000 4800 0000 01000000", NAK(ONE, "0400"), true,
         RPC_BAD_VERSION},
        {"unknown integers", NULL, "05000b03 20000000 4800 0000 01000000", NAK(ONE, "0400"), true,
         RPC_BAD_VERSION},
        {"version 4 after bind", BIND, "04000003 10000000 2000 0000 02000000", PE(TWO), true,
         RPC_BAD_VERSION},
        {"connectionless ping", NULL, "04010000 10000000 00000000 00000000",
         NAK("00000000", "0400"), true, RPC_BAD_VERSION},
        {"TLS hello", NULL, "16030100c8", "", true, RPC_NOT_RPC},
        {"HTTP", NULL, "474554202f20485454502f312e31", "", true, RPC_NOT_RPC},
        {"frag_length 0", NULL, "05000b03 10000000 0000 0000 01000000", "", true, RPC_BAD_LENGTH},
        {"frag_length 15", NULL, "05000b03 10000000 0f00 0000 01000000", "", true, RPC_BAD_LENGTH},
        {"empty bind", NULL, "05000b03 10000000 1000 0000 01000000", "", true, RPC_BAD_LENGTH},
        {"bind of 24 bytes", NULL, "05000b03 10000000 1800 0000 01000000", "", true,
         RPC_BAD_LENGTH},
        {"request with a body of 4 bytes", BIND, "05000003 10000000 1400 0000 02000000 00000000",
         "", true, RPC_BAD_LENGTH},
        {"object flag without the UUID", BIND,
         "05000083 10000000 2000 0000 02000000 08000000 0000 0000 0102030405060708", "", true,
         RPC_BAD_LENGTH},
        {"packet type 20", NULL, "05001403 10000000 1000 0000 01000000", "", true, RPC_BAD_TYPE},
        {"packet type 255 after bind", BIND, "0500ff03 10000000 1000 0000 01000000", "", true,
         RPC_BAD_TYPE},
    };

    (void)state;
    CHECK(rows);
}

static void packets_out_of_turn_are_answered_as_the_table_says(void **state)
{
    static const struct row rows[] = {
        {"request before bind", NULL, CALL(TWO), NAK(TWO, "0400"), true, RPC_NOT_BOUND},
        {"request on context ffff before bind", NULL,
         REQUEST("03", "1800", TWO, "00000000", "ffff", "0000"), NAK(TWO, "0400"), true,
         RPC_NOT_BOUND},
        {"alter before bind", NULL,
         "05000e03 10000000 4800 0000 01000000 " SIZES "01000000 " CONTEXT("0000", "01") NDR,
         NAK(ONE, "0400"), true, RPC_NOT_BOUND},
        {"auth3 before bind", NULL, "05001003 10000000 1400 0000 01000000 00000000",
         NAK(ONE, "0400"), true, RPC_NOT_BOUND},
        {"cancel before bind", NULL, "05001203 10000000 1000 0000 01000000", NAK(ONE, "0400"), true,
         RPC_NOT_BOUND},
        {"ping of version 5", NULL, "05000103 10000000 1000 0000 01000000", NAK(ONE, "0400"), true,
         RPC_NOT_BOUND},
        {"response from a client", BIND, "05000203 10000000 1800 0000 02000000 0000000000000000",
         PE(TWO), true, RPC_UNEXPECTED},
        {"fault from a client", BIND, FAULT("03", TWO, "0000", "05000000"), PE(TWO), true,
         RPC_UNEXPECTED},
        {"shutdown from a client", BIND, "05001103 10000000 1000 0000 02000000", PE(TWO), true,
         RPC_UNEXPECTED},
        {"auth3 with nothing under way", BIND, "05001003 10000000 1400 0000 02000000 00000000",
         PE(TWO), true, RPC_UNEXPECTED},
        {"second bind", BIND, BIND, NAK(ONE, "0000"), true, RPC_SECOND_BIND},
        {"cancel after bind", BIND, "05001203 10000000 1000 0000 02000000", "", false, RPC_OK},
        {"orphaned after bind", BIND, "05001303 10000000 1000 0000 02000000", "", false, RPC_OK},
    };

    (void)state;
    CHECK(rows);
}

#define BIND_OF(len, n, contexts)                                                                  \
    "05000b03 10000000 " len " 0000 01000000 " SIZES n " 000000 " contexts
#define ALTER_OF(len, n, contexts)                                                                 \
    "05000e03 10000000 " len " 0000 02000000 " SIZES n " 000000 " contexts
/* No secondary address: length 0, two bytes up to a multiple of 4. */
#define ALTER_RESP(len, n)                                                                         \
    "05000f03 10000000 " len " 0000 02000000 d016 d016 01000100 0000 0000 " n " 000000 "
#define FOREIGN "aaaaaaaabbbbccccddddeeeeeeeeeeee 01000000 "

static void bad_binds_are_answered_as_the_table_says(void **state)
{
    static const struct row rows[] = {
        {"two contexts counted, one there", NULL, BIND_OF("4800", "02", CONTEXT("0000", "01") NDR),
         "", true, RPC_BAD_PDU},
        {"five transfer syntaxes counted, one there", NULL,
         BIND_OF("4800", "01", CONTEXT("0000", "05") NDR), "", true, RPC_BAD_PDU},
        {"padding of 16 bytes", NULL,
         BIND_OF("5800", "01", CONTEXT("0000", "01") NDR "00000000000000000000000000000000"),
         PE(ONE), true, RPC_BAD_PDU},
        {"padding of 15 bytes", NULL,
         BIND_OF("5700", "01", CONTEXT("0000", "01") NDR "000000000000000000000000000000"), ACK,
         false, RPC_OK},
        {"no context", NULL, BIND_OF("1c00", "00", ""), NAK(ONE, "0000"), true, RPC_BAD_BIND},
        {"no context, as short as can be", NULL, "05000b03 10000000 1900 0000 01000000 " SIZES "00",
         NAK(ONE, "0000"), true, RPC_BAD_BIND},
        {"a context counted but not even its padding there", NULL,
         "05000b03 10000000 1900 0000 01000000 " SIZES "01", "", true, RPC_BAD_PDU},
        {"no transfer syntax", NULL, BIND_OF("3400", "01", CONTEXT("0000", "00")), NAK(ONE, "0000"),
         true, RPC_BAD_BIND},
        {"version 1.1", NULL, BIND_OF("4800", "01", "0000 01 00 " ACTIVATION_ID " 01000100 " NDR),
         ACK_FLAGS("03", "3c00", "01") "0200 0100 " NO_SYNTAX, false, RPC_REJECTED},
        {"version 2.0", NULL, BIND_OF("4800", "01", "0000 01 00 " ACTIVATION_ID " 02000000 " NDR),
         ACK_FLAGS("03", "3c00", "01") "0200 0100 " NO_SYNTAX, false, RPC_REJECTED},
        {"foreign interface", NULL, BIND_OF("4800", "01", "0000 01 00 " FOREIGN NDR),
         ACK_FLAGS("03", "3c00", "01") "0200 0100 " NO_SYNTAX, false, RPC_REJECTED},
        {"foreign transfer syntax", NULL, BIND_OF("4800", "01", CONTEXT("0000", "01") FOREIGN),
         ACK_FLAGS("03", "3c00", "01") "0200 0200 " NO_SYNTAX, false, RPC_REJECTED},
        {"unknown group", NULL,
         "05000b03 10000000 4800 0000 01000000 d016 d016 01000000 01000000 " CONTEXT("0000", "01")
             NDR,
         NAK(ONE, "0000"), true, RPC_BAD_GROUP},
        {"features twice", NULL,
         BIND_OF("7400", "02",
                 CONTEXT("0000", "01") FEATURES "0100000000000000 01000000" CONTEXT("0100", "01")
                     FEATURES "0200000000000000 01000000"),
         NAK(ONE, "0000"), true, RPC_BAD_BIND},
        {"alter without contexts", BIND, ALTER_OF("1c00", "00", ""), PE(TWO), true, RPC_BAD_BIND},
        {"alter to another syntax", BIND, ALTER_OF("4800", "01", CONTEXT("0000", "01") NDR64),
         PE(TWO), true, RPC_BAD_BIND},
        {"alter counts larger than its body", BIND,
         ALTER_OF("4800", "09", CONTEXT("0000", "01") NDR), "", true, RPC_BAD_PDU},
    };

    (void)state;
    CHECK(rows);
}

static void good_binds_are_acknowledged(void **state)
{
    static const struct row rows[] = {
        {"plain", NULL, BIND, ACK, false, RPC_OK},
        {"minor version 1", NULL,
         "05010b03 10000000 4800 0000 01000000 " SIZES "01000000 " CONTEXT("0000", "01") NDR, ACK,
         false, RPC_OK},
        {"all flags: only signing and multiplexing come back", NULL, BIND_FLAGS("ff"),
         ACK_FLAGS("17", "3c00", "01") "0000 0000 " NDR, false, RPC_OK},
        {"no flags", NULL, BIND_FLAGS("00"), ACK, false, RPC_OK},
        {"NDR64", NULL, BIND_OF("4800", "01", CONTEXT("0000", "01") NDR64),
         ACK_FLAGS("03", "3c00", "01") "0000 0000 " NDR64, false, RPC_OK},
        {"the first syntax that is ours", NULL,
         BIND_OF("7000", "01", CONTEXT("0000", "03") FOREIGN NDR64 NDR),
         ACK_FLAGS("03", "3c00", "01") "0000 0000 " NDR64, false, RPC_OK},
        {"one acceptance a PDU", NULL,
         BIND_OF("7400", "02", CONTEXT("0000", "01") NDR CONTEXT("0100", "01") NDR64),
         ACK_FLAGS("03", "5400", "02") "0000 0000 " NDR "0200 0200 " NO_SYNTAX, false, RPC_OK},
        {"features, of which two are known", NULL,
         BIND_OF("7400", "02",
                 CONTEXT("0000", "01") NDR CONTEXT("0100", "01") FEATURES
                 "ff00000000000000 01000000"),
         ACK_FLAGS("03", "5400", "02") "0000 0000 " NDR "0300 0300 " NO_SYNTAX, false, RPC_OK},
        {"big-endian", NULL,
         "05000b03 00000000 0048 0000 00000001 16d0 16d0 00000000 01000000 0000 01 00"
         "51c82175844e4750b0d8ec255555bc06 00000001 8a885d041ceb11c99fe808002b104860 00000002",
         ACK, false, RPC_OK},
        {"alter adds a context", BIND, ALTER_OF("4800", "01", CONTEXT("0100", "01") NDR64),
         ALTER_RESP("3800", "01") "0000 0000 " NDR64, false, RPC_OK},
        {"alter repeats a context", BIND, ALTER_OF("4800", "01", CONTEXT("0000", "01") NDR),
         ALTER_RESP("3800", "01") "0000 0000 " NDR, false, RPC_OK},
        {"features in an alter are a foreign syntax", BIND,
         ALTER_OF("4800", "01", CONTEXT("0100", "01") FEATURES "0100000000000000 01000000"),
         ALTER_RESP("3800", "01") "0200 0200 " NO_SYNTAX, false, RPC_REJECTED},
    };

    (void)state;
    CHECK(rows);
}

static void fragment_sizes_are_the_lesser_clamped_and_on_eight_bytes(void **state)
{
    static const struct {
        uint16_t xmit, recv, both;
    } rows[] = {{0xffff, 0xffff, 5840}, {0, 0xffff, 2048},  {0xffff, 0, 2048}, {3199, 0xffff, 3192},
                {0xffff, 3199, 3192},   {2048, 2047, 2048}, {5840, 5839, 5832}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t in[72];
        struct world w;
        const struct buf *out;

        open_world(&w);
        test_unhex(BIND, in, sizeof(in));
        in[16] = (uint8_t)rows[i].xmit;
        in[17] = (uint8_t)(rows[i].xmit >> 8);
        in[18] = (uint8_t)rows[i].recv;
        in[19] = (uint8_t)(rows[i].recv >> 8);
        assert_false(play_bytes(&w, in, sizeof(in), sizeof(in)));
        out = rpc_conn_output(w.conn);
        assert_int_equal(out->data[16] | out->data[17] << 8, rows[i].both);
        assert_int_equal(out->data[18] | out->data[19] << 8, rows[i].both);
        close_world(&w);
    }
}

static void requests_are_answered_as_the_table_says(void **state)
{
    static const struct row rows[] = {
        {"plain", BIND, CALL(TWO), ANSWER(TWO), false, RPC_OK},
        {"call 0", BIND, CALL("00000000"), ANSWER("00000000"), false, RPC_OK},
        {"the same call twice", BIND, CALL(TWO) CALL(TWO), ANSWER(TWO) ANSWER(TWO), false, RPC_OK},
        {"three pipelined", BIND, CALL(TWO) CALL("03000000") CALL("04000000"),
         ANSWER(TWO) ANSWER("03000000") ANSWER("04000000"), false, RPC_OK},
        {"big-endian", BIND,
         "05000003 00000000 0020 0000 00000002 00000008 0000 0000 0102030405060708", ANSWER(TWO),
         false, RPC_OK},
        {"with an object", BIND,
         "05000083 10000000 3000 0000 02000000 08000000 0000 0000"
         "11111111111111111111111111111111 0102030405060708",
         ANSWER(TWO), false, RPC_OK},
        {"operation ffff", BIND, REQUEST("03", "1800", TWO, "00000000", "0000", "ffff"),
         FAULT("23", TWO, "0000", "0200011c"), false, RPC_BAD_OPNUM},
        {"operation 1 of one", BIND, REQUEST("03", "1800", TWO, "00000000", "0000", "0100"),
         FAULT("23", TWO, "0000", "0200011c"), false, RPC_BAD_OPNUM},
        {"context 7", BIND, REQUEST("03", "1800", TWO, "00000000", "0700", "0000"),
         FAULT("23", TWO, "0000", "0300011c"), false, RPC_UNKNOWN_CONTEXT},
        {"context ffff", BIND, REQUEST("03", "1800", TWO, "00000000", "ffff", "0000"),
         FAULT("23", TWO, "0000", "0300011c"), false, RPC_UNKNOWN_CONTEXT},
        {"cancelled from the start", BIND, REQUEST("05", "1800", TWO, "00000000", "0000", "0000"),
         FAULT("23", TWO, "0000", "bd060000"), true, RPC_CANCELLED},
        {"hint of 64 KiB", BIND,
         REQUEST("03", "2000", TWO, "00000100", "0000", "0000") "0102030405060708", ANSWER(TWO),
         false, RPC_OK},
        {"hint of 64 KiB and one", BIND, REQUEST("03", "1800", TWO, "01000100", "0000", "0000"),
         FAULT("03", TWO, "0000", "05000000"), true, RPC_TOO_LARGE},
        {"hint of 64 KiB and one in a first fragment", BIND,
         REQUEST("01", "1800", TWO, "01000100", "0000", "0000"),
         FAULT("03", TWO, "0000", "05000000"), true, RPC_TOO_LARGE},
        {"hint of 1 for 8 bytes", BIND,
         REQUEST("03", "2000", TWO, "01000000", "0000", "0000") "0102030405060708", ANSWER(TWO),
         false, RPC_OK},
    };

    (void)state;
    CHECK(rows);
}

/* The stub of CALL in two halves. */
#define FIRST_HALF(call)  REQUEST("01", "1c00", call, "08000000", "0000", "0000") "01020304"
#define SECOND_HALF(call) REQUEST("02", "1c00", call, "04000000", "0000", "0000") "05060708"
#define BROKEN(call)      FAULT("03", call, "0000", "0b00011c")
#define BIND_MPX          BIND_FLAGS("13")

static void fragments_are_answered_as_the_table_says(void **state)
{
    static const struct row rows[] = {
        {"two fragments", BIND, FIRST_HALF(TWO) SECOND_HALF(TWO), ANSWER(TWO), false, RPC_OK},
        {"a middle one, cancelled", BIND,
         FIRST_HALF(TWO) REQUEST("04", "1800", TWO, "00000000", "0000", "0000") SECOND_HALF(TWO),
         ANSWER(TWO), false, RPC_OK},
        {"cancel and orphaned in between", BIND,
         FIRST_HALF(TWO) "05001203 10000000 1000 0000 02000000"
                         "05001303 10000000 1000 0000 02000000" SECOND_HALF(TWO),
         ANSWER(TWO), false, RPC_OK},
        {"the last changes operation and context", BIND,
         FIRST_HALF(TWO) REQUEST("02", "1c00", TWO, "04000000", "0900", "0300") "05060708",
         ANSWER(TWO), false, RPC_OK},
        {"first twice", BIND, FIRST_HALF(TWO) FIRST_HALF(TWO), BROKEN(TWO), true, RPC_BAD_FRAGMENT},
        {"last only", BIND, SECOND_HALF(TWO), BROKEN(TWO), true, RPC_BAD_FRAGMENT},
        {"middle only", BIND, REQUEST("00", "1800", TWO, "00000000", "0000", "0000"), BROKEN(TWO),
         true, RPC_BAD_FRAGMENT},
        {"another begins: the first gets the fault", BIND, FIRST_HALF(TWO) FIRST_HALF("03000000"),
         BROKEN(TWO), true, RPC_BAD_FRAGMENT},
        {"another goes on: the first gets the fault", BIND, FIRST_HALF(TWO) SECOND_HALF("03000000"),
         BROKEN(TWO), true, RPC_BAD_FRAGMENT},
        {"another representation", BIND,
         FIRST_HALF(TWO) "05000002 00000000 0018 0000 00000002 0000000000000000", BROKEN(TWO), true,
         RPC_BAD_FRAGMENT},
        {"interleaved with multiplexing", BIND_MPX,
         FIRST_HALF(TWO) FIRST_HALF("03000000") CALL("04000000") SECOND_HALF("03000000")
             SECOND_HALF(TWO),
         ANSWER("04000000") ANSWER("03000000") ANSWER(TWO), false, RPC_OK},
        {"unbound context between fragments", BIND_MPX,
         FIRST_HALF(TWO) REQUEST("03", "1800", "03000000", "00000000", "0700", "0000"),
         BROKEN("03000000"), true, RPC_BAD_FRAGMENT},
        {"stray fragment on an unbound context with multiplexing", BIND_MPX,
         REQUEST("02", "1800", TWO, "00000000", "0700", "0000"),
         FAULT("23", TWO, "0000", "0300011c"), false, RPC_UNKNOWN_CONTEXT},
    };

    (void)state;
    CHECK(rows);
}

/* type, level, pad, reserved, context, "none" */
#define TRAILER(type, level) type level "0000 00000000 6e6f6e65"
#define AUTH_BIND(type, level)                                                                     \
    "05000b03 10000000 5400 0400 01000000 " SIZES "01000000 " CONTEXT("0000", "01") NDR TRAILER(   \
        type, level)

static void authentication_is_refused_as_long_as_none_is_served(void **state)
{
    static const struct row rows[] = {
        {"bind, level connect", NULL, AUTH_BIND("0a", "02"), NAK(ONE, "0800"), true, RPC_BAD_AUTH},
        {"bind, level privacy", NULL, AUTH_BIND("10", "06"), NAK(ONE, "0800"), true, RPC_BAD_AUTH},
        {"bind, level 1", NULL, AUTH_BIND("0a", "01"), NAK(ONE, "0000"), true, RPC_BAD_AUTH},
        {"bind, level 0", NULL, AUTH_BIND("0a", "00"), NAK(ONE, "0000"), true, RPC_BAD_AUTH},
        {"bind, level 7", NULL, AUTH_BIND("0a", "07"), NAK(ONE, "0000"), true, RPC_BAD_AUTH},
        {"bind whose trailer does not fit", NULL,
         "05000b03 10000000 1c00 0800 01000000 " SIZES "00000000", NAK(ONE, "0400"), true,
         RPC_BAD_AUTH},
        {"request, well-formed trailer", BIND,
         "05000003 10000000 2400 0400 02000000 00000000 0000 0000" TRAILER("0a", "02"),
         FAULT("03", TWO, "0000", "05000000"), true, RPC_BAD_AUTH},
        {"request, auth_length larger than the fragment", BIND,
         "05000003 10000000 1800 ff00 02000000 00000000 0000 0000", PE(TWO), true, RPC_BAD_AUTH},
        {"request, auth_length without trailer", BIND,
         "05000003 10000000 2000 0800 02000000 00000000 0000 0000 0102030405060708", PE(TWO), true,
         RPC_BAD_AUTH},
        {"request, more padding than stub", BIND,
         "05000003 10000000 2400 0400 02000000 00000000 0000 0000 0a02ff00 00000000 6e6f6e65",
         PE(TWO), true, RPC_BAD_AUTH},
        {"alter, well-formed trailer", BIND,
         "05000e03 10000000 5400 0400 02000000 " SIZES "01000000 " CONTEXT("0000", "01")
             NDR TRAILER("0a", "02"),
         FAULT("23", TWO, "0000", "05000000"), true, RPC_BAD_AUTH},
        {"alter, trailer that does not fit", BIND,
         "05000e03 10000000 1c00 0800 02000000 " SIZES "00000000", PE(TWO), true, RPC_BAD_AUTH},
    };

    (void)state;
    CHECK(rows);
}

static void a_bind_for_a_foreign_interface_leaves_requests_without_context(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    assert_false(play(&w, BIND_OF("4800", "01", "0000 01 00 " FOREIGN NDR), 1));
    buf_clear(rpc_conn_output(w.conn));
    assert_false(play(&w, CALL(TWO), 1));
    expect_output(&w, FAULT("23", TWO, "0000", "0300011c"), "request");
    assert_int_equal(counter_read(&w.server.refused[RPC_UNKNOWN_CONTEXT]), 1);
    close_world(&w);
}

static void a_fragment_above_the_limit_is_refused_at_its_end(void **state)
{
    static uint8_t in[65535];
    struct world w;
    size_t used;

    (void)state;
    for (int bound = 0; bound < 2; bound++) {
        open_world(&w);
        if (bound)
            assert_false(play(&w, BIND, MAX_BYTES));
        buf_clear(rpc_conn_output(w.conn));
        memset(in, 0, sizeof(in));
        test_unhex(bound ? "05000003 10000000 ffff 0000 02000000"
                         : "05000b03 10000000 ffff 0000 01000000",
                   in, 16);
        assert_int_equal(rpc_conn_feed(w.conn, in, 65534, &used), RPC_MORE);
        assert_int_equal(used, 65534);
        assert_true(rpc_conn_in_exchange(w.conn));
        assert_int_equal(rpc_conn_output(w.conn)->len, 0);
        assert_int_equal(rpc_conn_feed(w.conn, in + 65534, 1, &used), RPC_CLOSE);
        expect_output(&w, bound ? BROKEN(TWO) : PE(ONE), "oversize");
        assert_int_equal(rpc_conn_reason(w.conn), RPC_TOO_LARGE);
        close_world(&w);
    }
}

/* 65536 bytes in fragments, and then perhaps one byte more. */
static void reassembly_stops_at_the_bound_of_the_interface(void **state)
{
    (void)state;
    for (unsigned extra = 0; extra < 2; extra++) {
        static uint8_t in[24 + 4096];
        struct world w;
        bool closed = false;

        open_world(&w);
        assert_false(play(&w, BIND, MAX_BYTES));
        buf_clear(rpc_conn_output(w.conn));
        for (unsigned i = 0; i < 16; i++) {
            test_unhex(REQUEST("00", "1810", TWO, "00000000", "0000", "0000"), in, 24);
            in[3] = (uint8_t)(i == 0 ? 1 : i == 15 && extra == 0 ? 2 : 0);
            assert_false(play_bytes(&w, in, sizeof(in), sizeof(in)));
        }
        if (extra == 1)
            closed = play(&w, REQUEST("02", "1900", TWO, "00000000", "0000", "0000") "00", 99);
        assert_int_equal(closed, extra);
        assert_int_equal(w.calls, 1 - extra);
        if (extra == 0)
            assert_int_equal(w.last.stub_len, 65536);
        else
            expect_output(&w, FAULT("03", TWO, "0000", "05000000"), "one byte too many");
        close_world(&w);
    }
}

static void of_a_hundred_contexts_the_first_good_one_is_accepted(void **state)
{
    struct buf hex = BUF_INIT, want = BUF_INIT;
    struct world w;

    (void)state;
    /* 28 + 100 × 44 = 4428 = 0x114c; 36 + 100 × 24 = 2436 = 0x984 */
    buf_add_str(&hex, "05000b03 10000000 4c11 0000 01000000 " SIZES "64 000000 ");
    buf_add_str(&want, ACK_FLAGS("03", "8409", "64"));
    for (unsigned i = 0; i < 100; i++) {
        buf_add_fmt(&hex, "%02x00 01 00 %s 01000000 " NDR, i,
                    i < 3 ? "aaaaaaaabbbbccccddddeeeeeeeeeeee" : ACTIVATION_ID);
        buf_add_str(&want, i < 3    ? "0200 0100 " NO_SYNTAX
                           : i == 3 ? "0000 0000 " NDR
                                    : "0200 0200 " NO_SYNTAX);
    }
    open_world(&w);
    assert_false(play(&w, buf_str(&hex), MAX_BYTES));
    expect_output(&w, buf_str(&want), "hundred contexts");
    assert_false(play(&w, REQUEST("03", "1800", TWO, "00000000", "0300", "0000"), MAX_BYTES));
    assert_int_equal(w.calls, 1);
    close_world(&w);
    buf_fini(&hex);
    buf_fini(&want);
}

static void contexts_of_one_connection_are_capped(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    assert_false(play(&w, BIND, MAX_BYTES));
    for (unsigned i = 1; i <= 32; i++) {
        uint8_t in[72];

        test_unhex(ALTER_OF("4800", "01", CONTEXT("0000", "01") NDR), in, sizeof(in));
        in[28] = (uint8_t)i;
        buf_clear(rpc_conn_output(w.conn));
        assert_false(play_bytes(&w, in, sizeof(in), sizeof(in)));
    }
    /* The 33rd: provider rejection, local limit exceeded. */
    expect_output(&w, ALTER_RESP("3800", "01") "0200 0300 " NO_SYNTAX, "33rd context");
    close_world(&w);
}

static void a_response_echoes_the_low_byte_of_the_context_and_a_fault_all_of_it(void **state)
{
    struct world w;
    size_t used;
    uint8_t in[24];

    (void)state;
    open_world(&w);
    assert_false(play(&w, BIND_OF("4800", "01", CONTEXT("3412", "01") NDR), MAX_BYTES));
    buf_clear(rpc_conn_output(w.conn));
    assert_false(play(&w, REQUEST("03", "1800", TWO, "00000000", "3412", "0000"), MAX_BYTES));
    expect_output(&w, "05000203 10000000 1800 0000 02000000 00000000 3400 00 00", "response");
    test_unhex(REQUEST("03", "1800", TWO, "00000000", "3412", "0000"), in, sizeof(in));
    assert_int_equal(rpc_conn_feed(w.conn, in, sizeof(in), &used), RPC_CALL);
    rpc_conn_fault(w.conn, rpc_conn_call(w.conn), RPC_FAULT_BAD_STUB);
    expect_output(&w, FAULT("03", TWO, "3412", "f7060000"), "fault");
    close_world(&w);
}

static void a_call_tells_what_the_request_said(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    assert_false(play(&w, BIND_OF("4800", "01", CONTEXT("0500", "01") NDR64), MAX_BYTES));
    assert_false(play(&w,
                      "05000083 00000000 0028 0000 0a0b0c0d 00000000 0005 0000"
                      "11223344556677889900aabbccddeeff",
                      MAX_BYTES));
    assert_int_equal(w.last.call_id, 0x0a0b0c0d);
    assert_int_equal(w.last.context_id, 5);
    assert_int_equal(w.last.opnum, 0);
    assert_ptr_equal(w.last.iface, &w.ifaces[0]);
    assert_true(w.last.big);
    assert_true(w.last.ndr64);
    assert_true(w.last.has_object);
    assert_memory_equal(w.last.object.b, "\x44\x33\x22\x11\x66\x55\x88\x77\x99\x00", 10);
    close_world(&w);
}

static void calls_may_be_answered_in_any_order_or_never(void **state)
{
    struct rpc_call *calls[3];
    struct world w;

    (void)state;
    open_world(&w);
    assert_false(play(&w, BIND_MPX, MAX_BYTES));
    buf_clear(rpc_conn_output(w.conn));
    for (unsigned i = 0; i < 3; i++) {
        uint8_t in[32];
        size_t used;

        test_unhex(CALL(TWO), in, sizeof(in));
        in[12] = (uint8_t)(2 + i);
        assert_int_equal(rpc_conn_feed(w.conn, in, sizeof(in), &used), RPC_CALL);
        calls[i] = rpc_conn_call(w.conn);
    }
    assert_int_equal(rpc_conn_calls_open(w.conn), 3);
    rpc_conn_reply(w.conn, calls[2], calls[2]->stub, calls[2]->stub_len);
    rpc_conn_reply(w.conn, calls[0], calls[0]->stub, calls[0]->stub_len);
    expect_output(&w, ANSWER("04000000") ANSWER(TWO), "two of three");
    assert_int_equal(rpc_conn_calls_open(w.conn), 1);
    close_world(&w); /* frees the one that is left */
}

static void groups_live_as_long_as_their_members(void **state)
{
    static const char *const join = "05000b03 10000000 4800 0000 01000000 d016 d016 01000100"
                                    "01000000 " CONTEXT("0000", "01") NDR;
    struct world w;
    struct rpc_conn *first;

    (void)state;
    open_world(&w);
    assert_false(play(&w, BIND, MAX_BYTES));
    first = w.conn;
    w.conn = rpc_conn_new(&w.server);
    assert_false(play(&w, join, MAX_BYTES));
    expect_output(&w, ACK, "joined");
    rpc_conn_free(first);
    rpc_conn_free(w.conn);
    w.conn = rpc_conn_new(&w.server);
    assert_true(play(&w, join, MAX_BYTES));
    assert_int_equal(rpc_conn_reason(w.conn), RPC_BAD_GROUP);
    close_world(&w);
}

/* Every strict prefix waits, in exchange unless it ends at a PDU's end. */
static void every_prefix_waits_for_its_rest(void **state)
{
    uint8_t in[104];
    size_t len = test_unhex(BIND CALL(TWO), in, sizeof(in));

    (void)state;
    for (size_t n = 0; n < len; n++) {
        struct world w;

        open_world(&w);
        assert_false(play_bytes(&w, in, n, MAX_BYTES));
        assert_int_equal(w.calls, 0);
        assert_int_equal(rpc_conn_in_exchange(w.conn), n != 0 && n != 72);
        close_world(&w);
    }
}

static void random_changes_are_safe_and_cutting_differently_changes_nothing(void **state)
{
    struct rng_seeded seeded;
    struct rng rng = test_rng(&seeded);
    uint8_t good[200];
    size_t len = test_unhex(BIND CALL(TWO) FIRST_HALF("03000000") SECOND_HALF("03000000"), good,
                            sizeof(good));

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t in[200];
        struct world a, b;
        bool closed;

        memcpy(in, good, len);
        for (uint64_t i = rng_below(&rng, 4); i < 4; i++)
            in[rng_below(&rng, len)] = (uint8_t)rng_below(&rng, 256);
        open_world(&a);
        open_world(&b);
        closed = play_bytes(&a, in, len, len);
        assert_int_equal(play_bytes(&b, in, len, 1 + rng_below(&rng, 9)), closed);
        assert_int_equal(rpc_conn_reason(a.conn), rpc_conn_reason(b.conn));
        assert_int_equal(rpc_conn_output(a.conn)->len, rpc_conn_output(b.conn)->len);
        close_world(&a);
        close_world(&b);
    }
}

/* The output's error is set by hand, as a failed allocation would. */
static void an_answer_without_memory_leaves_nothing_and_closes(void **state)
{
    static const char *const request = CALL(TWO);
    uint8_t in[72];
    struct world w;
    size_t used;

    (void)state;
    open_world(&w);
    test_unhex(BIND, in, 72);
    rpc_conn_output(w.conn)->err = ERR_NOMEM;
    assert_int_equal(rpc_conn_feed(w.conn, in, 72, &used), RPC_CLOSE);
    assert_int_equal(rpc_conn_reason(w.conn), RPC_NO_MEMORY);
    assert_int_equal(rpc_conn_output(w.conn)->len, 0);
    close_world(&w);
    open_world(&w);
    assert_false(play(&w, BIND, MAX_BYTES));
    buf_clear(rpc_conn_output(w.conn));
    test_unhex(request, in, sizeof(in));
    assert_int_equal(rpc_conn_feed(w.conn, in, 32, &used), RPC_CALL);
    rpc_conn_output(w.conn)->err = ERR_NOMEM;
    rpc_conn_reply(w.conn, rpc_conn_call(w.conn), in, 8);
    assert_int_equal(rpc_conn_reason(w.conn), RPC_NO_MEMORY);
    assert_int_equal(rpc_conn_output(w.conn)->len, 0);
    close_world(&w);
}

static void reasons_have_names_of_their_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RPC_REASONS; i++) {
        assert_non_null(rpc_reason_name((enum rpc_reason)i));
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(rpc_reason_name((enum rpc_reason)i),
                                    rpc_reason_name((enum rpc_reason)k));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_headers_are_answered_as_the_table_says),
        cmocka_unit_test(packets_out_of_turn_are_answered_as_the_table_says),
        cmocka_unit_test(bad_binds_are_answered_as_the_table_says),
        cmocka_unit_test(good_binds_are_acknowledged),
        cmocka_unit_test(fragment_sizes_are_the_lesser_clamped_and_on_eight_bytes),
        cmocka_unit_test(requests_are_answered_as_the_table_says),
        cmocka_unit_test(fragments_are_answered_as_the_table_says),
        cmocka_unit_test(authentication_is_refused_as_long_as_none_is_served),
        cmocka_unit_test(a_bind_for_a_foreign_interface_leaves_requests_without_context),
        cmocka_unit_test(a_fragment_above_the_limit_is_refused_at_its_end),
        cmocka_unit_test(reassembly_stops_at_the_bound_of_the_interface),
        cmocka_unit_test(of_a_hundred_contexts_the_first_good_one_is_accepted),
        cmocka_unit_test(contexts_of_one_connection_are_capped),
        cmocka_unit_test(a_response_echoes_the_low_byte_of_the_context_and_a_fault_all_of_it),
        cmocka_unit_test(a_call_tells_what_the_request_said),
        cmocka_unit_test(calls_may_be_answered_in_any_order_or_never),
        cmocka_unit_test(groups_live_as_long_as_their_members),
        cmocka_unit_test(every_prefix_waits_for_its_rest),
        cmocka_unit_test(random_changes_are_safe_and_cutting_differently_changes_nothing),
        cmocka_unit_test(an_answer_without_memory_leaves_nothing_and_closes),
        cmocka_unit_test(reasons_have_names_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
