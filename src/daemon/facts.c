#include "daemon/facts.h"

#include <stdlib.h>

#define NS_PER_MS UINT64_C(1000000)

struct facts {
    uv_async_t async;
    json_t *(*make)(void *arg);
    void *arg;
    bool closing, closed; /* the main loop's */
    uv_mutex_t lock;
    uv_cond_t made_cond;
    /* Under the lock. */
    uint64_t wanted, made; /* numbers of questions */
    json_t *fresh;
    bool stopped;
    /* The other thread's. */
    json_t *latest;
    uint64_t latest_at; /* ns */
};

static void on_wanted(uv_async_t *a)
{
    struct facts *f = a->data;
    json_t *made, *unused;
    uint64_t wanted;

    uv_mutex_lock(&f->lock);
    wanted = f->wanted;
    uv_mutex_unlock(&f->lock);
    made = f->make(f->arg);
    uv_mutex_lock(&f->lock);
    unused = f->fresh;
    f->fresh = made;
    f->made = wanted;
    uv_cond_signal(&f->made_cond);
    uv_mutex_unlock(&f->lock);
    json_decref(unused); /* who asked for it had no more patience */
}

enum err facts_open(uv_loop_t *loop, json_t *(*make)(void *arg), void *arg, struct facts **out,
                    struct errinfo *ei)
{
    struct facts *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return err_nomem(ei);
    f->make = make;
    f->arg = arg;
    f->async.data = f;
    uv_mutex_init(&f->lock);
    uv_cond_init(&f->made_cond);
    uv_async_init(loop, &f->async, on_wanted);
    uv_unref((uv_handle_t *)&f->async);
    json_object_seed(0); /* before a second thread uses jansson */
    *out = f;
    return ERR_OK;
}

/* With the lock. */
static enum err wait_for(struct facts *f, struct errinfo *ei)
{
    uint64_t number = ++f->wanted, until = uv_hrtime() + FACTS_PATIENCE_MS * NS_PER_MS;

    uv_async_send(&f->async);
    while (!f->stopped && f->made < number) {
        uint64_t now = uv_hrtime();

        if (now >= until)
            return err_fail(ei, ERR_TIMEOUT, "adbad's main loop did not answer within %d ms",
                            FACTS_PATIENCE_MS);
        uv_cond_timedwait(&f->made_cond, &f->lock, until - now);
    }
    if (f->stopped)
        return err_fail(ei, ERR_NOT_NOW, "adbad is ending");
    return f->fresh == NULL ? err_nomem(ei) : ERR_OK;
}

enum err facts_get(struct facts *f, const json_t **out, struct errinfo *ei)
{
    enum err e = ERR_OK;

    if (f->latest == NULL || uv_hrtime() - f->latest_at > FACTS_FRESH_MS * NS_PER_MS) {
        json_decref(f->latest);
        f->latest = NULL;
        uv_mutex_lock(&f->lock);
        e = wait_for(f, ei);
        if (e == ERR_OK) {
            f->latest = f->fresh;
            f->fresh = NULL;
            f->latest_at = uv_hrtime();
        }
        uv_mutex_unlock(&f->lock);
    }
    *out = f->latest;
    return e;
}

void facts_stop(struct facts *f)
{
    uv_mutex_lock(&f->lock);
    f->stopped = true;
    uv_cond_signal(&f->made_cond);
    uv_mutex_unlock(&f->lock);
}

static void on_closed(uv_handle_t *h)
{
    struct facts *f = h->data;

    f->closed = true;
}

void facts_close(struct facts *f)
{
    if (f->closing)
        return;
    f->closing = true;
    uv_close((uv_handle_t *)&f->async, on_closed);
}

bool facts_closed(const struct facts *f)
{
    return f->closed;
}

void facts_free(struct facts *f)
{
    if (f == NULL)
        return;
    json_decref(f->latest);
    json_decref(f->fresh);
    uv_cond_destroy(&f->made_cond);
    uv_mutex_destroy(&f->lock);
    free(f);
}
