#include "daemon/relaying.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "daemon/publisher.h"
#include "relay/relay.h"
#include "store/relayed.h"

#define LINES_PER_SECOND 100
#define ROWS_MAX         256 /* of one batch: who waits for its commit shall not wait long */
#define ROWS_MS          100 /* how long a row waits for others */
#define SPARES_MAX       512 /* calls whose memory one worker keeps */
#define SPARE_STUB_MAX   1024
#define BATCHES_MAX      16 /* of one worker that wait for the ledger; then rows are dropped */

/* What goes to the ledger together. It is bookkeeping: the record that counts is the upstream's, so
 * no answer waits for it. */
struct batch {
    struct ledger_job job;
    struct relaying *owner;
    size_t n;
    struct store_relayed rows[ROWS_MAX];
};

struct relaying {
    struct daemon_worker *w;
    struct relay_worker *relay;
    struct batch *batch; /* being filled; NULL: none */
    struct batch *spare; /* the last one that was written; NULL: none */
    struct relayed_call *spares;
    unsigned spare_count;
    unsigned batches; /* that the ledger has */
    uv_timer_t timer; /* runs while a batch is being filled */
    struct counter outcomes[RELAY_OUTCOMES];
    struct counter unrecorded;
    struct loglimit lines[RELAY_OUTCOMES];
    struct loglimit dropped; /* lines about rows that found no room */
};

/* One call under way. */
struct relayed_call {
    struct relay_request request; /* first: it is what the relay gives back */
    struct relaying *owner;
    struct net_call *call;
    char peer[NET_ADDRESS_MAX];
    struct relayed_call *next; /* of the spare ones */
};

/* All zero but for the memory of its stub. */
static struct relayed_call *new_call(struct relaying *r)
{
    struct relayed_call *c = r->spares;
    struct buf stub;

    if (c == NULL)
        return calloc(1, sizeof(*c));
    r->spares = c->next;
    r->spare_count--;
    stub = c->request.stub;
    *c = (struct relayed_call){.request.stub = stub};
    buf_clear(&c->request.stub);
    return c;
}

static void forget_call(struct relaying *r, struct relayed_call *c)
{
    if (r->spare_count == SPARES_MAX || c->request.stub.cap > SPARE_STUB_MAX) {
        buf_fini(&c->request.stub);
        free(c);
        return;
    }
    c->next = r->spares;
    r->spares = c;
    r->spare_count++;
}

/* ---- rows ---- */

static enum err write_batch(void *arg, struct store *s, struct errinfo *ei)
{
    const struct batch *b = arg;
    enum err e = ERR_OK;

    for (size_t i = 0; e == ERR_OK && i < b->n; i++)
        e = store_add_relayed(s, &b->rows[i], ei);
    return e;
}

static void on_batch_written(void *arg, enum err e)
{
    struct batch *b = arg;

    if (e != ERR_OK)
        counter_add(&b->owner->unrecorded, b->n);
    b->owner->batches--;
    free(b->owner->spare);
    b->owner->spare = b;
}

static void post_batch(struct relaying *r)
{
    struct batch *b = r->batch;

    if (b == NULL)
        return;
    r->batch = NULL;
    r->batches++;
    b->job = (struct ledger_job){.write = write_batch, .done = on_batch_written, .arg = b};
    ledger_post(r->w->port, &b->job);
}

static void on_timer(uv_timer_t *t)
{
    post_batch(t->data);
}

/* The next free row, or NULL: the ledger does not keep up. */
static struct store_relayed *next_row(struct relaying *r)
{
    if (r->batch == NULL && r->batches < BATCHES_MAX) {
        r->batch = r->spare != NULL ? r->spare : malloc(sizeof(*r->batch));
        r->spare = NULL;
        if (r->batch != NULL) {
            r->batch->owner = r;
            r->batch->n = 0;
            if (!uv_is_closing((uv_handle_t *)&r->timer))
                uv_timer_start(&r->timer, on_timer, ROWS_MS, 0);
        }
    }
    return r->batch != NULL ? &r->batch->rows[r->batch->n] : NULL;
}

static uint16_t version_of(const struct relayed_call *c)
{
    struct kms_version v = {0};

    (void)!kms_peek_version(c->request.data, c->request.n, &v);
    return v.major;
}

static void add_row(struct relaying *r, const struct relayed_call *c, const struct relay_answer *a)
{
    const struct relay_request *q = &c->request;
    struct store_relayed *row = next_row(r);
    struct kms_request clear;

    if (row == NULL) {
        counter_add(&r->unrecorded, 1);
        if (daemon_worker_line_due(r->w, &r->dropped, LOGL_WARN))
            log_as(&r->w->d->log, LOGL_WARN, LOGK_LEDGER_WARNING, NULL,
                   "relay %s: it was served, but the ledger is behind and has no row of it",
                   c->peer);
        return;
    }
    *row = (struct store_relayed){.when = daemon_worker_now(r->w),
                                  .version = version_of(c),
                                  .size = (uint32_t)q->n,
                                  .fault = a->outcome != RELAY_ANSWERED,
                                  .status = a->status,
                                  .answer_size = (uint32_t)a->len,
                                  .elapsed_us = a->elapsed_us};
    memcpy(row->peer, c->peer, sizeof(row->peer));
    (void)relay_target_format(a->upstream, row->upstream);
    if (kms_peek_clear(q->data, q->n, &clear) == ERR_OK) {
        row->activation_id = clear.activation_id;
        row->client_id = clear.client_id;
        kms_text_get(clear.workstation, KMS_WORKSTATION_UNITS, row->workstation,
                     sizeof(row->workstation));
    }
    if (++r->batch->n == ROWS_MAX)
        post_batch(r);
}

/* ---- what the client gets ---- */

static void log_outcome(struct relaying *r, const struct relayed_call *c,
                        const struct relay_answer *a)
{
    const struct log *log = &r->w->d->log;
    char where[RELAY_TARGET_TEXT];

    if (a->outcome == RELAY_ANSWERED) {
        if (daemon_worker_line_due(r->w, &r->lines[a->outcome], LOGL_INFO))
            log_as(log, LOGL_INFO, LOGK_RELAYED, NULL,
                   "relay %s: answered by %s, 0x%08X after %" PRIu32 " µs (version %u, %zu bytes)",
                   c->peer, relay_target_format(a->upstream, where), a->status, a->elapsed_us,
                   version_of(c), c->request.n);
        return;
    }
    if (a->outcome == RELAY_LEFT) {
        if (daemon_worker_line_due(r->w, &r->lines[a->outcome], LOGL_DEBUG))
            log_as(log, LOGL_DEBUG, LOGK_RELAY_FAULT, NULL,
                   "relay %s: it left before its turn came", c->peer);
        return;
    }
    if (daemon_worker_line_due(r->w, &r->lines[a->outcome], LOGL_WARN))
        log_as(log, LOGL_WARN, LOGK_RELAY_FAULT, relay_outcome_name(a->outcome),
               "relay %s: fault 0x%08X %s: %s%s%s (version %u, %zu bytes)", c->peer, a->status,
               relay_outcome_name(a->outcome), relay_outcome_text(a->outcome),
               *a->why != '\0' ? "; last " : "", a->why, version_of(c), c->request.n);
}

static void refuse(struct relaying *r, const struct relayed_call *c, const struct relay_answer *a)
{
    struct store_refusal row = {.when = daemon_worker_now(r->w), .hresult = a->status};

    daemon_source_of(c->peer, row.source, sizeof(row.source));
    snprintf(row.reason, sizeof(row.reason), "%s", relay_outcome_name(a->outcome));
    ledger_refuse(r->w->port, &row);
}

static void on_done(struct relay_request *request, const struct relay_answer *a)
{
    struct relayed_call *c = (struct relayed_call *)request;
    struct relaying *r = c->owner;

    counter_add(&r->outcomes[a->outcome], 1);
    daemon_worker_count(r->w, version_of(c), NULL, STORE_RELAY, REQUESTS_RELAYED + (int)a->outcome);
    log_outcome(r, c, a);
    if (a->outcome == RELAY_ANSWERED || a->outcome == RELAY_FAULT)
        add_row(r, c, a);
    else if (a->outcome != RELAY_LEFT) /* nobody was refused anything */
        refuse(r, c, a);
    if (a->outcome == RELAY_ANSWERED)
        net_call_reply(c->call, a->stub, a->stub_len);
    else
        net_call_fault(c->call, a->status);
    forget_call(r, c);
}

static void on_gone(void *arg)
{
    struct relayed_call *c = arg;

    relay_left(&c->request);
}

bool relaying_everything(const struct settings *s)
{
    return s->relay_upstream.n > 0 && s->relay_only == SET_RELAY_ALL;
}

bool relaying_all(struct relaying *r)
{
    return r != NULL && relaying_everything(daemon_worker_settings(r->w));
}

bool relaying_wants(const struct relaying *r, const struct kms_decision *dec, size_t n)
{
    if (r == NULL)
        return false;
    switch (dec->reason) {
    case KMS_FOREIGN:
        return true;
    case KMS_BAD_VERSION: /* of a generation that is not ours to know */
        return true;
    case KMS_BAD_SIZE: /* no message of ours, unless its fields are what is wrong with it */
        return dec->version.major != 0 && kms_check_request_size(dec->version, n) != ERR_OK;
    default:
        return false;
    }
}

void relaying_call(struct relaying *r, struct net_call *call, const uint8_t *data, size_t n)
{
    const struct rpc_call *rpc = net_call_rpc(call);
    struct relayed_call *c = new_call(r);

    if (c != NULL)
        buf_add(&c->request.stub, rpc->stub, rpc->stub_len);
    if (c == NULL || c->request.stub.err != ERR_OK) {
        if (c != NULL)
            buf_fini(&c->request.stub);
        free(c);
        net_call_abort(call, "out of memory");
        return;
    }
    c->owner = r;
    c->call = call;
    net_call_peer(call, c->peer);
    c->request.data = c->request.stub.data + (data - rpc->stub);
    c->request.n = n;
    c->request.big = rpc->big;
    c->request.ndr64 = rpc->ndr64;
    net_call_source(call, c->request.source);
    c->request.done = on_done;
    net_call_on_gone(call, on_gone, c);
    relay_forward(r->relay, &c->request);
}

/* ---- a worker's part ---- */

enum err relaying_worker_open(struct daemon_worker *w, struct relaying **out, struct errinfo *ei)
{
    struct daemon *d = w->d;
    struct relaying *r;
    enum err e;

    *out = NULL;
    if (d->relay == NULL)
        return ERR_OK;
    r = calloc(1, sizeof(*r));
    if (r == NULL)
        return err_nomem(ei);
    e = relay_worker_open(d->relay, w->number, w->loop, &r->relay, ei);
    if (e != ERR_OK) {
        free(r);
        return e;
    }
    r->w = w;
    for (int i = 0; i < RELAY_OUTCOMES; i++)
        r->lines[i] = (struct loglimit){.what = relay_outcome_name((enum relay_outcome)i),
                                        .per_second = LINES_PER_SECOND};
    r->dropped = (struct loglimit){.what = "relayed requests without a row", .per_second = 1};
    uv_timer_init(w->loop, &r->timer);
    r->timer.data = r;
    *out = r;
    return ERR_OK;
}

void relaying_worker_close(struct relaying *r)
{
    if (r == NULL)
        return;
    uv_close((uv_handle_t *)&r->timer, NULL);
    relay_worker_close(r->relay);
    post_batch(r);
}

void relaying_worker_free(struct relaying *r)
{
    if (r == NULL)
        return;
    relay_worker_free(r->relay);
    while (r->spares != NULL) {
        struct relayed_call *c = new_call(r);

        buf_fini(&c->request.stub);
        free(c);
    }
    free(r->batch);
    free(r->spare);
    free(r);
}

bool relaying_tell(struct relaying *r, int64_t now)
{
    bool all = r == NULL || loglimit_tell(&r->dropped, &r->w->d->log, LOGL_WARN, now);

    for (int i = 0; r != NULL && i < RELAY_OUTCOMES; i++)
        all = loglimit_tell(&r->lines[i], &r->w->d->log, LOGL_INFO, now) && all;
    return all;
}

/* ---- the daemon's part ---- */

static void on_health(void *arg)
{
    const struct daemon *d = arg;

    if (d->publisher != NULL)
        publisher_relay_changed(d->publisher);
}

static struct relay_conf relay_conf_of(struct daemon *d, const struct settings *s)
{
    return (struct relay_conf){.upstream = &s->relay_upstream,
                               .domain = s->relay_domain,
                               .channels = d->dialling.channels,
                               .workers = d->worker_count,
                               .connections = s->relay_connections,
                               .queue = s->relay_queue,
                               .patience_ms = (unsigned)s->relay_patience * 1000,
                               .attempt_ms = (unsigned)s->relay_attempt * 1000,
                               .check_ms = (unsigned)s->relay_check * 1000,
                               .loop = &d->loop,
                               .on_health = on_health,
                               .arg = d,
                               .log = log_child(&d->log, "relay")};
}

enum err relaying_open_dialler(struct daemon *d, struct errinfo *ei)
{
    const struct settings *s = &d->settings;
    const struct dialler_conf conf = {.upstream = &s->relay_upstream,
                                      .domain = s->relay_domain,
                                      .dns_server = s->relay_dns,
                                      .channels = 1 + d->worker_count};
    enum err e;

    if (s->relay_upstream.n == 0 || d->options.check)
        return ERR_OK;
    e = dialler_start(&conf, &d->dialling, ei);
    if (e == ERR_OK)
        d->dialler = (struct companion){.pid = d->dialling.pid, .control = d->dialling.control};
    return e;
}

void relaying_close_dialler(struct daemon *d)
{
    dialler_close_channels(&d->dialling);
    (void)companion_end(&d->dialler);
}

enum err relaying_open(struct daemon *d, struct errinfo *ei)
{
    const struct relay_conf conf = relay_conf_of(d, d->first);

    return d->dialler.pid == 0 ? ERR_OK : relay_new(&conf, &d->relay, ei);
}

enum err relaying_start(struct daemon *d, struct errinfo *ei)
{
    char own[64 * (NET_ADDRESS_MAX + 2)]; /* as many as the relay remembers */

    if (d->relay == NULL)
        return ERR_OK;
    return relay_start(d->relay, net_server_addresses(d->net, own, sizeof(own)), ei);
}

void relaying_close(struct daemon *d)
{
    if (d->relay == NULL)
        return;
    relay_close(d->relay);
    while (!relay_closed(d->relay))
        uv_run(&d->loop, UV_RUN_ONCE);
    relay_free(d->relay);
}

static void add_upstream(void *arg, const struct relay_upstream *u, uint64_t now)
{
    json_t *all = arg, *j;
    char text[RELAY_TARGET_TEXT];

    j = json_pack("{s:s, s:i, s:i, s:s, s:i, s:I, s:I, s:I, s:s}", "upstream",
                  relay_target_format(&u->target, text), "priority", u->target.priority, "weight",
                  u->target.weight, "state", relay_upstream_state(u, now), "under_way",
                  (int)u->busy, "answered", (json_int_t)u->answered, "faults",
                  (json_int_t)u->faults, "failed", (json_int_t)u->failed, "why", u->why);
    json_object_set_new(j, "checked_seconds_ago",
                        u->checked == 0 ? json_null()
                                        : json_integer((json_int_t)((now - u->checked) / 1000)));
    json_array_append_new(all, j);
}

static json_t *outcomes_json(const struct daemon *d)
{
    json_t *j = json_object();

    for (int i = 0; i < RELAY_OUTCOMES; i++) {
        uint64_t n = 0;

        for (unsigned k = 0; k < d->worker_count; k++)
            n += d->workers[k].relaying == NULL
                     ? 0
                     : counter_read(&d->workers[k].relaying->outcomes[i]);
        json_object_set_new(j, relay_outcome_name((enum relay_outcome)i),
                            json_integer((json_int_t)n));
    }
    return j;
}

enum publish_relay relaying_health(void *daemon)
{
    static const enum publish_relay as[] = {[RELAY_HEALTH_UNKNOWN] = PUBLISH_RELAY_UNKNOWN,
                                            [RELAY_HEALTH_GOOD] = PUBLISH_RELAY_HEALTHY,
                                            [RELAY_HEALTH_BAD] = PUBLISH_RELAY_DOWN};
    const struct daemon *d = daemon;

    return d->relay != NULL ? as[relay_health(d->relay)] : PUBLISH_RELAY_NONE;
}

json_t *relaying_json(struct daemon *d)
{
    const struct settings *s = &d->settings;
    json_t *upstreams = json_array();
    uint64_t unrecorded = 0;

    if (d->relay != NULL)
        relay_each_upstream(d->relay, add_upstream, upstreams);
    for (unsigned k = 0; k < d->worker_count; k++)
        unrecorded +=
            d->workers[k].relaying == NULL ? 0 : counter_read(&d->workers[k].relaying->unrecorded);
    return json_pack("{s:b, s:b, s:s, s:I, s:o, s:I, s:o}", "configured", d->relay != NULL,
                     "healthy", relaying_health(d) == PUBLISH_RELAY_HEALTHY, "only",
                     s->relay_only == SET_RELAY_ALL ? "all" : "foreign", "waiting",
                     (json_int_t)(d->relay != NULL ? relay_waiting(d->relay) : 0), "since_start",
                     outcomes_json(d), "unrecorded", (json_int_t)unrecorded, "upstreams",
                     upstreams);
}
