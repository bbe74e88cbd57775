/* membership_internal: what membership.c and membership_json.c share. */
#ifndef ADBAD_DAEMON_MEMBERSHIP_INTERNAL_H
#define ADBAD_DAEMON_MEMBERSHIP_INTERNAL_H

#include "daemon/membership.h"
#include "daemon/saver.h"
#include "jobs/job.h"
#include "members/sync.h"

/* The worker's, from begin to on_synced. */
struct sync_job {
    struct membership *owner;
    struct job job;              /* the steward's, for the worker to ask */
    const struct roster *roster; /* a reference: where it begins */
    struct buf cookie;
    bool list;
    bool asked_full;
    int64_t now; /* when it began: what it reads is at least that new */
    struct members_sync out;
    enum err e;
    struct errinfo ei;
    uint64_t ms;
};

/* What only the last good synchronization of this process knows. */
struct last_sync {
    char why_full[MEMBERS_WHY_MAX];
    bool tells_deletions, listed;
    uint64_t removed, unusable, ms;
};

struct membership {
    struct membership_conf conf;
    char max_stale_text[CLK_TEXT_MAX];
    struct members *members;
    struct saver *saver;
    uv_timer_t timer;
    uv_work_t work;
    struct sync_job job;
    struct saver_state state;
    uint8_t origin[STORE_ORIGIN_LEN]; /* which accounts are wanted by the settings of the moment */
    struct last_sync last;
    char why[ERR_TEXT_MAX]; /* the last failure; empty once it went well */
    uint64_t begun, done, good, failed;
    int64_t ended;       /* when the last one ended, on the clock */
    uint64_t ended_loop; /* and on the loop's, in ms */
    bool outdated;       /* the synchronization under way is with another directory */
    bool busy, again, want_full, want_list, closing, timer_open;
};

#endif
