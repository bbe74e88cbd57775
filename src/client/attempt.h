/* attempt: one attempt at activation from its trigger to its result: the state machine says who
 * is asked, ports ask, the machine's record and event log tell what happened. */
#ifndef ADBAD_CLIENT_ATTEMPT_H
#define ADBAD_CLIENT_ATTEMPT_H

#include "client/machine.h"
#include "client/srv.h"
#include "kms/protect.h"
#include "realm/realm.h"

/* What the directory said. */
struct attempt_ad {
    struct machine_object object;
    uint32_t validity, renewal; /* minutes */
};

/* What the clearing house granted. */
struct attempt_clearing {
    uint32_t validity;   /* minutes; 0: for good */
    uint32_t used, left; /* activations of the key */
};

/* What a KMS host said. */
struct attempt_kms {
    struct buf response;
    uint32_t hresult;                  /* the host's; 0: it answered */
    char address[MACHINE_ADDRESS_MAX]; /* where it was reached, without port; "": not known */
};

#define ATTEMPT_IID_MAX 96

/* The outside world. Errors carry the documented code in ei->hresult. */
struct attempt_ports {
    void *arg;
    /* Binds as the machine, looks for an object of p's KMS id, verifies it at time now. May learn
     * m->forest. ERR_NOT_NOW: nobody was asked, and ei says why. */
    enum err (*ask_ad)(void *arg, struct machine *m, const struct machine_product *p, int64_t now,
                       struct attempt_ad *out, struct errinfo *ei);
    /* The SRV records of name, unordered; the caller frees *out. */
    enum err (*find)(void *arg, const struct machine *m, const char *name, struct srv_target **out,
                     size_t *n, struct errinfo *ei);
    /* One RequestActivation. The caller frees out->response, also after an error. */
    enum err (*exchange)(void *arg, const struct machine *m, const struct machine_host *host,
                         const struct buf *request, struct attempt_kms *out, struct errinfo *ei);
    /* Asks the clearing house to activate p on m with this key; each grant is spent. NULL: there is
     * no way to it (0x80072EE7), as is these three's default. */
    enum err (*ask_clearing)(void *arg, const struct machine *m, const struct machine_product *p,
                             const char *key, int64_t now, struct attempt_clearing *out,
                             struct errinfo *ei);
    /* The installation ID of p on m, for people to read out. */
    enum err (*make_iid)(void *arg, const struct machine *m, const struct machine_product *p,
                         char text[ATTEMPT_IID_MAX], struct errinfo *ei);
    /* Whether a confirmation ID answers it. */
    enum err (*check_cid)(void *arg, const struct machine *m, const struct machine_product *p,
                          const char *cid, struct errinfo *ei);
    /* Tells m->report of the activation in p->report, by p->object. NULL: nobody can be told. */
    enum err (*report)(void *arg, const struct machine *m, const struct machine_product *p,
                       int64_t now, struct errinfo *ei);
};

struct attempt_env {
    const struct catalog *catalog;
    const struct bundle *bundle;
    struct kms_protector *protector; /* its nonces never come from a repeatable source */
    struct rng draw;                 /* for the order of SRV targets; repeatable with a seed */
    struct attempt_ports ports;
};

/* Lets the trigger (LIC_EV_START, _WAKE or _ASKED) happen to p at time now and runs what follows.
 * The result is in p->lic and, if anybody was asked, p->last. Without a key nothing happens. */
void attempt_run(const struct attempt_env *env, struct machine *m, struct machine_product *p,
                 enum lic_event_type trigger, int64_t now);

/* /dti: ERR_NOT_NOW for a key that is never activated by phone, 0xC004F014 without a key. */
MUST_CHECK enum err attempt_iid(const struct attempt_env *env, const struct machine *m,
                                const struct machine_product *p, char text[ATTEMPT_IID_MAX],
                                struct errinfo *ei);
/* /atp: deposits a confirmation ID: p is Licensed for good, or the CID's documented code is in
 * ei->hresult and nothing changed. */
MUST_CHECK enum err attempt_confirm(const struct attempt_env *env, struct machine *m,
                                    struct machine_product *p, const char *cid, int64_t now,
                                    struct errinfo *ei);

/* The licensing service stops and starts: events 903, 900, 902, what was rearmed takes effect, an
 * attempt for every product, and the status check 1003. */
void attempt_restart(const struct attempt_env *env, struct machine *m, int64_t now);
/* The same of Office's licensing service alone (ospp /osppsvcrestart). */
void attempt_restart_office(const struct attempt_env *env, struct machine *m, int64_t now);

/* Tells of activations through the directory that m->report was not told of yet; what becomes of it
 * is in p->report and changes no licence. attempt_run tells first of what
 * is left, and in the end of its own activation. */
void attempt_report(const struct attempt_env *env, struct machine *m, int64_t now);

/* Every product whose time has come. */
void attempt_wake(const struct attempt_env *env, struct machine *m, int64_t now);

#endif
