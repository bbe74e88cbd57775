/* relayed: requests that an upstream answered through the relay. They are no activations of this
 * host: nothing counts them, and they may be written after their answers left. */
#ifndef ADBAD_STORE_RELAYED_H
#define ADBAD_STORE_RELAYED_H

#include "store/store.h"

struct store_relayed {
    int64_t id;                           /* given by the store; ignored on add */
    int64_t when;                         /* lab time, Unix seconds */
    char peer[64];                        /* address:port text */
    uint16_t version;                     /* major, as stated in clear */
    uint32_t size;                        /* bytes of the request's array */
    struct guid activation_id, client_id; /* zero: not in clear */
    char workstation[256];                /* UTF-8; empty: not in clear */
    char upstream[264];                   /* host:port */
    bool fault;                           /* status is an RPC fault's, not a result */
    uint32_t status;                      /* HRESULT */
    uint32_t answer_size, elapsed_us;
};

/* Inside store_begin … store_commit; fails as store_add_activation. */
MUST_CHECK enum err store_add_relayed(struct store *s, const struct store_relayed *r,
                                      struct errinfo *ei);

typedef enum err store_relayed_fn(void *arg, const struct store_relayed *r);
/* The newest limit (0: all) with when >= since, newest first. The error of each (which need not
 * fill an errinfo) stops it and is returned. */
MUST_CHECK enum err store_each_relayed(struct store *s, int64_t since, uint32_t limit,
                                       store_relayed_fn *each, void *arg, struct errinfo *ei);

#endif
