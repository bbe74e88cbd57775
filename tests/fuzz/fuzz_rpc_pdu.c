/* The readers of single packets, which trust only the header's frag_length. */
#include <stdint.h>
#include <stdlib.h>

#include "rpc/pdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct rpc_bind *b)
{
    for (unsigned i = 0; i < b->contexts; i++) {
        struct rpc_proposal p = rpc_bind_next(&b->list);

        for (unsigned k = 0; k < p.transfers; k++)
            (void)rpc_syntax_read(&p.list);
        if (wire_end(&p.list) != ERR_OK)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rpc_request q;
    struct rpc_bind b;
    struct rpc_hdr h;

    if (size < RPC_HDR_LEN || rpc_hdr_read(data, &h) != RPC_OK || h.frag_len > size)
        return 0;
    if ((h.ptype == RPC_BIND || h.ptype == RPC_ALTER) && rpc_bind_read(&h, data, &b) == ERR_OK)
        walk(&b);
    if (h.ptype == RPC_REQUEST && rpc_request_read(&h, data, &q) == ERR_OK &&
        (q.stub < data || q.stub + q.stub_len > data + h.frag_len))
        abort();
    return 0;
}
