#include "fakesec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fake_contexts;

struct fake {
    struct rpc_security security;
    bool initiator;
    unsigned legs;
    bool sealing, ordered;
    uint16_t sent, seen;
};

static bool is(const void *token, size_t len, const char *text)
{
    return len == strlen(text) && memcmp(token, text, len) == 0;
}

static enum rpc_security_step done(const struct fake *f, struct rpc_security_facts *facts)
{
    *facts = (struct rpc_security_facts){
        .own_realm = true, .private = f->sealing, .ordered = f->ordered};
    snprintf(facts->principal, sizeof(facts->principal), "%s", "PC01$@LAB.EXAMPLE");
    return RPC_SECURITY_DONE;
}

/* Takes the letters off a first token. */
static size_t options(struct fake *f, const uint8_t *token, size_t len)
{
    while (len > 3 && (token[len - 1] == 'p' || token[len - 1] == 'o')) {
        *(token[len - 1] == 'p' ? &f->sealing : &f->ordered) = false;
        len--;
    }
    return len;
}

static enum rpc_security_step accept_leg(struct fake *f, const void *token, size_t len,
                                         struct buf *out, struct rpc_security_facts *facts)
{
    if (is(token, len, "loop")) {
        buf_add_str(out, "more");
        return RPC_SECURITY_MORE;
    }
    if (f->legs++ == 0) {
        len = options(f, token, len);
        if (is(token, len, "one"))
            return done(f, facts);
        if (!is(token, len, "two"))
            return RPC_SECURITY_FAILED;
        buf_add_str(out, "more");
        return RPC_SECURITY_MORE;
    }
    if (is(token, len, "bye"))
        buf_add_str(out, "ok");
    return is(token, len, "bye") || is(token, len, "end") ? done(f, facts) : RPC_SECURITY_FAILED;
}

static enum rpc_security_step begin_leg(struct fake *f, const void *token, size_t len,
                                        struct buf *out, struct rpc_security_facts *facts)
{
    if (f->legs++ == 0) {
        buf_add_str(out, "two");
        return RPC_SECURITY_MORE;
    }
    if (!is(token, len, "more"))
        return RPC_SECURITY_FAILED;
    buf_add_str(out, "end");
    return done(f, facts);
}

static enum rpc_security_step step(struct rpc_security *s, const void *token, size_t len,
                                   struct buf *out, struct rpc_security_facts *facts,
                                   struct errinfo *ei)
{
    struct fake *f = (struct fake *)s;
    enum rpc_security_step r =
        f->initiator ? begin_leg(f, token, len, out, facts) : accept_leg(f, token, len, out, facts);

    if (r == RPC_SECURITY_FAILED)
        err_fail(ei, ERR_AUTH, "authentication: no such token");
    return r;
}

static size_t signature_size(struct rpc_security *s, bool seal)
{
    (void)s;
    (void)seal;
    return FAKE_SIGNATURE;
}

static void compute(const struct rpc_protected *p, uint16_t counter, uint8_t out[FAKE_SIGNATURE])
{
    size_t n = p->head + p->data + p->tail;
    uint16_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum = (uint16_t)(sum + p->start[i]);
    out[0] = (uint8_t)counter;
    out[1] = (uint8_t)(counter >> 8);
    out[2] = (uint8_t)sum;
    out[3] = (uint8_t)(sum >> 8);
    out[4] = (uint8_t)p->head;
    out[5] = (uint8_t)p->tail;
    out[6] = out[7] = 0xee;
}

static void turn(const struct rpc_protected *p)
{
    for (size_t i = 0; i < p->data; i++)
        p->start[p->head + i] ^= 0x55;
}

static enum err protect(struct rpc_security *s, bool seal, const struct rpc_protected *p,
                        uint8_t *signature, size_t len, struct errinfo *ei)
{
    struct fake *f = (struct fake *)s;

    if (len != FAKE_SIGNATURE)
        return err_fail(ei, ERR_INTERNAL, "signature of %zu octets", len);
    compute(p, f->sent++, signature);
    if (seal)
        turn(p);
    return ERR_OK;
}

static enum err check(struct rpc_security *s, bool seal, const struct rpc_protected *p,
                      const uint8_t *signature, size_t len, struct errinfo *ei)
{
    struct fake *f = (struct fake *)s;
    uint8_t want[FAKE_SIGNATURE];

    if (seal)
        turn(p);
    compute(p, f->seen++, want);
    if (len == sizeof(want) && memcmp(want, signature, len) == 0)
        return ERR_OK;
    return err_fail(ei, ERR_CRYPTO, "the signature does not hold");
}

static void close_context(struct rpc_security *s)
{
    fake_contexts--;
    free(s);
}

static const struct rpc_security_ops ops = {
    .step = step,
    .signature_size = signature_size,
    .protect = protect,
    .check = check,
    .close = close_context,
};

static struct rpc_security *make(bool initiator)
{
    struct fake *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return NULL;
    f->security.ops = &ops;
    f->initiator = initiator;
    f->sealing = f->ordered = true;
    fake_contexts++;
    return &f->security;
}

static bool serves(const struct rpc_acceptor *a, uint8_t type)
{
    (void)a;
    return type == FAKE_TYPE || type == RPC_AUTHN_SPNEGO;
}

static struct rpc_security *open_context(const struct rpc_acceptor *a, uint8_t type)
{
    (void)a;
    (void)type;
    return make(false);
}

const struct rpc_acceptor fake_acceptor = {.serves = serves, .open = open_context};

struct rpc_security *fake_initiator(void)
{
    return make(true);
}
