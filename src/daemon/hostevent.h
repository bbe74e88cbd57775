/* hostevent: events of the host itself, for its event log. */
#ifndef ADBAD_DAEMON_HOSTEVENT_H
#define ADBAD_DAEMON_HOSTEVENT_H

#include "daemon/daemon.h"
#include "store/refused.h"

/* Event 12291: the daemon does not start. Where the ledger is at fault, or was not opened yet,
 * there is nowhere to record it. */
void hostevent_not_started(struct daemon *d, const struct errinfo *why);
/* Records an event with the next commit, some time soon; only its absence from the event log is
 * told if that fails. text is copied. */
void hostevent_post(struct ledger_port *port, const struct log *log,
                    const struct store_host_event *h);
/* As Windows would put it (MS-ERREF 2.1, 2.2). */
uint32_t hostevent_hresult(enum err e);

#endif
