/* daemon: adbad, wired together. Every part is opened by one step and closed by the same step in
 * reverse order (daemon.c); the parts know each other only through this struct. */
#ifndef ADBAD_DAEMON_DAEMON_H
#define ADBAD_DAEMON_DAEMON_H

#include <jansson.h>
#include <uv.h>

#include "base/clk.h"
#include "base/labclk.h"
#include "base/log.h"
#include "catalog/catalog.h"
#include "daemon/bounds.h"
#include "daemon/companion.h"
#include "daemon/coverage.h"
#include "daemon/ledger.h"
#include "daemon/logsink.h"
#include "daemon/notify.h"
#include "daemon/overrides.h"
#include "daemon/proofs.h"
#include "daemon/worker.h"
#include "kms/host.h"
#include "net/net.h"
#include "realm/installation.h"
#include "realm/realm.h"
#include "relay/dialler.h"
#include "rpc/iface.h"
#include "settings/settings.h"
#include "store/store.h"

/* Starts the steward process (steward/keeper.h), which the daemon itself knows nothing of. */
typedef enum err steward_start_fn(const char *config, const struct settings *s,
                                  const struct log *log, int *control, pid_t *pid,
                                  struct errinfo *ei);

struct options {
    const char *config;
    bool check; /* open what can be opened without touching anything, then end */
    steward_start_fn *steward;
};

/* One installed host key, as told by kms.status. */
struct installed_key {
    const struct cat_group *group;
    char pid[64];
    char partial[6]; /* last group of the key */
    enum installation_how how;
    int64_t activated_at;             /* unless how is INSTALLATION_NOT */
    size_t served;                    /* of the group's KMS ids, on this host */
    char lacks[KMS_HOSTING_TEXT_MAX]; /* why it is not all of them, "" if it is */
};

enum iface_id { IFACE_ACTIVATION, IFACE_MANAGEMENT, IFACE_LAB, IFACE_COUNT };

struct website;

struct daemon {
    struct options options;
    unsigned inherited; /* listening sockets that were passed to us */
    struct notify manager;
    struct settings settings;     /* the main loop's view of current */
    struct settings_cell current; /* for the other threads */
    const struct settings *first; /* those of the start: what needs a restart may be pointed to */
    struct overrides overrides;   /* of settings, set at run time */
    struct logsink sink;
    struct log_dest log_dest;
    struct log log;
    uv_loop_t loop;
    uv_signal_t sigterm, sigint;
    uv_async_t sighup, sigusr1;
    uv_timer_t alive; /* tells the service manager, where it wants to know */
    uv_timer_t grace; /* runs while connections take their last answers */

    struct companion steward; /* asked over its control socket (jobs/job.h) */
    struct companion dialler; /* none without [relay] upstream */
    struct dialler dialling;  /* its channels, which are the relay's */
    bool companion_lost;

    struct bounds bounds; /* what this process gave up */

    struct labclk *labclk; /* NULL outside lab mode */
    struct clk clk;        /* lab time, or real time */
    int64_t started;       /* real time */

    struct bundle bundle;
    struct catalog *catalog;
    struct store *store; /* the ledger's writer's: ask through ledger_read and ledger_write */
    struct ledger *ledger;
    struct ledger_port *port; /* of the main loop */
    struct retention *retention;

    struct kms_host *host;
    struct kms_host_conf host_conf;
    int64_t count_after; /* activations up to this id count no more ([kms] restart = forget) */
    struct installed_key *keys;
    size_t key_count;
    uint64_t bad_stubs; /* on the main loop */

    struct relay *relay; /* NULL: nothing is relayed */
    struct daemon_worker *workers;
    unsigned worker_count;

    const struct rpc_acceptor *security; /* NULL: no keytab is configured */
    struct rpc_iface ifaces[IFACE_COUNT];
    struct net_server *net;
    bool net_stopped;
    struct coverage *coverage;     /* the watcher's; NULL: no directory is configured */
    struct proofs *proofs;         /* as coverage */
    struct watcher *watcher;       /* NULL: no directory is configured */
    struct membership *membership; /* NULL likewise */
    struct publisher *publisher;
    struct control *control;
    struct website *website;           /* NULL: nothing is served by HTTP */
    struct clearing_service *clearing; /* NULL: this is no clearing house */
};

/* Opens everything. On failure what was opened is closed again. */
MUST_CHECK enum err daemon_open(struct daemon *d, const struct options *o, struct errinfo *ei);
/* Serves until SIGTERM or SIGINT; the exit code, which tells if it was neither. */
int daemon_run(struct daemon *d);
/* Answers what is owed and closes everything in reverse order. */
void daemon_close(struct daemon *d);

/* Warnings of [kms] mode = refuse and [directory] proof = name, as they begin to hold. */
void daemon_warn_refusing(const struct daemon *d);
void daemon_warn_proof(const struct daemon *d);

/* The limits of the network that the settings name; of the rest of *conf nothing. */
void daemon_net_limits(const struct settings *s, struct net_conf *conf);

/* Seconds on the daemon's clock: lab time in lab mode. */
static inline int64_t daemon_now(const struct daemon *d)
{
    return clk_now(&d->clk);
}

/* Parses the command line. -1 to go on, or the exit code to end with. */
int options_parse(int argc, char **argv, struct options *out);

/* groups.c: the installed host keys, and what they serve by some settings. */
struct groups {
    struct kms_keyring *keyring;
    struct installed_key *keys;
    size_t n;
};
/* What settings of a reload name of the catalogue, told also where no key is installed: ERR_CONFIG,
 * with the remedy for a catalogue that has changed since the start. */
MUST_CHECK enum err groups_check(const struct daemon *d, const struct settings *s,
                                 struct errinfo *ei);
/* Reads them; zero *out. The host serves as it did. */
MUST_CHECK enum err groups_read(struct daemon *d, const struct settings *s, struct groups *out,
                                struct errinfo *ei);
/* The host serves these from now on; empties *g. */
void groups_use(struct daemon *d, struct groups *g);
/* Says so if it has none and needs one: unless every request is relayed. */
void groups_warn(struct daemon *d);
void groups_fini(struct groups *g); /* an empty one is fine */
/* Both, by the settings that are in use. On failure all is as it was. */
MUST_CHECK enum err groups_load(struct daemon *d, struct errinfo *ei);

/* counting.c: the count as the start finds it, before the ledger has a writer; then conf.count,
 * conf.save and conf.rebuild of the ledger. */
#define COUNTING_SAVE_EVERY 8192 /* activations: what a start reads at most */
MUST_CHECK enum err counting_start(struct daemon *d, struct errinfo *ei);
MUST_CHECK enum err counting_save(void *daemon, struct store *s, struct errinfo *ei);
MUST_CHECK enum err counting_count(void *daemon, struct store_activation *row);
MUST_CHECK enum err counting_rebuild(void *daemon, struct store *s, struct errinfo *ei);

/* calls.c: the interfaces that are served, and whose a call is. */
size_t calls_interfaces(struct daemon *d);
void calls_dispatch(void *daemon, struct net_call *call);

/* status.c: everything kms.status tells; a new reference, or NULL when out of memory. */
json_t *status_json(struct daemon *d);
/* The same without what only the ledger knows; waits for nobody. */
json_t *status_now_json(struct daemon *d);

#endif
