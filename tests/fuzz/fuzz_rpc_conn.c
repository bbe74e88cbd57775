/* The server core, with a security provider without cryptography: the first byte says how the rest
 * is cut into pieces, which must not matter: the same bytes at once get the same answers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fakesec.h"
#include "rpc/conn.h"
#include "rpc/lab.h"
#include "rpc/mgmt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct side {
    struct rpc_shared *shared;
    struct rpc_server server;
    struct rpc_conn *conn;
    bool last; /* nobody else has security contexts */
};

static void answer(struct side *s, struct rpc_call *call)
{
    struct buf out = BUF_INIT;
    uint32_t fault =
        call->iface->id == 0 ? rpc_mgmt_handle(&s->server, call, &out) : rpc_lab_handle(call, &out);

    if (fault != 0)
        rpc_conn_fault(s->conn, call, fault);
    else
        rpc_conn_reply(s->conn, call, out.data, out.len);
    buf_fini(&out);
}

static void run(struct side *s, const struct rpc_iface *ifaces, const uint8_t *data, size_t size,
                size_t chunk)
{
    enum rpc_step step = RPC_MORE;
    size_t pos = 0;

    s->server = (struct rpc_server){
        .ifaces = ifaces, .iface_count = 2, .security = &fake_acceptor, .secondary_address = "1"};
    s->shared = rpc_shared_new(0);
    if (s->shared == NULL)
        abort();
    rpc_server_init(&s->server, s->shared);
    s->conn = rpc_conn_new(&s->server);
    if (s->conn == NULL)
        abort();
    while (pos < size && step != RPC_CLOSE) {
        size_t n = chunk < size - pos ? chunk : size - pos;
        size_t used;

        step = rpc_conn_feed(s->conn, data + pos, n, &used);
        if (used > n || (used == 0 && step == RPC_MORE))
            abort();
        pos += used;
        if (step == RPC_CALL)
            answer(s, rpc_conn_call(s->conn));
    }
    if ((step == RPC_CLOSE) != (rpc_conn_reason(s->conn) != RPC_OK))
        abort();
}

static void finish(struct side *s)
{
    rpc_conn_free(s->conn);
    if (rpc_shared_groups(s->shared) != 0)
        abort();
    if (s->last && fake_contexts != 0)
        abort();
    rpc_server_fini(&s->server);
    rpc_shared_free(s->shared);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rpc_iface ifaces[2] = {rpc_mgmt_iface(0), rpc_lab_iface(1)};
    struct side a, b;
    const struct buf *x, *y;

    if (size == 0)
        return 0;
    run(&a, ifaces, data + 1, size - 1, size);
    run(&b, ifaces, data + 1, size - 1, (size_t)data[0] + 1);
    x = rpc_conn_output(a.conn);
    y = rpc_conn_output(b.conn);
    if (rpc_conn_reason(a.conn) != rpc_conn_reason(b.conn) || x->len != y->len ||
        (x->len > 0 && memcmp(x->data, y->data, x->len) != 0))
        abort();
    a.last = false;
    b.last = true;
    finish(&a);
    finish(&b);
    return 0;
}
