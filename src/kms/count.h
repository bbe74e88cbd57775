/* count: which clients a KMS host remembers.
 *
 * One count per application: each distinct CMID for 30 days since it was last seen (exactly 30 days
 * still count); at most 2 x the highest N-policy seen, oldest out first. An N-policy below 5 is
 * taken as 5 and one above 25 as 25, so the room is 10 until a client OS has asked and 50 from
 * then on; it never shrinks. Pure arithmetic on
 * memory: no I/O, no clock of its own. */
#ifndef ADBAD_KMS_COUNT_H
#define ADBAD_KMS_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/guid.h"

#define KMS_COUNT_DAYS 30

struct kms_count; /* all applications of one host */

struct kms_count *kms_count_new(void);
void kms_count_free(struct kms_count *c);

/* Records that client_id asked for application with this N-policy at time now (Unix seconds) and
 * writes the count reported to it (the asker included). Times that go backwards are taken as the
 * newest seen. ERR_NOMEM leaves everything as it was; ERR_LIMIT for more than 64 applications. */
MUST_CHECK enum err kms_count_touch(struct kms_count *c, const struct guid *application,
                                    const struct guid *client_id, uint32_t n_policy, int64_t now,
                                    uint32_t *count);

/* The present count without touching anything; expired ones do not count. */
uint32_t kms_count_get(const struct kms_count *c, const struct guid *application, int64_t now);
/* The present room, 10 to 50; 0 for an application that never asked. */
uint32_t kms_count_capacity(const struct kms_count *c, const struct guid *application);

/* What is remembered of one application, to keep it elsewhere. */
struct kms_count_client {
    struct guid id;
    int64_t seen;
};

struct kms_count_application {
    struct guid id;
    uint32_t room;
    int64_t newest;                         /* the latest time that was seen */
    const struct kms_count_client *clients; /* oldest first; lent */
    size_t n;
};

/* Calls each for every application; its error stops that and is returned. */
typedef enum err kms_count_fn(void *arg, const struct kms_count_application *a);
MUST_CHECK enum err kms_count_export(const struct kms_count *c, kms_count_fn *each, void *arg);
/* Goes on where an exported application was; it must not be there yet. ERR_MALFORMED if none of
 * ours is like it, ERR_LIMIT, ERR_NOMEM; all leave everything as it was. */
MUST_CHECK enum err kms_count_import(struct kms_count *c, const struct kms_count_application *a);

/* Forgets everything, the room included. */
void kms_count_clear(struct kms_count *c);

#endif
