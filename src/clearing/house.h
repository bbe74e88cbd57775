/* house: the clearing house's judgement of what it is shown, without a ledger and without a
 * socket: who asks, and whether the realm gave them the host key. What it then grants is
 * policy.h's; what was granted before is the caller's to know. */
#ifndef ADBAD_CLEARING_HOUSE_H
#define ADBAD_CLEARING_HOUSE_H

#include "clearing/ids.h"
#include "clearing/message.h"
#include "clearing/policy.h"

struct clearing_house {
    uint8_t key[REALM_CLEARING_LEN];
    const struct realm_keys *keys; /* for what machines ask; NULL: it knows no machine */
    /* The name of the key group with this iid_group_code; NULL if there is none. */
    const char *(*group)(void *arg, uint32_t code);
    void *arg;
};

/* One that asks, recognised. A machine shows with its text alone that it is of the realm, not that
 * the realm issued its key: that is the ledger's to know. */
struct clearing_case {
    struct iid id;
    const char *group; /* as house->group gave it; "" for a machine */
    uint8_t confirm[REALM_CONFIRM_LEN];
    struct clearing_request request; /* of an online request; else zero but for its iid */
};

/* Each fills *out and returns CLEARING_GRANTED (so far) or why not; *hresult (0 if granted) is the
 * documented code, ei tells what was wrong. */
/* An installation ID that was read to a clerk. */
enum clearing_reason clearing_recognise(const struct clearing_house *h, const char *iid,
                                        struct clearing_case *out, uint32_t *hresult,
                                        struct errinfo *ei);
/* A request that came in over the network. */
enum clearing_reason clearing_receive(const struct clearing_house *h, const void *data, size_t len,
                                      struct clearing_case *out, uint32_t *hresult,
                                      struct errinfo *ei);

/* The confirmation ID for a clerk, and the answer to a request. Only once the grant is durable. */
MUST_CHECK enum err clearing_confirm(const struct clearing_case *c, char cid[CID_TEXT_MAX],
                                     struct errinfo *ei);
MUST_CHECK enum err clearing_reply(const struct clearing_case *c, const struct clearing_verdict *v,
                                   int64_t now, struct buf *out, struct errinfo *ei);

/* ---- the site's side ---- */

/* Makes the request to activate target with host key k. */
MUST_CHECK enum err clearing_ask(const struct hostkey *k, enum iid_kind kind,
                                 const struct guid *target, const char *name, const struct rng *rng,
                                 struct clearing_case *out, struct buf *request,
                                 struct errinfo *ei);
/* Makes the request to activate a machine's key, of which only the text is known there. hardware:
 * the identity of the machine. */
MUST_CHECK enum err clearing_ask_machine(const struct realm_keys *keys, const char *key,
                                         const struct guid *hardware, const char *name,
                                         const struct rng *rng, struct clearing_case *out,
                                         struct buf *request, struct errinfo *ei);
/* The same machine's installation ID and its confirmation key, for when it asks by phone. */
MUST_CHECK enum err clearing_machine(const struct realm_keys *keys, const char *key,
                                     const struct guid *hardware, struct clearing_case *out,
                                     struct errinfo *ei);
/* Judges what came back for it: the confirmation ID must answer our installation ID, and the tag
 * our request. ERR_FOREIGN if it was not made by this realm's clearing house. */
MUST_CHECK enum err clearing_accept(const struct clearing_case *c, const void *data, size_t len,
                                    struct clearing_answer *out, struct errinfo *ei);

#endif
