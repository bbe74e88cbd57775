#include "daemon/clearing.h"
#include "rpc/lab.h"
#include "rpc/mgmt.h"

/* C706 12.6.3.1: the whole request; ours are below 300 bytes. */
#define ACTIVATION_MAX_STUB 65536

size_t calls_interfaces(struct daemon *d)
{
    d->ifaces[IFACE_ACTIVATION] = (struct rpc_iface){
        .uuid = kms_interface_uuid,
        .major = 1,
        .minor = 0,
        .opnums = KMS_OPNUM_REQUEST_ACTIVATION + 1,
        .max_stub = ACTIVATION_MAX_STUB,
        .name = "activation",
        .id = IFACE_ACTIVATION,
    };
    d->ifaces[IFACE_MANAGEMENT] = rpc_mgmt_iface(IFACE_MANAGEMENT);
    d->ifaces[IFACE_LAB] = rpc_lab_iface(IFACE_LAB);
    return d->settings.lab ? IFACE_COUNT : IFACE_LAB;
}

static void answer(struct net_call *call, uint32_t fault, struct buf *out)
{
    if (out->err != ERR_OK)
        net_call_abort(call, "out of memory");
    else if (fault != 0)
        net_call_fault(call, fault);
    else
        net_call_reply(call, out->data, out->len);
    buf_fini(out);
}

void calls_dispatch(void *arg, struct net_call *call)
{
    struct daemon *d = arg;
    const struct rpc_call *rpc = net_call_rpc(call);
    struct buf out = BUF_INIT;

    switch (rpc->iface->id) {
    case IFACE_ACTIVATION:
        activation_call(&d->workers[net_call_worker(call)], call);
        break;
    case IFACE_MANAGEMENT:
        answer(call, rpc_mgmt_handle(net_call_server(call), rpc, &out), &out);
        break;
    default:
        if (rpc->opnum == RPC_LAB_CLEARING && d->clearing != NULL) {
            net_call_to_main(call, clearing_call, d);
            break;
        }
        if (rpc->opnum == RPC_LAB_REPORT) {
            selfreports_call(&d->workers[net_call_worker(call)], call);
            break;
        }
        answer(call, rpc_lab_handle(rpc, &out), &out);
    }
}
