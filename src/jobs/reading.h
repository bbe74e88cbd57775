/* reading: computer accounts on their way from the steward, which reads the directory, to the
 * network process, which keeps the roster: notes, many in one packet, and what the reading tells as
 * a whole. */
#ifndef ADBAD_JOBS_READING_H
#define ADBAD_JOBS_READING_H

#include "jobs/packet.h"
#include "members/sync.h"

/* Gathers notes until a packet is full. */
struct reading_out {
    struct packet_out *out;
    struct wire_wr w;
    unsigned n; /* in the packet that is being made */
};

/* A members_note_fn; arg: struct reading_out, of which only out is set at the beginning. */
MUST_CHECK enum err reading_note(void *reading_out, const struct members_note *note,
                                 struct errinfo *ei);
/* Sends what is left, and the reading. Not PACKET_END. */
MUST_CHECK enum err reading_send(struct reading_out *o, const struct members_reading *reading,
                                 struct errinfo *ei);

struct reading_in {
    members_note_fn *each;
    void *arg;
    struct members_reading reading; /* the caller's: members_reading_fini */
    bool whole;                     /* reading came */
};

/* Takes one packet's fields. ERR_MALFORMED: another type, or not well-formed. */
MUST_CHECK enum err reading_take(void *reading_in, enum packet_type type, struct wire_rd *r,
                                 struct errinfo *ei);

#endif
