/* The client against the server core, in process. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "fakesec.h"
#include "rpc/client.h"
#include "rpc/conn.h"
#include "rpc/lab.h"
#include "rpc/pdu.h"

struct pair {
    struct rpc_iface iface;
    struct rpc_shared *shared;
    struct rpc_server server;
    struct rpc_conn *conn;
    struct rpc_client *client;
    size_t chunk; /* bytes that arrive at once; 0: all */
};

static void pair_open(struct pair *p, const struct rpc_client_conf *conf)
{
    p->iface = rpc_lab_iface(1);
    p->server =
        (struct rpc_server){.ifaces = &p->iface, .iface_count = 1, .security = &fake_acceptor};
    p->shared = rpc_shared_new(0);
    assert_non_null(p->shared);
    rpc_server_init(&p->server, p->shared);
    strcpy(p->server.secondary_address, "1688");
    p->conn = rpc_conn_new(&p->server);
    p->client = rpc_client_new(conf);
    assert_non_null(p->conn);
    assert_non_null(p->client);
}

static void pair_close(struct pair *p)
{
    rpc_client_free(p->client);
    rpc_conn_free(p->conn);
    rpc_server_fini(&p->server);
    rpc_shared_free(p->shared);
}

static struct rpc_client_conf lab_conf(void)
{
    return (struct rpc_client_conf){
        .uuid = rpc_lab_iface(0).uuid, .major = 1, .max_stub = 1u << 20};
}

/* Carries what the client has to the server, which sends back the stub as it is. */
static void to_server(struct pair *p)
{
    struct buf *out = rpc_client_output(p->client);

    while (out->len > 0) {
        size_t n = p->chunk != 0 && p->chunk < out->len ? p->chunk : out->len;
        size_t used;
        enum rpc_step step = rpc_conn_feed(p->conn, out->data, n, &used);

        assert_int_not_equal(step, RPC_CLOSE);
        assert_true(used <= n);
        buf_drop(out, used);
        if (step == RPC_CALL) {
            struct rpc_call *call = rpc_conn_call(p->conn);

            if (call->opnum == RPC_LAB_ECHO)
                rpc_conn_reply(p->conn, call, call->stub, call->stub_len);
            else
                rpc_conn_fault(p->conn, call, RPC_FAULT_BAD_STUB);
        }
    }
}

static enum rpc_client_step to_client(struct pair *p, struct errinfo *ei)
{
    struct buf *out = rpc_conn_output(p->conn);
    enum rpc_client_step step = RPC_CLIENT_MORE;

    while (out->len > 0 && step == RPC_CLIENT_MORE) {
        size_t n = p->chunk != 0 && p->chunk < out->len ? p->chunk : out->len;
        size_t used;

        step = rpc_client_feed(p->client, out->data, n, &used, ei);
        assert_true(used > 0 && used <= n);
        buf_drop(out, used);
    }
    return step;
}

static enum rpc_client_step turn(struct pair *p, struct errinfo *ei)
{
    to_server(p);
    return to_client(p, ei);
}

static void echo_once(struct pair *p, size_t len, uint8_t seed)
{
    struct errinfo ei;
    uint8_t *stub = malloc(len + 1);

    assert_non_null(stub);
    for (size_t i = 0; i < len; i++)
        stub[i] = (uint8_t)(i * 7 + seed);
    assert_ok(rpc_client_call(p->client, RPC_LAB_ECHO, stub, len, &ei), &ei);
    assert_int_equal(turn(p, &ei), RPC_CLIENT_RESPONSE);
    assert_int_equal(rpc_client_stub(p->client)->len, len);
    if (len > 0)
        assert_memory_equal(rpc_client_stub(p->client)->data, stub, len);
    free(stub);
}

static void a_call_comes_back_whatever_its_length(void **state)
{
    static const size_t lens[] = {0, 1, 7, 8, 255, 2024, 2025, 5808, 5816, 5817, 20000};
    struct rpc_client_conf conf = lab_conf();
    struct errinfo ei;
    struct pair p = {0};

    (void)state;
    pair_open(&p, &conf);
    assert_int_equal(turn(&p, &ei), RPC_CLIENT_BOUND);
    assert_false(rpc_client_ndr64(p.client));
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
        echo_once(&p, lens[i], (uint8_t)i);
    pair_close(&p);
}

static void every_fragment_size_carries_a_call(void **state)
{
    struct rpc_client_conf conf = lab_conf();
    struct errinfo ei;

    (void)state;
    for (unsigned size = 1; size <= RPC_FRAG_MAX; size += size < 300 ? 1 : 531) {
        struct pair p = {0};

        conf.call_fragment = (uint16_t)size;
        conf.max_fragment = (uint16_t)(size % 2 == 0 ? 0 : 2048 + size);
        if (conf.max_fragment > RPC_FRAG_MAX)
            conf.max_fragment = RPC_FRAG_MAX;
        pair_open(&p, &conf);
        assert_int_equal(turn(&p, &ei), RPC_CLIENT_BOUND);
        echo_once(&p, 3000, (uint8_t)size);
        pair_close(&p);
    }
}

static void bytes_may_arrive_one_at_a_time(void **state)
{
    struct rpc_client_conf conf = lab_conf();
    struct errinfo ei;
    struct pair p = {.chunk = 1};

    (void)state;
    pair_open(&p, &conf);
    assert_int_equal(turn(&p, &ei), RPC_CLIENT_BOUND);
    echo_once(&p, 6000, 3);
    echo_once(&p, 10, 4);
    pair_close(&p);
}

static void what_is_offered_is_agreed(void **state)
{
    static const enum rpc_offer offers[] = {RPC_OFFER_NDR, RPC_OFFER_NDR64, RPC_OFFER_BOTH};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct rpc_client_conf conf = lab_conf();
        struct errinfo ei;
        struct pair p = {0};

        conf.offer = offers[i / 2];
        conf.features = i % 2 != 0;
        pair_open(&p, &conf);
        assert_int_equal(turn(&p, &ei), RPC_CLIENT_BOUND);
        assert_int_equal(rpc_client_ndr64(p.client), conf.offer != RPC_OFFER_NDR);
        assert_int_equal(rpc_client_features(p.client), conf.features ? 3 : 0);
        echo_once(&p, 100, 5);
        pair_close(&p);
    }
}

static void a_fault_tells_its_status_and_the_next_call_works(void **state)
{
    struct rpc_client_conf conf = lab_conf();
    struct errinfo ei;
    struct pair p = {0};

    (void)state;
    pair_open(&p, &conf);
    assert_int_equal(turn(&p, &ei), RPC_CLIENT_BOUND);
    assert_ok(rpc_client_call(p.client, 0, NULL, 0, &ei), &ei);
    assert_int_equal(turn(&p, &ei), RPC_CLIENT_FAULT);
    assert_int_equal(rpc_client_fault(p.client), RPC_FAULT_BAD_STUB);
    assert_ok(rpc_client_call(p.client, 99, NULL, 0, &ei), &ei);
    assert_int_equal(turn(&p, &ei), RPC_CLIENT_FAULT);
    assert_int_equal(rpc_client_fault(p.client), RPC_FAULT_OP_RANGE);
    echo_once(&p, 10, 6);
    pair_close(&p);
}

static void a_call_before_bind_or_during_a_call_is_refused(void **state)
{
    struct rpc_client_conf conf = lab_conf();
    struct errinfo ei;
    struct pair p = {0};

    (void)state;
    pair_open(&p, &conf);
    assert_int_equal(rpc_client_call(p.client, 4, NULL, 0, &ei), ERR_NOT_NOW);
    assert_int_equal(turn(&p, &ei), RPC_CLIENT_BOUND);
    assert_ok(rpc_client_call(p.client, 4, NULL, 0, &ei), &ei);
    assert_int_equal(rpc_client_call(p.client, 4, NULL, 0, &ei), ERR_NOT_NOW);
    pair_close(&p);
}

static void an_interface_that_is_not_served_is_named(void **state)
{
    struct rpc_client_conf conf = lab_conf();
    struct errinfo ei;
    struct pair p = {0};

    (void)state;
    conf.major = 2;
    pair_open(&p, &conf);
    assert_int_equal(turn(&p, &ei), RPC_CLIENT_FAILED);
    assert_int_equal(ei.code, ERR_NOTFOUND);
    assert_contains(ei.text, "not served");
    pair_close(&p);
}

/* One answer of a server, fed to a client that has just sent its bind (call 1) or, after ack, a
 * request (call 2). */
static enum rpc_client_step answer(const char *ack, const char *hex, struct errinfo *ei)
{
    struct rpc_client_conf conf = lab_conf();
    struct rpc_client *c = rpc_client_new(&conf);
    enum rpc_client_step step;
    uint8_t bytes[512];
    size_t used, n;

    assert_non_null(c);
    if (ack != NULL) {
        n = test_unhex(ack, bytes, sizeof(bytes));
        assert_int_equal(rpc_client_feed(c, bytes, n, &used, ei), RPC_CLIENT_BOUND);
        assert_ok(rpc_client_call(c, 4, "abc", 3, ei), ei);
    }
    n = test_unhex(hex, bytes, sizeof(bytes));
    step = rpc_client_feed(c, bytes, n, &used, ei);
    rpc_client_free(c);
    return step;
}

/* C706 12.6.4.4 by hand: sizes 5840, group 1, no secondary address, one accepted context, NDR. */
#define ACK                                                                                        \
    "05000c03 10000000 3800 0000 01000000  d016 d016 01000000 0000 0000 01000000"                  \
    " 0000 0000 045d888aeb1cc9119fe808002b104860 02000000"

static void what_a_server_may_not_send_fails_the_association(void **state)
{
    static const struct {
        const char *ack, *hex;
        enum err code;
        const char *text;
    } rows[] = {
        {NULL, "05000d03 10000000 1800 0000 01000000 0400 01 0500 000000", ERR_DENIED, "version"},
        {NULL, "05000d03 10000000 1800 0000 01000000 0800 01 0500 000000", ERR_DENIED, "type"},
        {NULL, "48545450 2f312e31 20343030 20426164", ERR_MALFORMED, "no DCE/RPC"},
        {NULL, "05000203 10000000 1800 0000 01000000 00000000 00000000", ERR_MALFORMED, "type 2"},
        {NULL, "05000c03 10000000 1a00 0000 01000000 d016d016 01000000 ffff", ERR_TRUNCATED, "ack"},
        {ACK, "05000203 10000000 1800 0000 09000000 00000000 00000000", ERR_MALFORMED, "call 9"},
        {ACK, "05000202 10000000 1800 0000 02000000 00000000 00000000", ERR_MALFORMED, "order"},
        {ACK, "05000203 10000000 1000 0000 02000000", ERR_MALFORMED, "bad-length"},
        {ACK, "05000203 10000000 d116 0000 02000000", ERR_MALFORMED, "too-large"},
        {ACK, ACK, ERR_MALFORMED, "type 12"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct errinfo ei = {0};

        assert_int_equal(answer(rows[i].ack, rows[i].hex, &ei), RPC_CLIENT_FAILED);
        assert_int_equal(ei.code, rows[i].code);
        assert_contains(ei.text, rows[i].text);
    }
}

static void a_big_endian_answer_is_read(void **state)
{
    struct errinfo ei;

    (void)state;
    /* The ack and an empty response in big-endian representation. */
    assert_int_equal(answer("05000c03 00000000 0038 0000 00000001  16d0 16d0 00000001 0000 0000"
                            "01000000 0000 0000 8a885d041ceb11c99fe808002b104860 00000002",
                            "05000203 00000000 0018 0000 00000002 00000000 0000 0000", &ei),
                     RPC_CLIENT_RESPONSE);
}

static void a_response_above_the_bound_fails(void **state)
{
    struct rpc_client_conf conf = lab_conf();
    struct errinfo ei;
    struct pair p = {0};
    uint8_t stub[200] = {0};

    (void)state;
    conf.max_stub = 199;
    pair_open(&p, &conf);
    assert_int_equal(turn(&p, &ei), RPC_CLIENT_BOUND);
    assert_ok(rpc_client_call(p.client, RPC_LAB_ECHO, stub, sizeof(stub), &ei), &ei);
    assert_int_equal(turn(&p, &ei), RPC_CLIENT_FAILED);
    assert_int_equal(ei.code, ERR_LIMIT);
    pair_close(&p);
}

/* Turns until the association stands. */
static void bind_securely(struct pair *p)
{
    enum rpc_client_step step = RPC_CLIENT_MORE;
    struct errinfo ei;

    for (int legs = 0; step == RPC_CLIENT_MORE && legs < 4; legs++)
        step = turn(p, &ei);
    assert_int_equal(step, RPC_CLIENT_BOUND);
}

static void calls_of_every_level_are_signed_and_checked(void **state)
{
    static const uint8_t levels[] = {RPC_LEVEL_CONNECT, RPC_LEVEL_PACKET, RPC_LEVEL_INTEGRITY,
                                     RPC_LEVEL_PRIVACY};
    static const size_t lens[] = {0, 1, 16, 5760, 5792, 5793, 20000};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct rpc_client_conf conf = lab_conf();
        struct pair p = {.chunk = i % 2 == 0 ? 0 : 1};

        conf.security = fake_initiator();
        assert_non_null(conf.security);
        conf.authn_type = FAKE_TYPE;
        conf.authn_level = levels[i];
        pair_open(&p, &conf);
        bind_securely(&p);
        assert_string_equal(rpc_client_peer(p.client)->principal, "PC01$@LAB.EXAMPLE");
        for (size_t k = 0; k < sizeof(lens) / sizeof(lens[0]); k++)
            echo_once(&p, lens[k], (uint8_t)k);
        pair_close(&p);
        conf.security->ops->close(conf.security);
        assert_int_equal(fake_contexts, 0);
    }
}

static void an_answer_that_was_changed_on_the_way_is_not_believed(void **state)
{
    (void)state;
    for (size_t at = 16; at < 24 + 16 + 8 + FAKE_SIGNATURE; at++) { /* before: the framing */
        struct rpc_client_conf conf = lab_conf();
        struct pair p = {0};
        struct errinfo ei;

        conf.security = fake_initiator();
        conf.authn_type = FAKE_TYPE;
        conf.authn_level = RPC_LEVEL_PRIVACY;
        pair_open(&p, &conf);
        bind_securely(&p);
        assert_ok(rpc_client_call(p.client, RPC_LAB_ECHO, "12345678", 8, &ei), &ei);
        to_server(&p);
        rpc_conn_output(p.conn)->data[at] ^= 1;
        assert_int_equal(to_client(&p, &ei), RPC_CLIENT_FAILED);
        pair_close(&p);
        conf.security->ops->close(conf.security);
    }
}

static void a_server_whose_signatures_leave_out_headers_is_not_asked(void **state)
{
    static const uint8_t levels[] = {RPC_LEVEL_CONNECT, RPC_LEVEL_PACKET, RPC_LEVEL_INTEGRITY,
                                     RPC_LEVEL_PRIVACY};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct rpc_client_conf conf = lab_conf();
        struct pair p = {0};
        struct errinfo ei;

        conf.security = fake_initiator();
        conf.authn_type = FAKE_TYPE;
        conf.authn_level = levels[i];
        pair_open(&p, &conf);
        to_server(&p);
        rpc_conn_output(p.conn)->data[3] &= (uint8_t)~RPC_PFC_HDR_SIGNING;
        if (levels[i] == RPC_LEVEL_CONNECT) {
            assert_int_not_equal(to_client(&p, &ei), RPC_CLIENT_FAILED);
        } else {
            assert_int_equal(to_client(&p, &ei), RPC_CLIENT_FAILED);
            assert_contains(ei.text, "does not sign headers");
        }
        pair_close(&p);
        conf.security->ops->close(conf.security);
    }
}

static void a_server_that_knows_no_authentication_is_told(void **state)
{
    struct rpc_client_conf conf = lab_conf();
    struct pair p = {0};
    struct errinfo ei;

    (void)state;
    conf.security = fake_initiator();
    conf.authn_type = 10;
    conf.authn_level = RPC_LEVEL_INTEGRITY;
    pair_open(&p, &conf);
    while (rpc_client_output(p.client)->len > 0) {
        size_t used;

        (void)rpc_conn_feed(p.conn, rpc_client_output(p.client)->data,
                            rpc_client_output(p.client)->len, &used);
        buf_drop(rpc_client_output(p.client), used);
    }
    assert_int_equal(to_client(&p, &ei), RPC_CLIENT_FAILED);
    assert_int_equal(ei.code, ERR_DENIED);
    assert_non_null(strstr(ei.text, "authentication type not recognised"));
    pair_close(&p);
    conf.security->ops->close(conf.security);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_comes_back_whatever_its_length),
        cmocka_unit_test(every_fragment_size_carries_a_call),
        cmocka_unit_test(bytes_may_arrive_one_at_a_time),
        cmocka_unit_test(what_is_offered_is_agreed),
        cmocka_unit_test(a_fault_tells_its_status_and_the_next_call_works),
        cmocka_unit_test(a_call_before_bind_or_during_a_call_is_refused),
        cmocka_unit_test(an_interface_that_is_not_served_is_named),
        cmocka_unit_test(what_a_server_may_not_send_fails_the_association),
        cmocka_unit_test(a_big_endian_answer_is_read),
        cmocka_unit_test(a_response_above_the_bound_fails),
        cmocka_unit_test(calls_of_every_level_are_signed_and_checked),
        cmocka_unit_test(an_answer_that_was_changed_on_the_way_is_not_believed),
        cmocka_unit_test(a_server_whose_signatures_leave_out_headers_is_not_asked),
        cmocka_unit_test(a_server_that_knows_no_authentication_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
