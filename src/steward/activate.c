#include "steward/activate.h"

#include <openssl/crypto.h>
#include <string.h>

#include "steward/labcall.h"

#define TIMEOUT_MS 10000

/* Sends what was asked and judges the answer. */
static enum err ask(const struct activate_house *house, const struct clearing_case *c,
                    const struct buf *request, struct clearing_answer *out, struct errinfo *ei)
{
    struct buf answer = BUF_INIT;
    uint32_t hresult = 0;
    const struct labcall call = {.what = "clearing house",
                                 .address = house->address,
                                 .dns = house->dns,
                                 .timeout_ms = house->timeout_ms,
                                 .op = RPC_LAB_CLEARING};
    enum err e = labcall(&call, request, &answer, &hresult, ei);

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
