/* relaying: what is not ours to answer goes through the relay (relay/relay.h): which requests do,
 * what the client gets, what log and ledger say. */
#ifndef ADBAD_DAEMON_RELAYING_H
#define ADBAD_DAEMON_RELAYING_H

#include <jansson.h>

#include "kms/host.h"
#include "net/net.h"
#include "publish/record.h"
#include "settings/settings.h"

struct daemon;
struct daemon_worker;
struct relaying;

/* Steps of the daemon. Without [relay] upstream nothing is opened. The dialler is forked before
 * this process reads anything secret, has a thread or a socket. */
MUST_CHECK enum err relaying_open_dialler(struct daemon *d, struct errinfo *ei);
void relaying_close_dialler(struct daemon *d);
MUST_CHECK enum err relaying_open(struct daemon *d, struct errinfo *ei);
MUST_CHECK enum err relaying_start(struct daemon *d, struct errinfo *ei);
void relaying_close(struct daemon *d);

/* A worker's part; *out is NULL where nothing is relayed. */
MUST_CHECK enum err relaying_worker_open(struct daemon_worker *w, struct relaying **out,
                                         struct errinfo *ei);
/* On the loop's thread, while the worker's port of the ledger is open. */
void relaying_worker_close(struct relaying *r);
/* When the loop has ended. NULL is fine. */
void relaying_worker_free(struct relaying *r);

/* As loglimit_tell, for lines that were held back. */
bool relaying_tell(struct relaying *r, int64_t now);

/* Whether settings relay every request ([relay] only = all with upstreams), so that no host key is
 * needed. What everybody who judges the host keys goes by: kms.status tells it as relays_all. */
bool relaying_everything(const struct settings *s);
/* The same of the settings that a worker has. False for NULL: nothing is relayed. */
bool relaying_all(struct relaying *r);
/* Whether this one is: nothing of it could be opened with our realm's keys. n: of its bytes. */
bool relaying_wants(const struct relaying *r, const struct kms_decision *dec, size_t n);
/* Relays the call; data and n are its byte array. */
void relaying_call(struct relaying *r, struct net_call *call, const uint8_t *data, size_t n);

/* For whoever brings strangers here: whether a licensed host would serve them. */
enum publish_relay relaying_health(void *daemon);
/* Everything relay.status tells; a new reference, or NULL when out of memory. */
json_t *relaying_json(struct daemon *d);

#endif
