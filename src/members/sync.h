/* sync: brings a roster into step with what was read from the directory, told one account at a
 * time. Who reads is another: here is memory only. The roster it starts from stays as it was, and
 * what it made is whole or not there. */
#ifndef ADBAD_MEMBERS_SYNC_H
#define ADBAD_MEMBERS_SYNC_H

#include "base/buf.h"
#include "members/roster.h"

enum members_change {
    MEMBERS_PUT,  /* there, and like this */
    MEMBERS_SAME, /* still there, unchanged; the dn may be another */
    MEMBERS_GONE,
};

/* One account, as a reading tells it. Texts and SID are lent for the call. */
struct members_note {
    enum members_change what;
    struct member member; /* MEMBERS_SAME: id, and dn or NULL; MEMBERS_GONE: id */
};

typedef enum err members_note_fn(void *arg, const struct members_note *note, struct errinfo *ei);

#define MEMBERS_WHY_MAX 96

/* What a reading tells as a whole, after its last account. */
struct members_reading {
    struct buf cookie;              /* for the next one; owned */
    bool full;                      /* everything was read, not only changes */
    char why_full[MEMBERS_WHY_MAX]; /* "" if not full */
    bool complete;                  /* whatever was not named is gone */
    bool tells_deletions;
    uint64_t entries;  /* read from the directory */
    uint64_t unusable; /* of them: without a name, or with one too long; told as gone */
};

struct members_sync {
    const struct roster *roster; /* the new one (the old if nothing changed); one reference */
    struct members_reading reading;
    /* What changed, for whoever keeps a copy: places in roster that were set, ids removed. */
    uint32_t *set;
    size_t set_n;
    struct guid *removed;
    size_t removed_n;
};

struct members_work;

/* A copy of r is made when something changes; r outlives the work. NULL: out of memory. */
struct members_work *members_work_new(const struct roster *r);
/* A members_note_fn; arg: the work. After a failure only members_work_free. */
MUST_CHECK enum err members_take(void *work, const struct members_note *note, struct errinfo *ei);
/* Ends and frees the work, whatever comes of it; takes what r owns. On failure *out is empty. */
MUST_CHECK enum err members_work_end(struct members_work *w, struct members_reading *r,
                                     struct members_sync *out, struct errinfo *ei);
void members_work_free(struct members_work *w); /* NULL is fine */

void members_reading_fini(struct members_reading *r);
void members_sync_fini(struct members_sync *s);

#endif
