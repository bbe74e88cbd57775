/* sigkeep: signals that ask something of adbad (SIGHUP, SIGUSR1), from the first to the last moment
 * of the process. They never end it, and none that comes once the settings are being read is lost.
 */
#ifndef ADBAD_DAEMON_SIGKEEP_H
#define ADBAD_DAEMON_SIGKEEP_H

#include <uv.h>

/* From now on they do nothing. Before anything else in the process, and inherited. */
void sigkeep_ignore(void);
/* From now on each is kept until somebody watches. */
void sigkeep_begin(void);
/* Calls cb on loop for those to come, and soon for any that was kept; several at once may be one.
 * number: one of those above. a is the caller's, with data set by it afterwards, until sigkeep_end
 * and uv_close. */
void sigkeep_watch(int number, uv_loop_t *loop, uv_async_t *a, uv_async_cb cb);
/* From now on they do nothing. Before uv_close of what watches. */
void sigkeep_end(void);

#endif
