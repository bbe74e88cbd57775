#include "daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "daemon/clearing.h"
#include "daemon/control.h"
#include "daemon/folders.h"
#include "daemon/hostevent.h"
#include "daemon/membership.h"
#include "daemon/publisher.h"
#include "daemon/relaying.h"
#include "daemon/reload.h"
#include "daemon/retention.h"
#include "daemon/servicekeys.h"
#include "daemon/sigkeep.h"
#include "daemon/watcher.h"
#include "daemon/website.h"
#include "jobs/job.h"
#include "net/inherit.h"

#define BIND_MS     10000
#define EXCHANGE_MS 10000
#define GRACE_MS    3000 /* for answers that are owed when the daemon ends */

/* Runs the loop until done says so. */
#define run_until(d, done)                                                                         \
    do {                                                                                           \
        while (!(done))                                                                            \
            uv_run(&(d)->loop, UV_RUN_ONCE);                                                       \
    } while (0)

/* Of a step that has nothing to close. */
static void close_nothing(struct daemon *d)
{
    (void)d;
}

/* ---- settings, log, loop, clock ---- */

static enum err open_settings(struct daemon *d, struct errinfo *ei)
{
    enum err e;

    if (!d->options.check)
        sigkeep_begin();
    e = settings_load(d->options.config, &d->settings, ei);
    if (e != ERR_OK)
        return e;
    e = logsink_check(&d->settings, ei);
    if (d->options.check) /* tells the person who asked for it */
        d->log_dest =
            (struct log_dest){.fn = log_to_stderr, .max = (enum log_level)d->settings.log_level};
    else if (e == ERR_OK)
        e = logsink_open(&d->sink, &d->settings, &d->log_dest, ei);
    if (e != ERR_OK)
        settings_free(&d->settings);
    d->log = (struct log){.dest = &d->log_dest};
    return e;
}

/* Set at run time through the control socket, and kept; before any thread is there. */
static enum err open_overrides(struct daemon *d, struct errinfo *ei)
{
    enum err e = overrides_load(d->settings.state_dir, &d->overrides, ei);

    if (e == ERR_OK)
        e = overrides_listen(&d->settings.listen, d->overrides.port, ei);
    if (e == ERR_OK && d->overrides.low_priority && !d->options.check)
        (void)overrides_priority(true);
    return e;
}

static void close_settings(struct daemon *d)
{
    if (!d->options.check)
        logsink_close(&d->sink, &d->log_dest);
    if (d->settings.shared != NULL)
        settings_drop(&d->settings);
    else
        settings_free(&d->settings);
}

/* From here on other threads may hold them. */
static enum err open_shared(struct daemon *d, struct errinfo *ei)
{
    enum err e = settings_share(&d->settings, ei);

    if (e != ERR_OK)
        return e;
    settings_cell_init(&d->current, &d->settings);
    d->first = settings_hold(&d->settings);
    return ERR_OK;
}

static void close_shared(struct daemon *d)
{
    settings_cell_fini(&d->current);
    settings_drop(d->first);
}

static enum err count_workers(struct daemon *d, struct errinfo *ei)
{
    (void)ei;
    d->worker_count = d->settings.workers != 0 ? d->settings.workers : net_cores();
    return ERR_OK;
}

/* ---- folders ---- */

/* Before there are two processes. */
static enum err open_folders(struct daemon *d, struct errinfo *ei)
{
    enum err e = folders_check(&d->settings, !d->options.check, ei);

    return e != ERR_OK || d->options.check ? e : folders_make(&d->settings, ei);
}

/* ---- the other processes ---- */

/* Forked before this process reads anything secret, has a thread or a socket. A check needs it for
 * the realm's secret only. */
static enum err open_steward(struct daemon *d, struct errinfo *ei)
{
    d->steward.control = -1;
    if (d->options.check && !d->settings.clearing_serve)
        return ERR_OK;
    return d->options.steward(d->options.config, &d->settings, &d->log, &d->steward.control,
                              &d->steward.pid, ei);
}

/* A steward that was killed takes its jobs with it and clears up nothing. */
static void remove_tickets(const struct daemon *d)
{
    char *path = settings_ticket_file(&d->settings);

    if (path != NULL)
        (void)unlink(path);
    free(path);
}

static void close_steward(struct daemon *d)
{
    if (!companion_end(&d->steward))
        remove_tickets(d);
}

/* The unit says Restart=on-failure. */
#define LOST_REMEDY "; where no service manager does, start adbad again"

static void on_steward_lost(struct companion *c)
{
    struct daemon *d = c->arg;

    d->companion_lost = true;
    log_as(&d->log, LOGL_ERROR, LOGK_STEWARD_LOST, NULL,
           "the steward process %d ended: nothing is known of the directory any more, so this "
           "process ends too" LOST_REMEDY,
           (int)c->pid);
    uv_stop(&d->loop);
}

static void on_dialler_lost(struct companion *c)
{
    struct daemon *d = c->arg;

    d->companion_lost = true;
    log_as(&d->log, LOGL_ERROR, LOGK_DIALLER_LOST, NULL,
           "the dialler process %d ended: no upstream can be reached any more, so this process "
           "ends too" LOST_REMEDY,
           (int)c->pid);
    uv_stop(&d->loop);
}

static void unwatch_companions(struct daemon *d)
{
    if (d->options.check)
        return;
    companion_unwatch(&d->steward);
    companion_unwatch(&d->dialler);
}

static enum err watch_companions(struct daemon *d, struct errinfo *ei)
{
    enum err e;

    if (d->options.check)
        return ERR_OK;
    d->steward.lost = on_steward_lost;
    d->dialler.lost = on_dialler_lost;
    d->steward.arg = d->dialler.arg = d;
    e = companion_watch(&d->steward, &d->loop, ei);
    if (e == ERR_OK) {
        e = companion_watch(&d->dialler, &d->loop, ei);
        if (e != ERR_OK)
            companion_unwatch(&d->steward);
    }
    return e;
}

/* Each connection needs a descriptor: as many as the system lets us have without asking. */
static void raise_descriptors(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &r);
    }
}

/* First of all what was passed to us, while every other descriptor is still to come. */
static enum err open_descriptors(struct daemon *d, struct errinfo *ei)
{
    raise_descriptors();
    return inherit_take(&d->inherited, ei);
}

static enum err open_manager(struct daemon *d, struct errinfo *ei)
{
    return notify_open(&d->manager, ei);
}

static void close_manager(struct daemon *d)
{
    notify_close(&d->manager);
}

static enum err open_loop(struct daemon *d, struct errinfo *ei)
{
    int rc = uv_loop_init(&d->loop);

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit is an error to handle, not an end */
    d->loop.data = d;
    return rc == 0 ? ERR_OK : err_fail_errno(ei, -rc, "start the event loop");
}

static void close_loop(struct daemon *d)
{
    uv_run(&d->loop, UV_RUN_DEFAULT); /* the last close callbacks */
    uv_loop_close(&d->loop);
}

static enum err open_clock(struct daemon *d, struct errinfo *ei)
{
    struct clk real = clk_system();
    enum err e;

    d->clk = real;
    d->started = clk_now(&real);
    if (!d->settings.lab)
        return ERR_OK;
    e = labclk_open(d->settings.lab_clock, real, &d->labclk, ei);
    if (e == ERR_OK)
        d->clk = labclk_clk(d->labclk);
    return e;
}

static void close_clock(struct daemon *d)
{
    labclk_free(d->labclk);
}

/* ---- realm and catalogue ---- */

static enum err open_realm(struct daemon *d, struct errinfo *ei)
{
    enum err e = realm_require_private(d->settings.realm_dir, d->settings.realm_bundle, ei);

    if (e == ERR_OK)
        e = bundle_load(d->settings.realm_bundle, &d->bundle, ei);
    if (e == ERR_NOTFOUND)
        return err_fail(ei, e,
                        "%s; make a realm with \"adbactl realm init NAME DIR\" and name it "
                        "in [realm] dir",
                        ei->text);
    return e;
}

static void close_realm(struct daemon *d)
{
    bundle_fini(&d->bundle);
}

static enum err open_catalog(struct daemon *d, struct errinfo *ei)
{
    return catalog_load_overlays(d->settings.catalog_dir, &d->catalog, ei);
}

static void close_catalog(struct daemon *d)
{
    catalog_free(d->catalog);
}

/* ---- what everybody who reads the log should know ---- */

void daemon_warn_refusing(const struct daemon *d)
{
    log_as(&d->log, LOGL_WARN, LOGK_SETTINGS, NULL, "[kms] mode = refuse: %s",
           relaying_everything(&d->settings)
               ? "nothing is refused by it, since [relay] only = all relays every request"
               : "every request is refused with 0xC004F042");
}

void daemon_warn_proof(const struct daemon *d)
{
    log_as(&d->log, LOGL_WARN, LOGK_SETTINGS, NULL,
           "[directory] proof = name: whoever names a member's name is believed; for tests only");
}

/* ---- KMS host ---- */

static void close_host(struct daemon *d)
{
    kms_host_free(d->host);
    free(d->keys);
}

static enum err open_host(struct daemon *d, struct errinfo *ei)
{
    enum err e;

    d->host_conf = (struct kms_host_conf){
        .keys = &d->bundle.keys,
        .catalog = d->catalog,
        .rng = rng_system(),
        .activation_interval =
            overrides_minutes(d->overrides.activation, d->settings.activation_interval),
        .renewal_interval = overrides_minutes(d->overrides.renewal, d->settings.renewal_interval),
    };
    snprintf(d->host_conf.epid, sizeof(d->host_conf.epid), "adbad-%s-kms", d->bundle.id);
    d->host = kms_host_new(&d->host_conf);
    e = d->host == NULL ? err_nomem(ei) : groups_load(d, ei);
    if (e == ERR_OK && d->settings.kms_mode == SET_KMS_REFUSE) {
        kms_host_set_refusing(d->host, true);
        daemon_warn_refusing(d);
    }
    if (e != ERR_OK)
        close_host(d);
    return e;
}

/* ---- ledger ---- */

static enum err check_store(struct daemon *d, struct errinfo *ei)
{
    struct store *s;
    enum err e = store_open_readonly(d->settings.ledger, &s, ei);

    if (e == ERR_OK)
        store_close(s);
    return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* Activations under way before the loops stop reading: some megabytes. */
#define LEDGER_ROOM 4096

static enum err start_ledger(struct daemon *d, struct errinfo *ei)
{
    struct ledger_conf conf = {.store = d->store,
                               .log = log_child(&d->log, "ledger"),
                               .room = LEDGER_ROOM,
                               .save_every = COUNTING_SAVE_EVERY,
                               .count = counting_count,
                               .save = counting_save,
                               .rebuild = counting_rebuild,
                               .arg = d};
    enum err e = ledger_open(&conf, &d->ledger, ei);

    if (e == ERR_OK)
        e = ledger_port_open(d->ledger, &d->loop, NULL, NULL, &d->port, ei);
    if (e != ERR_OK) {
        ledger_close(d->ledger);
        d->ledger = NULL;
    }
    return e;
}

static void close_store(struct daemon *d)
{
    store_close(d->store);
    d->store = NULL;
}

/* All that it needs of files is there afterwards. */
static enum err open_store(struct daemon *d, struct errinfo *ei)
{
    enum err e;

    if (d->options.check)
        return check_store(d, ei);
    e = store_open(d->settings.ledger, &d->store, ei);
    if (e == ERR_OK)
        e = counting_start(d, ei);
    if (e != ERR_OK)
        close_store(d);
    return e;
}

/* The first thread beside this one. */
static enum err open_ledger(struct daemon *d, struct errinfo *ei)
{
    return d->options.check ? ERR_OK : start_ledger(d, ei);
}

static void close_ledger(struct daemon *d)
{
    if (d->ledger == NULL)
        return;
    ledger_port_close(d->port);
    run_until(d, ledger_port_closed(d->port));
    ledger_port_free(d->port);
    ledger_close(d->ledger);
}

/* ---- retention ---- */

static enum err open_retention(struct daemon *d, struct errinfo *ei)
{
    struct retention_conf conf = {.loop = &d->loop,
                                  .port = d->port,
                                  .clk = d->clk,
                                  .log = log_child(&d->log, "ledger"),
                                  .keep = d->settings.keep,
                                  .save = counting_save,
                                  .arg = d};

    if (d->options.check)
        return ERR_OK;
    d->retention = retention_new(&conf);
    return d->retention == NULL ? err_nomem(ei) : ERR_OK;
}

static void close_retention(struct daemon *d)
{
    if (d->retention == NULL)
        return;
    retention_close(d->retention);
    run_until(d, retention_closed(d->retention));
    retention_free(d->retention);
}

/* ---- workers ---- */

static void close_workers(struct daemon *d)
{
    for (unsigned i = 0; i < d->worker_count; i++)
        daemon_worker_fini(&d->workers[i]);
    free(d->workers);
}

/* Room for them: each opens with its loop, when the network starts. */
static enum err open_workers(struct daemon *d, struct errinfo *ei)
{
    d->workers = calloc(d->worker_count, sizeof(*d->workers));
    return d->workers == NULL ? err_nomem(ei) : ERR_OK;
}

static enum err on_worker_start(void *arg, unsigned n, uv_loop_t *loop, struct errinfo *ei)
{
    struct daemon *d = arg;

    return daemon_worker_open(d, n, loop, &d->workers[n], ei);
}

static void on_worker_stop(void *arg, unsigned n)
{
    struct daemon *d = arg;

    daemon_worker_close(&d->workers[n]);
}

/* ---- network ---- */

static void on_grace_over(uv_timer_t *t)
{
    struct daemon *d = t->data;

    net_server_abort(d->net);
}

/* Ends the workers, which look at the registry and the objects that the directory covers. */
static void stop_net(struct daemon *d)
{
    if (d->net == NULL || d->net_stopped)
        return;
    d->net_stopped = true;
    net_server_stop(d->net);
    uv_timer_init(&d->loop, &d->grace);
    d->grace.data = d;
    uv_timer_start(&d->grace, on_grace_over, GRACE_MS, 0);
    run_until(d, net_server_stopped(d->net));
    uv_close((uv_handle_t *)&d->grace, NULL);
}

static void close_net(struct daemon *d)
{
    stop_net(d);
    run_until(d, clearing_idle(d)); /* it answers to the workers */
    net_server_free(d->net);
}

/* On what we inherited, else on what is configured. */
static enum err listen_all(struct daemon *d, struct errinfo *ei)
{
    enum err e = ERR_OK;

    for (unsigned i = 0; e == ERR_OK && i < d->inherited; i++)
        e = net_listen_inherited(d->net, INHERIT_FIRST + (int)i, ei);
    for (size_t i = 0; e == ERR_OK && d->inherited == 0 && i < d->settings.listen.n; i++)
        e = net_listen(d->net, d->settings.listen.v[i], ei);
    return e;
}

void daemon_net_limits(const struct settings *s, struct net_conf *conf)
{
    conf->max_connections = s->max_connections;
    conf->max_per_source = s->max_per_source;
    conf->allow = &s->allow;
    conf->deny = &s->deny;
    conf->proxies = &s->proxies;
    conf->idle_ms = (unsigned)s->idle * 1000;
}

static enum err open_net(struct daemon *d, struct errinfo *ei)
{
    struct net_conf conf = {
        .ifaces = d->ifaces,
        .iface_count = calls_interfaces(d),
        .bind_ms = BIND_MS,
        .exchange_ms = EXCHANGE_MS,
        .security = d->security,
        .workers = d->worker_count,
        .on_call = calls_dispatch,
        .worker_start = on_worker_start,
        .worker_stop = on_worker_stop,
        .arg = d,
        .log = log_child(&d->log, "net"),
    };
    enum err e;

    if (d->options.check)
        return ERR_OK;
    daemon_net_limits(&d->settings, &conf);
    e = net_server_new(&d->loop, &conf, &d->net, ei);
    if (e != ERR_OK)
        return e;
    e = listen_all(d, ei);
    if (e != ERR_OK)
        close_net(d);
    return e;
}

/* ---- directory and control ---- */

static enum err open_directory(struct daemon *d, struct errinfo *ei)
{
    struct watcher_conf conf = {.loop = &d->loop,
                                .settings = &d->settings,
                                .steward = d->steward.control,
                                .clk = d->clk,
                                .log = d->log};

    if (d->options.check)
        return ERR_OK;
    if (d->settings.dir_uri == NULL) {
        log_as(&d->log, LOGL_INFO, LOGK_SETTINGS, NULL,
               "no directory is configured ([directory] uri): KMS only");
        return ERR_OK;
    }
    if (d->settings.proof == SET_PROOF_NAME)
        daemon_warn_proof(d);
    d->coverage = conf.coverage = coverage_new(d->settings.max_stale);
    d->proofs = proofs_new();
    if (d->coverage != NULL && d->proofs != NULL)
        d->watcher = watcher_new(&conf);
    if (d->watcher != NULL)
        return ERR_OK;
    proofs_free(d->proofs);
    d->proofs = NULL;
    coverage_free(d->coverage);
    d->coverage = NULL;
    return err_nomem(ei);
}

static void close_directory(struct daemon *d)
{
    if (d->watcher == NULL)
        return;
    watcher_close(d->watcher);
    run_until(d, watcher_closed(d->watcher));
    watcher_free(d->watcher);
    coverage_free(d->coverage);
    proofs_free(d->proofs);
}

static enum err open_membership(struct daemon *d, struct errinfo *ei)
{
    struct membership_conf conf = {.loop = &d->loop,
                                   .settings = &d->settings,
                                   .steward = d->steward.control,
                                   .ledger = d->ledger,
                                   .port = d->port,
                                   .clk = d->clk,
                                   .log = log_child(&d->log, "membership")};

    if (d->options.check || d->settings.dir_uri == NULL)
        return ERR_OK;
    return membership_new(&conf, &d->membership, ei);
}

static void close_membership(struct daemon *d)
{
    if (d->membership == NULL)
        return;
    membership_close(d->membership);
    run_until(d, membership_closed(d->membership));
    membership_free(d->membership);
}

/* ---- DNS ---- */

static enum err open_publisher(struct daemon *d, struct errinfo *ei)
{
    struct publisher_conf conf = {.loop = &d->loop,
                                  .settings = &d->settings,
                                  .steward = d->steward.control,
                                  .port = d->port,
                                  .clk = d->clk,
                                  .enabled =
                                      d->settings.dns_publish && !d->overrides.no_dns_publishing,
                                  .relay = relaying_health,
                                  .arg = d,
                                  .log = log_child(&d->log, "dns")};

    return d->options.check ? ERR_OK : publisher_new(&conf, &d->publisher, ei);
}

static void close_publisher(struct daemon *d)
{
    if (d->publisher == NULL)
        return;
    publisher_close(d->publisher);
    run_until(d, publisher_closed(d->publisher));
    publisher_free(d->publisher);
    d->publisher = NULL; /* the relay may still have news for it */
}

static void close_control(struct daemon *d)
{
    if (d->control == NULL)
        return;
    control_close(d->control);
    run_until(d, control_closed(d->control));
    control_free(d->control);
    d->control = NULL;
}

/* As long as this process may make one. */
static enum err bind_control(struct daemon *d, struct errinfo *ei)
{
    struct control_conf conf = {.loop = &d->loop,
                                .path = d->first->control_socket,
                                .commands = daemon_commands,
                                .arg = d,
                                .log = d->log};
    enum err e;

    if (d->options.check)
        return ERR_OK;
    e = control_open(&conf, &d->control, ei);
    if (e != ERR_OK)
        close_control(d);
    return e;
}

static enum err start_control(struct daemon *d, struct errinfo *ei)
{
    return d->options.check ? ERR_OK : control_start(d->control, ei);
}

/* Last: whatever a worker looks at is there. */
static enum err start_net(struct daemon *d, struct errinfo *ei)
{
    enum err e;

    if (d->options.check)
        return ERR_OK;
    e = relaying_start(d, ei);
    return e == ERR_OK ? net_server_start(d->net, ei) : e;
}

/* Clients that find us are served by now. */
static enum err start_publisher(struct daemon *d, struct errinfo *ei)
{
    (void)ei;
    if (!d->options.check)
        publisher_start(d->publisher);
    return ERR_OK;
}

/* ---- what this process gives up ---- */

static enum err give_up_paths(struct daemon *d, struct errinfo *ei)
{
    (void)ei;
    if (!d->options.check)
        bounds_enter_paths(&d->bounds, &d->settings, &d->log);
    return ERR_OK;
}

static enum err give_up_calls(struct daemon *d, struct errinfo *ei)
{
    const pid_t peers[CALLS_PEERS] = {d->steward.pid, d->dialler.pid};

    (void)ei;
    if (!d->options.check)
        bounds_enter_calls(&d->bounds, peers, &d->log);
    return ERR_OK;
}

/* ---- all of it ---- */

static const struct {
    enum err (*open)(struct daemon *d, struct errinfo *ei);
    void (*close)(struct daemon *d);
} steps[] = {
    {open_descriptors, close_nothing},
    {open_manager, close_manager},
    {open_settings, close_settings},
    {open_overrides, close_nothing},
    {count_workers, close_nothing},
    {relaying_open_dialler, relaying_close_dialler}, /* before secret files are moved */
    {open_folders, close_nothing},
    {open_steward, close_steward},
    {open_shared, close_shared},
    {open_loop, close_loop},
    {watch_companions, unwatch_companions},
    {open_clock, close_clock},
    {open_realm, close_realm},
    {open_catalog, close_catalog},
    {open_host, close_host},
    {open_store, close_store},
    {bind_control, close_control},
    {servicekeys_open, servicekeys_close},
    {give_up_paths, close_nothing}, /* what is to be made is there; the first thread is to come */
    {open_ledger, close_ledger},
    {open_retention, close_retention},
    {open_workers, close_workers},
    {relaying_open, relaying_close}, /* before the workers' loops run */
    {clearing_open, clearing_close},
    {open_net, close_net},
    {open_directory, close_directory},
    {open_membership, close_membership},
    {open_publisher, close_publisher},
    {start_control, close_control},
    {start_net, stop_net},
    {start_publisher, close_nothing},
    {website_open, website_close},  /* it shows all the others */
    {give_up_calls, close_nothing}, /* last: all is open */
};
#define STEP_COUNT (sizeof(steps) / sizeof(steps[0]))

static void close_steps(struct daemon *d, size_t n)
{
    while (n > 0)
        steps[--n].close(d);
}

enum err daemon_open(struct daemon *d, const struct options *o, struct errinfo *ei)
{
    memset(d, 0, sizeof(*d));
    d->options = *o;
    d->manager.fd = -1;
    for (size_t i = 0; i < STEP_COUNT; i++) {
        enum err e = steps[i].open(d, ei);

        if (e != ERR_OK) {
            notify_status(&d->manager, "%s", ei->text);
            hostevent_not_started(d, ei);
            close_steps(d, i);
            return e;
        }
    }
    return ERR_OK;
}

static void on_signal(uv_signal_t *s, int number)
{
    struct daemon *d = s->data;

    log_as(&d->log, LOGL_INFO, LOGK_ENDING, NULL, "ending on %s",
           number == SIGINT ? "SIGINT" : "SIGTERM");
    notify_stopping(&d->manager);
    uv_stop(&d->loop);
}

/* The file by its name once more, which the steward opens: this process may make none. */
static enum err reopen_log(struct daemon *d, struct errinfo *ei)
{
    const struct job_request r = {.kind = JOB_LOG};
    enum err e;
    int fd;

    if (!logsink_is_file(&d->sink))
        return ERR_OK;
    e = job_ask_soon(d->steward.control, &r, &fd, ei);
    return e == ERR_OK ? logsink_take(&d->sink, fd, ei) : e;
}

static void on_rotated(uv_async_t *a)
{
    struct daemon *d = a->data;
    struct errinfo ei = {0};

    if (reopen_log(d, &ei) != ERR_OK)
        log_as(&d->log, LOGL_WARN, LOGK_SETTINGS, NULL, "%s; the old one is written on", ei.text);
}

static void on_hangup(uv_async_t *a)
{
    on_rotated(a);
    reload_on_signal(a->data);
}

static void watch_signal(struct daemon *d, uv_signal_t *s, int number)
{
    uv_signal_init(&d->loop, s);
    s->data = d;
    uv_signal_start(s, on_signal, number);
}

static void on_alive(uv_timer_t *t)
{
    struct daemon *d = t->data;

    notify_alive(&d->manager);
}

/* That this loop turns is what the service manager's watchdog wants to know. */
static void start_alive(struct daemon *d)
{
    uint64_t every = notify_alive_ms(&d->manager);

    uv_timer_init(&d->loop, &d->alive);
    d->alive.data = d;
    if (every > 0)
        uv_timer_start(&d->alive, on_alive, 0, every);
}

int daemon_run(struct daemon *d)
{
    char addresses[512];

    watch_signal(d, &d->sigterm, SIGTERM);
    watch_signal(d, &d->sigint, SIGINT);
    sigkeep_watch(SIGHUP, &d->loop, &d->sighup, on_hangup);
    sigkeep_watch(SIGUSR1, &d->loop, &d->sigusr1, on_rotated);
    d->sighup.data = d->sigusr1.data = d;
    start_alive(d);
    net_server_addresses(d->net, addresses, sizeof(addresses));
    if (d->sink.journal < 0) /* who started us by hand, or a script, waits for this line */
        fprintf(stderr, "ready: listening on %s\n", addresses);
    if (d->log_dest.line != NULL)
        log_as(&d->log, LOGL_INFO, LOGK_READY, NULL, "ready: listening on %s", addresses);
    notify_status(&d->manager, "Listening on %s", addresses);
    notify_ready(&d->manager);
    if (!d->companion_lost)
        uv_run(&d->loop, UV_RUN_DEFAULT);
    sigkeep_end();
    uv_close((uv_handle_t *)&d->alive, NULL);
    uv_close((uv_handle_t *)&d->sigterm, NULL);
    uv_close((uv_handle_t *)&d->sigint, NULL);
    uv_close((uv_handle_t *)&d->sighup, NULL);
    uv_close((uv_handle_t *)&d->sigusr1, NULL);
    return d->companion_lost ? EXIT_FAILED : EXIT_OK;
}

void daemon_close(struct daemon *d)
{
    close_steps(d, STEP_COUNT);
}
