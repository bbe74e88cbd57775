/* worker: what one loop needs to answer activations, shared with no other thread: its port of the
 * ledger, its keyed crypto, its reading of the clock, its counters (which others may read). */
#ifndef ADBAD_DAEMON_WORKER_H
#define ADBAD_DAEMON_WORKER_H

#include <uv.h>

#include "base/buf.h"
#include "base/counter.h"
#include "base/labclk.h"
#include "base/loglimit.h"
#include "base/rng.h"
#include "daemon/ledger.h"
#include "daemon/proof.h"
#include "daemon/requests.h"
#include "daemon/selfreports.h"
#include "kms/host.h"
#include "net/net.h"
#include "settings/settings.h"

struct daemon;
struct owed;
struct relaying;

struct daemon_worker {
    struct daemon *d;
    unsigned number;
    uv_loop_t *loop;
    struct settings_look settings; /* daemon_worker_settings */
    struct ledger_port *port;
    struct rng_pool *nonces;
    struct kms_protector *protector;

    struct labclk *labclk; /* NULL outside lab mode */
    struct clk clk;
    int64_t now; /* this turn's, once known */
    bool now_known;

    struct counter decided[KMS_REASONS]; /* since start */
    struct requests requests;            /* likewise */
    struct counter proofs[PROOF_COUNT];  /* of requests that the directory covers */
    struct counter bad_stubs;
    struct loglimit lines[KMS_REASONS]; /* KMS_ANSWERED too */
    struct loglimit bad_stub_lines;
    char what[KMS_REASONS][48]; /* the lines are about */

    struct selfreports selfreports;
    struct relaying *relaying; /* NULL: nothing is relayed */

    unsigned stragglers; /* straggler.c: notes that wait for a commit */

    struct owed *spare; /* activation.c: recycled, and how many */
    size_t spares;
    struct buf sealed, stub; /* activation.c: one answer's, then the next one's */

    uv_prepare_t prepare; /* a turn ends */
    uv_timer_t timer;     /* while log lines are held back */
    unsigned handles;
};

/* Zeroed memory becomes worker number n on loop. Before the loop runs, or on its thread. If it
 * fails, what was opened closes as the loop ends, and daemon_worker_fini frees it after that. */
MUST_CHECK enum err daemon_worker_open(struct daemon *d, unsigned n, uv_loop_t *loop,
                                       struct daemon_worker *w, struct errinfo *ei);
/* On the loop's thread, once no new calls come. The loop has still to run: until it is left with no
 * handles, or daemon_worker_closed. */
void daemon_worker_close(struct daemon_worker *w);
bool daemon_worker_closed(const struct daemon_worker *w);
/* Zeroes it. Of a zeroed worker, nothing. */
void daemon_worker_fini(struct daemon_worker *w);

/* The settings of the moment; good until the next call. */
const struct settings *daemon_worker_settings(struct daemon_worker *w);
/* Seconds on the daemon's clock, read once in a turn of the loop. */
int64_t daemon_worker_now(struct daemon_worker *w);
/* The same, for limits of log lines: of a clock that does not go back. */
int64_t daemon_worker_log_now(struct daemon_worker *w);
/* Some line was held back: there will be a sum. */
void daemon_worker_tell_later(struct daemon_worker *w);

/* Whether a line of this kind may be written now; if not, there will be a sum. */
bool daemon_worker_line_due(struct daemon_worker *w, struct loglimit *limit, enum log_level level);
/* "[2001:db8::1]:1688" without port and brackets. */
void daemon_source_of(const char *peer, char *out, size_t size);
/* One more request that was decided; as requests_add. */
void daemon_worker_count(struct daemon_worker *w, unsigned version,
                         const struct cat_product *product, enum store_channel channel, int result);

/* activation.c: a call of RequestActivation. */
void activation_call(struct daemon_worker *w, struct net_call *call);
/* Frees what is recycled. */
void activation_forget_spares(struct daemon_worker *w);

#endif
