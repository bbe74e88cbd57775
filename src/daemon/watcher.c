#include "daemon/watcher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/plural.h"
#include "jobs/job.h"
#include "jobs/look.h"

struct watcher {
    struct watcher_conf conf;
    uv_timer_t timer;
    uv_work_t work;
    struct job job;   /* for the worker to ask */
    struct look next; /* the worker's while busy, as the next three */
    enum err result;
    struct errinfo ei;
    int64_t began; /* lab time */
    struct look last;
    uint64_t begun, done; /* looks */
    int64_t looked_at;    /* lab time of the last one */
    uint64_t begun_ns, took_ms, took_ms_all;
    uint64_t good, failed; /* looks */
    bool fresh;            /* this directory has not been looked at yet */
    bool outdated;         /* the look under way is at another directory */
    bool busy, again, closing, closed;
};

static void begin(struct watcher *w);

/* Only what changed is told. */
static void tell(struct watcher *w, const struct look *now)
{
    const struct look *was = &w->last;
    struct log steward = log_child(&w->conf.log, "steward");
    bool first = w->fresh;
    char text[CLK_TEXT_MAX];

    if (!now->up && (first || was->up))
        log_as(&w->conf.log, LOGL_WARN, LOGK_DIRECTORY_DOWN, NULL,
               "directory %s is not usable: %s; KMS requests are served meanwhile, next look in "
               "%s",
               w->conf.settings->dir_uri, now->why,
               clk_format_duration(w->conf.settings->dir_retry, text));
    if (now->up &&
        (first || !was->up || now->object_count != was->object_count || now->good != was->good))
        log_as(&w->conf.log, LOGL_INFO, LOGK_DIRECTORY_UP, NULL,
               "directory %s is up: forest \"%s\", %zu activation object%s, %zu good",
               w->conf.settings->dir_uri, now->forest, now->object_count, plural(now->object_count),
               now->good);
    if (now->up && now->why[0] != '\0' && (first || strcmp(now->why, was->why) != 0))
        log_as(&w->conf.log, LOGL_WARN, LOGK_DIRECTORY_WARNING, NULL, "directory %s: %s",
               w->conf.settings->dir_uri, now->why);
    tended_log(&now->tended, &was->tended, &steward);
}

static void on_timer(uv_timer_t *t)
{
    begin(t->data);
}

static void on_worker(uv_work_t *work)
{
    struct watcher *w = work->data;
    const struct job_request request = {.kind = JOB_LOOK};

    w->result = job_ask(&w->job, &request, look_take, &w->next, &w->ei);
}

/* A look that failed as a job: the directory is not usable, and that is why. */
static void take_failure(struct watcher *w)
{
    look_fini(&w->next);
    snprintf(w->next.why, sizeof(w->next.why), "%s", w->ei.text);
}

static void take(struct watcher *w)
{
    if (w->result != ERR_OK)
        take_failure(w);
    w->took_ms = (uv_hrtime() - w->begun_ns) / 1000000;
    w->took_ms_all += w->took_ms;
    w->good += w->next.up;
    w->failed += !w->next.up;
    tell(w, &w->next);
    if (w->next.up) {
        coverage_publish(w->conf.coverage, w->next.covered, w->next.covered_count, w->began);
        w->next.covered = NULL;
        w->next.covered_count = 0;
    }
    look_fini(&w->last);
    w->last = w->next;
    w->looked_at = w->began;
    w->fresh = false;
}

static void finish(struct watcher *w)
{
    bool again = w->again;

    job_close(&w->job);
    if (w->outdated)
        look_fini(&w->next);
    else
        take(w);
    w->outdated = false;
    memset(&w->next, 0, sizeof(w->next));
    w->done = w->begun;
    uv_timer_start(&w->timer, on_timer, (uint64_t)w->conf.settings->dir_retry * 1000, 0);
    if (again)
        begin(w);
}

static void on_looked(uv_work_t *work, int status)
{
    struct watcher *w = work->data;

    w->busy = false;
    if (w->closing || status != 0) {
        job_close(&w->job);
        look_fini(&w->next);
        return;
    }
    finish(w);
}

/* A look whose job cannot be started has failed, and counts. */
static void begin(struct watcher *w)
{
    enum err e;

    uv_timer_stop(&w->timer);
    w->again = false;
    w->next = (struct look){0};
    w->began = clk_now(&w->conf.clk);
    w->begun_ns = uv_hrtime();
    w->begun++;
    e = job_open(w->conf.steward, &w->job, &w->ei);
    if (e == ERR_OK && uv_queue_work(w->conf.loop, &w->work, on_worker, on_looked) != 0)
        e = err_nomem(&w->ei);
    w->busy = e == ERR_OK;
    if (w->busy) /* the look is the worker's by now */
        return;
    w->result = e;
    finish(w);
}

uint64_t watcher_look(struct watcher *w)
{
    if (w->busy) {
        w->again = true;
        return w->begun + 1;
    }
    begin(w);
    return w->begun;
}

static void forget(struct watcher *w)
{
    coverage_publish(w->conf.coverage, NULL, 0, clk_now(&w->conf.clk));
    look_fini(&w->last);
    w->last = (struct look){.why = "it was not looked at yet"};
    w->looked_at = clk_now(&w->conf.clk);
    w->fresh = true;
    w->outdated = w->busy;
}

void watcher_settings_changed(struct watcher *w, bool other_directory)
{
    if (other_directory)
        forget(w);
    coverage_set_max_stale(w->conf.coverage, w->conf.settings->max_stale);
    (void)watcher_look(w);
}

struct watcher *watcher_new(const struct watcher_conf *conf)
{
    struct watcher *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    w->conf = *conf;
    w->job = JOB_NONE;
    w->fresh = true;
    w->work.data = w->timer.data = w;
    uv_timer_init(conf->loop, &w->timer);
    json_object_seed(0); /* before a second thread uses jansson */
    begin(w);
    return w;
}

json_t *watcher_json(const struct watcher *w)
{
    const char *state = w->last.up ? "up" : "down";
    const char *why = w->last.why[0] == '\0' ? NULL : w->last.why;
    char text[CLK_TEXT_MAX];
    json_t *j =
        json_pack("{s:s, s:s, s:s?, s:I}", "uri", w->conf.settings->dir_uri, "state",
                  w->done == 0 ? "unknown" : state, "why", why, "check", (json_int_t)w->done);

    if (j == NULL || w->done == 0)
        return j;
    json_object_set_new(j, "checked", json_string(clk_format(w->looked_at, text)));
    json_object_set_new(j, "looks",
                        json_pack("{s:I, s:I, s:I, s:I}", "good", (json_int_t)w->good, "failed",
                                  (json_int_t)w->failed, "milliseconds", (json_int_t)w->took_ms,
                                  "milliseconds_in_all", (json_int_t)w->took_ms_all));
    if (w->last.facts != NULL)
        json_object_update(j, w->last.facts);
    if (w->last.up) {
        json_object_set(j, "objects", w->last.objects);
        json_object_set(j, "checks", w->last.checks);
    }
    return j;
}

static void on_closed(uv_handle_t *h)
{
    struct watcher *w = h->data;

    w->closed = true;
}

void watcher_close(struct watcher *w)
{
    if (w->closing)
        return;
    w->closing = true;
    if (w->busy)
        uv_cancel((uv_req_t *)&w->work); /* helps if no worker has begun it */
    job_cut(&w->job);
    uv_close((uv_handle_t *)&w->timer, on_closed);
}

bool watcher_closed(const struct watcher *w)
{
    return w->closed && !w->busy;
}

void watcher_free(struct watcher *w)
{
    if (w == NULL)
        return;
    look_fini(&w->last);
    free(w);
}
