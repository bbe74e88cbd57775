/* selfreports: calls of the lab interface by which clients tell of their activations through the
 * directory (selfreport/selfreport.h). Judged on the worker that has the call; answered once the
 * row is committed. They never reach the count. */
#ifndef ADBAD_DAEMON_SELFREPORTS_H
#define ADBAD_DAEMON_SELFREPORTS_H

#include <jansson.h>

#include "base/counter.h"
#include "base/loglimit.h"
#include "net/net.h"
#include "selfreport/selfreport.h"

struct daemon;
struct daemon_worker;

/* A worker's part. */
struct selfreports {
    uint8_t key[REALM_REPORT_LEN];
    struct counter judged[SELFREPORT_REASONS]; /* since start; taken: and committed */
    struct counter unrecorded;                 /* not answered: the ledger did not take them */
    struct told *waiting;                      /* for their commit */
    struct loglimit taken_lines, refused_lines;
};

MUST_CHECK enum err selfreports_open(struct daemon_worker *w, struct errinfo *ei);
void selfreports_close(struct daemon_worker *w); /* of a zeroed worker, nothing */
void selfreports_call(struct daemon_worker *w, struct net_call *call);
/* Sums of held lines; whether all were told. */
bool selfreports_tell(struct daemon_worker *w, int64_t now);

/* {"taken", "malformed", …, "not-recorded"}, of all workers; any thread may ask. */
json_t *selfreports_json(const struct daemon *d);

#endif
