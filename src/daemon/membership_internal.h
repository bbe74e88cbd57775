/* membership_internal: what membership.c and membership_json.c share. */
#ifndef ADBAD_DAEMON_MEMBERSHIP_INTERNAL_H
#define ADBAD_DAEMON_MEMBERSHIP_INTERNAL_H

#include "daemon/membership.h"
#include "daemon/saver.h"
#include "members/sync.h"

/* The worker's, from begin to on_synced. */
struct job {
    struct membership *owner;
    const struct settings *settings;
    struct members_sync_query query; /* with a reference of the roster */
    struct buf cookie;
    bool asked_full;
    int64_t now; /* when it began: what it reads is at least that new */
    struct members_sync out;
    enum err e;
    struct errinfo ei;
    uint64_t ms;
};

/* What only the last good synchronization of this process knows. */
struct last_sync {
    const char *why_full;
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
    struct job job;
    struct saver_state state;
    struct last_sync last;
    char why[ERR_TEXT_MAX]; /* the last failure; empty once it went well */
    uint64_t begun, done, good, failed;
    int64_t ended;       /* when the last one ended, on the clock */
    uint64_t ended_loop; /* and on the loop's, in ms */
    bool busy, again, want_full, want_list, closing, timer_open;
};

#endif
