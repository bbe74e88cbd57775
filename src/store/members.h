/* members: the membership registry's place in the ledger. Writes go inside store_begin …
 * store_commit like all others; a synchronization may take many commits, its state goes last. */
#ifndef ADBAD_STORE_MEMBERS_H
#define ADBAD_STORE_MEMBERS_H

#include "store/store.h"

/* Text and bytes are the caller's on writing; on reading they live during the call only. */
struct store_member {
    struct guid id, guid;
    const char *name, *dns_name, *dn;
    const void *sid;
    size_t sid_len;
    bool enabled;
};

#define STORE_ORIGIN_LEN 32

struct store_member_sync {
    const void *cookie;
    size_t cookie_len;
    int64_t synced_at, listed_at;
    bool full;
    uint64_t entries;
    uint8_t origin[STORE_ORIGIN_LEN]; /* which accounts they are; zeros: not known */
};

MUST_CHECK enum err store_put_member(struct store *s, const struct store_member *m,
                                     struct errinfo *ei);
/* One that is not there is fine. */
MUST_CHECK enum err store_drop_member(struct store *s, const struct guid *id, struct errinfo *ei);
MUST_CHECK enum err store_set_member_sync(struct store *s, const struct store_member_sync *m,
                                          struct errinfo *ei);

/* Removes the state if it is of another origin: rows of this one are about to be written, and with
 * them it would describe a mixture. */
MUST_CHECK enum err store_drop_other_member_sync(struct store *s,
                                                 const uint8_t origin[STORE_ORIGIN_LEN],
                                                 struct errinfo *ei);

typedef enum err store_member_fn(void *arg, const struct store_member *m);
MUST_CHECK enum err store_each_member(struct store *s, store_member_fn *each, void *arg,
                                      struct errinfo *ei);
/* Calls each with the state, or never if no synchronization was ever recorded. */
typedef enum err store_member_sync_fn(void *arg, const struct store_member_sync *m);
MUST_CHECK enum err store_member_sync(struct store *s, store_member_sync_fn *each, void *arg,
                                      struct errinfo *ei);

#endif
