#include "daemon/straggler.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/stragglers.h"

#define WAITING_MAX 1024 /* of one worker */

struct note {
    struct ledger_job job;
    struct daemon_worker *w;
    struct store_straggler who;
};

static enum err write_note(void *arg, struct store *s, struct errinfo *ei)
{
    const struct note *n = arg;

    return store_put_straggler(s, &n->who, ei);
}

/* What could not be written is not tried again: the machine will ask again. */
static void on_written(void *arg, enum err e)
{
    struct note *n = arg;

    (void)e;
    n->w->stragglers--;
    free(n);
}

void straggler_note(struct daemon_worker *w, const struct kms_request *m, const char *source,
                    int64_t when)
{
    struct note *n = w->stragglers < WAITING_MAX ? malloc(sizeof(*n)) : NULL;

    if (n == NULL)
        return;
    *n = (struct note){
        .job = {.write = write_note, .done = on_written, .arg = n},
        .w = w,
        .who = {.client_id = m->client_id,
                .activation_id = m->activation_id,
                .application_id = m->application_id,
                .last = when},
    };
    kms_text_get(m->workstation, KMS_WORKSTATION_UNITS, n->who.workstation,
                 sizeof(n->who.workstation));
    snprintf(n->who.source, sizeof(n->who.source), "%s", source);
    w->stragglers++;
    ledger_post(w->port, &n->job);
}
