/* store: the ledger, a SQLite database that only this room sees. What was answered is in it
 * before the answer leaves.
 *
 * A struct store belongs to one thread. Writes happen inside store_begin … store_commit; the
 * caller groups as many activations into one commit as came together. */
#ifndef ADBAD_STORE_STORE_H
#define ADBAD_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/guid.h"

struct store;

/* Opens or makes the ledger at path (WAL, synchronous=FULL, foreign keys), applying numbered
 * migrations. A file that is not ours (application_id) or is newer than ours (user_version) is
 * refused with ERR_FOREIGN or ERR_VERSION and left untouched, byte for byte. Another process
 * writing: ERR_BUSY. */
MUST_CHECK enum err store_open(const char *path, struct store **out, struct errinfo *ei);
/* Read-only, for tools beside a running daemon. */
MUST_CHECK enum err store_open_readonly(const char *path, struct store **out, struct errinfo *ei);
void store_close(struct store *s);

enum store_channel { STORE_KMS, STORE_ADBA, STORE_RELAY };

/* One answered request. */
struct store_activation {
    int64_t id;   /* given by the store; ignored on add */
    int64_t when; /* lab time, Unix seconds */
    enum store_channel channel;
    char peer[64];    /* address:port text */
    uint16_t version; /* major */
    struct guid application_id, activation_id, kms_id, client_id, previous_client_id;
    uint32_t required_count;
    uint32_t licence_status;
    uint32_t minutes_left;
    bool is_virtual;
    uint32_t count;        /* told to the client */
    char workstation[256]; /* UTF-8 */
    int64_t client_when;   /* the client's own clock, Unix seconds; 0: not recorded */
    /* Who a member that was granted through the directory proved to be; empty: nobody, or it was
     * not recorded. */
    char principal[256]; /* "PC01$@LAB.EXAMPLE" */
    char sid[192];       /* "S-1-5-21-…" */
};

/* Refusals of one source address, reason and minute. Those of this realm's clients have rows of
 * their own (store/refused.h) and are here when they have none, or none any more. */
struct store_refusal {
    int64_t when;
    char source[64]; /* address without port */
    char reason[32]; /* kms_reason_name */
    uint32_t hresult;
    uint64_t times;    /* 0 on adding means once */
    uint64_t had_rows; /* so many of them had rows; ignored on adding */
};

/* ERR_NOTFOUND: the file was removed while in use; as after any failure, reopen. */
MUST_CHECK enum err store_begin(struct store *s, struct errinfo *ei);
MUST_CHECK enum err store_add_activation(struct store *s, const struct store_activation *a,
                                         struct errinfo *ei);
MUST_CHECK enum err store_add_refusal(struct store *s, const struct store_refusal *r,
                                      struct errinfo *ei);
/* On failure (ERR_FULL, ERR_IO) the transaction is rolled back and taken out of the write-ahead
 * log, and the store refuses further writes (ERR_NOT_NOW) until store_reopen succeeded; nothing of
 * it is recorded then, and the same rows may be added again. Only if the disk took neither its
 * flush nor its removal, and the power or the process is lost before store_reopen, may the next
 * start find it. */
MUST_CHECK enum err store_commit(struct store *s, struct errinfo *ei);
void store_rollback(struct store *s);
/* Whether the file is still there, also of a store that is only read: ERR_NOTFOUND as from
 * store_begin, and as after any failure, reopen. Cheap. */
MUST_CHECK enum err store_look(struct store *s, struct errinfo *ei);
/* Closes and opens the same file again, moves what the write-ahead log holds into it (nothing of
 * an unflushed log is trusted after that), runs a quick check and makes sure that it can be
 * written. On failure the store still refuses writes, and reads if it is closed by then; try again
 * later. ERR_NOTFOUND: the file was removed while in use; a new one is not begun in its place. */
MUST_CHECK enum err store_reopen(struct store *s, struct errinfo *ei);

/* The functions below call each per row; its error (which need not fill an errinfo) stops them
 * and is returned. */

/* Answered KMS-channel requests with when >= since, in the order they were recorded. */
typedef enum err store_activation_fn(void *arg, const struct store_activation *a);
MUST_CHECK enum err store_each_activation(struct store *s, int64_t since, store_activation_fn *each,
                                          void *arg, struct errinfo *ei);
/* Likewise those whose id is above after, whatever their time. */
MUST_CHECK enum err store_each_activation_after(struct store *s, int64_t after,
                                                store_activation_fn *each, void *arg,
                                                struct errinfo *ei);
/* Those of every channel with when >= since and an id above after. */
MUST_CHECK enum err store_each_from(struct store *s, int64_t since, int64_t after,
                                    store_activation_fn *each, void *arg, struct errinfo *ei);
/* The newest limit (0: all) answered requests of every channel with when >= since, newest first. */
MUST_CHECK enum err store_each_recent(struct store *s, int64_t since, uint32_t limit,
                                      store_activation_fn *each, void *arg, struct errinfo *ei);
/* All refusals of each minute, source and reason, also those that have rows of their own; had_rows
 * is 0. */
typedef enum err store_refusal_fn(void *arg, const struct store_refusal *r);
MUST_CHECK enum err store_each_refusal(struct store *s, int64_t since, store_refusal_fn *each,
                                       void *arg, struct errinfo *ei);

/* How many activations were read through s since it was opened. */
uint64_t store_rows_read(const struct store *s);

/* Totals as slmgr /dlv shows them on a host. by_status counts answered requests by the licence
 * status the client stated. */
struct store_totals {
    uint64_t answered;
    uint64_t refused;
    uint64_t by_status[7];
};
MUST_CHECK enum err store_totals(struct store *s, struct store_totals *out, struct errinfo *ei);

#endif
