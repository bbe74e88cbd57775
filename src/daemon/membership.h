/* membership: keeps the registry of computer accounts (members/members.h) in step with the
 * directory, which the steward reads for it, and saves it in the ledger, a slice with each commit.
 * The loop waits for neither. */
#ifndef ADBAD_DAEMON_MEMBERSHIP_H
#define ADBAD_DAEMON_MEMBERSHIP_H

#include <jansson.h>
#include <uv.h>

#include "base/clk.h"
#include "base/log.h"
#include "daemon/ledger.h"
#include "members/members.h"
#include "settings/settings.h"
#include "store/store.h"

struct membership_conf {
    uv_loop_t *loop;
    const struct settings *settings; /* the loop's view of those of the moment */
    int steward;                     /* its control socket */
    struct ledger *ledger;           /* what was saved is read from it at the start */
    struct ledger_port *port;        /* of loop */
    struct clk clk;
    struct log log;
};

struct membership;

/* Reads what was saved and begins a first synchronization. */
MUST_CHECK enum err membership_new(const struct membership_conf *conf, struct membership **out,
                                   struct errinfo *ei);
/* The registry; lives as long as the membership. */
struct members *membership_members(struct membership *m);

/* Synchronizes as soon as may be; the number of the synchronization that begins after this call.
 * full: everything anew; list: look for deletions that nobody told. */
uint64_t membership_sync(struct membership *m, bool full, bool list);
/* The settings are others: it synchronizes at once, and how often it does and how long what was
 * read holds may have changed. With another directory or search_base nothing is known until that
 * was read in full; a reading under way is ended. */
void membership_settings_changed(struct membership *m);
/* What adbactl membership status and show tell; new references, NULL when out of memory. */
json_t *membership_status(struct membership *m);
MUST_CHECK enum err membership_show(struct membership *m, const char *name, json_t *reply,
                                    struct errinfo *ei);
/* Accounts from place after on, at most limit of them, into reply; "next" is where to go on. */
struct membership_filter {
    uint32_t after, limit;
    const char *match; /* part of the name or DNS name, without case; NULL: all */
    bool enabled_only, disabled_only;
};
MUST_CHECK enum err membership_list(struct membership *m, const struct membership_filter *f,
                                    json_t *reply, struct errinfo *ei);

/* Ends a synchronization that is under way. */
void membership_close(struct membership *m);
bool membership_closed(const struct membership *m);
void membership_free(struct membership *m);

#endif
