/* The count, as the ledger's writer keeps it. */
#include "daemon/daemon.h"

enum err counting_count(void *arg, struct store_activation *row)
{
    struct daemon *d = arg;

    return kms_host_touch(d->host, &row->application_id, &row->client_id, row->required_count,
                          row->when, &row->count);
}

static enum err remember(void *arg, const struct store_activation *a)
{
    return kms_host_remember(arg, &a->application_id, &a->client_id, a->required_count, a->when);
}

enum err counting_rebuild(void *arg, struct store *s, struct errinfo *ei)
{
    struct daemon *d = arg;
    enum err e;

    kms_host_forget(d->host);
    /* The room never shrinks, so every record speaks, however old. */
    e = store_each_activation(s, INT64_MIN, remember, d->host, ei);
    if (e == ERR_NOMEM)
        return err_nomem(ei);
    return e;
}
