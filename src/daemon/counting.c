/* The count, on the ledger's writer: kept by the host, saved in the ledger now and then, and made
 * anew from both. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "store/count.h"

enum err counting_count(void *arg, struct store_activation *row)
{
    struct daemon *d = arg;

    if (row->channel != STORE_KMS)
        return ERR_OK; /* granted as the directory grants: nobody is counted */
    return kms_host_touch(d->host, &row->application_id, &row->client_id, row->required_count,
                          row->when, &row->count);
}

/* ---- saving ---- */

struct copies {
    struct store_count *apps;
    size_t n;
};

static enum err copy_application(void *arg, const struct kms_count_application *a)
{
    struct copies *all = arg;
    struct store_count *apps = realloc(all->apps, (all->n + 1) * sizeof(*apps));
    struct store_count_client *clients = calloc(a->n + 1, sizeof(*clients));

    if (apps != NULL)
        all->apps = apps;
    if (apps == NULL || clients == NULL) {
        free(clients);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < a->n; i++)
        clients[i] = (struct store_count_client){a->clients[i].id, a->clients[i].seen};
    apps[all->n++] = (struct store_count){.application_id = a->id,
                                          .room = a->room,
                                          .newest = a->newest,
                                          .clients = clients,
                                          .n = a->n};
    return ERR_OK;
}

enum err counting_save(void *arg, struct store *s, struct errinfo *ei)
{
    struct daemon *d = arg;
    struct copies all = {0};
    enum err e = ERR_OK;

    /* Without the memory for it the one that was saved before is as good. */
    if (kms_host_export(d->host, copy_application, &all) == ERR_OK)
        e = store_save_count(s, all.apps, all.n, ei);
    for (size_t i = 0; i < all.n; i++)
        free((void *)(uintptr_t)all.apps[i].clients);
    free(all.apps);
    return e;
}

/* ---- rebuilding ---- */

static enum err take_application(void *arg, const struct store_count *app)
{
    struct kms_host *host = arg;
    struct kms_count_client *clients = calloc(app->n + 1, sizeof(*clients));
    const struct kms_count_application a = {.id = app->application_id,
                                            .room = app->room,
                                            .newest = app->newest,
                                            .clients = clients,
                                            .n = app->n};
    enum err e;

    if (clients == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < app->n; i++)
        clients[i] = (struct kms_count_client){app->clients[i].id, app->clients[i].seen};
    e = kms_host_import(host, &a);
    free(clients);
    return e;
}

struct replay {
    struct kms_host *host;
    uint64_t rows;
};

static enum err remember(void *arg, const struct store_activation *a)
{
    struct replay *r = arg;

    r->rows++;
    return kms_host_remember(r->host, &a->application_id, &a->client_id, a->required_count,
                             a->when);
}

static enum err rebuild(struct daemon *d, struct store *s, uint64_t *rows, struct errinfo *ei)
{
    struct replay r = {.host = d->host};
    int64_t after = d->count_after;
    enum err e;

    kms_host_forget(d->host);
    e = store_load_count(s, take_application, d->host, &after, ei);
    if (e != ERR_OK && e != ERR_NOTFOUND && e != ERR_MALFORMED)
        return e == ERR_NOMEM ? err_nomem(ei) : e;
    if (e == ERR_MALFORMED)
        log_as(&d->log, LOGL_WARN, LOGK_LEDGER_WARNING, NULL,
               "%s; it is not used, every activation is read", ei->text);
    if (e != ERR_OK) { /* the room never shrinks: every row speaks, however old */
        kms_host_forget(d->host);
        after = d->count_after;
    }
    e = store_each_activation_after(s, after, remember, &r, ei);
    if (e == ERR_OK)
        log_as(&d->log, LOGL_INFO, LOGK_COUNT, NULL,
               "the count goes on from what was saved and %" PRIu64 " activations since", r.rows);
    *rows = r.rows;
    return e == ERR_NOMEM ? err_nomem(ei) : e;
}

enum err counting_rebuild(void *arg, struct store *s, struct errinfo *ei)
{
    uint64_t rows;

    return rebuild(arg, s, &rows, ei);
}

/* ---- the start ---- */

static enum err save_now(struct daemon *d, struct errinfo *ei)
{
    enum err e = store_begin(d->store, ei);

    if (e == ERR_OK)
        e = counting_save(d, d->store, ei);
    return e == ERR_OK ? store_commit(d->store, ei) : e;
}

/* For a rebuild after a failure too: an empty one is saved. */
static enum err begin_empty(struct daemon *d, struct errinfo *ei)
{
    enum err e = save_now(d, ei);

    if (e == ERR_OK)
        e = store_load_count(d->store, take_application, d->host, &d->count_after, ei);
    if (e == ERR_OK)
        log_as(&d->log, LOGL_INFO, LOGK_COUNT, NULL,
               "the count begins empty: [kms] restart = forget");
    return e;
}

enum err counting_start(struct daemon *d, struct errinfo *ei)
{
    struct errinfo why = {0};
    uint64_t rows = 0;
    enum err e;

    if (d->settings.restart == SET_RESTART_FORGET)
        return begin_empty(d, ei);
    e = rebuild(d, d->store, &rows, ei);
    if (e == ERR_OK && rows >= COUNTING_SAVE_EVERY && save_now(d, &why) != ERR_OK)
        log_as(&d->log, LOGL_WARN, LOGK_LEDGER_WARNING, NULL,
               "%s; the next start reads %" PRIu64 " activations again", why.text, rows);
    return e;
}
