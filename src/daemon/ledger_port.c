/* The loops' side of the ledger. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/ledger_internal.h"

#define REFUSALS_DELAY_MS 1000
#define REFUSED_AT_ONCE   64   /* rows that do not wait for that */
#define REFUSED_ROOM      2048 /* rows that wait in all; about a megabyte */

/* ---- to the writer ---- */

static void hand_over(struct ledger_port *p, bool refusals)
{
    struct ledger *l = p->ledger;
    bool hold = false;

    refusals = (refusals && p->refusals.n + p->refused.n > 0) || p->refused.n >= REFUSED_AT_ONCE;
    if (p->added.n == 0 && p->posted.first == NULL && !refusals)
        return;
    uv_mutex_lock(&l->lock);
    l->under_way += p->added.n;
    entries_move(&p->waiting, &p->added);
    jobs_move(&l->jobs, &p->posted);
    if (refusals) {
        refusals_merge(&l->refusals, &p->refusals);
        refused_move(&l->refused, &p->refused);
    }
    if (l->under_way >= l->conf.room && !p->held)
        hold = p->held = true;
    ledger_wake(l);
    if (hold && p->hold != NULL)
        p->hold(p->arg, true);
}

static void on_prepare(uv_prepare_t *h)
{
    hand_over(h->data, false);
}

static void on_timer(uv_timer_t *h)
{
    hand_over(h->data, true);
}

/* The loop stays alive while somebody is owed an answer, and for nothing else here. */
static void owe(struct ledger_port *p)
{
    if (p->owed++ == 0)
        uv_ref((uv_handle_t *)&p->async);
}

void ledger_add(struct ledger_port *p, struct ledger_entry *entry)
{
    entry->next = NULL;
    *p->added.end = entry;
    p->added.end = &entry->next;
    p->added.n++;
    owe(p);
}

void ledger_post(struct ledger_port *p, struct ledger_job *job)
{
    job->port = p;
    jobs_add(&p->posted, job);
    owe(p);
}

/* ---- refusals ---- */

static void refused(struct ledger_port *p, uint64_t times)
{
    atomic_fetch_add_explicit(&p->ledger->refusals_seen, times, memory_order_relaxed);
    atomic_fetch_add_explicit(&p->ledger->refusals_waiting, times, memory_order_relaxed);
    if (!p->closing && !uv_is_active((uv_handle_t *)&p->timer))
        uv_timer_start(&p->timer, on_timer, REFUSALS_DELAY_MS, 0);
}

void ledger_refuse(struct ledger_port *p, const struct store_refusal *r)
{
    refusals_add(&p->refusals, r);
    refused(p, r->times == 0 ? 1 : r->times);
}

static struct refused_row *refused_row_new(struct ledger *l)
{
    struct refused_row *row = NULL;

    if (atomic_fetch_add(&l->refused_rows, 1) < REFUSED_ROOM)
        row = malloc(sizeof(*row));
    if (row == NULL)
        atomic_fetch_sub(&l->refused_rows, 1);
    return row;
}

void ledger_refuse_request(struct ledger_port *p, const struct store_refused *r)
{
    struct refused_row *row = refused_row_new(p->ledger);

    if (row != NULL) {
        row->row = *r;
        refused_add(&p->refused, row);
        refused(p, 1);
    } else {
        struct store_refusal sum = {.when = r->request.when, .hresult = r->hresult};

        snprintf(sum.source, sizeof(sum.source), "%s", r->request.peer);
        snprintf(sum.reason, sizeof(sum.reason), "%s", r->reason);
        ledger_refuse(p, &sum);
    }
}

void refused_drop(struct refused_rows *q, size_t n)
{
    for (struct refused_row *r; n > 0; n--) {
        r = q->first;
        q->first = r->next;
        q->n--;
        free(r);
    }
    if (q->n == 0)
        q->end = &q->first;
}

/* ---- from the writer ---- */

static void tell(struct ledger_port *p, struct entries *finished, struct jobs *jobs)
{
    struct ledger_entry *entry = finished->first, *next;
    struct ledger_job *job = jobs->first, *next_job;
    size_t n = finished->n;

    for (; entry != NULL; entry = next) {
        next = entry->next;
        entry->done(entry, entry->e);
    }
    for (; job != NULL; job = next_job, n++) {
        next_job = job->next;
        job->done(job->arg, job->e);
    }
    p->owed -= n;
    if (n > 0 && p->owed == 0)
        uv_unref((uv_handle_t *)&p->async);
}

static void close_if_settled(struct ledger_port *p);

static void on_async(uv_async_t *h)
{
    struct ledger_port *p = h->data;
    struct ledger *l = p->ledger;
    struct entries finished;
    struct jobs jobs;
    bool release;

    entries_clear(&finished);
    jobs_clear(&jobs);
    uv_mutex_lock(&l->lock);
    entries_move(&finished, &p->finished);
    jobs_move(&jobs, &p->finished_jobs);
    release = p->held && l->under_way <= l->conf.room / 2;
    if (release)
        p->held = false;
    uv_mutex_unlock(&l->lock);
    tell(p, &finished, &jobs);
    if (release && p->hold != NULL)
        p->hold(p->arg, false);
    if (p->closing)
        close_if_settled(p);
}

/* ---- life ---- */

static void link_port(struct ledger_port *p)
{
    struct ledger *l = p->ledger;

    uv_mutex_lock(&l->lock);
    p->next = l->ports;
    l->ports = p;
    uv_mutex_unlock(&l->lock);
}

static void unlink_port(struct ledger_port *p)
{
    struct ledger *l = p->ledger;
    struct ledger_port **at = &l->ports;

    uv_mutex_lock(&l->lock);
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    uv_mutex_unlock(&l->lock);
}

enum err ledger_port_open(struct ledger *l, uv_loop_t *loop, void (*hold)(void *arg, bool on),
                          void *arg, struct ledger_port **out, struct errinfo *ei)
{
    struct ledger_port *p = calloc(1, sizeof(*p));
    int rc;

    if (p == NULL)
        return err_nomem(ei);
    rc = uv_async_init(loop, &p->async, on_async);
    if (rc != 0) {
        free(p);
        return err_fail_errno(ei, -rc, "open a port of the ledger");
    }
    uv_prepare_init(loop, &p->prepare);
    uv_timer_init(loop, &p->timer);
    p->handles = 3;
    p->prepare.data = p->async.data = p->timer.data = p;
    p->ledger = l;
    p->hold = hold;
    p->arg = arg;
    entries_clear(&p->added);
    entries_clear(&p->waiting);
    entries_clear(&p->finished);
    entries_clear(&p->taken);
    jobs_clear(&p->posted);
    refused_clear(&p->refused);
    jobs_clear(&p->finished_jobs);
    uv_prepare_start(&p->prepare, on_prepare);
    uv_unref((uv_handle_t *)&p->prepare);
    uv_unref((uv_handle_t *)&p->async);
    link_port(p);
    *out = p;
    return ERR_OK;
}

static void on_closed(uv_handle_t *h)
{
    struct ledger_port *p = h->data;

    p->handles--;
}

/* Nobody wakes a port that is owed nothing, so its handles may go. */
static void close_if_settled(struct ledger_port *p)
{
    hand_over(p, true); /* what was added while others were told */
    if (p->owed > 0 || uv_is_closing((uv_handle_t *)&p->async))
        return;
    unlink_port(p);
    uv_close((uv_handle_t *)&p->prepare, on_closed);
    uv_close((uv_handle_t *)&p->async, on_closed);
    uv_close((uv_handle_t *)&p->timer, on_closed);
}

void ledger_port_close(struct ledger_port *p)
{
    if (p == NULL || p->closing)
        return;
    p->closing = true;
    close_if_settled(p);
}

bool ledger_port_closed(const struct ledger_port *p)
{
    return p == NULL || (p->closing && p->handles == 0);
}

void ledger_port_free(struct ledger_port *p)
{
    free(p);
}
