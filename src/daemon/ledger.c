/* The writer's thread. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "daemon/ledger_internal.h"
#include "store/checkpointer.h"

#define RETRY_FIRST_MS 250
#define RETRY_MAX_MS   10000
#define NS_PER_MS      UINT64_C(1000000)
#define NS_PER_US      UINT64_C(1000)
#define NS_PER_SECOND  UINT64_C(1000000000)
#define REFUSED_ROWS   256  /* in a commit: those who wait for it shall not wait long */
#define LOOK_MS        2000 /* while nothing is written: is the file still there? */
#define TURN_MS        5000 /* for which who asks the writer waits until it listens */
#define SMALL_COMMIT   16 /* entries; with more, answering others beside the flush is worth more */

void ledger_wake(struct ledger *l)
{
    bool asleep = l->asleep;

    l->work = true;
    uv_mutex_unlock(&l->lock);
    if (asleep)
        uv_cond_signal(&l->work_cond);
}

/* ---- failure and recovery ---- */

static void set_up(struct ledger *l, bool up, const char *why)
{
    uv_mutex_lock(&l->lock);
    l->stats.up = up;
    snprintf(l->stats.why, sizeof(l->stats.why), "%s", why);
    uv_mutex_unlock(&l->lock);
    l->up = up;
    atomic_store(&l->ready, up);
}

static void go_down(struct ledger *l, const struct errinfo *ei, size_t lost)
{
    set_up(l, false, ei->text);
    uv_mutex_lock(&l->lock);
    l->stats.failures++;
    uv_mutex_unlock(&l->lock);
    log_as(&l->conf.log, LOGL_ERROR, LOGK_LEDGER_DOWN, NULL,
           "%s; %zu activations are not recorded and therefore not answered, and none will be "
           "until it can be written again",
           ei->text, lost);
    l->down_since = uv_hrtime();
    l->retry_ms = RETRY_FIRST_MS;
    l->retry_at = l->down_since + l->retry_ms * NS_PER_MS;
}

/* What was decided before counts no more: what is rebuilt comes from the rows, and all that was
 * handed over since was failed. */
static void recover(struct ledger *l)
{
    struct errinfo ei = {0};
    enum err e = store_reopen(l->conf.store, &ei);
    char text[CLK_TEXT_MAX];

    if (e == ERR_OK)
        e = l->conf.rebuild(l->conf.arg, l->conf.store, &ei);
    if (e == ERR_OK) {
        int64_t down = (int64_t)((uv_hrtime() - l->down_since) / NS_PER_SECOND);

        set_up(l, true, "");
        log_as(&l->conf.log, LOGL_INFO, LOGK_LEDGER_BACK, NULL,
               "the ledger is back after %s; requests are answered again",
               clk_format_duration(down, text));
        return;
    }
    if (strcmp(l->stats.why, ei.text) != 0)
        log_as(&l->conf.log, LOGL_WARN, LOGK_LEDGER_DOWN, NULL, "still no ledger: %s", ei.text);
    set_up(l, false, ei.text);
    l->retry_ms = l->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : l->retry_ms * 2;
    l->retry_at = uv_hrtime() + l->retry_ms * NS_PER_MS;
}

/* ---- one commit ---- */

static enum err write_entry(struct ledger *l, struct ledger_entry *entry, struct errinfo *ei)
{
    entry->e = l->conf.count(l->conf.arg, &entry->row);
    return entry->e == ERR_OK ? store_add_activation(l->conf.store, &entry->row, ei) : ERR_OK;
}

static enum err write_refused(struct ledger *l, size_t max, struct errinfo *ei)
{
    struct refused_row *r = l->writing_refused.first;
    enum err e = ERR_OK;

    for (l->refused_written = 0; e == ERR_OK && r != NULL && l->refused_written < max;
         r = r->next) {
        e = store_add_refused(l->conf.store, &r->row, ei);
        l->refused_written++;
    }
    return e;
}

static enum err write_taken(struct ledger *l, bool last, struct errinfo *ei)
{
    uint64_t begun = uv_hrtime();
    enum err e = store_begin(l->conf.store, ei);

    for (struct ledger_port *p = l->taken; e == ERR_OK && p != NULL; p = p->next_taken) {
        struct ledger_entry *entry = p->taken.first;

        for (; e == ERR_OK && entry != NULL; entry = entry->next)
            e = write_entry(l, entry, ei);
    }
    for (size_t i = 0; e == ERR_OK && i < l->writing.n; i++)
        e = store_add_refusal(l->conf.store, &l->writing.rows[i], ei);
    if (e == ERR_OK)
        e = write_refused(l, last ? SIZE_MAX : REFUSED_ROWS, ei);
    for (struct ledger_job *j = l->taken_jobs.first; e == ERR_OK && j != NULL; j = j->next)
        e = j->write(j->arg, l->conf.store, ei);
    if (e == ERR_OK && l->saving)
        e = l->conf.save(l->conf.arg, l->conf.store, ei);
    if (e == ERR_OK)
        e = store_commit(l->conf.store, ei);
    if (e == ERR_OK)
        timing_add(&l->commit_times, (uv_hrtime() - begun) / NS_PER_US);
    return e;
}

/* Tells every entry how the commit ended; how many are recorded or, if it failed, lost. */
static size_t judge_taken(struct ledger *l, enum err e)
{
    size_t n = 0;

    for (struct ledger_port *p = l->taken; p != NULL; p = p->next_taken) {
        for (struct ledger_entry *entry = p->taken.first; entry != NULL; entry = entry->next) {
            if (e != ERR_OK)
                entry->e = e;
            n += entry->e == e;
        }
    }
    for (struct ledger_job *j = l->taken_jobs.first; j != NULL; j = j->next)
        j->e = e;
    return n;
}

/* last: nothing comes after it. */
static void commit(struct ledger *l, bool last)
{
    struct errinfo ei = {0};
    enum err e = ERR_NOT_NOW;
    size_t n;

    if (l->taken == NULL && l->taken_jobs.first == NULL &&
        !(l->up && l->writing.n + l->writing_refused.n > 0) && !(l->up && last && l->unsaved > 0))
        return;
    l->saving = l->conf.save != NULL && l->unsaved >= (last ? 1 : l->conf.save_every);
    if (l->up)
        e = write_taken(l, last, &ei);
    n = judge_taken(l, e);
    if (e != ERR_OK && l->up)
        go_down(l, &ei, n);
    uv_mutex_lock(&l->lock);
    if (e == ERR_OK) {
        l->stats.commits++;
        l->stats.recorded += n;
    } else {
        l->stats.lost += n;
    }
    uv_mutex_unlock(&l->lock);
    if (e == ERR_OK) {
        atomic_fetch_sub(&l->refusals_waiting, refusals_times(&l->writing) + l->refused_written);
        atomic_fetch_sub(&l->refused_rows, l->refused_written);
        refused_drop(&l->writing_refused, l->refused_written);
        l->writing.n = 0;
        l->unsaved = l->saving ? 0 : l->unsaved + n;
    }
}

/* ---- callers that wait ---- */

static enum err write_alone(struct ledger *l, struct ledger_call *c)
{
    uint64_t begun = uv_hrtime();
    enum err e = store_begin(l->conf.store, c->ei);

    if (e == ERR_OK)
        e = c->fn(c->arg, l->conf.store, c->ei);
    if (e == ERR_OK)
        e = store_commit(l->conf.store, c->ei);
    if (e != ERR_OK) {
        go_down(l, c->ei, 0);
        return e;
    }
    timing_add(&l->commit_times, (uv_hrtime() - begun) / NS_PER_US);
    uv_mutex_lock(&l->lock);
    l->stats.commits++;
    uv_mutex_unlock(&l->lock);
    return ERR_OK;
}

static void serve(struct ledger *l, struct ledger_call *c)
{
    if (!l->up)
        c->e = err_fail(c->ei, ERR_NOT_NOW, "the ledger is not in use: %s", l->stats.why);
    else if (c->writes)
        c->e = write_alone(l, c);
    else
        c->e = c->fn(c->arg, l->conf.store, c->ei);
}

/* With the lock. */
static void leave(struct ledger *l, const struct ledger_call *c)
{
    struct ledger_call **at = &l->calls;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
}

/* With the lock. Only until its turn can a caller go away: then the writer has its memory. */
static enum err await_turn(struct ledger *l, struct ledger_call *c)
{
    uint64_t until = uv_hrtime() + TURN_MS * NS_PER_MS, now;

    while (!c->begun && (now = uv_hrtime()) < until)
        uv_cond_timedwait(&l->answer_cond, &l->lock, until - now);
    if (c->begun)
        return ERR_OK;
    leave(l, c);
    l->stalled = true;
    return ERR_TIMEOUT;
}

static enum err stalled(struct errinfo *ei)
{
    return err_fail(ei, ERR_TIMEOUT,
                    "the ledger's disk takes longer than %d s for a commit, so it is not asked "
                    "now; try again",
                    TURN_MS / 1000);
}

static enum err call(struct ledger *l, bool writes, ledger_fn *fn, void *arg, struct errinfo *ei)
{
    struct errinfo unused = {0};
    struct ledger_call c = {
        .fn = fn, .arg = arg, .writes = writes, .ei = ei == NULL ? &unused : ei};
    struct ledger_call **at = &l->calls;
    enum err e;

    uv_mutex_lock(&l->lock);
    if (!l->stats.up) { /* the writer may be busy with a long recovery */
        err_fail(c.ei, ERR_NOT_NOW, "the ledger is not in use: %s", l->stats.why);
        uv_mutex_unlock(&l->lock);
        return ERR_NOT_NOW;
    }
    if (l->stalled) {
        uv_mutex_unlock(&l->lock);
        return stalled(c.ei);
    }
    while (*at != NULL)
        at = &(*at)->next;
    *at = &c;
    ledger_wake(l);
    uv_mutex_lock(&l->lock);
    e = await_turn(l, &c);
    while (e == ERR_OK && !c.answered)
        uv_cond_wait(&l->answer_cond, &l->lock);
    uv_mutex_unlock(&l->lock);
    return e == ERR_OK ? c.e : stalled(c.ei);
}

enum err ledger_write(struct ledger *l, ledger_fn *write, void *arg, struct errinfo *ei)
{
    return call(l, true, write, arg, ei);
}

enum err ledger_read(struct ledger *l, ledger_fn *read, void *arg, struct errinfo *ei)
{
    return call(l, false, read, arg, ei);
}

/* ---- the thread ---- */

/* With the lock, but not while it looks. Nobody may write for hours, and whoever removed the file
 * can still put it back. */
static void look_after(struct ledger *l)
{
    struct errinfo ei = {0};

    uv_mutex_unlock(&l->lock);
    if (store_look(l->conf.store, &ei) != ERR_OK)
        go_down(l, &ei, 0);
    uv_mutex_lock(&l->lock);
}

/* With the lock. Returns when there is something to do, or it is time to try to recover. It looks
 * after the file also while others only read, as whoever watches the status does. */
static void wait_for_work(struct ledger *l)
{
    while (!l->work && !l->closing) {
        uint64_t now = uv_hrtime(), look_at = l->looked_at + LOOK_MS * NS_PER_MS;

        if (!l->up && now >= l->retry_at)
            return;
        if (l->up && now >= look_at) {
            l->looked_at = now;
            look_after(l);
            continue;
        }
        l->asleep = true;
        uv_cond_timedwait(&l->work_cond, &l->lock, (l->up ? look_at : l->retry_at) - now);
        l->asleep = false;
    }
}

/* With the lock. */
static void take(struct ledger *l)
{
    l->work = l->up && l->writing_refused.n + l->refused.n > REFUSED_ROWS; /* the rest comes next */
    l->taken = NULL;
    for (struct ledger_port *p = l->ports; p != NULL; p = p->next) {
        if (p->waiting.n == 0)
            continue;
        entries_move(&p->taken, &p->waiting);
        p->next_taken = l->taken;
        l->taken = p;
    }
    jobs_move(&l->taken_jobs, &l->jobs);
    if (l->up)
        refusals_merge(&l->writing, &l->refusals);
    refused_move(&l->writing_refused, &l->refused);
}

/* With the lock: a port cannot close between getting its entries back and being woken. */
static void give_back(struct ledger *l)
{
    struct ledger_job *j = l->taken_jobs.first, *next_job;

    for (struct ledger_port *p = l->taken; p != NULL; p = p->next_taken) {
        l->under_way -= p->taken.n;
        entries_move(&p->finished, &p->taken);
        uv_async_send(&p->async);
    }
    for (; j != NULL; j = next_job) {
        next_job = j->next;
        jobs_add(&j->port->finished_jobs, j);
        uv_async_send(&j->port->async);
    }
    jobs_clear(&l->taken_jobs);
    for (struct ledger_port *p = l->ports; p != NULL && l->under_way <= l->conf.room / 2;
         p = p->next) {
        if (p->held)
            uv_async_send(&p->async);
    }
}

/* With the lock, but not while one is served. A caller's memory is gone once it was answered. */
static void answer_calls(struct ledger *l)
{
    struct ledger_call *c;

    l->stalled = false;
    while ((c = l->calls) != NULL) {
        l->calls = c->next;
        c->begun = true;
        uv_mutex_unlock(&l->lock);
        serve(l, c);
        uv_mutex_lock(&l->lock);
        c->answered = true;
        uv_cond_broadcast(&l->answer_cond);
    }
}

/* With the lock, but not while anything takes time. */
static void work(struct ledger *l, bool last)
{
    uv_mutex_unlock(&l->lock);
    commit(l, last);
    uv_mutex_lock(&l->lock);
    give_back(l);
    answer_calls(l);
}

static struct store_checkpointer *start_checkpointer(struct ledger *l)
{
    struct store_checkpointer *c = NULL;
    struct errinfo ei = {0};

    if (store_checkpointer_start(l->conf.store, &c, &ei) != ERR_OK)
        log_as(&l->conf.log, LOGL_WARN, LOGK_LEDGER_WARNING, NULL,
               "%s; some commits will take longer", ei.text);
    return c;
}

/* With the lock. Clients that were answered together ask again together: before a commit of a few,
 * whoever else is ready to run may hand over more. Costs nothing while a processor is idle, and one
 * client alone never waits. */
static void gather(struct ledger *l)
{
    if (l->under_way < 2 || l->under_way >= SMALL_COMMIT || l->closing)
        return;
    uv_mutex_unlock(&l->lock);
    sched_yield();
    uv_mutex_lock(&l->lock);
}

static void run(void *arg)
{
    struct ledger *l = arg;
    struct store_checkpointer *checkpointer = start_checkpointer(l);
    bool last = false;

    uv_mutex_lock(&l->lock);
    while (!last) {
        wait_for_work(l);
        gather(l);
        last = l->closing;
        take(l);
        work(l, last);
        if (!l->up && !last && uv_hrtime() >= l->retry_at) {
            uv_mutex_unlock(&l->lock);
            recover(l);
            uv_mutex_lock(&l->lock);
            l->work = true; /* refusals have waited */
        }
    }
    uv_mutex_unlock(&l->lock);
    store_checkpointer_stop(checkpointer);
}

/* ---- life ---- */

bool ledger_ready(const struct ledger *l)
{
    return atomic_load_explicit(&l->ready, memory_order_relaxed);
}

void ledger_stats(struct ledger *l, struct ledger_stats *out)
{
    uv_mutex_lock(&l->lock);
    *out = l->stats;
    uv_mutex_unlock(&l->lock);
    out->refusals = atomic_load(&l->refusals_seen);
    out->waiting = atomic_load(&l->refusals_waiting);
}

const struct timing *ledger_commit_times(const struct ledger *l)
{
    return &l->commit_times;
}

static void destroy(struct ledger *l)
{
    uv_cond_destroy(&l->answer_cond);
    uv_cond_destroy(&l->work_cond);
    uv_mutex_destroy(&l->lock);
    refused_drop(&l->refused, l->refused.n);
    refused_drop(&l->writing_refused, l->writing_refused.n);
    free(l);
}

enum err ledger_open(const struct ledger_conf *conf, struct ledger **out, struct errinfo *ei)
{
    struct ledger *l = calloc(1, sizeof(*l));
    int rc;

    if (l == NULL)
        return err_nomem(ei);
    l->conf = *conf;
    l->up = l->stats.up = true;
    atomic_init(&l->ready, true);
    jobs_clear(&l->jobs);
    jobs_clear(&l->taken_jobs);
    refused_clear(&l->refused);
    refused_clear(&l->writing_refused);
    uv_mutex_init(&l->lock);
    uv_cond_init(&l->work_cond);
    uv_cond_init(&l->answer_cond);
    rc = uv_thread_create(&l->thread, run, l);
    if (rc != 0) {
        destroy(l);
        return err_fail_errno(ei, -rc, "start the ledger's writer");
    }
    *out = l;
    return ERR_OK;
}

void ledger_close(struct ledger *l)
{
    if (l == NULL)
        return;
    uv_mutex_lock(&l->lock);
    l->closing = true;
    ledger_wake(l);
    uv_thread_join(&l->thread);
    destroy(l);
}
