#include "steward/activate.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/hostport.h"
#include "kms/stub.h"
#include "net/dial.h"
#include "rpc/lab.h"

#define DEFAULT_PORT 1688
#define TIMEOUT_MS   10000

static enum err split(const char *text, struct hostport *out, struct errinfo *ei)
{
    if (!hostport_parse(text, strlen(text), out) || out->host[0] == '\0')
        return err_fail(ei, ERR_CONFIG, "clearing house \"%.80s\": expected ADDRESS[:PORT]", text);
    if (out->port == 0)
        out->port = DEFAULT_PORT;
    return ERR_OK;
}

static void write_request(void *arg, bool ndr64, struct buf *out)
{
    const struct buf *request = arg;

    kms_stub_write_request(request->data, request->len, ndr64, out);
}

/* Sends the request; the answer's bytes are appended, or hresult says why there are none. */
static enum err call(const struct activate_house *house, const struct buf *request,
                     struct buf *answer, uint32_t *hresult, struct errinfo *ei)
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
                     .opnum = RPC_LAB_CLEARING,
                     .timeout_ms = house->timeout_ms,
                     .stub = write_request,
                     .arg = (void *)(uintptr_t)request};
    size_t n = 0;
    enum err e = split(house->address, &to, ei);

    if (e == ERR_OK) {
        d.port = to.port;
        e = resolver_new(house->dns, &r, ei);
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

/* Sends what was asked and judges the answer. */
static enum err ask(const struct activate_house *house, const struct clearing_case *c,
                    const struct buf *request, struct clearing_answer *out, struct errinfo *ei)
{
    struct buf answer = BUF_INIT;
    uint32_t hresult = 0;
    enum err e = call(house, request, &answer, &hresult, ei);

    if (e == ERR_OK && hresult != 0)
        e = err_fail_hr(ei, ERR_REFUSED, hresult, "%s", clearing_hresult_text(hresult));
    else if (e == ERR_OK)
        e = clearing_accept(c, answer.data, answer.len, out, ei);
    buf_fini(&answer);
    return e;
}

enum err activate_online(const struct settings *s, const struct hostkey *k, enum iid_kind kind,
                         const struct guid *target, const char *name, struct clearing_answer *out,
                         struct errinfo *ei)
{
    const struct activate_house house = {.address = s->clearing_host, .timeout_ms = TIMEOUT_MS};
    struct rng rng = rng_system();
    struct clearing_case c = {0};
    struct buf request = BUF_INIT;
    enum err e = clearing_ask(k, kind, target, name, &rng, &c, &request, ei);

    if (e == ERR_OK)
        e = ask(&house, &c, &request, out, ei);
    if (e != ERR_OK)
        err_context(ei, "activate host key at clearing house %s", house.address);
    OPENSSL_cleanse(&c, sizeof(c));
    buf_fini(&request);
    return e;
}

enum err activate_machine(const struct activate_house *house, const struct realm_keys *keys,
                          const char *key, const struct guid *hardware, const char *name,
                          struct clearing_answer *out, struct errinfo *ei)
{
    struct rng rng = rng_system();
    struct clearing_case c = {0};
    struct buf request = BUF_INIT;
    enum err e = clearing_ask_machine(keys, key, hardware, name, &rng, &c, &request, ei);

    if (e == ERR_OK)
        e = ask(house, &c, &request, out, ei);
    if (e != ERR_OK)
        err_context(ei, "activate at clearing house %s", house->address);
    OPENSSL_cleanse(&c, sizeof(c));
    buf_fini(&request);
    return e;
}
