/* look: what one look at the directory tells: whether it is up, what it is, every activation object
 * and what was done about them. */
#ifndef ADBAD_JOBS_LOOK_H
#define ADBAD_JOBS_LOOK_H

#include <jansson.h>
#include <stdbool.h>

#include "base/guid.h"
#include "base/log.h"
#include "jobs/packet.h"

struct covered {
    struct guid kms_id;
    int64_t not_after; /* of the object's licence */
};

struct tend_line {
    enum log_level level;
    bool deed; /* something was done; else a state, to be told when it begins */
    char text[ERR_TEXT_MAX * 2];
};

/* What the steward did and could not do for the objects. */
struct tended {
    struct tend_line *lines;
    size_t n;
};

/* A new line; NULL when out of memory. */
struct tend_line *tended_add(struct tended *t, enum log_level level, bool deed);
void tended_fini(struct tended *t);
/* Logs the deeds, and those states that was does not hold. */
void tended_log(const struct tended *t, const struct tended *was, const struct log *log);

struct look {
    bool up;
    char why[ERR_TEXT_MAX]; /* what is wrong, if anything is; may be set when up */
    char forest[256];
    json_t *facts;   /* object; NULL if down or out of memory */
    json_t *objects; /* array; likewise */
    json_t *checks;  /* array: what "adbactl directory check" says; likewise */
    size_t object_count, good;
    struct covered *covered; /* by good objects; free */
    size_t covered_count;
    struct tended tended; /* empty if there is no steward */
};

void look_fini(struct look *l);
/* Room for n more in covered; NULL when out of memory. */
struct covered *look_cover(struct look *l, size_t n);

/* Sends all of it but PACKET_END. */
MUST_CHECK enum err look_send(const struct look *l, struct packet_out *o, struct errinfo *ei);
/* Takes one packet's fields. ERR_MALFORMED: another type, or not well-formed. */
MUST_CHECK enum err look_take(void *look, enum packet_type type, struct wire_rd *r,
                              struct errinfo *ei);

#endif
