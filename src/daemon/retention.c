#include "daemon/retention.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/plural.h"
#include "store/retention.h"

#define FIRST_MS 500
#define NEXT_MS  20 /* between two steps, for those who wait for a commit */
#define EVERY_MS (10 * 60 * 1000)
#define STEP     256 /* rows */

struct retention {
    struct retention_conf conf;
    uv_timer_t timer;
    struct ledger_job job;
    bool busy, closing, closed;
    int64_t before;     /* of this step */
    uint64_t removed;   /* in this round */
    uint64_t step_took; /* the writer's until done */
};

static void on_timer(uv_timer_t *t);

static enum err on_write(void *arg, struct store *s, struct errinfo *ei)
{
    struct retention *r = arg;
    enum err e = r->removed == 0 ? r->conf.save(r->conf.arg, s, ei) : ERR_OK;

    return e == ERR_OK ? store_expire_step(s, r->before, STEP, &r->step_took, ei) : e;
}

static void end_round(struct retention *r)
{
    char text[CLK_TEXT_MAX];

    if (r->removed > 0)
        log_as(&r->conf.log, LOGL_INFO, LOGK_LEDGER_KEEP, NULL,
               "%" PRIu64 " record%s from before %s left the ledger", r->removed,
               plural(r->removed), clk_format(r->before, text));
    r->removed = 0;
}

/* After a failed commit the next round tries again. */
static void on_done(void *arg, enum err e)
{
    struct retention *r = arg;
    bool more = e == ERR_OK && r->step_took == STEP;

    r->busy = false;
    if (e == ERR_OK)
        r->removed += r->step_took;
    if (!more)
        end_round(r);
    if (!r->closing)
        uv_timer_start(&r->timer, on_timer, more ? NEXT_MS : EVERY_MS, 0);
}

static void on_timer(uv_timer_t *t)
{
    struct retention *r = t->data;

    if (r->conf.keep == 0) { /* for ever; maybe since the last step only */
        end_round(r);
        return;
    }
    r->before = clk_now(&r->conf.clk) - r->conf.keep;
    r->busy = true;
    r->job = (struct ledger_job){.write = on_write, .done = on_done, .arg = r};
    ledger_post(r->conf.port, &r->job);
}

void retention_set_keep(struct retention *r, int64_t keep)
{
    r->conf.keep = keep;
    if (!r->busy && !r->closing)
        uv_timer_start(&r->timer, on_timer, FIRST_MS, 0);
}

struct retention *retention_new(const struct retention_conf *conf)
{
    struct retention *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->conf = *conf;
    uv_timer_init(conf->loop, &r->timer);
    r->timer.data = r;
    uv_timer_start(&r->timer, on_timer, FIRST_MS, 0);
    return r;
}

static void on_closed(uv_handle_t *h)
{
    struct retention *r = h->data;

    r->closed = true;
}

void retention_close(struct retention *r)
{
    r->closing = true;
    uv_close((uv_handle_t *)&r->timer, on_closed);
}

bool retention_closed(const struct retention *r)
{
    return r->closed && !r->busy;
}

void retention_free(struct retention *r)
{
    free(r);
}
