/* The client core: bytes of a hostile server. The first byte says what is offered and how the
 * rest is cut into pieces, and whether the calls are signed; whenever a call may follow, one does.
 */
#include <stdint.h>
#include <stdlib.h>

#include "fakesec.h"
#include "rpc/client.h"
#include "rpc/lab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void call_again(struct rpc_client *c)
{
    struct errinfo ei;

    buf_clear(rpc_client_output(c));
    if (rpc_client_call(c, RPC_LAB_ECHO, "\4\0\0\0abcd", 8, &ei) != ERR_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rpc_client_conf conf = {.uuid = rpc_lab_iface(0).uuid, .major = 1};
    enum rpc_client_step step = RPC_CLIENT_MORE;
    struct rpc_client *c;
    size_t chunk, pos = 1;

    if (size == 0)
        return 0;
    conf.offer = (data[0] & 1) != 0 ? RPC_OFFER_BOTH : RPC_OFFER_NDR;
    conf.features = (data[0] & 2) != 0;
    chunk = (size_t)(data[0] >> 2 & 7) + 1;
    if (data[0] >> 6 != 0) {
        conf.security = fake_initiator();
        conf.authn_type = FAKE_TYPE;
        conf.authn_level = (uint8_t)(RPC_LEVEL_PACKET - 1 + (data[0] >> 6)); /* packet … privacy */
    }
    c = rpc_client_new(&conf);
    if (c == NULL)
        abort();
    while (pos < size && step != RPC_CLIENT_FAILED) {
        size_t n = chunk < size - pos ? chunk : size - pos;
        struct errinfo ei = {0};
        size_t used;

        step = rpc_client_feed(c, data + pos, n, &used, &ei);
        if (used == 0 || used > n || (step == RPC_CLIENT_FAILED && ei.code == ERR_OK))
            abort();
        pos += used;
        if (rpc_client_stub(c)->len > 65536)
            abort();
        if (step != RPC_CLIENT_MORE && step != RPC_CLIENT_FAILED)
            call_again(c);
    }
    rpc_client_free(c);
    if (conf.security != NULL)
        conf.security->ops->close(conf.security);
    return 0;
}
