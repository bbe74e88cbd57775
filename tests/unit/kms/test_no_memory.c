/* An activation in process, from the bytes of a client to the bytes of the answer, while the n-th
 * allocation fails: for every n until it completes untouched. The connection may be lost, but it
 * is never half an answer and never a wrong count, and with memory back all goes on.
 *
 * OpenSSL's own allocations are not failed here; see test_no_memory.py. */
#include <stdlib.h>
#include <string.h>

#include "alloc_fail.h"
#include "kms/host.h"
#include "rpc/client.h"
#include "rpc/conn.h"
#include "samples.h"

#define MANY 500 /* no activation takes as many allocations */

/* A host, a machine's request to it, and the server core between. */
struct site {
    struct rng_seeded seeded;
    struct rng rng;
    struct realm_keys keys;
    struct kms_protector *client, *worker;
    struct catalog *catalog;
    struct kms_host *host;
    struct rpc_iface iface;
    struct rpc_shared *shared;
    struct rpc_server server;
    struct kms_exchange exchange;
    struct guid application;
    bool ndr64;
    size_t chunk;         /* bytes that arrive at once; 0: all */
    struct buf bind, ask; /* what the client sends */
};

static void make_host(struct site *s)
{
    struct kms_host_conf conf = {.keys = &s->keys,
                                 .catalog = s->catalog,
                                 .rng = s->rng,
                                 .activation_interval = 120,
                                 .renewal_interval = 10080,
                                 .epid = "55041-LAB-0001"};
    const struct cat_group *g = catalog_group(s->catalog, "Volume License for Windows Server 2022");
    const bool activated = true;

    s->host = kms_host_new(&conf);
    assert_non_null(s->host);
    assert_int_equal(kms_host_set_groups(s->host, &g, &activated, 1), ERR_OK);
}

static struct rpc_client *new_client(const struct site *s, uint16_t fragment)
{
    struct rpc_client_conf conf = {.uuid = kms_interface_uuid,
                                   .major = 1,
                                   .offer = s->ndr64 ? RPC_OFFER_NDR64 : RPC_OFFER_NDR,
                                   .call_fragment = fragment};
    struct rpc_client *c = rpc_client_new(&conf);

    assert_non_null(c);
    return c;
}

/* ---- the server's side, as a daemon's worker does it ---- */

struct turn {
    struct rpc_conn *conn;
    bool counted, replied;
};

/* The answer to a counted request; what fails here closes the connection. */
static void answer(struct site *s, struct turn *t, struct rpc_call *call, struct kms_decision *dec,
                   uint32_t count)
{
    struct buf stub = BUF_INIT;

    if (kms_host_seal(s->host, s->worker, &dec->opened, count, &dec->response) == ERR_OK)
        kms_stub_write_response(dec->response.data, dec->response.len, 0, s->ndr64, &stub);
    if (stub.len > 0 && stub.err == ERR_OK) {
        rpc_conn_reply(t->conn, call, stub.data, stub.len);
        t->replied = rpc_conn_reason(t->conn) == RPC_OK;
    } else {
        rpc_conn_drop(t->conn, call);
    }
    buf_fini(&stub);
}

static void serve(struct site *s, struct turn *t)
{
    struct rpc_call *call = rpc_conn_call(t->conn);
    struct kms_decision dec;
    const uint8_t *data;
    uint32_t count;
    size_t n;

    assert_int_equal(
        kms_stub_read_request(call->stub, call->stub_len, call->big, call->ndr64, &data, &n),
        ERR_OK);
    kms_host_open(s->host, s->worker, data, n, SAMPLE_NOW, &dec);
    assert_int_equal(dec.reason, KMS_ANSWERED);
    t->counted = kms_host_touch(s->host, &s->application, &dec.opened.client_id,
                                dec.request.required_count, SAMPLE_NOW, &count) == ERR_OK;
    if (t->counted)
        answer(s, t, call, &dec, count);
    else
        rpc_conn_drop(t->conn, call);
    buf_fini(&dec.response);
}

/* False: the connection is to be closed. */
static bool feed(struct site *s, struct turn *t, const struct buf *in)
{
    enum rpc_step step = RPC_MORE;

    for (size_t pos = 0; pos < in->len && step != RPC_CLOSE;) {
        size_t left = in->len - pos, used = 0;

        step = rpc_conn_feed(t->conn, in->data + pos,
                             s->chunk != 0 && s->chunk < left ? s->chunk : left, &used);
        pos += used;
        if (step != RPC_CALL)
            continue;
        serve(s, t);
        if (!t->replied)
            return false;
    }
    return step != RPC_CLOSE && rpc_conn_reason(t->conn) == RPC_OK;
}

/* ---- the client's side ---- */

enum said { NOTHING, REFUSAL, ANSWER };

static void check_answer(const struct site *s, const struct buf *stub)
{
    struct kms_response m;
    const uint8_t *data;
    uint32_t result;
    struct errinfo ei;
    size_t n;

    assert_int_equal(
        kms_stub_read_response(stub->data, stub->len, false, s->ndr64, &data, &n, &result), ERR_OK);
    assert_int_equal(result, 0);
    assert_ok(kms_open_response(s->client, &s->exchange, data, n, &m, &ei), &ei);
    assert_int_equal(m.count, 1);
}

/* What the server said: whole packets, of which an answer is one to our request, with the only
 * count there can be. */
static enum said read_output(struct site *s, struct turn *t)
{
    struct rpc_client *c = new_client(s, 0);
    const struct buf *out = rpc_conn_output(t->conn);
    enum rpc_client_step step = RPC_CLIENT_BOUND;
    struct errinfo ei;

    for (size_t pos = 0, used; pos < out->len; pos += used) {
        step = rpc_client_feed(c, out->data + pos, out->len - pos, &used, &ei);
        if (step == RPC_CLIENT_BOUND)
            assert_ok(rpc_client_call(c, KMS_OPNUM_REQUEST_ACTIVATION, s->ask.data, 8, &ei), &ei);
    }
    /* In the middle of a packet or of an answer the last step would ask for more. */
    assert_int_not_equal(step, RPC_CLIENT_MORE);
    /* A bind that is refused: no memory for its group (NAK 1) or for its context (result 2). */
    if (step == RPC_CLIENT_FAILED)
        assert_true(ei.code == ERR_DENIED || ei.code == ERR_NOTFOUND);
    if (step == RPC_CLIENT_RESPONSE)
        check_answer(s, rpc_client_stub(c));
    rpc_client_free(c);
    if (step == RPC_CLIENT_BOUND)
        return NOTHING;
    return step == RPC_CLIENT_RESPONSE ? ANSWER : REFUSAL;
}

/* What a client sends: its bind, and its request in fragments. */
static void record_client(struct site *s, uint16_t major, uint16_t fragment)
{
    const struct cat_product *p = catalog_product(s->catalog, "Windows 11", "Enterprise");
    struct kms_request m = sample_request(major);
    struct rpc_client *c = new_client(s, fragment);
    struct rpc_conn *conn = rpc_conn_new(&s->server);
    struct buf message = BUF_INIT, stub = BUF_INIT, *out = rpc_client_output(c);
    struct errinfo ei = {0};
    size_t used;

    s->application = m.application_id = p->application_id;
    m.activation_id = p->activation_id;
    m.kms_id = p->kms_id;
    assert_ok(kms_seal_request(s->client, &m, &message, &s->exchange, &ei), &ei);
    kms_stub_write_request(message.data, message.len, s->ndr64, &stub);
    buf_add(&s->bind, out->data, out->len);
    assert_int_equal(rpc_conn_feed(conn, out->data, out->len, &used), RPC_MORE);
    buf_clear(out);
    assert_int_equal(
        rpc_client_feed(c, rpc_conn_output(conn)->data, rpc_conn_output(conn)->len, &used, &ei),
        RPC_CLIENT_BOUND);
    assert_ok(rpc_client_call(c, KMS_OPNUM_REQUEST_ACTIVATION, stub.data, stub.len, &ei), &ei);
    buf_add(&s->ask, out->data, out->len);
    buf_fini(&message);
    buf_fini(&stub);
    rpc_conn_free(conn);
    rpc_client_free(c);
}

static void open_site(struct site *s, uint16_t major, bool ndr64, uint16_t fragment, size_t chunk)
{
    struct errinfo ei = {0};

    *s = (struct site){.ndr64 = ndr64, .chunk = chunk};
    rng_seeded_init(&s->seeded, 1);
    s->rng = rng_from_seed(&s->seeded);
    s->keys = sample_keys(1);
    s->client = sample_protector(1, s->rng);
    s->worker = sample_protector(1, s->rng);
    assert_ok(catalog_load(&s->catalog, &ei), &ei);
    s->iface = (struct rpc_iface){.uuid = kms_interface_uuid,
                                  .major = 1,
                                  .opnums = 1,
                                  .max_stub = 65536,
                                  .name = "activation"};
    s->server = (struct rpc_server){.ifaces = &s->iface, .iface_count = 1};
    s->shared = rpc_shared_new(0);
    assert_non_null(s->shared);
    rpc_server_init(&s->server, s->shared);
    record_client(s, major, fragment);
}

static void close_site(struct site *s)
{
    rpc_server_fini(&s->server);
    rpc_shared_free(s->shared);
    kms_protector_free(s->client);
    kms_protector_free(s->worker);
    catalog_free(s->catalog);
    buf_fini(&s->bind);
    buf_fini(&s->ask);
}

/* ---- the rule ---- */

/* With memory there, the request is answered on a new connection, and its client counted once. */
static void check_recovery(struct site *s)
{
    struct turn t = {.conn = rpc_conn_new(&s->server)};

    assert_non_null(t.conn);
    assert_true(feed(s, &t, &s->bind) && feed(s, &t, &s->ask));
    assert_int_equal(read_output(s, &t), ANSWER);
    assert_int_equal(kms_host_count(s->host, &s->application, SAMPLE_NOW), 1);
    rpc_conn_free(t.conn);
}

/* One activation with the n-th allocation failing. Returns whether none was reached. */
static bool attempt(struct site *s, unsigned n, bool all)
{
    struct turn t = {0};
    enum said said = NOTHING;
    bool open = false, untouched;

    make_host(s);
    alloc_fail_at(n, all);
    t.conn = rpc_conn_new(&s->server);
    if (t.conn != NULL)
        open = feed(s, &t, &s->bind) && feed(s, &t, &s->ask);
    untouched = !alloc_has_failed();
    alloc_fail_at(0, false);
    assert_int_equal(kms_host_count(s->host, &s->application, SAMPLE_NOW), t.counted ? 1 : 0);
    if (t.conn != NULL)
        said = read_output(s, &t);
    assert_int_equal(said == ANSWER, t.replied);
    assert_true(t.counted || !t.replied);
    assert_true(!open || said != NOTHING); /* nobody waits for ever */
    assert_true(!untouched || t.replied);
    rpc_conn_free(t.conn);
    check_recovery(s);
    kms_host_free(s->host);
    return untouched;
}

static void no_failing_allocation_gives_half_an_answer_or_a_wrong_count(void **state)
{
    static const struct {
        uint16_t fragment;
        size_t chunk;
    } ways[] = {{0, 0}, {64, 0}, {0, 1}, {64, 100}};

    (void)state;
    for (unsigned i = 0; i < 3 * 2 * 4 * 2; i++) {
        struct site s;
        unsigned n = 1;

        open_site(&s, (uint16_t)(4 + i % 3), i / 3 % 2 != 0, ways[i / 6 % 4].fragment,
                  ways[i / 6 % 4].chunk);
        while (!attempt(&s, n, i / 24 != 0) && n < MANY)
            n++;
        /* The connection, its group and contexts, the call, the client in the count, the answer …
         */
        assert_in_range(n, 6, MANY - 1);
        close_site(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_failing_allocation_gives_half_an_answer_or_a_wrong_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
