/* hangup: SIGHUP from the first to the last moment of the process. It never ends adbad, and none
 * that comes once the settings are being read is lost. */
#ifndef ADBAD_DAEMON_HANGUP_H
#define ADBAD_DAEMON_HANGUP_H

#include <uv.h>

/* From now on a SIGHUP is kept until somebody watches. */
void hangup_keep(void);
/* Calls cb on loop for those to come, and soon for any that was kept; several at once may be one.
 * a is the caller's, with data set by it afterwards, until hangup_ignore and uv_close. */
void hangup_watch(uv_loop_t *loop, uv_async_t *a, uv_async_cb cb);
/* From now on SIGHUP does nothing. Before uv_close of what watches. */
void hangup_ignore(void);

#endif
