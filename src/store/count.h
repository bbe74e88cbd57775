/* count: the KMS host's counting state, saved beside the activations that it came from, so that a
 * start reads the rows since then only. What the numbers mean is the counter's business. */
#ifndef ADBAD_STORE_COUNT_H
#define ADBAD_STORE_COUNT_H

#include "store/store.h"

struct store_count_client {
    struct guid id;
    int64_t seen;
};

/* What is remembered of one application. */
struct store_count {
    struct guid application_id;
    uint32_t room; /* how many clients at most */
    int64_t newest;
    const struct store_count_client *clients; /* oldest first */
    size_t n;
};

/* Replaces what was saved, in the open transaction: apps (each application once) covers every
 * activation added so far, those of this transaction included. Fails as store_add_activation. */
MUST_CHECK enum err store_save_count(struct store *s, const struct store_count *apps, size_t n,
                                     struct errinfo *ei);

/* The application and its clients are lent until the function returns. */
typedef enum err store_count_fn(void *arg, const struct store_count *app);
/* Calls each for every application that was saved; then *covers is the id of the last activation
 * in it, and store_each_activation_after gives those since. ERR_NOTFOUND: nothing was saved.
 * ERR_MALFORMED: it is damaged, or covers activations that the ledger does not have. Both come
 * before the first call; replay every activation instead. */
MUST_CHECK enum err store_load_count(struct store *s, store_count_fn *each, void *arg,
                                     int64_t *covers, struct errinfo *ei);

#endif
