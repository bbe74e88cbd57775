/* timeline: how many requests were answered in each hour of the last month, by channel, and
 * refused; and how often the directory activated, as far as clients told of it. It is read once and
 * then carried on by what came since. */
#ifndef ADBAD_DASHBOARD_TIMELINE_H
#define ADBAD_DASHBOARD_TIMELINE_H

#include "store/store.h"

#define TIMELINE_HOURS   (31 * 24)
#define TIMELINE_REFUSED (STORE_RELAY + 1) /* a series beside those of enum store_channel */
#define TIMELINE_SELF    (STORE_RELAY + 2) /* likewise: self-reported */
#define TIMELINE_SERIES  (STORE_RELAY + 3)

/* A zeroed struct has read nothing. */
struct timeline {
    int64_t first; /* the hour (Unix time / 3600) of n[…][0] */
    uint32_t n[TIMELINE_SERIES][TIMELINE_HOURS];
    int64_t newest_answered, newest_relayed, newest_told; /* ids */
    int64_t refused_from; /* the hour from which on refusals may have grown */
    bool begun;
};

/* Reads on, so that the last hour is the one of now; begins anew if the clock went backwards. After
 * an error it may be called again and goes on where it was. */
MUST_CHECK enum err timeline_read(struct timeline *t, struct store *s, int64_t now,
                                  struct errinfo *ei);
/* What happened in hours hours from the given one on (Unix time / 3600); hours that are not kept
 * count as none. */
uint32_t timeline_sum(const struct timeline *t, unsigned series, int64_t hour, unsigned hours);

#endif
