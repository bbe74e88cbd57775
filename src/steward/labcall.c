#include "steward/labcall.h"

#include <string.h>

#include "base/hostport.h"
#include "kms/stub.h"
#include "net/dial.h"

#define DEFAULT_PORT 1688

static enum err split(const char *what, const char *text, struct hostport *out, struct errinfo *ei)
{
    if (!hostport_parse(text, strlen(text), out) || out->host[0] == '\0')
        return err_fail(ei, ERR_CONFIG, "%s \"%.80s\": expected ADDRESS[:PORT]", what, text);
    if (out->port == 0)
        out->port = DEFAULT_PORT;
    return ERR_OK;
}

static void write_request(void *arg, bool ndr64, struct buf *out)
{
    const struct buf *request = arg;

    kms_stub_write_request(request->data, request->len, ndr64, out);
}

enum err labcall(const struct labcall *c, const struct buf *request, struct buf *answer,
                 uint32_t *hresult, struct errinfo *ei)
{
    struct rpc_iface lab = rpc_lab_iface(0);
    struct dial_reply reply = {0};
    struct resolver *r = NULL;
    const uint8_t *data = NULL;
    struct hostport to;
    struct dial d = {.host = to.host,
                     .iface = lab.uuid,
                     .major = lab.major,
                     .minor = lab.minor,
                     .opnum = (uint16_t)c->op,
                     .timeout_ms = c->timeout_ms,
                     .stub = write_request,
                     .arg = (void *)(uintptr_t)request};
    size_t n = 0;
    enum err e = split(c->what, c->address, &to, ei);

    if (e == ERR_OK) {
        d.port = to.port;
        e = resolver_new(c->dns, &r, ei);
    }
    if (e == ERR_OK)
        e = dial_call(r, &d, &reply, ei);
    if (e == ERR_OK && kms_stub_read_response(reply.stub.data, reply.stub.len, reply.big,
                                              reply.ndr64, &data, &n, hresult) != ERR_OK)
        e = err_fail(ei, ERR_MALFORMED, "the answer's parameters are not well-formed");
    if (e == ERR_OK)
        buf_add(answer, data, n);
    if (e == ERR_OK && answer->err != ERR_OK)
        e = err_nomem(ei);
    buf_fini(&reply.stub);
    resolver_free(r);
    return e;
}
