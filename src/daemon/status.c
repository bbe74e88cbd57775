#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/publisher.h"
#include "daemon/relaying.h"
#include "daemon/tallies.h"
#include "daemon/watcher.h"

static json_t *application_json(struct daemon *d, const char *name, const struct guid *id)
{
    char text[GUID_TEXT_MAX];

    return json_pack("{s:s, s:s, s:I, s:I}", "application", name, "id", guid_format(id, text),
                     "count", (json_int_t)kms_host_count(d->host, id, daemon_now(d)), "capacity",
                     (json_int_t)kms_host_capacity(d->host, id));
}

/* The client decides against these; they are told here because people ask the host. */
static json_t *applications_json(struct daemon *d)
{
    json_t *windows = application_json(d, "windows", &cat_app_windows);
    json_t *office = application_json(d, "office", &cat_app_office);

    json_object_set_new(windows, "thresholds", json_pack("{s:i, s:i}", "client", 25, "server", 5));
    json_object_set_new(office, "thresholds", json_pack("{s:i}", "office", 5));
    return json_pack("[o, o]", windows, office);
}

struct totals {
    struct ledger *ledger;
    struct store_totals t;
    uint64_t waiting; /* refusals that are not in t */
    struct tallies tallies;
};

/* On the writer's thread, so that nothing moves from waiting into the store in between. */
static enum err read_totals(void *arg, struct store *s, struct errinfo *ei)
{
    struct totals *t = arg;
    struct ledger_stats l;
    enum err e;

    ledger_stats(t->ledger, &l);
    t->waiting = l.waiting;
    e = store_totals(s, &t->t, ei);
    return e == ERR_OK ? store_each_tally(s, tallies_keep, &t->tallies, ei) : e;
}

static json_t *totals_json(const struct totals *t)
{
    return json_pack("{s:I, s:I, s:o}", "answered", (json_int_t)t->t.answered, "failed",
                     (json_int_t)(t->t.refused + t->waiting), "requests_by_status",
                     by_status_json(t->t.by_status));
}

/* Null while the ledger is down; "ledger" says why. */
static void add_totals(struct daemon *d, json_t *status)
{
    struct totals t = {.ledger = d->ledger};
    bool known = ledger_read(d->ledger, read_totals, &t, NULL) == ERR_OK;

    json_object_set_new(status, "totals", known ? totals_json(&t) : json_null());
    json_object_set_new(status, "products",
                        known ? tallies_products(&t.tallies, d->catalog) : json_null());
    if (known)
        tallies_add_applications(&t.tallies, json_object_get(status, "applications"));
    tallies_free(&t.tallies);
}

static json_t *refused_json(const struct daemon *d)
{
    json_t *j = json_object();

    uint64_t bad_stubs = d->bad_stubs;

    for (int i = KMS_ANSWERED + 1; i < KMS_REASONS; i++) {
        uint64_t n = 0;

        for (unsigned w = 0; w < d->worker_count; w++)
            n += counter_read(&d->workers[w].decided[i]);
        json_object_set_new(j, kms_reason_name((enum kms_reason)i), json_integer((json_int_t)n));
    }
    for (unsigned w = 0; w < d->worker_count; w++)
        bad_stubs += counter_read(&d->workers[w].bad_stubs);
    json_object_set_new(j, "bad-stub", json_integer((json_int_t)bad_stubs));
    return j;
}

/* Of requests that the directory covers: whether their sender was proven to be a member. */
static json_t *proofs_json(const struct daemon *d)
{
    json_t *j = json_object();

    for (int i = 0; i < PROOF_COUNT; i++) {
        uint64_t n = 0;

        for (unsigned w = 0; w < d->worker_count; w++)
            n += counter_read(&d->workers[w].proofs[i]);
        if (n > 0)
            json_object_set_new(j, proof_name((enum proof)i), json_integer((json_int_t)n));
    }
    return j;
}

static json_t *connections_json(const struct daemon *d)
{
    json_t *closed = json_object(), *refused = json_object();
    struct net_stats s;

    net_server_stats(d->net, &s);
    for (unsigned i = 0; i < NET_CLOSE_REASONS; i++) {
        if (s.closed[i] > 0)
            json_object_set_new(closed, net_reason_name(i), json_integer((json_int_t)s.closed[i]));
    }
    for (unsigned i = 0; i < RPC_REASONS; i++) {
        if (s.refused[i] > 0)
            json_object_set_new(refused, rpc_reason_name((enum rpc_reason)i),
                                json_integer((json_int_t)s.refused[i]));
    }
    return json_pack("{s:I, s:I, s:I, s:b, s:o, s:o}", "open", (json_int_t)s.open, "accepted",
                     (json_int_t)s.accepted, "calls", (json_int_t)s.calls, "accepting", s.accepting,
                     "closed", closed, "rpc_refused", refused);
}

static json_t *key_json(const struct installed_key *k)
{
    bool active = k->how != INSTALLATION_NOT;
    char when[CLK_TEXT_MAX];

    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:b, s:s?, s:s?, s:s?}", "group", k->group->name,
                     "pid", k->pid, "partial_key", k->partial, "kms_ids",
                     (json_int_t)k->group->kms_id_count, "kms_ids_served", (json_int_t)k->served,
                     "activated", active, "how", active ? installation_how_name(k->how) : NULL,
                     "activated_at", active ? clk_format(k->activated_at, when) : NULL, "lacks",
                     *k->lacks != '\0' ? k->lacks : NULL);
}

static json_t *keys_json(const struct daemon *d)
{
    json_t *all = json_array();

    for (size_t i = 0; i < d->key_count; i++) {
        const struct installed_key *k = &d->keys[i];

        json_array_append_new(all, key_json(k));
    }
    return all;
}

static json_t *ledger_json(const struct daemon *d)
{
    struct ledger_stats s;

    ledger_stats(d->ledger, &s);
    return json_pack("{s:s, s:s, s:s?, s:I, s:I, s:I, s:I, s:I}", "path", d->settings.ledger,
                     "state", s.up ? "up" : "down", "why", s.up ? NULL : s.why, "commits",
                     (json_int_t)s.commits, "commit_us",
                     (json_int_t)counter_read(&ledger_commit_times(d->ledger)->sum_us), "recorded",
                     (json_int_t)s.recorded, "not_recorded", (json_int_t)s.lost, "failures",
                     (json_int_t)s.failures);
}

static json_t *clock_json(const struct daemon *d)
{
    char text[CLK_TEXT_MAX];
    int64_t now = daemon_now(d);
    struct clk real = clk_system();

    return json_pack("{s:b, s:s?, s:s, s:I}", "lab", d->labclk != NULL, "file",
                     d->settings.lab_clock, "time", clk_format(now, text), "ahead",
                     (json_int_t)(now - clk_now(&real)));
}

json_t *status_now_json(struct daemon *d)
{
    char listening[512], started[CLK_TEXT_MAX];
    int nice = getpriority(PRIO_PROCESS, 0);
    json_t *j = json_pack(
        "{s:s, s:i, s:s, s:i, s:s, s:s, s:s, s:s, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}",
        "version", ADBAD_VERSION, "pid", (int)getpid(), "priority", nice > 0 ? "low" : "normal",
        "nice", nice, "started", clk_format(d->started, started), "realm", d->bundle.name,
        "listening", net_server_addresses(d->net, listening, sizeof(listening)), "epid",
        d->host_conf.epid, "clock", clock_json(d), "activation_interval",
        (json_int_t)d->host_conf.activation_interval, "renewal_interval",
        (json_int_t)d->host_conf.renewal_interval, "applications", applications_json(d), "refused",
        refused_json(d), "host_keys", keys_json(d), "connections", connections_json(d), "ledger",
        ledger_json(d), "directory", d->watcher == NULL ? json_null() : watcher_json(d->watcher));

    if (j == NULL)
        return NULL;
    json_object_set_new(j, "mode",
                        json_string(d->settings.kms_mode == SET_KMS_REFUSE ? "refuse" : "serve"));
    json_object_set_new(j, "relays_all", json_boolean(relaying_everything(&d->settings)));
    json_object_set_new(
        j, "host_os", d->settings.host_os != NULL ? json_string(d->settings.host_os) : json_null());
    json_object_set_new(j, "overrides", overrides_json(&d->overrides));
    json_object_set_new(j, "confinement", bounds_json(&d->bounds));
    json_object_set_new(j, "dns", publisher_json(d->publisher));
    json_object_set_new(j, "proofs", proofs_json(d));
    json_object_set_new(j, "self_reports", d->settings.lab ? selfreports_json(d) : json_null());
    return j;
}

json_t *status_json(struct daemon *d)
{
    json_t *j = status_now_json(d);

    if (j != NULL)
        add_totals(d, j);
    return j;
}
