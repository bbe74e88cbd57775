/* selfreports: what clients told of their activations through the directory, which touch no host.
 * It is their own word, so nothing counts them and no total has them. Every activation
 * that was told is a row; the newest of a machine and product is how things stand. */
#ifndef ADBAD_STORE_SELFREPORTS_H
#define ADBAD_STORE_SELFREPORTS_H

#include "store/store.h"

struct store_self_report {
    int64_t id;    /* given by the store; ignored on add */
    int64_t when;  /* it was told; lab time, Unix seconds */
    char peer[64]; /* address:port text */
    uint32_t event_id;
    struct guid client_id, application_id, activation_id, kms_id;
    struct guid object_sku_id;     /* the host key behind the activation object */
    char key[8];                   /* the last characters of the client's key */
    char workstation[256];         /* UTF-8, as are the others */
    char account[256];             /* may be empty, as the next two */
    char domain[256];              /* DNS name */
    char sid[192];                 /* "S-1-5-21-…" */
    char object_name[256];         /* of the activation object */
    char object_dn[1024];          /* likewise */
    int64_t activated_at, expires; /* as the client says */
    int64_t client_when;           /* its clock when it told */
};

/* Inside store_begin … store_commit; fails as store_add_activation. One that is there already, of
 * the same client_id, activation_id and activated_at, stays as it is, and that is success. */
MUST_CHECK enum err store_add_self_report(struct store *s, const struct store_self_report *r,
                                          struct errinfo *ei);

/* The error of each (which need not fill an errinfo) stops these and is returned. */
typedef enum err store_self_report_fn(void *arg, const struct store_self_report *r);
/* Those with when >= since and an id above after, in the order they came. */
MUST_CHECK enum err store_each_self_report(struct store *s, int64_t since, int64_t after,
                                           store_self_report_fn *each, void *arg,
                                           struct errinfo *ei);
/* The newest limit (0: all) with when >= since, newest first. */
MUST_CHECK enum err store_each_self_report_back(struct store *s, int64_t since, uint32_t limit,
                                                store_self_report_fn *each, void *arg,
                                                struct errinfo *ei);

#endif
