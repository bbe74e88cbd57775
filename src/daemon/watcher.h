/* watcher: has the steward look at the directory and its activation objects now and then, and keeps
 * what it last saw. A worker thread waits for the answer, the loop never. */
#ifndef ADBAD_DAEMON_WATCHER_H
#define ADBAD_DAEMON_WATCHER_H

#include <jansson.h>
#include <uv.h>

#include "base/clk.h"
#include "base/log.h"
#include "daemon/coverage.h"
#include "settings/settings.h"

struct watcher_conf {
    uv_loop_t *loop;
    const struct settings *settings; /* the loop's view of those of the moment */
    int steward;                     /* its control socket */
    struct coverage *coverage;       /* is told what good objects cover */
    struct clk clk;
    struct log log;
};

struct watcher;

/* Starts with a first look at once. NULL: out of memory. */
struct watcher *watcher_new(const struct watcher_conf *conf);
/* Looks (again) as soon as may be; the number of the look that begins after this call. One
 * that cannot begin has failed by then. */
uint64_t watcher_look(struct watcher *w);
/* The settings are others: it looks at once, and how long the last look holds may have changed.
 * other_directory: nothing holds any more of what was seen, or is seen by a look under way. */
void watcher_settings_changed(struct watcher *w, bool other_directory);
/* What was seen last; a new reference, or NULL when out of memory. */
json_t *watcher_json(const struct watcher *w);

/* Ends a look that is under way. */
void watcher_close(struct watcher *w);
bool watcher_closed(const struct watcher *w);
void watcher_free(struct watcher *w);

#endif
