/* clearing_internal: what the parts of the clearing house share. */
#ifndef ADBAD_DAEMON_CLEARING_INTERNAL_H
#define ADBAD_DAEMON_CLEARING_INTERNAL_H

#include "clearing/house.h"
#include "daemon/clearing.h"
#include "store/clearing.h"

struct clearing_service {
    struct clearing_house house;
    unsigned under_way;                /* online requests that the ledger's writer has */
    uint64_t judged[CLEARING_REASONS]; /* since start */
};

/* Whether a key's activations are those of a pool (a MAK's). */
bool clearing_pooled(const char *key);

/* How things stand in the ledger for the one that asks. */
struct clearing_standing {
    const struct iid *id;
    bool known;                    /* the key */
    struct store_clearing_key key; /* zero but for its limits if not known */
    uint32_t used;                 /* activations of who asks */
};

/* A case that the ledger's writer decides and, if it is a grant, writes down. */
struct clearing_settlement {
    const struct clearing_case *c;
    struct clearing_standing standing;
    struct clearing_verdict verdict;
    struct store_clearing_grant grant;
};

/* peer NULL: by phone. s lives and c stays as it is until it is settled. */
void clearing_prepare(struct daemon *d, const struct clearing_case *c, const char *peer,
                      struct clearing_settlement *s);
/* A ledger_fn: on the writer's thread, so nothing comes between reading and writing. */
enum err clearing_settle(void *settlement, struct store *store, struct errinfo *ei);
/* What it came to; e: of the commit. It may be told. c->group of a grant is then s's. */
struct clearing_verdict clearing_settled(const struct clearing_settlement *s, enum err e,
                                         struct clearing_case *c);

void clearing_log_granted(struct daemon *d, const char *peer, const struct clearing_case *c,
                          const struct clearing_verdict *v);
void clearing_log_refused(struct daemon *d, const char *peer, enum clearing_reason reason,
                          uint32_t hresult, const char *why);

#endif
