#include "workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/filetime.h"
#include "base/rng.h"
#include "catalog/catalog.h"
#include "kms/stub.h"
#include "rpc/client.h"
#include "rpc/pdu.h"

#define STUB_HEAD 12 /* response_size, referent and length of the array: before the message */

/* ---- making ---- */

struct maker {
    const struct workload_conf *conf;
    struct workload *w;
    const struct cat_group *group;
    const struct cat_product *products;
    size_t product_count;
    struct rng rng;
    struct guid *clients;
};

/* The next product behind *at, round and round, whose newest generation this is. */
static const struct cat_product *next_product(const struct maker *m, unsigned version, size_t *at)
{
    for (size_t tried = 0; tried < m->product_count; tried++) {
        const struct cat_product *p = &m->products[*at];

        *at = (*at + 1) % m->product_count;
        if (p->protocol == version && cat_group_serves(m->group, &p->kms_id))
            return p;
    }
    return NULL;
}

static struct guid client_id(const struct maker *m)
{
    struct guid id;

    if (m->conf->clients > 0)
        return m->clients[rng_below(&m->rng, m->conf->clients)];
    rng_fill(&m->rng, id.b, sizeof(id.b));
    return id;
}

static void put_request(struct workload *w, const struct buf *stub, size_t request)
{
    struct wire_wr pdu = rpc_pdu_begin(&w->bytes, RPC_REQUEST, RPC_PFC_FIRST | RPC_PFC_LAST,
                                       workload_call_id(request));

    wire_put_u32(&pdu, (uint32_t)stub->len);
    wire_put_u16(&pdu, 0);
    wire_put_u16(&pdu, KMS_OPNUM_REQUEST_ACTIVATION);
    wire_put(&pdu, stub->data, stub->len);
    rpc_pdu_finish(&pdu);
}

static enum err make_one(struct maker *m, size_t i, const struct cat_product *p, struct errinfo *ei)
{
    struct workload_request *r = &m->w->requests[i];
    struct kms_request k = {
        .version = {.major = (uint16_t)p->protocol},
        .licence_status = (uint32_t)rng_below(&m->rng, 3),
        .application_id = p->application_id,
        .activation_id = p->activation_id,
        .kms_id = p->kms_id,
        .client_id = client_id(m),
        .required_count = p->required_count,
        .client_time = filetime_from_unix(m->conf->now),
    };
    struct buf sealed = BUF_INIT, stub = BUF_INIT;
    size_t begin = m->w->bytes.len;
    char name[32];
    enum err e;

    snprintf(name, sizeof(name), "BENCH-%06zu", i % 1000000);
    kms_text_set(k.workstation, KMS_WORKSTATION_UNITS, name);
    e = kms_seal_request(m->w->protector, &k, &sealed, &r->exchange, ei);
    if (e == ERR_OK) {
        kms_stub_write_request(sealed.data, sealed.len, false, &stub);
        put_request(m->w, &stub, i);
        e = stub.err != ERR_OK || m->w->bytes.err != ERR_OK ? err_nomem(ei) : ERR_OK;
    }
    r->version = (uint16_t)p->protocol;
    r->len = (uint16_t)(m->w->bytes.len - begin);
    buf_fini(&sealed);
    buf_fini(&stub);
    return e;
}

static enum err make_all(struct maker *m, struct errinfo *ei)
{
    size_t at[7] = {0};
    unsigned version = 3;
    enum err e = ERR_OK;
    size_t offset = 0;

    for (size_t i = 0; e == ERR_OK && i < m->conf->requests; i++) {
        const struct cat_product *p;

        do
            version = version == 6 ? 4 : version + 1;
        while ((m->conf->versions & 1u << version) == 0);
        p = next_product(m, version, &at[version]);
        e = p == NULL ? err_fail(ei, ERR_NOTFOUND, "group %s serves no product of generation %u",
                                 m->group->name, version)
                      : make_one(m, i, p, ei);
    }
    for (size_t i = 0; e == ERR_OK && i < m->conf->requests; i++) {
        m->w->requests[i].pdu = m->w->bytes.data + offset;
        offset += m->w->requests[i].len;
    }
    return e;
}

static enum err make_bind(struct workload *w, struct errinfo *ei)
{
    struct rpc_client *c =
        rpc_client_new(&(struct rpc_client_conf){.uuid = kms_interface_uuid, .major = 1});

    if (c == NULL)
        return err_nomem(ei);
    buf_add(&w->bind, rpc_client_output(c)->data, rpc_client_output(c)->len);
    rpc_client_free(c);
    return w->bind.err == ERR_OK ? ERR_OK : err_nomem(ei);
}

static enum err make_in(struct maker *m, const struct catalog *catalog, struct errinfo *ei)
{
    const struct workload_conf *conf = m->conf;

    m->group = catalog_group(catalog, conf->group);
    m->product_count = catalog_products(catalog, &m->products);
    if (m->group == NULL)
        return err_fail(ei, ERR_NOTFOUND, "no host-key group \"%s\"", conf->group);
    m->w->requests = calloc(conf->requests, sizeof(*m->w->requests));
    m->clients = calloc(conf->clients + 1, sizeof(*m->clients));
    if (m->w->requests == NULL || m->clients == NULL)
        return err_nomem(ei);
    m->w->n = conf->requests;
    rng_fill(&m->rng, m->clients, conf->clients * sizeof(*m->clients));
    return make_all(m, ei);
}

enum err workload_make(const struct workload_conf *conf, struct workload *w, struct errinfo *ei)
{
    struct maker m = {.conf = conf, .w = w};
    struct catalog *catalog = NULL;
    enum err e;

    memset(w, 0, sizeof(*w));
    rng_seeded_init(&w->seed, conf->seed);
    m.rng = rng_from_seed(&w->seed);
    e = kms_protector_new(conf->keys, m.rng, &w->protector, ei);
    if (e == ERR_OK)
        e = catalog_load(&catalog, ei);
    if (e == ERR_OK)
        e = make_in(&m, catalog, ei);
    if (e == ERR_OK)
        e = make_bind(w, ei);
    free(m.clients);
    catalog_free(catalog);
    if (e != ERR_OK)
        workload_fini(w);
    return e;
}

void workload_fini(struct workload *w)
{
    kms_protector_free(w->protector);
    free(w->requests);
    buf_fini(&w->bytes);
    buf_fini(&w->bind);
    memset(w, 0, sizeof(*w));
}

size_t workload_first(const struct workload *w, unsigned version)
{
    size_t i = 0;

    while (i < w->n && w->requests[i].version != version)
        i++;
    return i;
}

/* ---- checking ---- */

static uint32_t u32_at(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static const char *check_header(const uint8_t *pdu, size_t len, uint8_t type, uint32_t call_id)
{
    if (len < RPC_REQUEST_LEN)
        return "answer too short";
    if (pdu[0] != 5 || pdu[3] & ~(unsigned)(RPC_PFC_FIRST | RPC_PFC_LAST | RPC_PFC_CONC_MPX))
        return "answer with another version or flags";
    if (pdu[2] != type)
        return pdu[2] == RPC_FAULT ? "fault" : "answer of another type";
    if (u32_at(pdu + 12) != call_id)
        return "answer to another call";
    return NULL;
}

const char *workload_check_ack(const struct workload *w, const uint8_t *pdu, size_t len)
{
    const char *wrong = check_header(pdu, len, RPC_BIND_ACK, 1);

    if (wrong == NULL && w->ack_len != 0 && w->ack_len != len)
        wrong = "bind_ack of another length";
    /* One result at the end: result, reason, transfer syntax. */
    if (wrong == NULL && (len < 60 || u32_at(pdu + len - 24) != 0))
        wrong = "bind not accepted";
    return wrong;
}

const char *workload_check(const struct workload *w, size_t request, const uint8_t *pdu, size_t len)
{
    const char *wrong = check_header(pdu, len, RPC_RESPONSE, workload_call_id(request));
    uint16_t expected = w->answer_len[w->requests[request].version];

    if (wrong != NULL)
        return wrong;
    if (len < RPC_REQUEST_LEN + STUB_HEAD + 4 || u32_at(pdu + len - 4) != 0)
        return "refused";
    if (expected != 0 && expected != len)
        return "answer of another length";
    if (u32_at(pdu + RPC_REQUEST_LEN) > len - RPC_REQUEST_LEN - STUB_HEAD - 4)
        return "answer whose size is wrong";
    return NULL;
}

enum err workload_open(const struct workload *w, size_t request, const uint8_t *pdu, size_t len,
                       struct errinfo *ei)
{
    struct kms_response response;
    const uint8_t *message;
    uint32_t hresult;
    size_t n;
    enum err e = kms_stub_read_response(pdu + RPC_REQUEST_LEN, len - RPC_REQUEST_LEN, false, false,
                                        &message, &n, &hresult);

    if (e != ERR_OK)
        return err_fail(ei, e, "the answer's stub is malformed");
    return kms_open_response(w->protector, &w->requests[request].exchange, message, n, &response,
                             ei);
}
