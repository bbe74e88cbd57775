/* members: the membership registry. It answers "is this computer a member of the domain?" from
 * memory; a worker keeps it in step with the directory (members/sync.h) and publishes whole
 * rosters, so nobody who asks ever waits for LDAP. Safe to use from several threads. */
#ifndef ADBAD_MEMBERS_MEMBERS_H
#define ADBAD_MEMBERS_MEMBERS_H

#include "members/roster.h"

#define MEMBERS_NEVER INT64_MIN

enum member_verdict {
    MEMBER_YES,
    MEMBER_DISABLED,
    MEMBER_UNKNOWN, /* no account of that name, or several */
    MEMBER_STALE,   /* the directory was read too long ago, or never: nothing is known */
    MEMBER_VERDICTS
};

/* "member", "disabled", "unknown-name", "stale". */
const char *member_verdict_name(enum member_verdict v);

enum member_key {
    MEMBER_BY_NAME, /* with or without "$" */
    MEMBER_BY_DNS,
    MEMBER_BY_SID,
    MEMBER_BY_GUID, /* objectGUID */
};

struct members;

/* max_stale: how many seconds after the last good synchronization verdicts still hold.
 * NULL: out of memory. */
struct members *members_new(int64_t max_stale);
void members_set_max_stale(struct members *m, int64_t max_stale);
void members_free(struct members *m);

/* Puts r (which it takes a reference of) in the place of the roster before. synced_at: when the
 * directory was read, MEMBERS_NEVER if it never was. */
void members_publish(struct members *m, const struct roster *r, int64_t synced_at);

/* The roster of the moment, with a reference for the caller (roster_unref); never NULL. */
const struct roster *members_roster(struct members *m, int64_t *synced_at);

struct member_answer {
    enum member_verdict verdict;
    unsigned matches; /* how many accounts have that key */
    bool enabled;     /* of the first match */
    struct guid guid; /* of the first match */
    int64_t synced_at;
};

/* key is NUL-terminated text, a SID of len bytes, or a struct guid. now is on the same clock as
 * synced_at. */
void members_judge(struct members *m, enum member_key by, const void *key, size_t len, int64_t now,
                   struct member_answer *out);

#define MEMBER_WHY_MAX 256

/* One sentence for people on why the verdict is what it is. Returns text. */
const char *members_why(const struct members *m, const struct member_answer *a, int64_t now,
                        char text[MEMBER_WHY_MAX]);

#endif
