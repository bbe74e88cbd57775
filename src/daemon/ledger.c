#include "daemon/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_FIRST_MS    250
#define RETRY_MAX_MS      10000
#define REFUSALS_DELAY_MS 1000
#define REFUSALS_MAX      256 /* distinct ones in memory */
#define REFUSALS_RESERVE  16  /* of them, for reasons whose source is not told apart any more */

struct entry {
    struct store_activation a;
    ledger_done_fn *done;
    void *arg;
};

struct ledger {
    struct ledger_conf conf;
    struct entry *batch; /* this turn's */
    size_t n, cap;
    struct store_refusal refusals[REFUSALS_MAX];
    size_t refusal_count;
    struct ledger_stats stats;
    struct ledger_rider rider;
    bool riding;
    uint64_t down_since; /* loop time */
    unsigned retry_ms;
    uv_check_t check; /* runs after polling: commits */
    uv_idle_t idle;   /* keeps polling from waiting while a batch waits */
    uv_timer_t retry_timer, refusal_timer;
    unsigned handles;
    bool closing;
};

/* ---- failure and recovery ---- */

static void on_retry(uv_timer_t *t);

static void go_down(struct ledger *l, size_t lost, const struct errinfo *ei)
{
    l->stats.up = false;
    l->stats.failures++;
    l->stats.lost += lost;
    snprintf(l->stats.why, sizeof(l->stats.why), "%s", ei->text);
    log_error(&l->conf.log,
              "%s; %zu activations are not recorded and therefore not answered, and none will be "
              "until it can be written again",
              ei->text, lost);
    l->down_since = uv_now(l->conf.loop);
    l->retry_ms = RETRY_FIRST_MS;
    if (!l->closing)
        uv_timer_start(&l->retry_timer, on_retry, l->retry_ms, 0);
}

static void on_retry(uv_timer_t *t)
{
    struct ledger *l = t->data;
    struct errinfo ei = {0};
    enum err e = store_reopen(l->conf.store, &ei);
    char text[CLK_TEXT_MAX];

    if (e == ERR_OK)
        e = l->conf.rebuild(l->conf.arg, &ei);
    if (e == ERR_OK) {
        int64_t down = (int64_t)(uv_now(l->conf.loop) - l->down_since) / 1000;

        l->stats.up = true;
        log_info(&l->conf.log, "the ledger is back after %s; requests are answered again",
                 clk_format_duration(down, text));
        return;
    }
    if (strcmp(l->stats.why, ei.text) != 0)
        log_warn(&l->conf.log, "still no ledger: %s", ei.text);
    snprintf(l->stats.why, sizeof(l->stats.why), "%s", ei.text);
    l->retry_ms = l->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : l->retry_ms * 2;
    uv_timer_start(&l->retry_timer, on_retry, l->retry_ms, 0);
}

/* ---- committing ---- */

static enum err write_batch(struct ledger *l, bool riding, struct errinfo *ei)
{
    enum err e = store_begin(l->conf.store, ei);

    for (size_t i = 0; e == ERR_OK && i < l->n; i++)
        e = store_add_activation(l->conf.store, &l->batch[i].a, ei);
    for (size_t i = 0; e == ERR_OK && i < l->refusal_count; i++)
        e = store_add_refusal(l->conf.store, &l->refusals[i], ei);
    if (e == ERR_OK && riding)
        e = l->rider.write(l->rider.arg, l->conf.store, ei);
    if (e == ERR_OK)
        e = store_commit(l->conf.store, ei);
    return e;
}

static void commit(struct ledger *l)
{
    struct errinfo ei = {0};
    size_t n = l->n;
    bool riding = l->riding && l->rider.write != NULL;
    enum err e;

    uv_check_stop(&l->check);
    uv_idle_stop(&l->idle);
    l->riding = false;
    if (n == 0 && l->refusal_count == 0 && !riding)
        return;
    e = l->stats.up ? write_batch(l, riding, &ei) : ERR_NOT_NOW;
    if (e == ERR_OK) {
        l->stats.commits++;
        l->stats.recorded += n;
        l->refusal_count = 0;
        l->stats.waiting = 0;
    } else if (l->stats.up) {
        go_down(l, n, &ei);
    }
    /* Nothing that done does can add to the batch: requests come in while polling. */
    for (size_t i = 0; i < n; i++)
        l->batch[i].done(l->batch[i].arg, &l->batch[i].a, e);
    l->n = 0;
    if (riding)
        l->rider.done(l->rider.arg, e);
}

static void on_check(uv_check_t *check)
{
    commit(check->data);
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle;
}

static void on_refusal_timer(uv_timer_t *t)
{
    struct ledger *l = t->data;

    if (l->stats.up)
        commit(l);
    if (l->refusal_count > 0)
        uv_timer_start(&l->refusal_timer, on_refusal_timer, REFUSALS_DELAY_MS, 0);
}

bool ledger_ready(const struct ledger *l)
{
    return l->stats.up && !l->closing;
}

enum err ledger_add(struct ledger *l, const struct store_activation *a, ledger_done_fn *done,
                    void *arg)
{
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 64 : l->cap * 2;
        struct entry *bigger = realloc(l->batch, cap * sizeof(*bigger));

        if (bigger == NULL)
            return ERR_NOMEM;
        l->batch = bigger;
        l->cap = cap;
    }
    l->batch[l->n++] = (struct entry){.a = *a, .done = done, .arg = arg};
    uv_check_start(&l->check, on_check);
    uv_idle_start(&l->idle, on_idle);
    return ERR_OK;
}

void ledger_set_rider(struct ledger *l, const struct ledger_rider *rider)
{
    l->rider = rider == NULL ? (struct ledger_rider){0} : *rider;
    l->riding = false;
}

void ledger_ride(struct ledger *l)
{
    if (l->closing || l->rider.write == NULL)
        return;
    l->riding = true;
    uv_check_start(&l->check, on_check);
    uv_idle_start(&l->idle, on_idle);
}

enum err ledger_write(struct ledger *l, ledger_write_fn *write, void *arg, struct errinfo *ei)
{
    enum err e;

    if (!ledger_ready(l))
        return err_fail(ei, ERR_NOT_NOW, "the ledger cannot be written: %s", l->stats.why);
    e = store_begin(l->conf.store, ei);
    if (e == ERR_OK)
        e = write(arg, l->conf.store, ei);
    if (e == ERR_OK)
        e = store_commit(l->conf.store, ei);
    if (e == ERR_OK)
        l->stats.commits++;
    else
        go_down(l, 1, ei);
    return e;
}

static struct store_refusal *find_refusal(struct ledger *l, const struct store_refusal *r)
{
    for (size_t i = 0; i < l->refusal_count; i++) {
        struct store_refusal *had = &l->refusals[i];

        if (had->when / 60 == r->when / 60 && strcmp(had->source, r->source) == 0 &&
            strcmp(had->reason, r->reason) == 0)
            return had;
    }
    return NULL;
}

void ledger_refuse(struct ledger *l, const struct store_refusal *r)
{
    struct store_refusal given = *r;
    struct store_refusal *had = find_refusal(l, r);

    given.times = r->times == 0 ? 1 : r->times;
    l->stats.refusals += given.times;
    l->stats.waiting += given.times;
    if (had == NULL && l->refusal_count >= REFUSALS_MAX - REFUSALS_RESERVE) {
        snprintf(given.source, sizeof(given.source), "(others)");
        had = find_refusal(l, &given);
        if (had == NULL && l->refusal_count == REFUSALS_MAX)
            had = &l->refusals[REFUSALS_MAX - 1];
    }
    if (had != NULL) {
        had->times += given.times;
        return;
    }
    l->refusals[l->refusal_count++] = given;
    if (l->refusal_count == 1 && !l->closing)
        uv_timer_start(&l->refusal_timer, on_refusal_timer, REFUSALS_DELAY_MS, 0);
}

void ledger_stats(const struct ledger *l, struct ledger_stats *out)
{
    *out = l->stats;
}

/* ---- life ---- */

struct ledger *ledger_new(const struct ledger_conf *conf)
{
    struct ledger *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return NULL;
    l->conf = *conf;
    l->stats.up = true;
    uv_check_init(conf->loop, &l->check);
    uv_idle_init(conf->loop, &l->idle);
    uv_timer_init(conf->loop, &l->retry_timer);
    uv_timer_init(conf->loop, &l->refusal_timer);
    l->check.data = l->idle.data = l->retry_timer.data = l->refusal_timer.data = l;
    l->handles = 4;
    return l;
}

static void on_closed(uv_handle_t *h)
{
    struct ledger *l = h->data;

    l->handles--;
}

void ledger_close(struct ledger *l)
{
    if (l->closing)
        return;
    l->closing = true;
    commit(l);
    uv_close((uv_handle_t *)&l->check, on_closed);
    uv_close((uv_handle_t *)&l->idle, on_closed);
    uv_close((uv_handle_t *)&l->retry_timer, on_closed);
    uv_close((uv_handle_t *)&l->refusal_timer, on_closed);
}

bool ledger_closed(const struct ledger *l)
{
    return l->closing && l->handles == 0;
}

void ledger_free(struct ledger *l)
{
    if (l == NULL)
        return;
    free(l->batch);
    free(l);
}
