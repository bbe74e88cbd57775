/* clearing: the clearing house of a daemon with [clearing] serve = yes: requests over the lab
 * interface and a clerk's over the control socket, counted in the ledger before they are
 * answered. */
#ifndef ADBAD_DAEMON_CLEARING_H
#define ADBAD_DAEMON_CLEARING_H

#include <jansson.h>

#include "daemon/daemon.h"

struct clearing_service;

/* One step of the daemon: opens d->clearing where it is configured. Needs the realm's secret. */
MUST_CHECK enum err clearing_open(struct daemon *d, struct errinfo *ei);
void clearing_close(struct daemon *d);

/* A call of RPC_LAB_CLEARING, on the main loop: the clearing house is one thread's. It is answered
 * when the ledger's writer has settled it; the loop does not wait. */
void clearing_call(void *daemon, struct net_errand *call);
/* No call waits for that. */
bool clearing_idle(const struct daemon *d);

/* Commands of the control socket. */
enum err clearing_status_command(void *daemon, const json_t *request, json_t *reply,
                                 struct errinfo *ei);
enum err clearing_confirm_command(void *daemon, const json_t *request, json_t *reply,
                                  struct errinfo *ei);
enum err clearing_issue_command(void *daemon, const json_t *request, json_t *reply,
                                struct errinfo *ei);
enum err clearing_know_command(void *daemon, const json_t *request, json_t *reply,
                               struct errinfo *ei);
enum err clearing_extend_command(void *daemon, const json_t *request, json_t *reply,
                                 struct errinfo *ei);
enum err clearing_block_command(void *daemon, const json_t *request, json_t *reply,
                                struct errinfo *ei);
extern const char *const clearing_block_keys[];
extern const char *const clearing_confirm_keys[];
extern const char *const clearing_extend_keys[];
extern const char *const clearing_issue_keys[];
extern const char *const clearing_know_keys[];

#endif
