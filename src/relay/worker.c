/* The relay on one worker's loop: its connections, its requests, and what becomes of each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kms/stub.h"
#include "relay/hub.h"

#define READ_SIZE 65536
#define STUCK_MAX 8 /* sets of upstreams that pump remembers */

/* Faults for clients, who then ask the next host that they know. */
#define FAULT_UNAVAILABLE 0x000006bau /* RPC_S_SERVER_UNAVAILABLE */
#define FAULT_TOO_BUSY    0x1c010014u /* nca_s_server_too_busy (C706 appendix E) */

/* A bound connection without a call. */
struct pooled {
    struct relay_link *link;
    struct relay_worker *worker;
    unsigned id;
    uint32_t serial; /* of the upstream that had the id then */
    struct pooled *next;
};

struct relay_worker {
    struct relay *relay;
    unsigned number;
    uv_loop_t *loop;
    uv_async_t async;
    uv_timer_t timer; /* the oldest request's deadline */
    bool closing;
    struct rng_pool *random;
    struct relay_request *oldest, *newest;
    struct relay_request *first, *last; /* that wait */
    struct relay_request *coming;       /* while they are walked: the next of them */
    struct pooled *pool[RELAY_TARGETS_MAX];
    struct pooled *spare; /* to be used again: as many as were ever in the pool */
    struct channel channel;
    struct link_conf links;
    struct buf stub; /* a request or answer that had to be marshalled anew */
    char read_buffer[READ_SIZE];
};

static void pump(struct relay_worker *w);
static enum relay_pick attempt(struct relay_request *r);

/* ---- all requests, oldest first, since all have the same patience ---- */

static void on_deadline(uv_timer_t *t);

static void arm(struct relay_worker *w)
{
    uint64_t now = uv_now(w->loop);

    if (w->closing)
        return;
    if (w->oldest == NULL)
        uv_timer_stop(&w->timer);
    else
        uv_timer_start(&w->timer, on_deadline,
                       w->oldest->deadline > now ? w->oldest->deadline - now : 0, 0);
}

static void link_request(struct relay_worker *w, struct relay_request *r)
{
    r->prev = w->newest;
    r->next = NULL;
    if (r->prev != NULL)
        r->prev->next = r;
    else
        w->oldest = r;
    w->newest = r;
    if (w->oldest == r)
        arm(w);
}

static void unlink_request(struct relay_worker *w, struct relay_request *r)
{
    if (r->prev != NULL)
        r->prev->next = r->next;
    else
        w->oldest = r->next;
    if (r->next != NULL)
        r->next->prev = r->prev;
    else
        w->newest = r->prev;
}

/* ---- those that wait for a place ---- */

static void wait_in_queue(struct relay_request *r)
{
    struct relay_worker *w = r->worker;

    r->waiting = true;
    r->queue_next = NULL;
    r->queue_prev = w->last;
    if (w->last != NULL)
        w->last->queue_next = r;
    else
        w->first = r;
    w->last = r;
}

static void wait_no_more(struct relay_request *r)
{
    struct relay_worker *w = r->worker;

    r->waiting = false;
    if (r->queue_prev != NULL)
        r->queue_prev->queue_next = r->queue_next;
    else
        w->first = r->queue_next;
    if (r->queue_next != NULL)
        r->queue_next->queue_prev = r->queue_prev;
    else
        w->last = r->queue_prev;
    if (w->coming == r)
        w->coming = r->queue_next;
}

/* ---- the end of a request ---- */

static void finish(struct relay_request *r, struct relay_answer *a)
{
    struct relay_worker *w = r->worker;
    struct relay *hub = w->relay;

    pthread_mutex_lock(&hub->lock);
    relay_flights_remove(&r->flight);
    if (r->waiting)
        hub_unqueue(hub, r->crowd);
    if (r->id >= 0 && relay_policy_release(&hub->policy, w->number, (unsigned)r->id))
        hub_wake(hub);
    pthread_mutex_unlock(&hub->lock);
    if (r->waiting)
        wait_no_more(r);
    unlink_request(w, r);
    a->upstream = r->target.port != 0 ? &r->target : NULL;
    a->elapsed_us = (uint32_t)((uv_hrtime() - r->begun_ns) / 1000);
    if (a->why == NULL)
        a->why = r->why;
    r->done(r, a);
}

static void fail(struct relay_request *r, enum relay_outcome outcome)
{
    struct relay_answer a = {.outcome = outcome, .status = FAULT_UNAVAILABLE};

    if (outcome == RELAY_BUSY)
        a.status = FAULT_TOO_BUSY;
    if (outcome == RELAY_DOWN && r->fault != 0) {
        a.outcome = RELAY_FAULT;
        a.status = r->fault;
        r->target = r->fault_target;
    }
    finish(r, &a);
}

static void drop_link(struct relay_request *r)
{
    relay_link_close(r->link);
    r->link = NULL;
}

/* Patience ended while an upstream was being asked. That counts if it had half of an attempt, or if
 * others wait for this trial; one that was asked in the last moment has not failed. */
static void count_silence(struct relay_request *r, uint64_t now)
{
    static const char why[] = "no answer before the client's patience ended";
    struct relay *hub = r->worker->relay;
    unsigned id = (unsigned)r->id;
    char where[RELAY_TARGET_TEXT];

    snprintf(r->why, sizeof(r->why), "%s: %s", relay_target_format(&r->target, where), why);
    pthread_mutex_lock(&hub->lock);
    if (hub->policy.upstreams[id].breaker == RELAY_TRIAL ||
        now - r->asked >= hub->conf.attempt_ms / 2) {
        relay_policy_failed(&hub->policy, id, hub_now(), why);
        hub_wake(hub);
    }
    pthread_mutex_unlock(&hub->lock);
}

static void on_deadline(uv_timer_t *t)
{
    struct relay_worker *w = t->data;
    uint64_t now = uv_now(w->loop);

    while (w->oldest != NULL && w->oldest->deadline <= now) {
        struct relay_request *r = w->oldest;

        drop_link(r);
        if (r->id >= 0)
            count_silence(r, now);
        fail(r, RELAY_TIMEOUT);
    }
    arm(w);
    pump(w);
}

/* ---- pooled connections ---- */

static void pool_remove(struct pooled *p)
{
    struct pooled **at = &p->worker->pool[p->id];

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    p->next = p->worker->spare;
    p->worker->spare = p;
}

static struct pooled *new_pooled(struct relay_worker *w)
{
    struct pooled *p = w->spare;

    if (p == NULL)
        return malloc(sizeof(*p));
    w->spare = p->next;
    return p;
}

/* One of the upstream that has the id now. */
static struct relay_link *pool_take(struct relay_worker *w, unsigned id, uint32_t serial)
{
    struct pooled *p;

    while ((p = w->pool[id]) != NULL) {
        struct relay_link *l = p->link;
        bool same = p->serial == serial;

        pool_remove(p);
        if (same)
            return l;
        relay_link_close(l);
    }
    return NULL;
}

static void pool_put(struct relay_worker *w, unsigned id, uint32_t serial, struct relay_link *l)
{
    struct pooled *p = w->closing ? NULL : new_pooled(w);

    if (p == NULL) {
        relay_link_close(l);
        return;
    }
    *p = (struct pooled){.link = l, .worker = w, .id = id, .serial = serial, .next = w->pool[id]};
    w->pool[id] = p;
    relay_link_own(l, NULL);
}

/* Of a link that nobody uses: it has closed. */
static void pool_lost(struct relay_worker *w, const struct relay_link *l)
{
    for (unsigned id = 0; id < RELAY_TARGETS_MAX; id++) {
        for (struct pooled *p = w->pool[id]; p != NULL; p = p->next) {
            if (p->link == l) {
                pool_remove(p);
                return;
            }
        }
    }
}

static void pool_close(struct relay_worker *w)
{
    for (unsigned id = 0; id < RELAY_TARGETS_MAX; id++) {
        while (w->pool[id] != NULL) {
            relay_link_close(w->pool[id]->link);
            pool_remove(w->pool[id]);
        }
    }
}

/* ---- asking ---- */

/* Where both sides agree on syntax and byte order the parameters go on as they came. */
static void send_request(struct relay_request *r)
{
    struct relay_worker *w = r->worker;
    bool ndr64 = rpc_client_ndr64(relay_link_rpc(r->link));

    if (ndr64 == r->ndr64 && !r->big) {
        relay_link_call(r->link, r->stub.data, r->stub.len);
        return;
    }
    buf_clear(&w->stub);
    kms_stub_write_request(r->data, r->n, ndr64, &w->stub);
    if (w->stub.err == ERR_OK) {
        relay_link_call(r->link, w->stub.data, w->stub.len);
        return;
    }
    buf_fini(&w->stub);
    drop_link(r);
    fail(r, RELAY_FAILED);
}

/* With the lock. */
static void place_given_back(struct relay_request *r)
{
    struct relay *hub = r->worker->relay;

    if (relay_policy_release(&hub->policy, r->worker->number, (unsigned)r->id))
        hub_wake(hub);
    r->id = -1;
}

/* This upstream gave no answer; the next one may. */
static void failed_there(struct relay_request *r, const char *why)
{
    struct relay *hub = r->worker->relay;
    char where[RELAY_TARGET_TEXT];

    snprintf(r->why, sizeof(r->why), "%s: %s", relay_target_format(&r->target, where), why);
    pthread_mutex_lock(&hub->lock);
    relay_policy_failed(&hub->policy, (unsigned)r->id, hub_now(), why);
    r->tried |= 1u << r->id;
    place_given_back(r);
    hub_wake(hub); /* a trial that failed leaves those who waited for it nobody */
    pthread_mutex_unlock(&hub->lock);
    attempt(r);
}

/* For want of memory or descriptors: no upstream is to blame. */
static void failed_here(struct relay_request *r, const char *why)
{
    snprintf(r->why, sizeof(r->why), "%s", why);
    fail(r, RELAY_FAILED);
}

/* Opens a connection to the next address, which has its share of the time that is left; false:
 * there is none, or no time. */
static bool dial(struct relay_request *r)
{
    struct relay_worker *w = r->worker;
    struct relay *hub = w->relay;
    uint64_t now = uv_now(w->loop);
    unsigned left = 1;
    uint32_t to = 0;
    bool more;

    pthread_mutex_lock(&hub->lock);
    more = now < r->until && hub_address(hub, (unsigned)r->id, &r->walk, &left);
    if (more)
        to = hub->addresses[r->id].v[r->walk.at].number;
    pthread_mutex_unlock(&hub->lock);
    if (!more)
        return false;
    r->link = relay_link_open(&w->links, to, (unsigned)(r->until - now) / left, r);
    if (r->link == NULL)
        failed_here(r, uv_strerror(UV_ENOMEM));
    return true;
}

static void ask(struct relay_request *r)
{
    struct relay_worker *w = r->worker;

    r->walk.tried = 0;
    r->asked = uv_now(w->loop);
    r->until = r->asked + w->relay->conf.attempt_ms;
    r->link = pool_take(w, (unsigned)r->id, r->serial);
    if (r->link != NULL) {
        relay_link_own(r->link, r);
        send_request(r);
    } else if (!dial(r)) {
        failed_there(r, "it has no address");
    }
}

/* The next request begins with the address that this one found to work. */
static void bound(struct relay_request *r)
{
    struct relay *hub = r->worker->relay;

    pthread_mutex_lock(&hub->lock);
    if (r->walk.at < hub->addresses[r->id].n)
        hub->addresses[r->id].first = r->walk.at;
    pthread_mutex_unlock(&hub->lock);
    send_request(r);
}

/* Finds somebody to ask, or a place in the queue, or ends it: also if it turns out, the first time,
 * that its bytes are on their way. What became of it, where it may be gone unless it waits. */
static enum relay_pick attempt(struct relay_request *r)
{
    struct relay_worker *w = r->worker;
    struct relay *hub = w->relay;
    struct rng rng = rng_from_pool(w->random);
    bool was_waiting = r->waiting, full = false;
    enum relay_pick pick;
    unsigned id = 0;

    pthread_mutex_lock(&hub->lock);
    if (r->flight.at == NULL && !relay_flights_add(&hub->flights, &r->flight)) {
        pthread_mutex_unlock(&hub->lock);
        fail(r, RELAY_LOOP);
        return RELAY_NONE;
    }
    pick = relay_policy_pick(&hub->policy, w->number, r->tried, hub_now(), &rng, &id);
    if (pick == RELAY_PICKED) {
        r->id = (int)id;
        r->serial = hub->policy.upstreams[id].serial;
        r->target = hub->policy.upstreams[id].target;
        if (was_waiting)
            hub_unqueue(hub, r->crowd);
    } else if (pick == RELAY_WAIT && !was_waiting) {
        full = !hub_queue(hub, r->crowd);
    }
    pthread_mutex_unlock(&hub->lock);
    if (pick == RELAY_PICKED) {
        if (was_waiting)
            wait_no_more(r);
        ask(r);
    } else if (pick == RELAY_NONE || full) {
        fail(r, full ? RELAY_BUSY : RELAY_DOWN);
    } else if (!was_waiting) {
        wait_in_queue(r);
    }
    return pick;
}

/* Those who wait, oldest first, each once. Who has tried the same upstreams as one that goes on
 * waiting need not ask. */
static void pump(struct relay_worker *w)
{
    uint32_t stuck[STUCK_MAX];
    unsigned n = 0, i;

    for (struct relay_request *r = w->first; r != NULL; r = w->coming) {
        uint32_t tried = r->tried;

        w->coming = r->queue_next;
        for (i = 0; i < n && stuck[i] != tried;)
            i++;
        if (i == n && attempt(r) == RELAY_WAIT && n < STUCK_MAX)
            stuck[n++] = tried;
    }
}

/* ---- what comes back ---- */

/* With the lock. Those who waited for the end of a trial get on. */
static void works(struct relay *hub, unsigned id, bool fault)
{
    bool wake = hub->policy.upstreams[id].breaker != RELAY_CLOSED;

    relay_policy_answered(&hub->policy, id, fault);
    if (wake)
        hub_wake(hub);
}

static void answered(struct relay_request *r)
{
    struct relay_worker *w = r->worker;
    struct relay *hub = w->relay;
    struct relay_link *l = r->link;
    const struct rpc_client *rpc = relay_link_rpc(l);
    const struct buf *stub = rpc_client_stub(rpc);
    bool big = rpc_client_stub_big(rpc), ndr64 = rpc_client_ndr64(rpc);
    struct relay_answer a = {.outcome = RELAY_ANSWERED, .stub = stub->data, .stub_len = stub->len};
    unsigned id = (unsigned)r->id;
    uint32_t serial = r->serial;
    const uint8_t *data;

    if (kms_stub_read_response(stub->data, stub->len, big, ndr64, &data, &a.len, &a.status) !=
        ERR_OK) {
        drop_link(r);
        failed_there(r, "its answer is not the operation's parameters");
        pump(w);
        return;
    }
    if (big || ndr64 != r->ndr64) {
        buf_clear(&w->stub);
        kms_stub_write_response(data, a.len, a.status, r->ndr64, &w->stub);
        a.stub = w->stub.data;
        a.stub_len = w->stub.len;
    }
    r->link = NULL;
    pthread_mutex_lock(&hub->lock);
    works(hub, id, false);
    pthread_mutex_unlock(&hub->lock);
    if (w->stub.err != ERR_OK) {
        buf_fini(&w->stub);
        fail(r, RELAY_FAILED);
    } else {
        a.why = "";
        finish(r, &a);
    }
    pool_put(w, id, serial, l);
    pump(w);
}

/* Another upstream may know better; if none does the client gets the fault. */
static void faulted(struct relay_request *r)
{
    struct relay_worker *w = r->worker;
    struct relay *hub = w->relay;
    struct relay_link *l = r->link;
    unsigned id = (unsigned)r->id;
    uint32_t serial = r->serial;
    char where[RELAY_TARGET_TEXT];

    r->link = NULL;
    r->fault = rpc_client_fault(relay_link_rpc(l));
    r->fault_target = r->target;
    snprintf(r->why, sizeof(r->why), "%s: fault 0x%08X", relay_target_format(&r->target, where),
             r->fault);
    pthread_mutex_lock(&hub->lock);
    works(hub, id, true);
    r->tried |= 1u << id;
    place_given_back(r);
    pthread_mutex_unlock(&hub->lock);
    pool_put(w, id, serial, l);
    attempt(r);
    pump(w);
}

static void lost(struct relay_request *r, const struct relay_link *l, const char *why)
{
    bool stale = relay_link_used(l) && !relay_link_late(l) && !r->again;
    struct relay_worker *w = r->worker;

    r->link = NULL;
    if (relay_link_ours(l)) {
        failed_here(r, why);
        pump(w);
        return;
    }
    if (stale) { /* the host may have closed it while it was idle: a new one tells */
        r->again = true;
        r->walk.tried = 0;
    }
    if ((!stale && relay_link_bound(l)) || !dial(r))
        failed_there(r, why);
    pump(w); /* r may be gone */
}

static void on_event(void *arg, void *owner, struct relay_link *l, enum link_event event,
                     const char *why)
{
    struct relay_request *r = owner;

    if (r == NULL) { /* in the pool */
        pool_lost(arg, l);
        return;
    }
    switch (event) {
    case LINK_BOUND:
        bound(r);
        break;
    case LINK_ANSWER:
        answered(r);
        break;
    case LINK_FAULT:
        faulted(r);
        break;
    case LINK_LOST:
        lost(r, l, why);
        break;
    }
}

/* ---- life ---- */

void relay_forward(struct relay_worker *w, struct relay_request *r)
{
    const struct relay *hub = w->relay;

    r->worker = w;
    r->id = -1;
    r->crowd = hub_crowd(hub, r->source);
    r->begun_ns = uv_hrtime();
    r->deadline = uv_now(w->loop) + hub->conf.patience_ms;
    r->flight = (struct relay_flight){.data = r->data, .n = r->n};
    link_request(w, r);
    if (w->closing)
        fail(r, RELAY_DOWN);
    else
        attempt(r);
}

void relay_left(struct relay_request *r)
{
    if (r->waiting)
        fail(r, RELAY_LEFT);
}

void worker_wake(struct relay_worker *w)
{
    uv_async_send(&w->async);
}

static void on_async(uv_async_t *a)
{
    pump(a->data);
}

static void on_abandoned(uv_handle_t *h)
{
    relay_worker_free(h->data);
}

enum err relay_worker_open(struct relay *r, unsigned number, uv_loop_t *loop,
                           struct relay_worker **out, struct errinfo *ei)
{
    struct relay_worker *w = calloc(1, sizeof(*w));
    int rc;

    if (w == NULL)
        return err_nomem(ei);
    w->relay = r;
    w->number = number;
    w->loop = loop;
    w->random = rng_pool_new();
    w->links = (struct link_conf){.loop = loop,
                                  .channel = &w->channel,
                                  .limit_ms = r->conf.attempt_ms,
                                  .idle_ms = RELAY_IDLE_MS,
                                  .read_buffer = w->read_buffer,
                                  .read_size = READ_SIZE,
                                  .on_event = on_event,
                                  .arg = w};
    rc = w->random == NULL ? UV_ENOMEM : uv_async_init(loop, &w->async, on_async);
    if (rc != 0) {
        rng_pool_free(w->random);
        free(w);
        return err_fail_errno(ei, -rc, "open the relay of worker %u", number);
    }
    w->async.data = w->timer.data = w;
    rc = channel_open(&w->channel, loop, r->conf.channels[1 + number]);
    if (rc != 0) {
        uv_close((uv_handle_t *)&w->async, on_abandoned);
        return err_fail_errno(ei, -rc, "open the relay of worker %u", number);
    }
    uv_timer_init(loop, &w->timer);
    pthread_mutex_lock(&r->lock);
    r->workers[number] = w;
    pthread_mutex_unlock(&r->lock);
    *out = w;
    return ERR_OK;
}

void relay_worker_close(struct relay_worker *w)
{
    if (w == NULL || w->closing)
        return;
    w->closing = true;
    pthread_mutex_lock(&w->relay->lock);
    w->relay->workers[w->number] = NULL;
    pthread_mutex_unlock(&w->relay->lock);
    while (w->oldest != NULL) {
        struct relay_request *r = w->oldest;

        drop_link(r);
        fail(r, RELAY_DOWN);
    }
    pool_close(w);
    channel_close(&w->channel, NULL);
    uv_close((uv_handle_t *)&w->async, NULL);
    uv_close((uv_handle_t *)&w->timer, NULL);
}

void relay_worker_free(struct relay_worker *w)
{
    if (w == NULL)
        return;
    while (w->spare != NULL)
        free(new_pooled(w));
    rng_pool_free(w->random);
    buf_fini(&w->stub);
    free(w);
}
