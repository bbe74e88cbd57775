/* host: one KMS host as a function: request bytes, a peer and a time in; a decision out.
 *
 * No sockets, no database. The caller records the decision and lets the answer go only when the
 * record is durable. In three steps, so that the costly ones can run on many threads: open judges a
 * request, touch counts its client, seal makes the answer with that count. Open and seal may run on
 * any thread, also while the main thread replaces groups or intervals; what changes the count
 * (touch, forget, remember) belongs to one thread at a time, and the count may be read meanwhile.
 */
#ifndef ADBAD_KMS_HOST_H
#define ADBAD_KMS_HOST_H

#include "base/buf.h"
#include "base/clk.h"
#include "base/log.h"
#include "base/rng.h"
#include "catalog/catalog.h"
#include "kms/count.h"
#include "kms/keyring.h"
#include "kms/message.h"
#include "kms/protect.h"
#include "kms/stub.h"

struct kms_host_conf {
    const struct realm_keys *keys;
    const struct catalog *catalog;
    struct rng rng;               /* for the host's own protector */
    uint32_t activation_interval; /* minutes */
    uint32_t renewal_interval;    /* minutes */
    char epid[KMS_EPID_UNITS];    /* ASCII, what the answers name as host id */
};

struct kms_host;

/* conf is copied; the catalogue and the state of rng must outlive the host. */
struct kms_host *kms_host_new(const struct kms_host_conf *conf);
void kms_host_free(struct kms_host *h);

/* Replaces the host keys, and takes the keyring, which is of the same catalogue. */
void kms_host_set_keyring(struct kms_host *h, struct kms_keyring *ring);
/* The same with a keyring of these keys. ERR_NOMEM leaves the old ones. */
MUST_CHECK enum err kms_host_set_keys(struct kms_host *h, const struct kms_key *keys, size_t n);
/* The same for a host that serves everything its groups list; activated[i] tells whether key i is
 * activated. */
MUST_CHECK enum err kms_host_set_groups(struct kms_host *h, const struct cat_group *const *groups,
                                        const bool *activated, size_t n);
/* Minutes; brought within KMS_INTERVAL_MIN and _MAX. */
void kms_host_set_intervals(struct kms_host *h, uint32_t activation, uint32_t renewal);
/* Says no to all who belong to the realm (KMS_REFUSING), for finding out who still asks. */
void kms_host_set_refusing(struct kms_host *h, bool refusing);

/* What the answer to an opened request is made from, beside the count. */
struct kms_opened {
    struct kms_exchange exchange;
    struct guid client_id;
    uint64_t client_time; /* FILETIME */
};

struct kms_decision {
    enum kms_reason reason;
    uint32_t hresult;   /* 0 when answered; E_FAIL for KMS_FAILED, which never leaves */
    bool request_known; /* request holds the opened fields */
    struct kms_request request;
    struct kms_version version; /* in clear, known or not; zero if not even that could be read */
    uint32_t count;             /* told to the client, when answered */
    const struct cat_product *product; /* by activation id, or NULL */
    const char *missing;      /* KMS_NO_UPDATE, KMS_NO_PACK: what the host lacks; the catalogue's */
    struct kms_opened opened; /* for kms_host_seal */
    struct buf response;      /* the sealed answer; caller frees (buf_fini) */
};

/* Opens a request and judges it; nobody is counted yet. KMS_ANSWERED: it shall be touched and
 * sealed. p is the thread's own. now is Unix seconds on the lab clock. Never fails: KMS_FAILED says
 * so. */
void kms_host_open(struct kms_host *h, struct kms_protector *p, const void *request, size_t len,
                   int64_t now, struct kms_decision *out);
/* The client is in the count from now on; if the record then cannot be made durable the caller
 * rebuilds the count from what is (kms_host_forget and kms_host_remember). ERR_LIMIT: too many
 * applications, refuse as KMS_NOT_SERVED; ERR_NOMEM. Both leave the count as it was. */
MUST_CHECK enum err kms_host_touch(struct kms_host *h, const struct guid *application,
                                   const struct guid *client_id, uint32_t n_policy, int64_t now,
                                   uint32_t *count);
/* Appends the sealed answer to out; p is the thread's own. */
MUST_CHECK enum err kms_host_seal(struct kms_host *h, struct kms_protector *p,
                                  const struct kms_opened *o, uint32_t count, struct buf *out);
/* Says no for a reason that came up after opening. */
void kms_decision_refuse(struct kms_decision *d, enum kms_reason reason);

/* The three steps at once, for users with one thread. */
void kms_host_decide(struct kms_host *h, const void *request, size_t len, int64_t now,
                     struct kms_decision *out);

/* For start-up and after a failed commit: empties the count, then replays answered requests in
 * the order in which they came. */
void kms_host_forget(struct kms_host *h);
MUST_CHECK enum err kms_host_remember(struct kms_host *h, const struct guid *application,
                                      const struct guid *client_id, uint32_t n_policy,
                                      int64_t when);
/* As kms_count_export and kms_count_import, for whoever counts. */
MUST_CHECK enum err kms_host_export(struct kms_host *h, kms_count_fn *each, void *arg);
MUST_CHECK enum err kms_host_import(struct kms_host *h, const struct kms_count_application *a);
uint32_t kms_host_count(struct kms_host *h, const struct guid *application, int64_t now);
uint32_t kms_host_capacity(struct kms_host *h, const struct guid *application);

#endif
