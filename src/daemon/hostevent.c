#include "daemon/hostevent.h"

#include <stdio.h>
#include <stdlib.h>

#define NOT_STARTED 12291 /* data/event_ids.csv */

uint32_t hostevent_hresult(enum err e)
{
    switch (e) {
    case ERR_NOMEM:
        return 0x8007000e; /* E_OUTOFMEMORY */
    case ERR_USAGE:
    case ERR_CONFIG:
        return 0x80070057; /* E_INVALIDARG */
    case ERR_DENIED:
        return 0x80070005; /* E_ACCESSDENIED */
    case ERR_NOTFOUND:
        return 0x80070002; /* ERROR_FILE_NOT_FOUND */
    case ERR_BUSY:
    case ERR_EXISTS:
        return 0x80072740; /* WSAEADDRINUSE */
    default:
        return 0x80004005; /* E_FAIL */
    }
}

static enum err write_event(void *arg, struct store *s, struct errinfo *ei)
{
    return store_add_host_event(s, arg, ei);
}

struct posted {
    struct ledger_job job;
    struct store_host_event event;
    struct log log;
};

static void on_posted(void *arg, enum err e)
{
    struct posted *p = arg;

    if (e != ERR_OK)
        log_as(&p->log, LOGL_WARN, LOGK_EVENT_LOST, NULL, "event %u could not be recorded",
               p->event.event_id);
    free(p);
}

static enum err write_posted(void *arg, struct store *s, struct errinfo *ei)
{
    struct posted *p = arg;

    return store_add_host_event(s, &p->event, ei);
}

void hostevent_post(struct ledger_port *port, const struct log *log,
                    const struct store_host_event *h)
{
    struct posted *p = malloc(sizeof(*p));

    if (p == NULL) {
        log_as(log, LOGL_WARN, LOGK_EVENT_LOST, NULL,
               "event %u could not be recorded: out of memory", h->event_id);
        return;
    }
    *p = (struct posted){.event = *h, .log = *log};
    p->job = (struct ledger_job){.write = write_posted, .done = on_posted, .arg = p};
    ledger_post(port, &p->job);
}

/* The writer is there, or nobody beside us. */
static enum err record(struct daemon *d, struct store_host_event *h, struct errinfo *ei)
{
    enum err e;

    if (d->ledger != NULL)
        return ledger_write(d->ledger, write_event, h, ei);
    e = store_begin(d->store, ei);
    if (e == ERR_OK)
        e = store_add_host_event(d->store, h, ei);
    return e == ERR_OK ? store_commit(d->store, ei) : e;
}

void hostevent_not_started(struct daemon *d, const struct errinfo *why)
{
    struct store_host_event h = {.event_id = NOT_STARTED, .hresult = why->hresult};
    struct errinfo ei = {0};

    if (d->store == NULL)
        return;
    h.when = daemon_now(d);
    if (h.hresult == 0)
        h.hresult = hostevent_hresult(why->code);
    snprintf(h.text, sizeof(h.text), "%s", why->text);
    if (record(d, &h, &ei) != ERR_OK)
        log_as(&d->log, LOGL_WARN, LOGK_EVENT_LOST, NULL,
               "%s; that adbad did not start is not in its event log", ei.text);
}
