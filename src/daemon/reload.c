#include "daemon/reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/plural.h"
#include "daemon/daemon.h"
#include "daemon/membership.h"
#include "daemon/publisher.h"
#include "daemon/relaying.h"
#include "daemon/retention.h"
#include "daemon/servicekeys.h"
#include "daemon/watcher.h"
#include "jobs/job.h"

struct reload {
    struct daemon *d;
    struct settings next;
    struct net_limits *limits; /* of next */
    struct groups groups;      /* likewise; empty if what they serve stays */
    struct gss_keys *keys;     /* of the service; NULL: those that are in use stay */
    json_t *applied, *restart; /* what changed */
    bool directory, dns;       /* something of these takes effect */
    bool keytab;               /* another path: its keys count after the restart */
    bool listen, target;       /* where we listen would change; where a record leads does */
};

/* ---- what changed ---- */

static enum err note(void *reload, const struct conf_key *k, bool takes_effect,
                     const struct settings *was, const struct settings *now, struct errinfo *ei)
{
    struct reload *r = reload;
    json_t *list = takes_effect ? r->applied : r->restart;
    char *from = NULL, *to = NULL, *name = NULL;
    enum err e = ERR_OK;

    if (conf_text(k, was, &from) != ERR_OK || conf_text(k, now, &to) != ERR_OK ||
        asprintf(&name, "[%s] %s", k->section, k->name) < 0 ||
        json_array_append_new(
            list, json_pack("{s:s, s:s?, s:s?}", "key", name, "was", from, "now", to)) != 0)
        e = err_nomem(ei);
    r->directory = r->directory || (takes_effect && (strcmp(k->section, "directory") == 0 ||
                                                     strcmp(k->section, "adba") == 0 ||
                                                     strcmp(k->section, "clearing") == 0));
    r->dns = r->dns || (takes_effect && strcmp(k->section, "dns") == 0);
    r->listen = r->listen || k->offset == offsetof(struct settings, listen);
    r->keytab = r->keytab || k->offset == offsetof(struct settings, kms_keytab);
    r->target = r->target || k->offset == offsetof(struct settings, dns_port) ||
                k->offset == offsetof(struct settings, dns_host);
    free(name);
    free(from);
    free(to);
    return e;
}

/* ---- before: all that can fail ---- */

/* A record must not lead where nobody listens before the restart. */
static enum err check_target(const struct reload *r, struct errinfo *ei)
{
    return r->listen && r->target
               ? err_fail(ei, ERR_CONFIG,
                          "[dns] port or host changed together with [kms] listen, which needs a "
                          "restart: restart adbad")
               : ERR_OK;
}

static bool host_changed(const struct settings *a, const struct settings *b)
{
    bool changed = false;

    for (size_t i = 0; i < settings_table.n; i++) {
        const struct conf_key *k = &settings_table.keys[i];

        if (k->offset == offsetof(struct settings, host_os) ||
            k->offset == offsetof(struct settings, updates) ||
            k->offset == offsetof(struct settings, packs))
            changed = changed || !conf_equal(k, a, b);
    }
    return changed;
}

/* A file that was replaced shows in no key. */
static enum err renew_keys(struct reload *r, struct errinfo *ei)
{
    enum err e = r->keytab ? ERR_OK : servicekeys_renew(r->d, &r->keys, ei);

    if (e != ERR_OK || r->keys == NULL)
        return e;
    return json_array_append_new(r->applied,
                                 json_pack("{s:s, s:s, s:s+}", "key", "[kms] keytab", "was",
                                           gss_keys_versions(gss_acceptor_keys(r->d->security)),
                                           "now", gss_keys_versions(r->keys), ", read anew")) == 0
               ? ERR_OK
               : err_nomem(ei);
}

static enum err prepare(struct reload *r, struct errinfo *ei)
{
    struct net_conf conf = {0};
    enum err e = check_target(r, ei);

    if (e == ERR_OK)
        e = groups_check(r->d, &r->next, ei);
    if (e == ERR_OK)
        e = publisher_check_change(&r->d->settings, &r->next, relaying_health(r->d), ei);
    daemon_net_limits(&r->next, &conf);
    if (e == ERR_OK)
        e = net_limits_new(&conf, &r->limits, ei);
    if (e == ERR_OK && host_changed(&r->d->settings, &r->next))
        e = groups_read(r->d, &r->next, &r->groups, ei);
    if (e == ERR_OK)
        e = renew_keys(r, ei);
    if (e == ERR_OK)
        e = settings_share(&r->next, ei);
    return e;
}

/* The last that can fail: once the steward has said yes, it works by them. */
static enum err tell_steward(struct reload *r, struct errinfo *ei)
{
    uint8_t digest[JOB_DIGEST_LEN];
    enum err e = settings_digest(&r->next, digest, ei);

    _Static_assert(SETTINGS_DIGEST_LEN == JOB_DIGEST_LEN, "the digest's length");
    return e == ERR_OK ? job_take_settings(r->d->steward.control, digest, ei) : e;
}

/* ---- after: nothing can ---- */

static void warn(struct daemon *d, const struct settings *old)
{
    bool relayed = relaying_everything(old), relays = relaying_everything(&d->settings);

    if (d->settings.kms_mode == SET_KMS_REFUSE &&
        (old->kms_mode != SET_KMS_REFUSE || relayed != relays))
        daemon_warn_refusing(d);
    if (relayed && !relays)
        groups_warn(d);
    if (d->watcher != NULL && d->settings.proof == SET_PROOF_NAME && old->proof != SET_PROOF_NAME)
        daemon_warn_proof(d);
}

static void apply(struct reload *r)
{
    struct daemon *d = r->d;
    struct settings old = d->settings;
    bool elsewhere = d->watcher != NULL && strcmp(old.dir_uri, r->next.dir_uri) != 0;

    d->settings = r->next;
    settings_cell_put(&d->current, &d->settings);
    memset(&r->next, 0, sizeof(r->next));
    d->log_dest.max = (enum log_level)d->settings.log_level;
    overrides_apply(d);
    kms_host_set_refusing(d->host, d->settings.kms_mode == SET_KMS_REFUSE);
    if (r->groups.keyring != NULL)
        groups_use(d, &r->groups);
    net_server_set_limits(d->net, r->limits);
    r->limits = NULL;
    if (r->keys != NULL)
        gss_acceptor_use(d->security, r->keys);
    r->keys = NULL;
    retention_set_keep(d->retention, d->settings.keep);
    if (d->watcher != NULL && r->directory)
        watcher_settings_changed(d->watcher, elsewhere);
    if (d->membership != NULL && r->directory)
        membership_settings_changed(d->membership);
    if (r->directory || r->dns)
        publisher_settings_changed(d->publisher);
    warn(d, &old);
    settings_drop(&old);
}

/* The steward opens the files, so both processes work by the same bytes. */
static enum err read_text(const struct daemon *d, struct settings_text *text, struct errinfo *ei)
{
    struct buf packed = BUF_INIT;
    int file;
    enum err e = job_read_settings(d->steward.control, &file, ei);

    if (e != ERR_OK)
        return e;
    if (lseek(file, 0, SEEK_SET) != 0)
        e = err_fail_errno(ei, errno, "read what the steward read");
    if (e == ERR_OK)
        e = file_read_from(file, "what the steward read", SETTINGS_TEXT_MAX, &packed, ei);
    close(file);
    if (e == ERR_OK)
        e = settings_text_unpack(&packed, text, ei);
    buf_fini(&packed);
    return e;
}

static enum err read_settings(struct reload *r, struct errinfo *ei)
{
    struct settings_text text = {0};
    enum err e = read_text(r->d, &text, ei);

    if (e == ERR_OK)
        e = settings_load_text(r->d->options.config, &text, &r->next, ei);
    settings_text_free(&text);
    if (e == ERR_CONFIG)
        err_fail(ei, e, "%s (\"adbactl conf check\" tells all that is wrong)", ei->text);
    return e == ERR_OK ? overrides_listen(&r->next.listen, r->d->overrides.port, ei) : e;
}

static enum err reload(struct reload *r, struct errinfo *ei)
{
    enum err e = read_settings(r, ei);

    if (e == ERR_OK)
        e = settings_take(&r->d->settings, &r->next, note, r, ei);
    if (e == ERR_OK)
        e = prepare(r, ei);
    if (e == ERR_OK)
        e = tell_steward(r, ei);
    if (e == ERR_OK)
        apply(r);
    net_limits_free(r->limits);
    gss_keys_drop(r->keys);
    groups_fini(&r->groups);
    if (r->next.shared != NULL)
        settings_drop(&r->next);
    else
        settings_free(&r->next);
    return e;
}

/* ---- what is told ---- */

static const char *text_of(const json_t *change, const char *member)
{
    const char *text = json_string_value(json_object_get(change, member));

    return text != NULL ? text : "(unset)";
}

static void tell(const struct reload *r)
{
    size_t applied = json_array_size(r->applied), waiting = json_array_size(r->restart);
    const struct log *log = &r->d->log;
    const json_t *change;
    size_t i;

    json_array_foreach(r->applied, i, change)
        log_as(log, LOGL_INFO, LOGK_SETTINGS, NULL, "configuration: %s = %s, was %s",
               text_of(change, "key"), text_of(change, "now"), text_of(change, "was"));
    json_array_foreach(r->restart, i, change)
        log_as(log, LOGL_WARN, LOGK_SETTINGS, NULL, "configuration: %s changed, needs a restart",
               text_of(change, "key"));
    log_as(log, LOGL_INFO, LOGK_SETTINGS, NULL,
           "configuration reloaded: %zu key%s took effect, %zu need%s a restart", applied,
           plural(applied), waiting, waiting == 1 ? "s" : "");
}

enum err reload_command(void *daemon, const json_t *request, json_t *reply, struct errinfo *ei)
{
    struct reload r = {.d = daemon, .applied = json_array(), .restart = json_array()};
    enum err e;

    (void)request;
    notify_reloading(&r.d->manager);
    e = r.applied == NULL || r.restart == NULL ? err_nomem(ei) : reload(&r, ei);
    notify_ready(&r.d->manager);
    if (e == ERR_OK) {
        tell(&r);
        json_object_set(reply, "applied", r.applied);
        json_object_set(reply, "restart", r.restart);
    } else {
        err_context(ei, "configuration not reloaded, all stays as it was");
        log_as(&r.d->log, LOGL_ERROR, LOGK_SETTINGS, NULL, "%s", ei->text);
    }
    json_decref(r.applied);
    json_decref(r.restart);
    return e;
}

void reload_on_signal(struct daemon *d)
{
    struct errinfo ei = {0};
    json_t *reply = json_object();

    log_as(&d->log, LOGL_INFO, LOGK_SETTINGS, NULL, "reloading on SIGHUP");
    if (reply != NULL) /* the log says what came of it */
        (void)!reload_command(d, NULL, reply, &ei);
    json_decref(reply);
}
