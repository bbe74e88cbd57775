#include "daemon/worker.h"

#include <stdio.h>
#include <string.h>

#include "daemon/daemon.h"
#include "daemon/relaying.h"

#define LINES_PER_SECOND 100 /* of one kind and worker; a line costs more than an activation */
#define TELL_MS          1000

/* ---- settings and time ---- */

const struct settings *daemon_worker_settings(struct daemon_worker *w)
{
    return settings_look(&w->settings, &w->d->current);
}

int64_t daemon_worker_now(struct daemon_worker *w)
{
    if (!w->now_known) {
        w->now = clk_now(&w->clk);
        w->now_known = true;
    }
    return w->now;
}

int64_t daemon_worker_log_now(struct daemon_worker *w)
{
    return (int64_t)(uv_now(w->loop) / 1000);
}

static void on_prepare(uv_prepare_t *h)
{
    struct daemon_worker *w = h->data;

    w->now_known = false;
}

static void on_timer(uv_timer_t *h)
{
    struct daemon_worker *w = h->data;
    const struct log *log = &w->d->log;
    int64_t now = daemon_worker_log_now(w);
    bool all = loglimit_tell(&w->bad_stub_lines, log, LOGL_INFO, now);

    for (int i = 0; i < KMS_REASONS; i++)
        all = loglimit_tell(&w->lines[i], log, LOGL_INFO, now) && all;
    all = selfreports_tell(w, now) && all;
    all = relaying_tell(w->relaying, now) && all;
    if (all)
        uv_timer_stop(&w->timer);
}

void daemon_worker_tell_later(struct daemon_worker *w)
{
    if (!uv_is_active((uv_handle_t *)&w->timer) && !uv_is_closing((uv_handle_t *)&w->timer))
        uv_timer_start(&w->timer, on_timer, TELL_MS, TELL_MS);
}

bool daemon_worker_line_due(struct daemon_worker *w, struct loglimit *limit, enum log_level level)
{
    if (!log_enabled(&w->d->log, level))
        return false;
    if (loglimit_pass(limit, &w->d->log, daemon_worker_log_now(w)))
        return true;
    daemon_worker_tell_later(w);
    return false;
}

void daemon_source_of(const char *peer, char *out, size_t size)
{
    const char *end = strrchr(peer, ':');
    size_t n = end == NULL ? strlen(peer) : (size_t)(end - peer);

    if (n >= 2 && peer[0] == '[' && peer[n - 1] == ']') {
        peer++;
        n -= 2;
    }
    snprintf(out, size, "%.*s", (int)n, peer);
}

void daemon_worker_count(struct daemon_worker *w, unsigned version,
                         const struct cat_product *product, enum store_channel channel, int result)
{
    requests_add(&w->requests, w->d->catalog, version, product, channel, result);
}

/* ---- life ---- */

static void set_limits(struct daemon_worker *w)
{
    w->bad_stub_lines =
        (struct loglimit){.what = "activations refused: bad-stub", .per_second = LINES_PER_SECOND};
    for (int i = 0; i < KMS_REASONS; i++) {
        const char *reason = kms_reason_name((enum kms_reason)i);

        snprintf(w->what[i], sizeof(w->what[i]), "activations %s%s",
                 i == KMS_ANSWERED ? "" : "refused: ", reason);
        w->lines[i] = (struct loglimit){.what = w->what[i], .per_second = LINES_PER_SECOND};
    }
}

static enum err open_clock(struct daemon_worker *w, struct errinfo *ei)
{
    const struct settings *s = &w->d->settings;
    struct clk real = clk_system();
    enum err e;

    w->clk = real;
    if (!s->lab)
        return ERR_OK;
    e = labclk_open(s->lab_clock, real, &w->labclk, ei);
    if (e == ERR_OK)
        w->clk = labclk_clk(w->labclk);
    return e;
}

static enum err open_crypto(struct daemon_worker *w, struct errinfo *ei)
{
    enum err e;

    w->nonces = rng_pool_new();
    if (w->nonces == NULL)
        return err_nomem(ei);
    e = kms_protector_new(&w->d->bundle.keys, rng_from_pool(w->nonces), &w->protector, ei);
    return e == ERR_OK ? selfreports_open(w, ei) : e;
}

static void open_handles(struct daemon_worker *w)
{
    uv_prepare_init(w->loop, &w->prepare);
    uv_timer_init(w->loop, &w->timer);
    w->handles = 2;
    w->prepare.data = w->timer.data = w;
    uv_prepare_start(&w->prepare, on_prepare);
    uv_unref((uv_handle_t *)&w->prepare);
    uv_unref((uv_handle_t *)&w->timer);
}

/* The ledger has too much under way: let those who ask wait in their sockets. */
static void on_hold(void *arg, bool on)
{
    struct daemon_worker *w = arg;

    net_server_hold(w->d->net, w->number, on);
}

enum err daemon_worker_open(struct daemon *d, unsigned n, uv_loop_t *loop, struct daemon_worker *w,
                            struct errinfo *ei)
{
    enum err e;

    w->d = d;
    w->number = n;
    w->loop = loop;
    set_limits(w);
    e = open_clock(w, ei);
    if (e == ERR_OK)
        e = open_crypto(w, ei);
    if (e == ERR_OK)
        e = ledger_port_open(d->ledger, loop, on_hold, w, &w->port, ei);
    if (e == ERR_OK)
        e = relaying_worker_open(w, &w->relaying, ei);
    if (e == ERR_OK) {
        open_handles(w);
        return ERR_OK;
    }
    /* Handles close as the loop ends; daemon_worker_fini then has the memory. */
    relaying_worker_close(w->relaying);
    ledger_port_close(w->port);
    return e;
}

static void on_closed(uv_handle_t *h)
{
    struct daemon_worker *w = h->data;

    w->handles--;
}

void daemon_worker_close(struct daemon_worker *w)
{
    if (w->d == NULL || uv_is_closing((uv_handle_t *)&w->prepare))
        return;
    relaying_worker_close(w->relaying);
    ledger_port_close(w->port);
    uv_close((uv_handle_t *)&w->prepare, on_closed);
    uv_close((uv_handle_t *)&w->timer, on_closed);
}

bool daemon_worker_closed(const struct daemon_worker *w)
{
    return w->handles == 0 && ledger_port_closed(w->port);
}

void daemon_worker_fini(struct daemon_worker *w)
{
    activation_forget_spares(w);
    selfreports_close(w);
    relaying_worker_free(w->relaying);
    buf_fini(&w->sealed);
    buf_fini(&w->stub);
    ledger_port_free(w->port);
    kms_protector_free(w->protector);
    rng_pool_free(w->nonces);
    labclk_free(w->labclk);
    settings_drop(w->settings.settings);
    memset(w, 0, sizeof(*w));
}
